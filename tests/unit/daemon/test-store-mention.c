/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which messages speak to who has a log: counted while they are unread, through all that happens to
 * a log, and over a restart. The fixture's person is bob. */
#include "tests/unit/daemon/removal-fixture.h"

static void on_ignored(int r, uint64_t n_unread, uint64_t n_mentions, void *userdata) {
        Result *q = userdata;

        q->n_mentions = n_mentions;
        on_done(r, q);
}

static void on_counted(int r, uint64_t n, void *userdata) {
        Result *q = userdata;

        q->n_mentions = n;
        on_done(r, q);
}

/* The same by every way there is, and after a restart. */
static void assert_mentions(Fixture *f, uint64_t row, uint64_t n) {
        Result q = {};

        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(
                        CALL(f, &q, store_count_mentions(f->store, row, on_counted, &q, NULL)), 0);
                assert_int_equal(q.n_mentions, n);
                assert_int_equal(load_channel(f, &q)->n_mentions, n);
                result_done(&q);
                reopen_store(f);
        }
}

static uint64_t ignore(Fixture *f, uint64_t row, char *name) {
        Result q = {};

        assert_int_equal(
                CALL(f, &q,
                     store_save_ignored(f->store, row, &name, name ? 1 : 0, on_ignored, &q, NULL)),
                0);
        return q.n_mentions;
}

static uint64_t mark(Fixture *f, uint64_t row, uint64_t seq) {
        Result q = {};

        assert_int_equal(
                CALL(f, &q, store_mark_read(f->store, row, seq, true, on_read_mark, &q, NULL)), 0);
        return q.n_mentions;
}

static Entry message_of(uint64_t seq, const char *username, const char *extra) {
        Entry e = entry_of(seq, (unsigned) seq, "message", username);

        e.extra = (char *) extra;
        e.n_extra = strlen(extra);
        return e;
}

/* → how many there are then. */
static uint64_t copy_page(Fixture *f, uint64_t row, const Entry *entries, size_t n) {
        Result q = {};
        uint64_t mentions;

        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, entries, n, "bob", USER_REGISTERED,
                                         on_copied, &q, NULL)),
                         0);
        mentions = q.n_mentions;
        result_done(&q);
        return mentions;
}

#define N_PAGE 6
/* 1, 3 and 6 speak to bob. */
static uint64_t copy_six(Fixture *f, uint64_t row, uint64_t first) {
        const Entry page[N_PAGE] = {
                message_of(first, "alice", TEXT("hi bob")),
                message_of(first + 1, "alice", TEXT("hi all")),
                message_of(first + 2, "carol", TEXT("@Bob: look")),
                message_of(first + 3, "bob", TEXT("I am bob")),
                message_of(first + 4, "carol", TEXT("bobby")),
                message_of(first + 5, "alice", TEXT("bye bob.")),
        };

        return copy_page(f, row, page, N_PAGE);
}

static void test_copy(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);

        assert_int_equal(copy_six(f, row, 1), 3);
        assert_mentions(f, row, 3);
        assert_int_equal(copy_six(f, row, 7), 6);
        /* The mark goes back and forth over them. */
        assert_int_equal(mark(f, row, 3), 4);
        assert_mentions(f, row, 4);
        assert_int_equal(mark(f, row, 12), 0);
        assert_int_equal(mark(f, row, 0), 6);
        assert_int_equal(mark(f, row, 6), 3);
        /* What is ignored comes and goes; what comes meanwhile too. */
        assert_int_equal(ignore(f, row, (char *) "alice"), 1);
        assert_int_equal(copy_six(f, row, 13), 2);
        assert_mentions(f, row, 2);
        assert_int_equal(mark(f, row, 0), 3);
        assert_int_equal(ignore(f, row, NULL), 9);
        assert_mentions(f, row, 9);
}

static void test_begins_later(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        const Entry older[] = { message_of(4, "alice", TEXT("bob?")),
                                message_of(5, "alice", TEXT("bob!")) };
        Result q = {};

        assert_int_equal(copy_six(f, row, 6), 3);
        /* Nobody owes reading what was before he came … */
        assert_int_equal(CALL(f, &q, store_copy_older(f->store, row, older, 2, on_done, &q, NULL)),
                         0);
        assert_mentions(f, row, 3);
        /* … unless he says so. */
        assert_int_equal(mark(f, row, 4), 4);
        assert_int_equal(mark(f, row, 0), 5);
        assert_mentions(f, row, 5);
}

static void test_older_is_unread(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        const Entry older[] = { message_of(4, "alice", TEXT("bob?")),
                                message_of(5, "alice", TEXT("hi")) };
        Result q = {};

        assert_int_equal(copy_six(f, row, 6), 3);
        assert_int_equal(mark(f, row, 0), 3);
        assert_int_equal(CALL(f, &q, store_copy_older(f->store, row, older, 2, on_done, &q, NULL)),
                         0);
        assert_mentions(f, row, 4);
}

static void test_removed(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry redact = entry_of(7, 7, "redact", "alice");

        assert_int_equal(copy_six(f, row, 1), 3);
        redact.extra = (char *) "{\"target_seq\":3}";
        redact.n_extra = strlen(redact.extra);
        assert_int_equal(copy_page(f, row, &redact, 1), 2);
        assert_mentions(f, row, 2);
        assert_int_equal(mark(f, row, 6), 0);
        /* One that is read is not taken off twice. */
        redact = entry_of(8, 8, "redact", "alice");
        redact.extra = (char *) "{\"target_seq\":1}";
        redact.n_extra = strlen(redact.extra);
        assert_int_equal(copy_page(f, row, &redact, 1), 0);
        assert_int_equal(mark(f, row, 0), 1);
        assert_mentions(f, row, 1);
}

/* Removed by what comes in the same page, and by age. */
static void test_removed_at_once(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry page[3] = { message_of(1, "alice", TEXT("bob")), entry_of(2, 2, "redact", "alice"),
                          message_of(3, "alice", TEXT("bob")) };
        Result q = {};

        page[1].extra = (char *) "{\"target_seq\":1}";
        page[1].n_extra = strlen(page[1].extra);
        assert_int_equal(copy_page(f, row, page, 3), 1);
        assert_mentions(f, row, 1);
        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, row, on_done, &q, NULL)), 0);
        assert_mentions(f, row, 0);
}

static void on_swept(int r, const uint64_t *touched, size_t n, bool more, uint64_t due_usec,
                     void *userdata) {
        Result *q = userdata;

        q->n_appended = n;
        on_done(r, q);
}

static void test_hosted(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        uint64_t later = START + 3 * USEC_PER_DAY;
        Result q = {};

        say(f, row, 1, "alice", TEXT("hi bob"));
        say(f, row, 2, "bob", TEXT("I am bob"));
        say(f, row, 3, "alice", TEXT("bob?"));
        assert_mentions(f, row, 2);
        govern(f, row, 4, ENTRY_REDACT, "bob", "{\"target_seq\":1}");
        assert_mentions(f, row, 1);
        govern(f, row, 5, ENTRY_VIEW, "bob", "{\"retention_days\":1}");
        assert_int_equal(
                CALL(f, &q, store_sweep_retention(f->store, later, later, on_swept, &q, NULL)), 0);
        assert_int_equal(q.n_appended, 1);
        assert_mentions(f, row, 0);
        assert_int_equal(mark(f, row, 0), 0);
}

/* Who is told is told which they are. */
static void test_said(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Proposal p[] = { proposal_of(1, "alice", TEXT("bob")), proposal_of(2, "bob", TEXT("bob")),
                         proposal_of(3, "alice", TEXT("hi")) };
        Result q = {};

        assert_int_equal(CALL(f, &q, store_append(f->store, row, p, 3, on_appended, &q, NULL)), 0);
        assert_int_equal(q.n_entries, 3);
        assert_true(q.entries[0].mentions);
        assert_false(q.entries[1].mentions);
        assert_false(q.entries[2].mentions);
        result_done(&q);
}

static void test_notify(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        StoredChannel c;
        Result q = {};

        assert_int_equal(load_channel(f, &q)->notify, NOTIFY_UNSET);
        for (Notify i = NOTIFY_UNSET + 1; i < NOTIFY_MAX; i++) {
                assert_int_equal(CALL(f, &q, store_set_notify(f->store, row, i, on_done, &q, NULL)),
                                 0);
                reopen_store(f);
                assert_int_equal(load_channel(f, &q)->notify, i);
        }
        /* What the caller saves of a channel leaves it alone. */
        c = q.channels[0];
        (void) save_channel(f, &c);
        assert_int_equal(load_channel(f, &q)->notify, NOTIFY_MAX - 1);
        result_done(&q);
        assert_int_equal(
                CALL(f, &q, store_set_notify(f->store, row + 1, NOTIFY_ALL, on_done, &q, NULL)),
                -ENOENT);
        assert_int_equal(CALL(f, &q, store_count_mentions(f->store, row + 1, on_counted, &q, NULL)),
                         -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_copy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_begins_later, setup, teardown),
                cmocka_unit_test_setup_teardown(test_older_is_unread, setup, teardown),
                cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_removed_at_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hosted, setup, teardown),
                cmocka_unit_test_setup_teardown(test_said, setup, teardown),
                cmocka_unit_test_setup_teardown(test_notify, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
