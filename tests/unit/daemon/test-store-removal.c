/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages that lose what they say: by `redact`, by age, with their copy; the same on every copy,
 * known again for ever, and in no file any more. */
#include "tests/unit/daemon/removal-fixture.h"

#define SECRET "quiet-heron"
#define DAY USEC_PER_DAY

static void assert_extra(Fixture *f, uint64_t row, uint64_t seq, const char *extra) {
        PageQuery query = { .anchor = seq - 1, .limit = 1 };
        Result q = {};

        assert_int_equal(CALL(f, &q, store_read_page(f->store, row, &query, on_page, &q, NULL)), 0);
        assert_int_equal(q.n_entries, 1);
        assert_int_equal(q.entries[0].seq, seq);
        assert_string_equal(q.entries[0].extra, extra);
        result_done(&q);
}

typedef struct Sweep {
        bool is_done, more;
        int r;
        size_t n;
        uint64_t due_usec;
} Sweep;

static void on_swept(int r, const uint64_t *touched, size_t n, bool more, uint64_t due_usec,
                     void *userdata) {
        *(Sweep *) userdata = (Sweep){ true, more, r, n, due_usec };
}

/* → how many steps; *ret_due: after how long it has to look again. */
static unsigned sweep(Fixture *f, uint64_t *ret_due) {
        uint64_t now = clock_realtime(f->clock);
        unsigned n = 0;
        Sweep s;

        do {
                s.is_done = false;
                assert_int_equal(store_sweep_retention(f->store, now, now, on_swept, &s, NULL), 0);
                while (!s.is_done)
                        assert_true(sd_event_run(f->event, WAIT_USEC) > 0);
                assert_int_equal(s.r, 0);
                assert_true(++n < 1000);
        } while (s.more);
        *ret_due = s.due_usec;
        return n;
}

/* ---- redact ---- */

static void test_redact(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Proposal p = proposal_of(2, "alice", TEXT("another text"));
        OutboxRow typed = { .text = SECRET, .queued = START };
        Result q = {};

        govern(f, row, 1, ENTRY_TOPIC, "bob", "{\"topic\":\"t\"}");
        say(f, row, 2, "alice", TEXT(SECRET));
        uuid_of(3, typed.id);
        assert_int_equal(
                CALL(f, &q, store_outbox_add(f->store, row, &typed, on_outbox_added, &q, NULL)), 0);
        say(f, row, 3, "bob", TEXT(SECRET));
        assert_int_equal(add_row(f, &q, row, 3, SECRET), 1);
        assert_int_equal(q.rows[0].state, OUTBOX_STORED);

        govern(f, row, 4, ENTRY_REDACT, "bob", "{\"target_seq\":2,\"reason\":\"spam\"}");
        govern(f, row, 5, ENTRY_REDACT, "bob", "{\"target_seq\":3}");
        assert_extra(f, row, 2,
                     "{\"redacted\":{\"by\":\"bob\",\"seq\":4,\"time\":"
                     "\"2023-11-14T22:13:20.000Z\",\"reason\":\"spam\"}}");
        assert_extra(f, row, 4, "{\"target_seq\":2,\"reason\":\"spam\"}");

        /* Nobody knows any more what it said: all that comes under its id was there before. */
        assert_int_equal(append(f, &q, row, &p), 1);
        assert_int_equal(q.appended[0].seq, 2);
        p = governance(2, ENTRY_TOPIC, "alice", "{}");
        assert_int_equal(append(f, &q, row, &p), -EEXIST);
        /* Its row is gone from the outbox of who typed it. */
        assert_int_equal(
                CALL(f, &q, store_outbox_read(f->store, row, 0, false, 10, 0, on_outbox, &q, NULL)),
                0);
        assert_int_equal(q.n_rows, 0);

        /* The first one counts. */
        govern(f, row, 6, ENTRY_REDACT, "carol", "{\"target_seq\":2}");
        assert_extra(f, row, 2,
                     "{\"redacted\":{\"by\":\"bob\",\"seq\":4,\"time\":"
                     "\"2023-11-14T22:13:20.000Z\",\"reason\":\"spam\"}}");
        assert_int_equal(load_channel(f, &q)->n_unread, 1);
        result_done(&q);
}

static void test_redact_of_what_cannot_be(void **state) {
        static const char *const extras[] = {
                "{\"target_seq\":1}",
                "{\"target_seq\":3}",
                "{\"target_seq\":99}",
                "{\"target_seq\":0}",
                "{\"target_seq\":-2}",
                "{\"target_seq\":\"2\"}",
                "{}",
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);

        govern(f, row, 1, ENTRY_TOPIC, "bob", "{\"topic\":\"t\"}");
        say(f, row, 2, "alice", TEXT("stays"));
        for (unsigned i = 0; i < ELEMENTSOF(extras); i++)
                govern(f, row, 10 + i, ENTRY_REDACT, "bob", extras[i]);
        say(f, row, 3, "alice", TEXT("later"));
        assert_extra(f, row, 1, "{\"topic\":\"t\"}");
        assert_extra(f, row, 2, TEXT("stays"));
        assert_extra(f, row, 3, extras[0]);
        for (unsigned i = 0; i < ELEMENTSOF(extras); i++)
                assert_extra(f, row, 3 + i, extras[i]);
        assert_extra(f, row, 3 + ELEMENTSOF(extras), TEXT("later"));
}

/* ---- copies ---- */

static int copy_older(Fixture *f, uint64_t row, const Result *log, uint64_t first, uint64_t last) {
        Result q = {};
        int r;

        r = CALL(f, &q,
                 store_copy_older(f->store, row, log->entries + first - 1, last - first + 1,
                                  on_done, &q, NULL));
        result_done(&q);
        return r;
}

static void assert_same(Fixture *f, uint64_t a, uint64_t b) {
        Result x = {}, y = {};

        read_all(f, a, &x);
        read_all(f, b, &y);
        assert_int_equal(x.n_entries, y.n_entries);
        for (size_t i = 0; i < x.n_entries; i++) {
                assert_int_equal(x.entries[i].seq, y.entries[i].seq);
                assert_string_equal(x.entries[i].extra, y.entries[i].extra);
        }
        result_done(&x);
        result_done(&y);
}

/* Content that was on its way when it was redacted, and comes below what says so. */
static void test_older_comes_later(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), copied = make_copy(f);
        Result before = {}, after = {};

        for (unsigned i = 1; i <= 6; i++)
                say(f, row, i, "alice", TEXT(SECRET));
        read_all(f, row, &before);
        govern(f, row, 7, ENTRY_REDACT, "bob", "{\"target_seq\":2,\"reason\":\"late\"}");
        govern(f, row, 8, ENTRY_REDACT, "bob", "{\"target_seq\":5}");
        read_all(f, row, &after);
        assert_int_equal(copy(f, copied, &before, 4, 6), 0);
        assert_extra(f, copied, 5, TEXT(SECRET));
        assert_int_equal(copy(f, copied, &after, 7, 8), 0);
        assert_true(entry_is_stub(&after.entries[4]));
        assert_extra(f, copied, 5, after.entries[4].extra);
        assert_int_equal(copy_older(f, copied, &before, 2, 3), 0);
        assert_int_equal(copy_older(f, copied, &after, 1, 1), 0);
        assert_non_null(strstr(after.entries[1].extra, "\"reason\":\"late\""));
        assert_same(f, row, copied);
        result_done(&before);
        result_done(&after);
}

/* ---- retention ---- */

static void test_retention(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), due;
        Result q = {};

        say(f, row, 1, "alice", TEXT("day 0"));
        govern(f, row, 2, ENTRY_TOPIC, "bob", "{\"topic\":\"t\"}");
        assert_int_equal(sweep(f, &due), 1);
        assert_true(due == UINT64_MAX);
        pass(f, DAY);
        govern(f, row, 3, ENTRY_VIEW, "bob", "{\"retention_days\":3}");
        assert_int_equal(load_channel(f, &q)->retention_days, 3);
        pass(f, DAY);
        say(f, row, 4, "alice", TEXT("day 2"));

        (void) sweep(f, &due);
        assert_true(due == DAY);
        assert_extra(f, row, 1, TEXT("day 0"));
        pass(f, due - 1);
        (void) sweep(f, &due);
        assert_extra(f, row, 1, TEXT("day 0"));
        assert_int_equal(due, 1);
        pass(f, DAY);
        reopen_store(f);
        (void) sweep(f, &due);
        /* When it was due, not when somebody looked. */
        assert_extra(f, row, 1,
                     "{\"redacted\":{\"by\":\"bob\",\"seq\":3,\"time\":"
                     "\"2023-11-17T22:13:20.000Z\"}}");
        assert_extra(f, row, 2, "{\"topic\":\"t\"}");
        assert_extra(f, row, 4, TEXT("day 2"));
        assert_true(due == DAY + 1);
        pass(f, due);
        (void) sweep(f, &due);
        assert_true(due == UINT64_MAX);
        govern(f, row, 5, ENTRY_VIEW, "bob", "{\"retention_days\":0}");
        say(f, row, 6, "alice", TEXT("for ever"));
        assert_int_equal(load_channel(f, &q)->retention_days, 0);
        pass(f, 100 * DAY);
        (void) sweep(f, &due);
        assert_extra(f, row, 6, TEXT("for ever"));
        result_done(&q);
}

/* Rules come and go; one copy looks each hour, another sees all of it at once in the end, a third
 * looks now and then and begins in the middle. All say the same. */
static void test_every_copy_says_the_same(void **state) {
        static const unsigned days[] = { 5, 2, 0, 9, 1, 1, 3 };
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), late = make_copy(f), due;
        uint64_t n_stubs = 0, n_kept = 0, next = 1;
        Result q = {}, log = {};
        char extra[64];

        for (unsigned hour = 0; hour < 24 * 20; hour++) {
                Proposal p = proposal_of(hour, "alice", TEXT(SECRET));

                if (hour % 67 == 30) {
                        snprintf(extra, sizeof(extra), "{\"retention_days\":%u}",
                                 days[hour / 67 % ELEMENTSOF(days)]);
                        p = governance(hour, ENTRY_VIEW, "bob", extra);
                } else if (hour % 17 == 16) {
                        snprintf(extra, sizeof(extra), "{\"target_seq\":%u}", hour / 2 + 1);
                        p = governance(hour, ENTRY_REDACT, "alice", extra);
                }
                assert_int_equal(append(f, &q, row, &p), 0);
                if (hour % 100 == 99) { /* before it is swept: the copy has to do it itself */
                        read_all(f, row, &log);
                        assert_int_equal(copy(f, late, &log, next, hour + 1), 0);
                        next = hour + 2;
                        result_done(&log);
                }
                pass(f, USEC_PER_HOUR);
                if (hour % 5 != 4)
                        (void) sweep(f, &due);
        }
        read_all(f, row, &log);
        assert_int_equal(copy(f, late, &log, next, 24 * 20), 0);
        (void) sweep(f, &due);
        assert_same(f, row, late);
        result_done(&log);
        read_all(f, row, &log);
        for (size_t i = 0; i < log.n_entries; i++) {
                n_stubs += entry_is_stub(&log.entries[i]);
                n_kept += log.entries[i].kind == ENTRY_MESSAGE && !entry_is_stub(&log.entries[i]);
        }
        assert_true(n_stubs > 100 && n_kept > 20);
        result_done(&log);
        result_done(&q);
}

/* A copy that begins behind the rule is told of it. */
static void test_rule_of_before(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), copied = make_copy(f), due;
        RetentionRule rule = { .days = 2, .seq = 1, .time = START, .username = "bob" };
        Result log = {};

        govern(f, row, 1, ENTRY_VIEW, "bob", "{\"retention_days\":2}");
        say(f, row, 2, "alice", TEXT("one"));
        say(f, row, 3, "alice", TEXT("two"));
        read_all(f, row, &log);
        assert_int_equal(store_set_retention(f->store, copied, &rule), 0);
        assert_int_equal(store_set_retention(f->store, copied, &rule), 0);
        assert_int_equal(store_set_retention(f->store, row, &rule), 0); /* its log knows */
        assert_int_equal(copy(f, copied, &log, 2, 3), 0);
        pass(f, 2 * DAY);
        (void) sweep(f, &due);
        assert_int_equal(copy_older(f, copied, &log, 1, 1), 0);
        assert_same(f, row, copied);
        assert_extra(f, copied, 3,
                     "{\"redacted\":{\"by\":\"bob\",\"seq\":1,\"time\":"
                     "\"2023-11-16T22:13:20.000Z\"}}");
        result_done(&log);
}

static void test_in_steps(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), due;
        Proposal p[60];
        Result q = {};

        govern(f, row, 1, ENTRY_VIEW, "bob", "{\"retention_days\":1}");
        for (unsigned i = 0; i < 20; i++) {
                for (unsigned k = 0; k < ELEMENTSOF(p); k++)
                        p[k] = proposal_of(1000 + i * 100 + k, "alice", TEXT(SECRET));
                assert_int_equal(
                        CALL(f, &q,
                             store_append(f->store, row, p, ELEMENTSOF(p), on_appended, &q, NULL)),
                        0);
        }
        pass(f, DAY);
        assert_int_equal(sweep(f, &due), 1200 / 200 + 1);
        assert_int_equal(sweep(f, &due), 1);
        read_all(f, row, &q);
        for (size_t i = 1; i < q.n_entries; i++)
                assert_true(entry_is_stub(&q.entries[i]));
        result_done(&q);
}

/* Whoever sends many rules makes nobody look at the same entries for each. */
static void test_many_rules(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), due;

        for (unsigned i = 0; i < 200; i++)
                say(f, row, 1000 + i, "alice", TEXT("one"));
        for (unsigned i = 0; i < 20; i++) {
                pass(f, 3 * DAY);
                govern(f, row, 1 + i, ENTRY_VIEW, "bob",
                       i % 2 ? "{\"retention_days\":1}" : "{\"retention_days\":2}");
        }
        assert_int_equal(sweep(f, &due), 2);
}

/* ---- in no file ---- */

/* Many texts, short ones and some that fill pages, so that pages split and overflow. */
static void say_much(Fixture *f, uint64_t row, unsigned first_id, const char *word) {
        static char extra[MESSAGE_BYTES_MAX];

        for (unsigned i = 0; i < 300; i++) {
                size_t n = 40 + (i * 37) % 900 + (i % 11 == 0 ? 9000 : 0), k;

                k = (size_t) snprintf(extra, sizeof(extra), "{\"message_content\":\"%s ", word);
                memset(extra + k, 'x', n);
                strcpy(extra + k + n, "\"}");
                say(f, row, first_id + i, "alice", extra);
        }
}

static void test_in_no_file(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), other = make_copy(f), due;
        char extra[64];
        Result q = {};

        say_much(f, row, 1, SECRET);
        say_much(f, row, 1001, "stays-here");
        assert_true(is_anywhere(f, SECRET));
        for (unsigned seq = 1; seq <= 300; seq++) {
                snprintf(extra, sizeof(extra), "{\"target_seq\":%u}", seq);
                govern(f, row, 5000 + seq, ENTRY_REDACT, "bob", extra);
        }
        purged(f, SECRET, "stays-here");

        /* cancelled */
        assert_int_equal(add_row(f, &q, other, 1, "typed-badger"), 0);
        assert_true(is_anywhere(f, "typed-badger"));
        assert_int_equal(
                CALL(f, &q,
                     store_outbox_cancel(f->store, other, "11111111-1111-4111-8111-000000000001",
                                         on_done, &q, NULL)),
                1);
        purged(f, "typed-badger", "stays-here");

        /* a copy that is dropped, or deleted */
        for (unsigned i = 0; i < 2; i++) {
                Entry e = entry_of(1, 1, "message", "alice");
                char text[] = TEXT("copied-otter");

                e.extra = text;
                e.n_extra = strlen(text);
                assert_int_equal(CALL(f, &q,
                                      store_copy(f->store, other, &e, 1, "bob", USER_REGISTERED,
                                                 on_copied, &q, NULL)),
                                 0);
                assert_true(is_anywhere(f, "copied-otter"));
                assert_int_equal(CALL(f, &q,
                                      (i == 0 ? store_drop_copy : store_delete_channel)(
                                              f->store, other, on_done, &q, NULL)),
                                 0);
                purged(f, "copied-otter", "stays-here");
        }

        /* by age; the process ends before it is cleared */
        govern(f, row, 9000, ENTRY_VIEW, "bob", "{\"retention_days\":1}");
        pass(f, DAY + USEC_PER_HOUR);
        (void) sweep(f, &due);
        reopen_store(f);
        (void) sweep(f, &due);
        say(f, row, 9001, "alice", TEXT("heard-last"));
        purged(f, "stays-here", "heard-last");
        result_done(&q);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(redact),
                TEST(redact_of_what_cannot_be),
                TEST(older_comes_later),
                TEST(retention),
                TEST(every_copy_says_the_same),
                TEST(rule_of_before),
                TEST(in_steps),
                TEST(many_rules),
                TEST(in_no_file),
                cmocka_unit_test_setup_teardown(test_in_no_file, setup_on_threads, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
