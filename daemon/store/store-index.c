/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the index of a search: how a log comes into it, step by step, and how entries go out again;
 * leaves when to store-index-run.c, asking it to store-search.c. */
#include <inttypes.h>

#include "daemon/store/store-fold.h"
#include "daemon/store/store-internal.h"

/* What another SQLite folded otherwise is not found with the words of this one. */
static uint64_t get_version(void) {
        return GRAMS_VERSION * UINT64_C(1000000000) + (uint64_t) sqlite3_libversion_number();
}

int store_index_load(SqlTx *tx, uint64_t row, StoreIndex *ret) {
        sqlite3_stmt *stmt;
        int r;

        *ret = (StoreIndex){};
        r = sql_prepare(tx,
                        "SELECT version, first_seq, last_seq, must_purge FROM search_index"
                        " WHERE channel = ?",
                        "t", &stmt, row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        ret->exists = true;
        ret->must_purge = sqlite3_column_int(stmt, 3);
        if (sql_column_u64(stmt, 0) == get_version()) {
                ret->first_seq = sql_column_u64(stmt, 1);
                ret->last_seq = sql_column_u64(stmt, 2);
        }
        return 0;
}

bool store_index_is_behind(const StoreIndex *index, uint64_t first_seq, uint64_t synced_seq) {
        if (synced_seq == 0)
                return false;
        if (index->last_seq == 0)
                return synced_seq - first_seq + 1 >= INDEX_STEP_ENTRIES;
        if (synced_seq > index->last_seq && synced_seq - index->last_seq >= INDEX_STEP_ENTRIES)
                return true;
        /* Below 1 nothing will come any more. */
        return index->first_seq > first_seq &&
               (first_seq == 1 || index->first_seq - first_seq >= INDEX_STEP_ENTRIES);
}

/* By itself FTS5 merges segments with whatever insertion makes them too many, and that one waits
 * for all of it. */
static int set_up(SqlTx *tx, uint64_t row) {
        _cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = sql_prepare_once(tx, &stmt,
                             "INSERT INTO search_terms_%" PRIu64 " (search_terms_%" PRIu64 ", rank)"
                             " VALUES ('automerge', 0)",
                             row, row);
        return r < 0 ? r : sql_step(stmt);
}

/* FTS5 as it is in SQLite 3.40: contentless, so that no text is in it, and a removal has to say the
 * same tokens as the insertion did. */
static int create(SqlTx *tx, uint64_t row, uint64_t synced_seq) {
        _cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = sql_prepare_once(tx, &stmt,
                             "CREATE VIRTUAL TABLE search_terms_%" PRIu64
                             " USING fts5(grams, content='', columnsize=0, detail='none',"
                             " tokenize='ascii')",
                             row);
        if (r >= 0)
                r = sql_step(stmt);
        if (r >= 0)
                r = set_up(tx, row);
        /* From the head downwards: what was said lately is looked for most. */
        return r < 0 ? r
                     : sql_run(tx,
                               "INSERT INTO search_index (channel, version, first_seq, last_seq)"
                               " VALUES (?, ?, ?, ?)",
                               "tttt", row, get_version(), synced_seq + 1, synced_seq);
}

/* No table can be dropped while a statement of the connection reads, from whatever table. */
static void end_reading(sqlite3 *db) {
        for (sqlite3_stmt *s = sqlite3_next_stmt(db, NULL); s; s = sqlite3_next_stmt(db, s))
                if (sqlite3_stmt_busy(s) && sqlite3_stmt_readonly(s))
                        sqlite3_reset(s);
}

int store_index_drop_table(SqlTx *tx, uint64_t row) {
        _cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = sql_prepare_once(tx, &stmt, "DROP TABLE search_terms_%" PRIu64, row);
        if (r < 0)
                return r;
        end_reading(sqlite3_db_handle(stmt));
        return sql_step(stmt);
}

int store_index_drop(SqlTx *tx, uint64_t row) {
        return sql_run(tx, "DELETE FROM search_index WHERE channel = ?", "t", row);
}

/* 1: there is something left of one that went. */
static int make_room(SqlTx *tx, uint64_t row) {
        unsigned n_left = INDEX_DROP_BLOCKS;
        sqlite3_stmt *stmt;
        char name[64];
        int r;

        snprintf(name, sizeof(name), "search_terms_%" PRIu64, row);
        r = sql_prepare(tx, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", "s",
                        &stmt, name);
        if (r >= 0)
                r = sql_step(stmt);
        return r <= 0 ? r : store_remains_clear_index(tx, row, &n_left);
}

/* *ret: how far a step goes, upwards or downwards, that begins with entry `from`. */
static int find_end(SqlTx *tx, uint64_t row, uint64_t from, bool is_down, uint64_t *ret) {
        sqlite3_stmt *stmt;
        uint64_t n_bytes = 0;
        int r;

        r = is_down ? sql_prepare(tx,
                                  "SELECT seq, length(CAST(extra AS BLOB)) FROM entry"
                                  " WHERE channel = ? AND seq <= ? ORDER BY seq DESC",
                                  "tt", &stmt, row, from)
                    : sql_prepare(tx,
                                  "SELECT seq, length(CAST(extra AS BLOB)) FROM entry"
                                  " WHERE channel = ? AND seq >= ? ORDER BY seq",
                                  "tt", &stmt, row, from);
        *ret = from;
        for (size_t n = 0; r >= 0 && n < INDEX_STEP_ENTRIES && (r = sql_step(stmt)) > 0; n++) {
                n_bytes += sql_column_u64(stmt, 1);
                if (n > 0 && n_bytes > INDEX_STEP_BYTES)
                        break;
                *ret = sql_column_u64(stmt, 0);
        }
        return r < 0 ? r : 0;
}

/* What is put into the table, or taken out again, one entry after the other. */
typedef struct Writing {
        sqlite3_stmt *stmt; /* of the row and its tokens */
        Fold *fold;
        Grams grams;
} Writing;

static void writing_done(Writing *w) {
        sql_finalize(w->stmt);
        fold_free(w->fold);
        grams_done(&w->grams);
}

static int write_one(Writing *w, uint64_t seq, const char *extra, size_t n_extra) {
        const char *folded;
        size_t n;
        int r;

        r = fold_entry(w->fold, extra, n_extra, &folded, &n);
        w->grams.n = 0;
        if (r > 0)
                r = grams_add(&w->grams, folded, n, SIZE_MAX);
        if (r < 0 || w->grams.n == 0)
                return r;
        if (sqlite3_bind_int64(w->stmt, 1, (sqlite3_int64) seq) != SQLITE_OK ||
            sqlite3_bind_text64(w->stmt, 2, w->grams.tokens, w->grams.n, SQLITE_STATIC,
                                SQLITE_UTF8) != SQLITE_OK)
                return -ENOMEM;
        r = sql_step(w->stmt);
        sqlite3_reset(w->stmt);
        return r;
}

/* Around what is written to FTS5, so that a damaged index fails nothing else: it writes much only
 * with the next savepoint, so that one is here, and forgets what it could not write with a
 * rollback.
 */
static int begin_write(SqlTx *tx) {
        return sql_run(tx, "SAVEPOINT search_write", "");
}

static int end_write(SqlTx *tx, int r) {
        int k = 0;

        if (r >= 0) {
                k = sql_run(tx, "SAVEPOINT search_flush", "");
                if (k >= 0)
                        k = sql_run(tx, "RELEASE search_flush", "");
        }
        if (k < 0)
                r = k;
        if (r < 0)
                (void) sql_run(tx, "ROLLBACK TO search_write", "");
        k = sql_run(tx, "RELEASE search_write", "");
        return r < 0 ? r : k < 0 ? k : r;
}

static int insert_entries(SqlTx *tx, uint64_t row, uint64_t first, uint64_t last) {
        _cleanup_(writing_done) Writing w = {};
        sqlite3_stmt *entries;
        int r;

        r = fold_new(tx, &w.fold);
        if (r >= 0)
                r = sql_prepare_once(tx, &w.stmt,
                                     "INSERT INTO search_terms_%" PRIu64 " (rowid, grams)"
                                     " VALUES (?, ?)",
                                     row);
        if (r >= 0)
                r = sql_prepare(tx,
                                "SELECT seq, extra FROM entry WHERE channel = ? AND seq >= ?"
                                " AND seq <= ? AND kind = 'message' ORDER BY seq",
                                "ttt", &entries, row, first, last);
        while (r >= 0 && (r = sql_step(entries)) > 0)
                r = write_one(&w, sql_column_u64(entries, 0), sql_column_text(entries, 1),
                              (size_t) sqlite3_column_bytes(entries, 1));
        return r;
}

/* 1: pages were written anew, so there may be more of them. Negative: all of its segments become
 * one, in which nothing is kept of what is gone. */
static int merge(SqlTx *tx, uint64_t row, int n_pages) {
        _cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
        sqlite3_int64 n;
        int r;

        r = sql_prepare_once(tx, &stmt,
                             "INSERT INTO search_terms_%" PRIu64 " (search_terms_%" PRIu64 ", rank)"
                             " VALUES ('merge', %d)",
                             row, row, n_pages);
        if (r < 0)
                return r;
        n = sqlite3_total_changes64(sqlite3_db_handle(stmt));
        r = sql_step(stmt);
        /* By FTS5's own word less than 2 means that there was nothing to do. */
        return r < 0 ? r : sqlite3_total_changes64(sqlite3_db_handle(stmt)) - n >= 2;
}

/* What steps add stays in few segments. */
static int merge_some(SqlTx *tx, uint64_t row) {
        int r = 1;

        for (unsigned i = 0; i < INDEX_MERGES && r > 0; i++)
                r = merge(tx, row, INDEX_MERGE_PAGES);
        return MIN(r, 0);
}

static int add_entries(SqlTx *tx, uint64_t row, uint64_t first, uint64_t last) {
        int r = insert_entries(tx, row, first, last);

        return r < 0 ? r : merge_some(tx, row);
}

static int take_step(SqlTx *tx, uint64_t row, const StoreLog *log, StoreIndex *index) {
        uint64_t end;
        int r;

        if (log->synced_seq > index->last_seq &&
            log->synced_seq - index->last_seq >= INDEX_STEP_ENTRIES) {
                r = find_end(tx, row, index->last_seq + 1, false, &end);
                if (r >= 0)
                        r = begin_write(tx);
                if (r >= 0)
                        r = end_write(tx, add_entries(tx, row, index->last_seq + 1, end));
                index->last_seq = end;
        } else {
                r = find_end(tx, row, index->first_seq - 1, true, &end);
                if (r >= 0)
                        r = begin_write(tx);
                if (r >= 0)
                        r = end_write(tx, add_entries(tx, row, end, index->first_seq - 1));
                index->first_seq = end;
        }
        return r < 0 ? r
                     : sql_run(tx,
                               "UPDATE search_index SET first_seq = ?, last_seq = ?"
                               " WHERE channel = ?",
                               "ttt", index->first_seq, index->last_seq, row);
}

/* What FTS5 says of one that does not fit together: rows collide that it believes to be new. */
static bool is_damage(int r) {
        return r == -EBADMSG || r == -EEXIST;
}

/* A damaged index goes, for it can be made anew. 1: it is to be. */
static int mend(SqlTx *tx, uint64_t row) {
        int r = store_index_drop(tx, row);

        return r < 0 ? r : 1;
}

int store_index_step(SqlTx *tx, uint64_t row) {
        StoreIndex index;
        StoreLog log;
        int r;

        r = store_log_load(tx, row, &log);
        if (r >= 0)
                r = store_index_load(tx, row, &index);
        if (r < 0 || !store_index_is_behind(&index, log.first_seq, log.synced_seq))
                return r;
        /* A purge ends when all is one segment; what came in meanwhile would have it begin anew. */
        if (index.must_purge && index.last_seq > 0)
                return 0;
        if (index.last_seq == 0) {
                r = store_index_drop(tx, row);
                if (r >= 0)
                        r = make_room(tx, row);
                if (r != 0)
                        return r;
                r = create(tx, row, log.synced_seq);
                if (r >= 0)
                        r = store_index_load(tx, row, &index);
        }
        if (r >= 0)
                r = take_step(tx, row, &log, &index);
        if (is_damage(r))
                return mend(tx, row);
        return r < 0 ? r : store_index_is_behind(&index, log.first_seq, log.synced_seq);
}

/* 1: one of them was in the index. */
static int take_out(SqlTx *tx, uint64_t row, const StoreIndex *index, const uint64_t *seqs,
                    size_t n) {
        _cleanup_(writing_done) Writing w = {};
        sqlite3_stmt *entry;
        bool was_in = false;
        int r;

        r = fold_new(tx, &w.fold);
        if (r >= 0)
                r = sql_prepare_once(tx, &w.stmt,
                                     "INSERT INTO search_terms_%" PRIu64 " (search_terms_%" PRIu64
                                     ", rowid, grams) VALUES ('delete', ?, ?)",
                                     row, row);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (seqs[i] < index->first_seq || seqs[i] > index->last_seq)
                        continue;
                r = sql_prepare(tx,
                                "SELECT extra FROM entry WHERE channel = ? AND seq = ?"
                                " AND kind = 'message'",
                                "tt", &entry, row, seqs[i]);
                if (r >= 0)
                        r = sql_step(entry);
                if (r > 0)
                        r = write_one(&w, seqs[i], sql_column_text(entry, 0),
                                      (size_t) sqlite3_column_bytes(entry, 0));
                was_in = was_in || w.grams.n > 0;
        }
        return r < 0 ? r : was_in;
}

int store_index_remove(SqlTx *tx, uint64_t row, const uint64_t *seqs, size_t n) {
        StoreIndex index;
        int r;

        r = store_index_load(tx, row, &index);
        if (r < 0 || !index.exists)
                return r;
        if (index.last_seq > 0) {
                r = begin_write(tx);
                if (r >= 0)
                        r = end_write(tx, take_out(tx, row, &index, seqs, n));
                if (is_damage(r))
                        r = store_index_drop(tx, row);
                if (r <= 0)
                        return r;
        } /* else its tokens may be others, and it goes as a whole */
        return sql_run(tx, "UPDATE search_index SET must_purge = 1 WHERE channel = ?", "t", row);
}

int store_index_purge(SqlTx *tx) {
        sqlite3_stmt *stmt;
        StoreIndex index;
        uint64_t row;
        int r;

        r = sql_prepare(tx,
                        "SELECT channel FROM search_index INDEXED BY search_index_purge"
                        " WHERE must_purge <> 0 LIMIT 1",
                        "", &stmt);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        row = sql_column_u64(stmt, 0);
        r = store_index_load(tx, row, &index);
        if (r < 0)
                return r;
        if (index.last_seq == 0)
                r = store_index_drop(tx, row);
        else {
                r = begin_write(tx);
                if (r >= 0)
                        r = end_write(tx, merge(tx, row, -INDEX_PURGE_PAGES));
                if (is_damage(r))
                        return mend(tx, row);
                if (r > 0)
                        return 1;
                if (r == 0)
                        r = sql_run(tx, "UPDATE search_index SET must_purge = 0 WHERE channel = ?",
                                    "t", row);
        }
        return r < 0 ? r : 1;
}
