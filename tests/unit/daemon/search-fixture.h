/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a log that is searched, and steps of its index; leaves what is found to the tests. */
#pragma once

#include <inttypes.h>
#include <sqlite3.h>

#include "daemon/store/store-internal.h"
#include "tests/unit/daemon/store-fixture.h"

typedef struct Found {
        Result q;
        uint64_t next_anchor;
} Found;

static inline void on_found(int r, const Entry *entries, size_t n, bool more, uint64_t next_anchor,
                            void *userdata) {
        Found *found = userdata;

        found->next_anchor = next_anchor;
        on_page(r, entries, n, more, &found->q);
}

static inline int search_page(Fixture *f, Found *found, uint64_t row, const SearchQuery *query) {
        return CALL(f, &found->q, store_search(f->store, row, query, on_found, found, NULL));
}

/* All of it, page by page, as "seq seq …" in the order of the log. */
static inline const char *search_all(Fixture *f, uint64_t row, const char *words) {
        static char text[65536];
        SearchQuery query = { .words = words, .limit = 100 };
        Found found = {};
        size_t n = 0;

        text[0] = '\0';
        do {
                assert_int_equal(search_page(f, &found, row, &query), 0);
                for (size_t i = 0; i < found.q.n_entries; i++)
                        n += (size_t) snprintf(text + n, sizeof(text) - n, "%s%" PRIu64,
                                               n > 0 ? " " : "", found.q.entries[i].seq);
                assert_true(n < sizeof(text));
                assert_true(!found.q.more || found.next_anchor > query.anchor);
                query.anchor = found.next_anchor;
        } while (found.q.more);
        result_done(&found.q);
        return text;
}

/* In JSON, as it is (so without quotes in it). */
static inline void say(Fixture *f, uint64_t row, const char *text) {
        static unsigned id;
        _cleanup_free_ char *extra = NULL;
        Result q = {};
        Proposal p;

        assert_true(asprintf(&extra, "{\"message_content\":\"%s\"}", text) > 0);
        p = proposal_of(++id, "alice", extra);
        assert_int_equal(CALL(f, &q, store_append(f->store, row, &p, 1, on_appended, &q, NULL)), 0);
        assert_int_equal(q.appended[0].r, 0);
        result_done(&q);
}

/* n messages in few transactions: "NUMBER of words", NUMBER being their seq if they are the first.
 */
static inline void say_many(Fixture *f, uint64_t row, unsigned first, unsigned n) {
        char extra[64][64];
        Proposal p[64];

        for (unsigned i = 0; i < n;) {
                Result q = {};
                unsigned k;

                for (k = 0; k < ELEMENTSOF(p) && i < n; k++, i++) {
                        snprintf(extra[k], sizeof(extra[k]),
                                 "{\"message_content\":\"%u of words\"}", first + i);
                        p[k] = proposal_of(1000000 + first + i, "alice", extra[k]);
                }
                assert_int_equal(
                        CALL(f, &q, store_append(f->store, row, p, k, on_appended, &q, NULL)), 0);
                result_done(&q);
        }
}

/* ---- what the store does by itself, or another part of it asks for, done now ---- */

typedef struct Work {
        int (*fn)(SqlTx *tx, void *userdata);
        void *userdata;
        Result q;
} Work;

static inline int run_work(SqlTx *tx, void *request) {
        Work *w = request;

        return w->fn(tx, w->userdata);
}

static inline void on_worked(int r, void *request, void *userdata) {
        Work *w = userdata;

        on_done(r, &w->q);
}

static inline int in_store(Fixture *f, int (*fn)(SqlTx *tx, void *userdata), void *userdata) {
        Work w = { .fn = fn, .userdata = userdata };

        assert_int_equal(sql_write(f->store->sql, run_work, &w, NULL, on_worked, &w, NULL), 0);
        return wait_for(f, &w.q);
}

static inline int do_step(SqlTx *tx, void *row) {
        return store_index_step(tx, *(uint64_t *) row);
}

static inline void index_all(Fixture *f, uint64_t row) {
        int r;

        while ((r = in_store(f, do_step, &row)) > 0)
                ;
        assert_int_equal(r, 0);
}

typedef struct Load {
        uint64_t row;
        StoreIndex index;
} Load;

static inline int do_load(SqlTx *tx, void *load) {
        return store_index_load(tx, ((Load *) load)->row, &((Load *) load)->index);
}

static inline StoreIndex load_index(Fixture *f, uint64_t row) {
        Load l = { .row = row };

        assert_int_equal(in_store(f, do_load, &l), 0);
        return l.index;
}
