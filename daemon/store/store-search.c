/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how messages are found by words: the index proposes where there is one, the entry itself
 * decides. Leaves the index to store-index.c, spelling to store-fold.h. */
#include <ctype.h>
#include <inttypes.h>

#include "daemon/store/store-fold.h"
#include "daemon/store/store-internal.h"

typedef struct Word {
        const char *s; /* in SearchRequest.folded */
        size_t n;
} Word;

typedef struct SearchRequest {
        Store *store; /* weak */
        uint64_t row;
        SearchQuery query;
        char *text; /* as asked */
        store_found_fn done;

        Fold *fold; /* while it works */
        char *folded;
        Word words[SEARCH_WORDS_MAX];
        size_t n_words;
        Grams grams;
        uint64_t first_seq, synced_seq; /* of the log */
        StoreIndex index;
        uint64_t n_reads; /* how many more entries may be read */
        uint64_t at;      /* what was looked at last */
        bool is_full;     /* the page */

        EntryList list;
        size_t n_bytes;
        bool more, is_behind, is_damaged;
} SearchRequest;

static void search_request_free(void *request) {
        SearchRequest *q = request;

        entry_list_done(&q->list);
        grams_done(&q->grams);
        fold_free(q->fold);
        free(q->folded);
        free(q->text);
        free(q);
}
DEFINE_REQUEST_CLEANUP(SearchRequest, search_request_free);

/* ---- words ---- */

static bool has_meaning(const Word *w) {
        for (size_t i = 0; i < w->n; i++)
                if ((uint8_t) w->s[i] >= 0x80 || isalnum((uint8_t) w->s[i]))
                        return true;
        return false;
}

/* A quote at the beginning of a word opens a phrase, the next one (or the end) closes it. */
static int split(SearchRequest *q) {
        bool is_meant = false;

        for (const char *s = q->folded; *s;) {
                char end = ' ';
                Word w;

                if (*s == ' ' || *s == '"')
                        end = *s++;
                if (end == ' ' && *s == '"')
                        continue;
                w = (Word){ s, strcspn(s, end == '"' ? "\"" : " ") };
                s += w.n;
                if (*s == '"')
                        s++;
                if (w.n == 0)
                        continue;
                if (q->n_words == ELEMENTSOF(q->words))
                        return -E2BIG;
                q->words[q->n_words++] = w;
                is_meant |= has_meaning(&w);
        }
        return is_meant ? 0 : -ENOMSG;
}

static int read_words(SearchRequest *q) {
        const char *folded;
        size_t n;
        int r;

        r = fold_text(q->fold, q->text, strlen(q->text), &folded, &n);
        if (r < 0)
                return r;
        q->folded = strndup(folded, n);
        if (!q->folded)
                return -ENOMEM;
        r = split(q);
        for (size_t i = 0; r >= 0 && i < q->n_words; i++)
                r = grams_add(&q->grams, q->words[i].s, q->words[i].n, SEARCH_GRAMS_MAX);
        return r;
}

static int matches(SearchRequest *q, const char *extra, size_t n_extra) {
        const char *folded;
        size_t n;
        int r;

        r = fold_entry(q->fold, extra, n_extra, &folded, &n);
        if (r <= 0)
                return r;
        for (size_t i = 0; i < q->n_words; i++)
                if (!memmem(folded, n, q->words[i].s, q->words[i].n))
                        return 0;
        return 1;
}

/* ---- one entry ---- */

static void pay(SearchRequest *q, uint64_t n_reads) {
        q->n_reads -= MIN(q->n_reads, n_reads);
}

/* ENTRY_COLUMNS. It was looked at, unless the page has no room for it. */
static int look(SearchRequest *q, sqlite3_stmt *stmt) {
        const char *extra = sql_column_text(stmt, 6);
        size_t n_extra = (size_t) sqlite3_column_bytes(stmt, 6);
        int r = 0;

        pay(q, 1 + n_extra / SEARCH_BYTES_PER_READ);
        if (streq(sql_column_text(stmt, 1), "message"))
                r = matches(q, extra, n_extra);
        if (r > 0) {
                if (q->query.max_bytes > 0 && q->list.n > 0 &&
                    q->n_bytes + n_extra > q->query.max_bytes) {
                        q->is_full = true;
                        return 0;
                }
                r = entry_list_reserve(&q->list);
                if (r >= 0)
                        r = store_read_entry(stmt, &q->list.entries[q->list.n++]);
                q->n_bytes += n_extra;
                q->is_full = q->list.n >= q->query.limit;
        }
        if (r < 0)
                return r;
        q->at = sql_column_u64(stmt, 0);
        return 0;
}

/* ---- a part of the log ---- */

/* After a part was gone through to its end. */
static void pass(SearchRequest *q, uint64_t first, uint64_t last) {
        q->at = q->query.before ? first : last;
}

static bool goes_on(const SearchRequest *q) {
        return !q->is_full && q->n_reads > 0;
}

static int read_part(SqlTx *tx, SearchRequest *q, uint64_t first, uint64_t last) {
        sqlite3_stmt *stmt;
        int r;

        r = q->query.before ? sql_prepare(tx,
                                          "SELECT " ENTRY_COLUMNS " FROM entry WHERE channel = ?"
                                          " AND seq >= ? AND seq <= ? ORDER BY seq DESC",
                                          "ttt", &stmt, q->row, first, last)
                            : sql_prepare(tx,
                                          "SELECT " ENTRY_COLUMNS " FROM entry WHERE channel = ?"
                                          " AND seq >= ? AND seq <= ? ORDER BY seq",
                                          "ttt", &stmt, q->row, first, last);
        while (r >= 0 && goes_on(q)) {
                r = sql_step(stmt);
                if (r == 0)
                        pass(q, first, last);
                if (r <= 0)
                        return r;
                r = look(q, stmt);
        }
        return r;
}

static int look_at(SqlTx *tx, SearchRequest *q, uint64_t seq) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT " ENTRY_COLUMNS " FROM entry WHERE channel = ? AND seq = ?",
                        "tt", &stmt, q->row, seq);
        if (r >= 0)
                r = sql_step(stmt);
        pay(q, 1); /* it is not in a row with others */
        if (r > 0)
                return look(q, stmt);
        q->at = seq;
        return r;
}

static int ask_index(SqlTx *tx, SearchRequest *q, uint64_t first, uint64_t last) {
        _cleanup_(sql_finalizep) sqlite3_stmt *stmt = NULL;
        int r;

        r = sql_prepare_once(tx, &stmt,
                             "SELECT rowid FROM search_terms_%" PRIu64
                             " WHERE search_terms_%" PRIu64 " MATCH ? AND rowid >= ? AND rowid <= ?"
                             " ORDER BY rowid %s",
                             q->row, q->row, q->query.before ? "DESC" : "ASC");
        if (r < 0)
                return r;
        if (sqlite3_bind_text64(stmt, 1, q->grams.tokens, q->grams.n, SQLITE_STATIC, SQLITE_UTF8) !=
                    SQLITE_OK ||
            sqlite3_bind_int64(stmt, 2, (sqlite3_int64) first) != SQLITE_OK ||
            sqlite3_bind_int64(stmt, 3, (sqlite3_int64) last) != SQLITE_OK)
                return -ENOMEM;
        while (r >= 0 && goes_on(q)) {
                r = sql_step(stmt);
                if (r == 0) {
                        pay(q, 1 + (last - first) / SEARCH_INDEXED_PER_READ);
                        pass(q, first, last);
                }
                if (r <= 0)
                        return r;
                r = look_at(tx, q, sql_column_u64(stmt, 0));
        }
        return r;
}

/* ---- the whole way ---- */

/* Is there more of the log on the way? Then its next part, all in the index or all outside. */
static bool next_part(const SearchRequest *q, uint64_t *ret_first, uint64_t *ret_last,
                      bool *ret_in_index) {
        const StoreIndex *x = &q->index;
        bool use_index = x->last_seq > 0 && q->grams.n > 0;
        uint64_t first = q->first_seq, last = q->synced_seq, n_max;

        if (q->query.before)
                last = MIN(last, q->at > 0 ? q->at - 1 : 0);
        else
                first = MAX(first, q->at + 1);
        if (first == 0 || first > last)
                return false;
        if (use_index && q->query.before) {
                *ret_in_index = last >= x->first_seq && last <= x->last_seq;
                if (*ret_in_index)
                        first = MAX(first, x->first_seq);
                else if (last > x->last_seq)
                        first = MAX(first, x->last_seq + 1);
        } else if (use_index) {
                *ret_in_index = first >= x->first_seq && first <= x->last_seq;
                if (*ret_in_index)
                        last = MIN(last, x->last_seq);
                else if (first < x->first_seq)
                        last = MIN(last, x->first_seq - 1);
        } else
                *ret_in_index = false;
        n_max = MAX(q->n_reads, (uint64_t) 1) * (*ret_in_index ? SEARCH_INDEXED_PER_READ : 1);
        if (q->query.before)
                first = MAX(first, last - MIN(last, n_max - 1));
        else
                last = MIN(last, first + n_max - 1);
        *ret_first = first;
        *ret_last = last;
        return true;
}

static int go(SqlTx *tx, SearchRequest *q) {
        uint64_t first, last;
        bool in_index;
        int r = 0;

        while (r >= 0 && goes_on(q) && next_part(q, &first, &last, &in_index)) {
                r = in_index ? ask_index(tx, q, first, last) : read_part(tx, q, first, last);
                if (r == -EBADMSG && in_index) { /* then without it */
                        q->is_damaged = true;
                        q->index = (StoreIndex){};
                        r = 0;
                }
        }
        q->more = next_part(q, &first, &last, &in_index);
        return r < 0 ? r : 0;
}

static int work_search(SqlTx *tx, void *request) {
        SearchRequest *q = request;
        StoreLog log;
        int r;

        r = fold_new(tx, &q->fold);
        if (r >= 0)
                r = read_words(q);
        if (r >= 0)
                r = store_log_load(tx, q->row, &log);
        if (r >= 0)
                r = store_index_load(tx, q->row, &q->index);
        if (r < 0)
                return r;
        q->first_seq = log.first_seq;
        q->synced_seq = log.synced_seq;
        q->is_behind = store_index_is_behind(&q->index, log.first_seq, log.synced_seq);
        q->n_reads = SEARCH_STEP_MAX;
        q->at = MIN(q->query.anchor, (uint64_t) INT64_MAX);
        if (q->query.before && q->at == 0)
                q->at = log.synced_seq + 1;
        r = go(tx, q);
        if (q->query.before)
                entry_list_reverse(&q->list);
        /* The connection may go before the request does. */
        q->fold = fold_free(q->fold);
        return r;
}

static void on_found(int r, void *request, void *userdata) {
        SearchRequest *q = request;

        if (r >= 0 && (q->is_behind || q->is_damaged))
                store_index_want(q->store, q->row, q->is_damaged);
        if (!q->done)
                return;
        if (r < 0)
                q->done(r, NULL, 0, false, 0, userdata);
        else
                q->done(0, q->list.entries, q->list.n, q->more, q->at, userdata);
}

int store_search(Store *s, uint64_t row, const SearchQuery *query, store_found_fn done,
                 void *userdata, Job **ret_job) {
        _cleanup_(search_request_freep) SearchRequest *q = NULL;

        if (query->limit == 0)
                return -EINVAL;
        if (strlen(query->words) > SEARCH_BYTES_MAX)
                return -E2BIG;
        q = new0(SearchRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (SearchRequest){ .store = s, .row = row, .query = *query, .done = done };
        q->text = strdup(query->words);
        if (!q->text)
                return -ENOMEM;
        return store_read(s, work_search, TAKE_PTR(q), search_request_free, on_found, userdata,
                          ret_job);
}
