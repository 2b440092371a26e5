/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the WAL is kept short: no transaction becomes large, and what it holds goes to its
 * place even where somebody reads all the time. Leaves batches to sql.c. */
#include "sql/sql-internal.h"

#define PAGES_CHECKPOINT                                                                           \
        1000               /* as SQLite does it by itself: what nobody reads goes to its place     \
                            */
#define PAGES_RESTART 8192 /* 32 MiB: from here on it is begun anew, at a reader's cost */
#define PAGES_TRANSACTION 4096

static int on_commit(void *userdata, sqlite3 *db, const char *name, int n_pages) {
        Sql *s = userdata;

        s->n_wal_pages = n_pages;
        return SQLITE_OK;
}

void sql_wal_watch(Sql *s) {
        s->n_wal_pages = 0;
        (void) sqlite3_wal_hook(s->writer.db, on_commit, s);
}

static int get_n_written(const Sql *s) {
        int n = 0, highest;

        (void) sqlite3_db_status(s->writer.db, SQLITE_DBSTATUS_CACHE_WRITE, &n, &highest, 0);
        return n;
}

void sql_wal_begin(Sql *s) {
        s->n_pages_before = get_n_written(s);
}

/* What the cache does not hold is in the WAL already. */
bool sql_wal_is_due(const Sql *s) {
        return get_n_written(s) - s->n_pages_before >= PAGES_TRANSACTION;
}

void sql_hold_reader(Sql *s) {
        pthread_mutex_lock(&s->reader_turn);
        pthread_mutex_lock(&s->reader_lock);
}

void sql_release_reader(Sql *s) {
        pthread_mutex_unlock(&s->reader_lock);
        pthread_mutex_unlock(&s->reader_turn);
}

int sql_wal_cut(Sql *s) {
        int r;

        sql_hold_reader(s);
        r = sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
        sql_release_reader(s);
        return r;
}

/* A checkpoint moves what no reader needs in the WAL; but the WAL begins anew only when no reader
 * looks at it at all, and one that pages all the time would always do. So the next page waits, once
 * in a while, for the little that the first checkpoint left. */
void sql_wal_keep(Sql *s) {
        sqlite3 *db = s->writer.db;

        if (s->n_wal_pages < PAGES_CHECKPOINT)
                return;
        (void) sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        if (s->n_wal_pages < PAGES_RESTART)
                return;
        sql_hold_reader(s);
        (void) sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
        sql_release_reader(s);
}
