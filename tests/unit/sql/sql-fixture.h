/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a database in a folder of its own, on threads or inline, and requests to it whose ends are
 * noted; leaves what is promised to test-sql-*.c. */
#pragma once

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/sql.h"
#include "support/latch.h"

#define N_MAX 200

typedef struct Fixture {
        Runtime rt;
        char *root, path[PATH_MAX];
        Sql *sql;
        Latch latch;
        unsigned n_freed, n_done;
        int results[N_MAX];
        unsigned order[N_MAX];
} Fixture;

typedef struct Item {
        Fixture *fixture;
        unsigned number;
        const char *text;
        int (*work)(SqlTx *tx, struct Item *item);
        bool waits; /* at the latch, in the transaction */
        bool is_freed;
} Item;

int setup(void **state);
int setup_inline(void **state);
int teardown(void **state);

#define on_threads(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define inline_only(f) cmocka_unit_test_setup_teardown(f, setup_inline, teardown)
#define on_both(f)                                                                                 \
        { #f "/threads", f, setup, teardown, NULL }, {                                             \
#f "/inline", f, setup_inline, teardown, NULL                                      \
        }

/* NULL-terminated: tables `parent` and `item`. */
extern const char *const migrations[];
void open_sql(Fixture *f);

void write_item(Fixture *f, Item *item, Job **ret_job);
void loop_until_freed(Fixture *f, unsigned n);
/* The result of one request, from submitting it to its end. */
int one(Fixture *f, bool writes, int (*fn)(SqlTx *tx, Item *item), unsigned number);

/* Work of an item: stores it; returns how many are stored. */
int insert(SqlTx *tx, Item *item);
int count(SqlTx *tx, Item *item);
