/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is left of logs that went: entries of no channel or of a copy that was dropped, and
 * indexes of no log. Deletes them in steps, each of which the WAL has room for; leaves when to
 * store-purge.c. */
#include <inttypes.h>

#include "daemon/store/store-internal.h"

/* What a step writes: some pages an entry and of each index that it is in, one page a block. */
#define STEP_ENTRIES 1000
#define STEP_BYTES (UINT64_C(1024) * 1024)
#define BLOCKS_FIRST 10 /* what FTS5 keeps of the whole is at or below it */

/* 1: *ret is a channel above `after` of which something is held. */
static int find_log(SqlTx *tx, uint64_t after, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT channel FROM entry WHERE channel > ? ORDER BY channel LIMIT 1",
                        "t", &stmt, after);
        if (r >= 0)
                r = sql_step(stmt);
        if (r > 0)
                *ret = sql_column_u64(stmt, 0);
        return r;
}

static int find_remains(SqlTx *tx, uint64_t *ret) {
        uint64_t row = 0;
        sqlite3_stmt *stmt;
        int r;

        while ((r = find_log(tx, row, &row)) > 0) {
                r = sql_prepare(tx, "SELECT 1 FROM channel WHERE id = ? AND first_seq > 0", "t",
                                &stmt, row);
                if (r >= 0)
                        r = sql_step(stmt);
                if (r < 0)
                        return r;
                if (r == 0) {
                        *ret = row;
                        return 1;
                }
        }
        return r;
}

static int clear_entries(SqlTx *tx, uint64_t row, unsigned *n_left, uint64_t *n_bytes_left) {
        uint64_t last = 0;
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT seq, length(CAST(extra AS BLOB)) FROM entry WHERE channel = ?"
                        " ORDER BY seq",
                        "t", &stmt, row);
        while (r >= 0 && *n_left > 0 && *n_bytes_left > 0 && (r = sql_step(stmt)) > 0) {
                last = sql_column_u64(stmt, 0);
                *n_bytes_left -= MIN(*n_bytes_left, sql_column_u64(stmt, 1));
                --*n_left;
        }
        return r < 0 ? r
                     : sql_run(tx, "DELETE FROM entry WHERE channel = ? AND seq <= ?", "tt", row,
                               last);
}

/* 1: more is left than a step may delete. */
static int clear_logs(SqlTx *tx) {
        uint64_t n_bytes_left = STEP_BYTES, row;
        unsigned n_left = STEP_ENTRIES;
        int r;

        while ((r = find_remains(tx, &row)) > 0 && n_left > 0 && n_bytes_left > 0) {
                r = clear_entries(tx, row, &n_left, &n_bytes_left);
                if (r < 0)
                        return r;
        }
        return r;
}

int store_remains_are_of(SqlTx *tx, uint64_t row) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT 1 FROM entry WHERE channel = ? LIMIT 1", "t", &stmt, row);
        return r < 0 ? r : sql_step(stmt);
}

/* ---- indexes ---- */

/* Its blocks are a table of their own, in which a damaged index is deleted as well as a whole one.
 */
int store_remains_clear_index(SqlTx *tx, uint64_t row, unsigned *n_left) {
        _cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
        uint64_t n;
        int r;

        r = sql_prepare_once(tx, &stmt,
                             "DELETE FROM search_terms_%" PRIu64 "_data WHERE id IN"
                             " (SELECT id FROM search_terms_%" PRIu64 "_data WHERE id > %d"
                             "  ORDER BY id LIMIT %u)",
                             row, row, BLOCKS_FIRST, *n_left);
        if (r >= 0)
                r = sql_step(stmt);
        if (r < 0)
                return r;
        n = sql_changes(tx);
        if (n >= *n_left) {
                *n_left = 0;
                return 1;
        }
        *n_left -= (unsigned) n;
        return store_index_drop_table(tx, row);
}

static int find_index(SqlTx *tx, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT CAST(substr(name, 14) AS INTEGER) FROM sqlite_schema"
                        " WHERE type = 'table' AND name GLOB '" INDEX_TABLES "'"
                        " AND name NOT GLOB '" INDEX_TABLES "_*' AND CAST(substr(name, 14) AS"
                        " INTEGER) NOT IN (SELECT channel FROM search_index) LIMIT 1",
                        "", &stmt);
        if (r >= 0)
                r = sql_step(stmt);
        if (r > 0)
                *ret = sql_column_u64(stmt, 0);
        return r;
}

static int clear_indexes(SqlTx *tx) {
        unsigned n_left = INDEX_DROP_BLOCKS;
        uint64_t row;
        int r;

        while ((r = find_index(tx, &row)) > 0 && n_left > 0) {
                r = store_remains_clear_index(tx, row, &n_left);
                if (r != 0)
                        return r;
        }
        return r;
}

int store_remains_clear(SqlTx *tx) {
        int r, k;

        r = clear_logs(tx);
        k = r < 0 ? 0 : clear_indexes(tx);
        return r < 0 ? r : k < 0 ? k : r > 0 || k > 0;
}
