/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A log that goes, however long it is: nothing finds it any more at once, the WAL stays within its
 * bound, a crash on the way changes nothing, and no file has its texts in the end. */
#include "support/sync-vfs.h"
#include "tests/unit/daemon/search-fixture.h"

#define MEBIBYTE (UINT64_C(1024) * 1024)
#define WAL_MAX (64 * MEBIBYTE)
#define TEXT_BYTES 16000
#define N_ENTRIES 5600 /* 85 MiB: more than the WAL may have */
#define PER_COPY 64U
#define WORD "remains-of-"

static Fixture *watched;
static uint64_t wal_max;

/* What is durable is not the question, only how long the WAL is when it is synced. */
static bool on_sync(bool is_wal, void *userdata) {
        char path[PATH_MAX + 8];
        struct stat st;

        snprintf(path, sizeof(path), "%s-wal", watched->path);
        if (stat(path, &st) >= 0)
                wal_max = MAX(wal_max, (uint64_t) st.st_size);
        return false;
}

static int setup_watched(void **state) {
        sync_vfs_set(on_sync, NULL);
        if (setup(state) < 0)
                return -1;
        watched = *state;
        wal_max = 0;
        return 0;
}

static int copy_some(Fixture *f, uint64_t row, unsigned first, unsigned n, size_t n_text) {
        _cleanup_free_ char *extra = malloc(n_text + 64);
        Entry e[PER_COPY];
        Result q = {};
        int r, k;

        assert_non_null(extra);
        assert_true(n <= PER_COPY);
        k = sprintf(extra, "{\"message_content\":\"" WORD "%u ", first);
        memset(extra + k, 'x', n_text);
        strcpy(extra + k + n_text, "\"}");
        for (unsigned i = 0; i < n; i++) {
                e[i] = entry_of(first + i, first + i, "message", "alice");
                e[i].extra = extra;
                e[i].n_extra = strlen(extra);
        }
        r = CALL(f, &q,
                 store_copy(f->store, row, e, n, "bob", USER_REGISTERED, on_copied, &q, NULL));
        result_done(&q);
        return r;
}

static void fill(Fixture *f, uint64_t row) {
        for (unsigned seq = 1; seq <= N_ENTRIES; seq += PER_COPY)
                assert_int_equal(
                        copy_some(f, row, seq, MIN(PER_COPY, N_ENTRIES - seq + 1), TEXT_BYTES), 0);
}

static int do_clear(SqlTx *tx, void *userdata) {
        return store_remains_clear(tx);
}

static void find_word(const char *path, void *userdata) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_free_ char *bytes = malloc(MEBIBYTE + sizeof(WORD));
        bool *ret = userdata;
        off_t at = 0;
        ssize_t n;

        assert_true(fd >= 0 && bytes);
        while ((n = pread(fd, bytes, MEBIBYTE + sizeof(WORD), at)) > 0) {
                *ret = *ret || memmem(bytes, (size_t) n, WORD, strlen(WORD));
                at += MEBIBYTE;
        }
        assert_true(n == 0);
}

static bool is_anywhere(const Fixture *f) {
        bool is_there = false;

        each_file(f, find_word, &is_there);
        return is_there;
}

static void assert_empty(Fixture *f, uint64_t row) {
        PageQuery query = { .limit = 100 };
        Result q = {};

        assert_int_equal(CALL(f, &q, store_read_page(f->store, row, &query, on_page, &q, NULL)), 0);
        assert_int_equal(q.n_entries, 0);
        result_done(&q);
}

static void gone_within_a_minute(Fixture *f) {
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_MINUTE), 0);
        assert_false(is_anywhere(f));
        print_message("WAL at most %.1f MiB\n", (double) wal_max / (double) MEBIBYTE);
        assert_in_range(wal_max, 1, WAL_MAX);
}

static void test_channel(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        fill(f, row);
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, row, on_done, &q, NULL)), 0);
        assert_true(is_anywhere(f)); /* so this is about steps */
        assert_empty(f, row);
        assert_int_equal(copy_some(f, row, 1, 1, 1), -ENOENT);
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, row, on_done, &q, NULL)),
                         -ENOENT);
        gone_within_a_minute(f);
        result_done(&q);
}

static void test_copy(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        fill(f, row);
        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, row, on_done, &q, NULL)), 0);
        assert_int_equal(load_channel(f, &q)->synced_seq, 0);
        assert_empty(f, row);
        /* What is left does not become part of what comes. */
        assert_int_equal(copy_some(f, row, N_ENTRIES + 1, 1, 1), -EAGAIN);
        gone_within_a_minute(f);
        assert_int_equal(copy_some(f, row, 3, 1, 1), 0);
        assert_int_equal(load_channel(f, &q)->first_seq, 3);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_MINUTE), 0);
        assert_true(is_anywhere(f));
        result_done(&q);
}

static void test_identity(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};
        uint64_t identity = load_channel(f, &q)->identity;

        fill(f, row);
        assert_int_equal(CALL(f, &q, store_delete_identity(f->store, identity, on_done, &q, NULL)),
                         0);
        assert_empty(f, row);
        gone_within_a_minute(f);
        result_done(&q);
}

/* Each step is a transaction, so a crash leaves the store as it is between two of them. */
static void test_crash_between_steps(void **state) {
        Fixture *f = *state;
        uint64_t rows[2], identity;
        unsigned n_crashes = 0;
        Result q = {};

        save_tracker(f, TRACKER_ID);
        identity = sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY));
        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                StoredChannel c = channel_named(identity, i == 0 ? "lobby" : "den", false);

                rows[i] = save_channel(f, &c);
                for (unsigned seq = 1; seq < 6000; seq += PER_COPY)
                        assert_int_equal(copy_some(f, rows[i], seq, PER_COPY, 30), 0);
                index_all(f, rows[i]);
        }
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, rows[0], on_done, &q, NULL)),
                         0);
        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, rows[1], on_done, &q, NULL)), 0);
        for (int r = 1; r > 0; n_crashes++) {
                reopen_store(f);
                assert_empty(f, rows[0]);
                assert_empty(f, rows[1]);
                r = in_store(f, do_clear, NULL);
                assert_true(r >= 0);
        }
        assert_in_range(n_crashes, 8, 1000);
        reopen_store(f); /* which has only the pages to clean */
        gone_within_a_minute(f);
        assert_int_equal(copy_some(f, rows[1], 1, PER_COPY, 30), 0);
        result_done(&q);
}

/* Nobody takes the next step but the store itself, started anew. */
static void test_finished_at_next_start(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        for (unsigned seq = 1; seq < 6000; seq += PER_COPY)
                assert_int_equal(copy_some(f, row, seq, PER_COPY, 30), 0);
        index_all(f, row);
        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, row, on_done, &q, NULL)), 0);
        reopen_store(f);
        assert_true(is_anywhere(f));
        gone_within_a_minute(f);
        assert_int_equal(in_store(f, do_clear, NULL), 0);
        result_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_channel, setup_watched, teardown),
                cmocka_unit_test_setup_teardown(test_copy, setup_watched, teardown),
                cmocka_unit_test_setup_teardown(test_identity, setup_watched, teardown),
                cmocka_unit_test_setup_teardown(test_crash_between_steps, setup_watched, teardown),
                cmocka_unit_test_setup_teardown(test_finished_at_next_start, setup_watched,
                                                teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
