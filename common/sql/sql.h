/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows SQLite on two threads: one that writes, many requests a transaction, and one that reads.
 * Leaves tables and meaning to the stores above it. */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/runtime.h"

/* WAL, synchronous=FULL, foreign_keys=ON, secure_delete=ON, temp_store=MEMORY (a savepoint copies
 * pages: their text must not go to /var/tmp), busy_timeout 0 (we hold the file alone). With the
 * inline runner of Workers everything runs on the loop, in order, at a later turn. Entered on the
 * loop otherwise: assert in debug builds. */
typedef struct Sql Sql;
typedef struct SqlTx SqlTx; /* the connection as one request sees it */

/* request is owned by sql from the call on, failure too, and freed exactly once by free_request.
 * What waits is written in one transaction, or in several where that would be large: the WAL stays
 * within 64 MiB unless one request alone writes more. work runs inside a transaction: a negative
 * result undoes what this request did (savepoint), not the batch. done runs on the loop after the
 * commit (and its fsync), with work's result or the commit's error; it never runs once *ret_job was
 * freed. */
typedef int (*sql_work_fn)(SqlTx *tx, void *request);

/* migrations[i] brings user_version i to i + 1; ends with NULL. The file is opened 0600 on the
 * first request's thread: what fails there fails every request until it succeeds (-EPROTONOSUPPORT:
 * a newer version wrote it, -EBUSY: another process holds PATH.lock, -EIO, -ENOSPC …). path
 * ":memory:" works with inline workers only (-EINVAL). */
int sql_new(const Runtime *rt /* weak */, const char *path, const char *const *migrations,
            Sql **ret);
/* Finishes what was submitted, closes. Completions that have not run never will. */
Sql *sql_free(Sql *s);
DEFINE_CLEANUP(Sql *, sql_free);

int sql_write(Sql *s, sql_work_fn work, void *request, job_free_fn free_request, job_done_fn done,
              void *userdata /* weak */, Job **ret_job);
/* On the reader's own connection, read-only, its transaction ends with the request. It sees every
 * write whose done has run. */
int sql_read(Sql *s, sql_work_fn work, void *request, job_free_fn free_request, job_done_fn done,
             void *userdata /* weak */, Job **ret_job);

/* Another database takes the place of ours, while nothing else runs. may (in a transaction of its
 * own, which is undone) says whether, by 0 or a negative errno. with: a whole database of the same
 * migrations, in the same folder and without a WAL; its name is gone then. aside (may be NULL): the
 * name that the present one keeps, not taken by another file (-EEXIST). With failure the present
 * one stays. A crash at any moment leaves one of the two, whole. -EOPNOTSUPP for ":memory:". */
int sql_replace(Sql *s, const char *with, const char *aside, sql_work_fn may, void *request,
                job_free_fn free_request, job_done_fn done, void *userdata, Job **ret_job);

/* ---- a disk that is full, read-only, failing; a file that is damaged ---- */

/* Is r a matter of the disk, not of what was asked? -ENOSPC (no room, or no quota), -EROFS,
 * -EBADMSG (SQLite says that the file is damaged), -EIO, -EMFILE, -EACCES … */
bool sql_is_trouble(int r);
/* 0, or what the last requests met. It is over when a try of our own, after 1 s and then ever more
 * rarely (30 s at most), has committed and found some room; after all but a full disk it begins
 * with opening the file anew. A damaged file is tried no more, and neither read nor written: every
 * request fails with -EBADMSG until sql_set_aside(). */
int sql_get_trouble(const Sql *s);
typedef void (*sql_trouble_fn)(int trouble, void *userdata);
/* fn runs from the loop, each time that it has changed. */
void sql_watch(Sql *s, sql_trouble_fn fn, void *userdata /* weak */);
#define SQL_DAMAGED ".damaged-" /* behind a file's name, and time_print_name() behind that */
/* Reads all of a file that was found damaged. Done with 1: it was; it is `aside` now, its WAL
 * ASIDE-wal, every byte as it was found, and the next request begins a new one. 0: all of it can be
 * read, and it stays in use, or it is gone already. -EEXIST: aside is taken. Other errors: it could
 * not be read to its end, or not renamed; it stays where it is, and untouched. -EOPNOTSUPP for
 * ":memory:". */
int sql_set_aside(Sql *s, const char *aside, void *request, job_free_fn free_request,
                  job_done_fn done, void *userdata, Job **ret_job);

/* secure_delete reaches the rows that go, not the copies of a row that a page keeps in its free
 * bytes when it is split or merged. One step over pages from `first` (0: the first one): whatever
 * is no row's any more is zero in them, and the WAL is empty. done gets where the next step begins,
 * 0 at the end, when all is synced; the steps of one round clean what was deleted before its first.
 * Rows that wait to be written wait for one step only. -EBUSY: a backup holds the WAL; ask again.
 */
typedef void (*sql_scrubbed_fn)(int r, uint64_t next, void *userdata);
int sql_scrub(Sql *s, uint64_t first, sql_scrubbed_fn done, void *userdata, Job **ret_job);

/* Statements are prepared once a connection and kept by the address of the literal, so text must be
 * a string literal; the statement comes reset and unbound, and is reset again by the next use or
 * the end of the request. types: s text (NULL = SQL NULL), t uint64 (-ERANGE above INT64_MAX), i
 * int, b blob (pointer, size_t), one for each parameter. Results: 0; -errno by the SQLite code
 * (ENOSPC for FULL, EIO, EROFS, EBADMSG for CORRUPT/NOTADB, EEXIST for constraint violations,
 * ENOMEM). */
int sql_prepare(SqlTx *tx, const char *text, const char *types, sqlite3_stmt **ret, ...);
/* 1: a row, 0: done, negative errno. */
int sql_step(sqlite3_stmt *stmt);
/* Prepare, run to the end. */
int sql_run(SqlTx *tx, const char *text, const char *types, ...);
uint64_t sql_column_u64(sqlite3_stmt *stmt, int column);
const char *sql_column_text(sqlite3_stmt *stmt, int column); /* never NULL: NULL reads as "" */
int64_t sql_last_insert_id(SqlTx *tx);
uint64_t sql_changes(SqlTx *tx);
/* The same for text that is made while it runs, such as with a table's name in it: not kept,
 * nothing bound; the caller finalizes it before the request ends. */
int sql_prepare_once(SqlTx *tx, sqlite3_stmt **ret, const char *format, ...) _printf_(3, 4);
sqlite3_stmt *sql_finalize(sqlite3_stmt *stmt);
DEFINE_CLEANUP(sqlite3_stmt *, sql_finalize);
/* In a write: what the request deletes is gone from the WAL as well when done runs, which waits for
 * the read that is under way. (A backup that is being made delays it to the first commit behind
 * it.) */
void sql_forget(SqlTx *tx);

/* For DEBUG and benchmarks; from any thread. */
#define SQL_RECENT_COMMITS 1024
typedef struct SqlStatistics {
        uint64_t n_commits, n_requests, commit_usec_max, commit_usec_sum;
        uint64_t commit_usec_p99; /* of the latest SQL_RECENT_COMMITS, their fsync included; 0: none
                                   */
} SqlStatistics;
void sql_get_statistics(const Sql *s, SqlStatistics *ret);
