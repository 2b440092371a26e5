/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of common/sql share: a connection and its statements; nobody else sees it.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "sql/health.h"

typedef struct Statement Statement;

struct SqlTx {
        sqlite3 *db;
        Statement *statements; /* by address of their text */
        Statement *used;       /* since the last sql_tx_reset() */
        bool is_inline;        /* its thread is the loop's */
        bool must_forget;      /* sql_forget(), not yet done */
        pthread_t loop_thread;
};

struct Sql {
        Clock *clock; /* weak */
        char *path;
        const char *const *migrations; /* weak */
        Health *health;
        Lane *write_lane;
        Lane *read_lane;

        /* Whichever thread gets the first request opens for both. */
        pthread_mutex_t open_lock;
        int lock_fd;
        SqlTx writer;

        pthread_mutex_t reader_turn; /* whoever waits for the next one has it before a next read */
        pthread_mutex_t reader_lock; /* held by a read, and while the file is another's */
        SqlTx reader;                /* without db for ":memory:", where the writer's serves */

        /* Only the write lane's. */
        int batch_error;
        struct SqlRequest *batch; /* SqlRequest: in the transaction that is open */
        int n_pages_before;       /* that were written before it */
        int n_wal_pages;          /* that the WAL held after the last commit */
        atomic_uint_fast64_t n_commits, n_requests, commit_usec_max, commit_usec_sum;
        atomic_uint_fast32_t recent[SQL_RECENT_COMMITS]; /* µs; by number of the commit */
};

typedef struct SqlRequest {
        Sql *sql;           /* weak */
        char *with, *aside; /* of what exchanges files */
        sql_work_fn work;
        void *request;
        job_free_fn free_request;
        job_done_fn done;
        void *userdata; /* weak */
        bool has_result;
        int result; /* whatever becomes of the batch, if it has one */
        struct SqlRequest *next;
} SqlRequest;

/* sql.c: of the write lane. A request of it may end the batch and begin another in between: what
 * was in the one that ended has its result. */
void sql_batch_begin(Sql *s); /* or s->batch_error */
int sql_batch_end(Sql *s);
SqlRequest *sql_request_new(Sql *s, sql_work_fn work, void *request, job_free_fn free_request,
                            job_done_fn done, void *userdata);
void sql_request_free(void *request);
int sql_request_submit(SqlRequest *q, Lane *lane, job_run_fn run, Job **ret_job);

/* statistics.c */
void sql_note_commit(Sql *s, uint64_t usec);

/* exchange.c: asks for one more try; health_tried() is told. */
void sql_try_again(void *sql);

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
bool sql_is_memory(const char *path);
/* What the WAL holds goes to its place, as far as there is room, and its own is given back. */
void sql_shrink_wal(SqlTx *tx);
/* wal.c. After a commit: see that it stays within WAL_BYTES_MAX, as long as one transaction does
 * not grow beyond what sql_wal_is_due() allows. */
#define WAL_BYTES_MAX (64 * 1024 * 1024)
void sql_wal_watch(Sql *s);        /* the writer was opened */
void sql_wal_begin(Sql *s);        /* a transaction begins */
bool sql_wal_is_due(const Sql *s); /* it is large enough: end it, begin another */
void sql_wal_keep(Sql *s);         /* it was committed */
/* The next read waits; the one that runs was waited for. */
void sql_hold_reader(Sql *s);
void sql_release_reader(Sql *s);
/* All of it goes to its place, and nothing stays of it: as SQLite says, SQLITE_BUSY while somebody
 * but our reader looks at it. Waits for one read at most. */
int sql_wal_cut(Sql *s);
/* The end of this connection writes nothing: the file and its WAL stay as they were found. */
void sql_leave_wal(SqlTx *tx);
/* Steps from the file's user_version to that of `migrations`, or to upto when that is less.
 * -EPROTONOSUPPORT: it is beyond. */
int sql_migrate(SqlTx *tx, const char *const *migrations, unsigned upto);

/* Reads every page. -EBADMSG: one cannot be what it should. */
int sql_check_pages(SqlTx *tx);
/* The file, which nobody has open, and its WAL, with which it belongs. */
int sql_check_file(const char *path);
/* path becomes aside, and so do its WAL and shared memory. -EEXIST: aside, or its WAL, is there. A
 * crash in between leaves a WAL that belongs to no file; sql_keep_stray_wal() gives it a name by
 * its last change. Nothing is ever deleted. */
int sql_move_aside(const char *path, const char *aside);
int sql_keep_stray_wal(const char *path);

/* The names of the files there are on disk. */
int sql_sync_folder_of(const char *path);

/* `with` becomes the file at path, whose database is closed; aside (may be NULL) is the name that
 * the one before keeps. A crash leaves one of the two at path; when it was the one before, aside
 * may be a second name of the same file. -EEXIST: aside is taken. -EBUSY: path has a WAL. */
int sql_swap_files(const char *path, const char *with, const char *aside);
