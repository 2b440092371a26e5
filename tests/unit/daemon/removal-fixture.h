/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a log is filled in which something is removed; leaves what becomes of it to the tests.
 */
#pragma once

#include <poll.h>

#include "tests/unit/daemon/store-fixture.h"

#define TEXT(text) "{\"message_content\":\"" text "\"}"

static inline Proposal governance(unsigned id, EntryKind kind, const char *username,
                                  const char *extra) {
        Proposal p = proposal_of(id, username, extra);

        p.kind = kind;
        return p;
}

static inline int append(Fixture *f, Result *q, uint64_t row, const Proposal *p) {
        int r = CALL(f, q, store_append(f->store, row, p, 1, on_appended, q, NULL));

        return r < 0 ? r : q->appended[0].r;
}

static inline void say(Fixture *f, uint64_t row, unsigned id, const char *username,
                       const char *extra) {
        Proposal p = proposal_of(id, username, extra);
        Result q = {};

        assert_int_equal(append(f, &q, row, &p), 0);
        result_done(&q);
}

static inline void govern(Fixture *f, uint64_t row, unsigned id, EntryKind kind,
                          const char *username, const char *extra) {
        Proposal p = governance(id, kind, username, extra);
        Result q = {};

        assert_int_equal(append(f, &q, row, &p), 0);
        result_done(&q);
}

static inline void read_all(Fixture *f, uint64_t row, Result *q) {
        PageQuery query = { .limit = 500 };

        assert_int_equal(CALL(f, q, store_read_page(f->store, row, &query, on_page, q, NULL)), 0);
}

static inline uint64_t make_copy(Fixture *f) {
        StoredChannel c;
        Result q = {};

        assert_int_equal(CALL(f, &q, store_load(f->store, on_loaded, &q, NULL)), 0);
        c = channel_named(q.identity.row, "copy", false);
        result_done(&q);
        return save_channel(f, &c);
}

/* What the host has, from first to last, as it was when it was served. */
static inline int copy(Fixture *f, uint64_t row, const Result *log, uint64_t first, uint64_t last) {
        Result q = {};
        int r;

        r = CALL(f, &q,
                 store_copy(f->store, row, log->entries + first - 1, last - first + 1, "bob",
                            USER_REGISTERED, on_copied, &q, NULL));
        result_done(&q);
        return r;
}

/* ---- files ---- */

static inline void pass(Fixture *f, uint64_t usec) {
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, usec), 0);
}

typedef struct Search {
        const char *what;
        bool found;
} Search;

static inline void search_file(const char *path, void *userdata) {
        Search *s = userdata;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *bytes = NULL;
        struct stat st;
        ssize_t n;

        assert_true(fd >= 0 && fstat(fd, &st) == 0);
        bytes = malloc((size_t) st.st_size + 1);
        assert_non_null(bytes);
        n = pread(fd, bytes, (size_t) st.st_size, 0); /* a thread may be cutting it */
        assert_true(n >= 0);
        s->found = s->found || memmem(bytes, (size_t) n, s->what, strlen(s->what));
}

static inline bool is_anywhere(const Fixture *f, const char *what) {
        Search s = { .what = what };

        each_file(f, search_file, &s);
        return s.found;
}

static inline void purged(Fixture *f, const char *word, const char *stays) {
        pass(f, USEC_PER_MINUTE);
        /* Our time does not wait for threads. */
        for (unsigned i = 0; f->on_threads && i < 2000 && is_anywhere(f, word); i++) {
                (void) poll(NULL, 0, 5);
                pass(f, USEC_PER_SEC);
        }
        assert_false(is_anywhere(f, word));
        assert_true(is_anywhere(f, stays));
}
