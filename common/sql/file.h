/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a database as one whole file, made or read from beginning to end on the caller's thread;
 * leaves databases at work to sql.h, and what is in them to the stores. */
#pragma once

#include "sql/sql.h"

/* Asked every few thousand steps, on the thread that works: false ends the work with -ECANCELED. */
typedef bool (*sql_goes_on_fn)(void *userdata);

/* Not the loop's thread: every call reads or writes the disk. Results as in sql.h. */
typedef struct SqlFile SqlFile;

/* A new file (-EEXIST), 0600, brought to `version` (not above what migrations know). Nothing of it
 * is safe before sql_file_finish(): it has no journal, so after any failure it is worth nothing.
 * Foreign keys hold; triggers are off until sql_file_set_triggers(). */
int sql_file_create(const char *path, const char *const *migrations, unsigned version,
                    sql_goes_on_fn goes_on, void *userdata /* weak */, SqlFile **ret);
/* The rest of the migrations, after which user_version is theirs. */
int sql_file_migrate(SqlFile *f, const char *const *migrations);
int sql_file_set_triggers(SqlFile *f, bool on);
/* Commits, writes the mark, fsyncs; frees f in every case. */
int sql_file_finish(SqlFile *f, uint32_t application_id);

/* A database that another connection of this process may be at work in: one snapshot of it, until
 * f is freed. */
int sql_file_open(const char *path, sql_goes_on_fn goes_on, void *userdata /* weak */,
                  SqlFile **ret);

/* What the first bytes of a file say. -EBADMSG: they are no database in one file, UTF-8, without a
 * WAL. */
#define SQL_HEADER_BYTES 100
typedef struct SqlHeader {
        uint64_t n_bytes; /* of the whole file */
        uint32_t application_id;
        uint32_t user_version;
} SqlHeader;
int sql_header_read(const uint8_t bytes[static SQL_HEADER_BYTES], SqlHeader *ret);

/* A file of strangers, read-only. Nothing that it says is run: its schema must be, word by word,
 * what migrations make at its own version (1 or more); then its pages are checked. -EBADMSG:
 * damaged, or not of this kind. -EPROTONOSUPPORT: migrations do not reach its version. */
int sql_file_open_foreign(const char *path, const char *const *migrations, sql_goes_on_fn goes_on,
                          void *userdata /* weak */, SqlFile **ret);

/* All rows of which `only` is true (an expression; NULL: all), column by column, into the table of
 * the same name; columns of `without` (ends with NULL; may be NULL) stay at their default, and are
 * not even read. -EBADMSG: a value that no store
 * writes: an integer outside 0…2^53−1, a text with a NUL, of more than SQL_COPY_TEXT_MAX bytes, a
 * blob; or a row that its constraints refuse. ret_n may be NULL. */
#define SQL_COPY_TEXT_MAX                                                                          \
        (1024 * 1024) /* the largest is an entry: a frame and what escapes add                     \
                       */
int sql_file_copy(SqlFile *from, SqlFile *to, const char *table, const char *const *without,
                  const char *only, uint64_t *ret_n);

SqlTx *sql_file_get_tx(SqlFile *f);
uint32_t sql_file_get_version(SqlFile *f); /* user_version; 0: cannot be read */
SqlFile *sql_file_free(SqlFile *f);
DEFINE_CLEANUP(SqlFile *, sql_file_free);
