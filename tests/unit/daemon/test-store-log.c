/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logs: order, duplicates, copies without holes, unread counts. */
#include "tests/unit/daemon/store-fixture.h"

static int append(Fixture *f, Result *q, uint64_t row, const Proposal *p, size_t n) {
        return CALL(f, q, store_append(f->store, row, p, n, on_appended, q, NULL));
}

static int copy(Fixture *f, Result *q, uint64_t row, const Entry *e, size_t n) {
        return CALL(f, q,
                    store_copy(f->store, row, e, n, "bob", USER_REGISTERED, on_copied, q, NULL));
}

static int copy_older(Fixture *f, Result *q, uint64_t row, const Entry *e, size_t n) {
        return CALL(f, q, store_copy_older(f->store, row, e, n, on_done, q, NULL));
}

static int page(Fixture *f, Result *q, uint64_t row, PageQuery query) {
        return CALL(f, q, store_read_page(f->store, row, &query, on_page, q, NULL));
}

static void test_append_deduplicates(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        static const struct {
                const char *name, *username, *key_id, *extra;
                UserType user_type;
                EntryKind kind;
                unsigned id;
                int r;
                uint64_t seq;
        } table[] = {
                { "first", "alice", KEY_A, "{\"a\":1}", USER_REGISTERED, ENTRY_MESSAGE, 1, 0, 1 },
                { "again", "alice", KEY_A, "{\"a\":1}", USER_REGISTERED, ENTRY_MESSAGE, 1, 1, 1 },
                { "again, another device", "alice", KEY_B, "{\"a\":1}", USER_REGISTERED,
                  ENTRY_MESSAGE, 1, 1, 1 },
                { "other content", "alice", KEY_A, "{\"a\":2}", USER_REGISTERED, ENTRY_MESSAGE, 1,
                  -EEXIST, 1 },
                { "other kind", "alice", KEY_A, "{\"a\":1}", USER_REGISTERED, ENTRY_TOPIC, 1,
                  -EEXIST, 1 },
                { "somebody else", "carol", KEY_A, "{\"a\":2}", USER_REGISTERED, ENTRY_MESSAGE, 1,
                  0, 2 },
                { "a guest", "guest-dan", KEY_A, "{\"a\":3}", USER_GUEST, ENTRY_MESSAGE, 1, 0, 3 },
                { "the guest again, under a new name", "guest-eve", KEY_A, "{\"a\":3}", USER_GUEST,
                  ENTRY_MESSAGE, 1, 1, 3 },
                { "another guest of that name", "guest-dan", KEY_B, "{\"a\":4}", USER_GUEST,
                  ENTRY_MESSAGE, 1, 0, 4 },
        };
        Result q = {};

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Proposal p = proposal_of(table[i].id, table[i].username, table[i].extra);

                /* A duplicate's time is that of the first. */
                clock_virtual_run(f->clock, NULL, NULL, USEC_PER_SEC);
                p.user_type = table[i].user_type;
                p.kind = table[i].kind;
                memcpy(p.key_id, table[i].key_id, sizeof(p.key_id));
                print_message("%s\n", table[i].name);
                assert_int_equal(append(f, &q, row, &p, 1), 0);
                assert_int_equal(q.n_appended, 1);
                assert_int_equal(q.appended[0].r, table[i].r);
                assert_int_equal(q.appended[0].seq, table[i].seq);
                if (table[i].seq == 1)
                        assert_int_equal(q.appended[0].time, START + USEC_PER_SEC);
                assert_int_equal(q.n_entries, table[i].r == 0);
                if (i == 1)
                        reopen_store(f); /* for ever: not only as long as a process lives */
        }
        assert_int_equal(page(f, &q, row, (PageQuery){ .limit = 100 }), 0);
        assert_int_equal(q.n_entries, 4);
        result_done(&q);
}

static void test_append_keeps_order(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Proposal p[] = {
                proposal_of(1, "alice", "{\"n\":1}"), proposal_of(2, "alice", "{\"n\":2}"),
                proposal_of(1, "alice", "{\"n\":1}"), proposal_of(2, "alice", "{\"n\":0}"),
                proposal_of(3, "bob", "{\"n\":3}"),
        };
        static const struct {
                int r;
                uint64_t seq;
        } expected[] = { { 0, 1 }, { 0, 2 }, { 1, 1 }, { -EEXIST, 2 }, { 0, 3 } };
        Result q = {}, q2 = {};
        Proposal later = proposal_of(4, "alice", "{\"n\":4}");

        /* Two requests that share a transaction. */
        assert_int_equal(store_append(f->store, row, p, ELEMENTSOF(p), on_appended, &q, NULL), 0);
        assert_int_equal(store_append(f->store, row, &later, 1, on_appended, &q2, NULL), 0);
        memset(p, 'x', sizeof(p)); /* submitted: it is the store's own copy that counts */
        assert_int_equal(wait_for(f, &q), 0);
        assert_int_equal(wait_for(f, &q2), 0);

        assert_int_equal(q.n_appended, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_int_equal(q.appended[i].r, expected[i].r);
                assert_int_equal(q.appended[i].seq, expected[i].seq);
        }
        assert_int_equal(q.n_entries, 3);
        for (size_t i = 0; i < q.n_entries; i++) {
                char extra[32];

                snprintf(extra, sizeof(extra), "{\"n\":%zu}", i + 1);
                assert_int_equal(q.entries[i].seq, i + 1);
                assert_string_equal(q.entries[i].extra, extra);
                assert_int_equal(q.entries[i].n_extra, strlen(extra));
                assert_string_equal(q.entries[i].kind_name, "message");
        }
        assert_int_equal(q2.appended[0].seq, 4);
        result_done(&q2);

        assert_int_equal(load_channel(f, &q)->synced_seq, 4);
        assert_int_equal(q.channels[0].first_seq, 1);
        assert_int_equal(q.channels[0].last_seq, 4);
        assert_int_equal(q.channels[0].n_unread, 3); /* bob is who we are */
        assert_string_equal(q.channels[0].synced_id, later.id);
        result_done(&q);
}

static void test_append_time_never_goes_back(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), time = 0;
        Result q = {};

        for (unsigned i = 0; i < 4; i++) {
                Proposal p = proposal_of(i, "alice", "{}");

                assert_int_equal(append(f, &q, row, &p, 1), 0);
                assert_true(q.appended[0].time >= time);
                time = q.appended[0].time;
                assert_int_equal(q.entries[0].time, time);
                if (i < 2)
                        clock_virtual_jump_realtime(f->clock, -(int64_t) USEC_PER_HOUR);
                else
                        clock_virtual_jump_realtime(f->clock, 3 * (int64_t) USEC_PER_HOUR);
        }
        assert_int_equal(time, START + USEC_PER_HOUR);
        result_done(&q);
}

static void test_append_refuses(void **state) {
        Fixture *f = *state;
        uint64_t copied = make_channel(f, false);
        Proposal p = proposal_of(1, "alice", "{}"), anonymous = p, without_extra = p;
        Result q = {};

        anonymous.user_type = USER_GUEST;
        anonymous.key_id[0] = '\0';
        without_extra.extra = NULL;
        assert_int_equal(append(f, &q, copied, &p, 0), -EINVAL);
        assert_int_equal(append(f, &q, copied, &anonymous, 1), -EINVAL);
        assert_int_equal(append(f, &q, copied, &without_extra, 1), -EINVAL);
        assert_int_equal(append(f, &q, copied, &p, 1), -EINVAL);
        assert_true(q.done); /* only the disk knows that it is a copy */
        assert_int_equal(append(f, &q, copied + 1, &p, 1), -ENOENT);
        assert_int_equal(q.n_appended, 0);
        assert_int_equal(load_channel(f, &q)->synced_seq, 0);
        result_done(&q);
}

static void test_copy_is_contiguous(void **state) {
        Fixture *f = *state;
        static const struct {
                const char *name;
                bool older;
                uint64_t seqs[3];
                int r;
                uint64_t first, synced;
        } table[] = {
                { "older, of nothing", true, { 8, 9 }, -EILSEQ, 0, 0 },
                { "nothing is no entry", false, { 0 }, -EINVAL, 0, 0 },
                { "a hole inside", false, { 10, 12 }, -EILSEQ, 0, 0 },
                { "backwards", false, { 10, 9 }, -EILSEQ, 0, 0 },
                { "anywhere at first", false, { 10, 11 }, 0, 10, 11 },
                { "again", false, { 10, 11 }, -EILSEQ, 10, 11 },
                { "overlap", false, { 11, 12 }, -EILSEQ, 10, 11 },
                { "a hole before", false, { 13 }, -EILSEQ, 10, 11 },
                { "next", false, { 12, 13, 14 }, 0, 10, 14 },
                { "older with a hole", true, { 7, 8 }, -EILSEQ, 10, 14 },
                { "older, overlapping", true, { 9, 10 }, -EILSEQ, 10, 14 },
                { "older", true, { 8, 9 }, 0, 8, 14 },
                { "older again", true, { 8, 9 }, -EILSEQ, 8, 14 },
                { "the oldest", true, { 6, 7 }, 0, 6, 14 },
        };
        uint64_t row = make_channel(f, false);
        Result q = {};

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Entry entries[3];
                size_t n = 0;

                print_message("%s\n", table[i].name);
                for (; n < 3 && table[i].seqs[n] > 0; n++)
                        entries[n] = entry_of(table[i].seqs[n], (unsigned) table[i].seqs[n],
                                              "message", "alice");
                assert_int_equal(table[i].older ? copy_older(f, &q, row, entries, n)
                                                : copy(f, &q, row, entries, n),
                                 table[i].r);
                if (table[i].r == 0 && !table[i].older)
                        assert_int_equal(q.synced_seq, table[i].synced);
                assert_int_equal(load_channel(f, &q)->first_seq, table[i].first);
                assert_int_equal(q.channels[0].synced_seq, table[i].synced);
                assert_int_equal(page(f, &q, row, (PageQuery){ .limit = 100 }), 0);
                assert_int_equal(q.n_entries,
                                 table[i].synced == 0 ? 0 : table[i].synced - table[i].first + 1);
        }
        result_done(&q);
}

static void test_copy_keeps_what_it_got(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry sent = entry_of(1, 7, "poll", "guest-dan"), twice[2];
        Result q = {};

        sent.user_type = USER_GUEST;
        assert_int_equal(copy(f, &q, row, &sent, 1), 0);
        assert_int_equal(page(f, &q, row, (PageQuery){ .limit = 1 }), 0);
        assert_int_equal(q.n_entries, 1);
        assert_int_equal(q.entries[0].kind, ENTRY_OTHER);
        assert_string_equal(q.entries[0].kind_name, "poll");
        assert_int_equal(q.entries[0].user_type, USER_GUEST);
        assert_string_equal(q.entries[0].username, "guest-dan");
        assert_string_equal(q.entries[0].id, sent.id);
        assert_int_equal(q.entries[0].time, sent.time);
        assert_string_equal(q.entries[0].extra, sent.extra);
        assert_int_equal(q.entries[0].n_extra, sent.n_extra);

        /* A host that stores twice under one id is wrong, and its log is what we copy. */
        twice[0] = entry_of(2, 8, "message", "alice");
        twice[1] = entry_of(3, 8, "message", "alice");
        assert_int_equal(copy(f, &q, row, twice, 2), 0);
        assert_int_equal(q.synced_seq, 3);
        result_done(&q);
}

static void test_copy_is_no_host(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        Entry e = entry_of(1, 1, "message", "alice");
        Result q = {};

        assert_int_equal(copy(f, &q, row, &e, 1), -EINVAL);
        assert_int_equal(copy_older(f, &q, row, &e, 1), -EINVAL);
        assert_int_equal(copy(f, &q, row + 1, &e, 1), -ENOENT);
        result_done(&q);
}

/* Its owner's device takes over: who asks again, since the host before never answered, is known. */
static void test_copy_becomes_a_log(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry entries[] = { entry_of(1, 1, "message", "carol"), entry_of(2, 2, "message", "dan"),
                            entry_of(3, 2, "message", "dan"),
                            entry_of(4, 4, "message", "guest-e") };
        Proposal p;
        StoredChannel c;
        Result q = {};

        entries[3].user_type = USER_GUEST;
        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, entries, ELEMENTSOF(entries), "bob",
                                         USER_REGISTERED, on_copied, &q, NULL)),
                         0);
        c = *load_channel(f, &q);
        c.reason = c.topic = NULL;
        c.hosted = true;
        assert_int_equal(save_channel(f, &c), row);
        p = proposal_of(1, "carol", entries[0].extra);
        assert_int_equal(append(f, &q, row, &p, 1), 0);
        assert_int_equal(q.appended[0].r, 1);
        assert_int_equal(q.appended[0].seq, 1);
        /* The host before stored this one twice: the first counts. */
        p = proposal_of(2, "dan", entries[1].extra);
        assert_int_equal(append(f, &q, row, &p, 1), 0);
        assert_int_equal(q.appended[0].r, 1);
        assert_int_equal(q.appended[0].seq, 2);
        p = proposal_of(1, "carol", "{\"message_content\":\"other\"}");
        assert_int_equal(append(f, &q, row, &p, 1), 0);
        assert_int_equal(q.appended[0].r, -EEXIST);
        /* The key of a guest is not in a copy: the name stands for it. */
        p = proposal_of(4, "guest-e", entries[3].extra);
        p.user_type = USER_GUEST;
        assert_int_equal(append(f, &q, row, &p, 1), 0);
        assert_int_equal(q.appended[0].r, 1);
        assert_int_equal(q.appended[0].seq, 4);
        p = proposal_of(4, "guest-e", "{\"message_content\":\"other\"}");
        p.user_type = USER_GUEST;
        assert_int_equal(append(f, &q, row, &p, 1), 0);
        assert_int_equal(q.appended[0].r, -EEXIST);
        /* From then on the key counts. */
        p = proposal_of(5, "guest-e", entries[3].extra);
        p.user_type = USER_GUEST;
        assert_int_equal(append(f, &q, row, &p, 1), 0);
        assert_int_equal(q.appended[0].r, 0);
        assert_int_equal(q.appended[0].seq, 5);
        p = proposal_of(5, "guest-e", "{\"message_content\":\"other\"}");
        p.user_type = USER_GUEST;
        memset(p.key_id, 'b', sizeof(p.key_id) - 1);
        assert_int_equal(append(f, &q, row, &p, 1), 0);
        assert_int_equal(q.appended[0].r, 0);
        assert_int_equal(q.appended[0].seq, 6);
        result_done(&q);
}

static void test_drop_copy(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false), hosted;
        Entry entries[] = { entry_of(1, 1, "message", "carol"), entry_of(2, 2, "message", "dan"),
                            entry_of(3, 3, "message", "dan") };
        StoredChannel c;
        Result q = {};

        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, entries, 3, "bob", USER_REGISTERED,
                                         on_copied, &q, NULL)),
                         0);
        assert_int_equal(add_row(f, &q, row, 7, "waits"), 0);
        assert_int_equal(
                CALL(f, &q, store_mark_read(f->store, row, 3, false, on_read_mark, &q, NULL)), 0);
        c = *load_channel(f, &q);
        c.reason = c.topic = NULL;
        c.diverged_seq = 3;
        assert_int_equal(save_channel(f, &c), row);

        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, row, on_done, &q, NULL)), 0);
        c = *load_channel(f, &q);
        assert_int_equal(c.first_seq, 0);
        assert_int_equal(c.synced_seq, 0);
        assert_int_equal(c.n_unread, 0);
        assert_int_equal(c.read_seq, 2);
        assert_int_equal(c.diverged_seq, 0);
        assert_int_equal(c.n_outbox, 1);
        assert_int_equal(page(f, &q, row, (PageQuery){ .limit = 100 }), 0);
        assert_int_equal(q.n_entries, 0);
        assert_int_equal(CALL(f, &q,
                              store_copy(f->store, row, entries, 3, "bob", USER_REGISTERED,
                                         on_copied, &q, NULL)),
                         0);
        assert_int_equal(load_channel(f, &q)->n_unread, 1);

        c.hosted = true;
        c.reason = c.topic = NULL;
        hosted = save_channel(f, &c);
        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, hosted, on_done, &q, NULL)),
                         -EINVAL);
        result_done(&q);
}

static void test_unread(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        /* 21 alice, 22 bob (us), 23 a topic, 24 alice, 25 guest-bob … */
        Entry entries[] = {
                entry_of(21, 21, "message", "alice"), entry_of(22, 22, "message", "bob"),
                entry_of(23, 23, "topic", "alice"),   entry_of(24, 24, "message", "alice"),
                entry_of(25, 25, "message", "bob"), /* a guest of our name is not us */
        };
        static const struct {
                uint64_t seq;
                bool backwards;
                uint64_t read_seq, n_unread;
        } marks[] = {
                { 0, false, 20, 3 },  { 21, false, 21, 2 }, { 21, false, 21, 2 },
                { 22, false, 22, 2 }, { 24, false, 24, 1 }, { 21, false, 24, 1 },
                { 21, true, 21, 2 },  { 99, false, 25, 0 }, { UINT64_MAX, false, 25, 0 },
                { 20, true, 20, 3 },  { 3, true, 3, 3 },
        };
        Entry older[] = { entry_of(3, 3, "message", "alice"), entry_of(4, 4, "message", "alice") };
        Result q = {};

        entries[4].user_type = USER_GUEST;
        assert_int_equal(copy(f, &q, row, entries, 5), 0);
        assert_int_equal(q.n_unread, 3);
        for (size_t i = 0; i < ELEMENTSOF(marks); i++) {
                assert_int_equal(CALL(f, &q,
                                      store_mark_read(f->store, row, marks[i].seq,
                                                      marks[i].backwards, on_read_mark, &q, NULL)),
                                 0);
                assert_int_equal(q.read_seq, marks[i].read_seq);
                assert_int_equal(q.n_unread, marks[i].n_unread);
                assert_int_equal(load_channel(f, &q)->read_seq, marks[i].read_seq);
                assert_int_equal(q.channels[0].n_unread, marks[i].n_unread);
        }
        /* Back to 3: of what comes from below now, 4…20 is unread, 3 is not. */
        for (uint64_t seq = 20; seq > 4; seq--) {
                Entry e = entry_of(seq, (unsigned) seq, "kick", "alice");

                assert_int_equal(copy_older(f, &q, row, &e, 1), 0);
        }
        assert_int_equal(copy_older(f, &q, row, older, 2), 0);
        assert_int_equal(load_channel(f, &q)->n_unread, 4);
        assert_int_equal(
                CALL(f, &q, store_mark_read(f->store, row + 1, 1, false, on_read_mark, &q, NULL)),
                -ENOENT);
        result_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_append_deduplicates, setup, teardown),
                cmocka_unit_test_setup_teardown(test_append_keeps_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_append_time_never_goes_back, setup, teardown),
                cmocka_unit_test_setup_teardown(test_append_refuses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy_is_contiguous, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy_keeps_what_it_got, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy_is_no_host, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy_becomes_a_log, setup, teardown),
                cmocka_unit_test_setup_teardown(test_drop_copy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
