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

/* 0 and an open, migrated database with all settings of sql.h, and the lock beside it: *lock, which
 * is taken where it is -EBADF (and stays so for ":memory:"). */
int sql_open_writer(SqlTx *tx, const char *path, const char *const *migrations, int *lock);
int sql_open_reader(SqlTx *tx, const char *path);
/* Steps from the file's user_version to that of `migrations`, or to upto when that is less.
 * -EBADMSG: it is beyond. */
int sql_migrate(SqlTx *tx, const char *const *migrations, unsigned upto);

/* `with` becomes the file at path, whose database is closed; aside (may be NULL) is the name that
 * the one before keeps. A crash leaves one of the two at path; when it was the one before, aside
 * may be a second name of the same file. -EEXIST: aside is taken. -EBUSY: path has a WAL. */
int sql_swap_files(const char *path, const char *with, const char *aside);
