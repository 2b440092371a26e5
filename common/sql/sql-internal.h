/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of common/sql share: a connection and its statements; nobody else sees it.
 */
#pragma once

#include <pthread.h>

#include "sql/sql.h"

typedef struct Statement Statement;

struct SqlTx {
        sqlite3 *db;
        Statement *statements; /* by address of their text */
        Statement *used;       /* since the last sql_tx_reset() */
        bool is_inline;        /* its thread is the loop's */
        bool must_forget;      /* sql_forget(), not yet done */
        pthread_t loop_thread;
};

/* A SQLite result as the negative errno that sql.h promises; db may be NULL. */
int sql_errno(sqlite3 *db, int code);

/* Statements without parameters or rows, not kept. */
int sql_tx_exec(SqlTx *tx, const char *text);
/* Resets and unbinds what was used: nothing stays open or in memory beyond a request. */
void sql_tx_reset(SqlTx *tx);
void sql_tx_close(SqlTx *tx);

/* 0 and an open, migrated database with all settings of sql.h, and the lock beside it
 * (*ret_lock_fd, -EBADF for ":memory:"). */
int sql_open_writer(SqlTx *tx, const char *path, const char *const *migrations, int *ret_lock_fd);
int sql_open_reader(SqlTx *tx, const char *path);
