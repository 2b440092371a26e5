/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels of an identity: what is kept, what is refused, what goes with them. */
#include <sqlite3.h>
#include <stdlib.h>

#include "tests/unit/daemon/store-fixture.h"

static int save(Fixture *f, Result *q, const StoredChannel *c) {
        return CALL(f, q, store_save_channel(f->store, c, on_row, q, NULL));
}

static void assert_channel_equal(const StoredChannel *a, const StoredChannel *b) {
        assert_int_equal(a->row, b->row);
        assert_int_equal(a->identity, b->identity);
        assert_string_equal(a->channel_id, b->channel_id);
        assert_string_equal(a->name, b->name);
        assert_string_equal(a->owner, b->owner);
        assert_string_equal(a->host, b->host);
        assert_int_equal(a->hosted, b->hosted);
        assert_int_equal(a->wanted, b->wanted);
        assert_int_equal(a->closed, b->closed);
        assert_true(streq_ptr(a->reason, b->reason));
        assert_int_equal(a->role, b->role);
        assert_int_equal(a->view, b->view);
        assert_int_equal(a->send, b->send);
        assert_true(streq_ptr(a->topic, b->topic));
        assert_int_equal(a->epoch, b->epoch);
        assert_int_equal(a->has_backlog, b->has_backlog);
        assert_int_equal(a->backlog, b->backlog);
        assert_int_equal(a->has_begin, b->has_begin);
        assert_int_equal(a->begin_seq, b->begin_seq);
        assert_string_equal(a->begin_id, b->begin_id);
        assert_int_equal(a->went_back, b->went_back);
        assert_string_equal(a->previous, b->previous);
        assert_string_equal(a->successor, b->successor);
        assert_int_equal(a->diverged_seq, b->diverged_seq);
        assert_int_equal(a->n_addresses, b->n_addresses);
        for (size_t i = 0; i < a->n_addresses; i++)
                assert_true(address_equal(&a->addresses[i], &b->addresses[i]));
        assert_int_equal(a->first_seq, b->first_seq);
        assert_int_equal(a->synced_seq, b->synced_seq);
        assert_string_equal(a->synced_id, b->synced_id);
        assert_int_equal(a->last_seq, b->last_seq);
        assert_int_equal(a->read_seq, b->read_seq);
        assert_int_equal(a->n_unread, b->n_unread);
        assert_int_equal(a->n_outbox, b->n_outbox);
}

static void test_fields_are_kept(void **state) {
        Fixture *f = *state;
        StoredChannel c = {
                .channel_id = "00000000-0000-4000-8000-000000000001",
                .name = "lobby",
                .owner = "alice",
                .host = "anna",
                .hosted = true,
                .wanted = true,
                .role = ROLE_OWNER,
                .view = VIEW_RESTRICTED,
                .send = SEND_MEMBERS,
                .topic = "a 'topic' \xf0\x9f\x90\xa2",
                .epoch = 3,
                .has_backlog = true,
                .backlog = 7,
                .has_begin = true,
                .begin_seq = 6,
                .begin_id = "00000000-0000-4000-8000-000000000005",
                .went_back = true,
                .previous = "00000000-0000-4000-8000-000000000003",
                /* the store's own, which a caller cannot set */
                .synced_seq = 99,
                .n_unread = 99,
        };
        Result q = {};

        save_tracker(f, TRACKER_ID);
        c.identity = sign_in(f, "bob", USER_REGISTERED, PEM(PEM_BODY));
        for (; c.n_addresses < ADDRESSES_MAX; c.n_addresses++) {
                const char *text = c.n_addresses % 2
                                           ? "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"
                                           : "198.51.100.200:22237";

                assert_int_equal(address_parse(text, false, &c.addresses[c.n_addresses]), 0);
        }
        c.row = save_channel(f, &c);
        c.synced_seq = c.n_unread = 0;
        reopen_store(f);
        assert_channel_equal(load_channel(f, &q), &c);

        c = (StoredChannel){
                .row = c.row,
                .identity = c.identity,
                .channel_id = "00000000-0000-4000-8000-000000000002",
                .name = "den",
                .owner = "carol",
                .host = "carol",
                .closed = true,
                .reason = "unhosted",
                .role = ROLE_NONE,
                .view = VIEW_PUBLIC,
                .send = SEND_EVERYONE,
                .epoch = 4,
                .successor = "00000000-0000-4000-8000-000000000004",
                .diverged_seq = 41,
        };
        assert_int_equal(save_channel(f, &c), c.row);
        assert_channel_equal(load_channel(f, &q), &c);
        assert_int_equal(q.n_channels, 1);
        result_done(&q);
}

static void test_save_refuses(void **state) {
        Fixture *f = *state;
        uint64_t first = make_channel(f, false), other;
        StoredChannel c, again, elsewhere;
        Result q = {};

        c = *load_channel(f, &q);
        c.reason = c.topic = NULL;
        again = elsewhere = c;

        again.row = 0;
        assert_int_equal(save(f, &q, &again), -EEXIST);
        assert_int_equal(q.row, 0);
        again.channel_id[0] = 'f';
        other = save_channel(f, &again);
        assert_true(other != first);
        again.row = other;
        memcpy(again.channel_id, c.channel_id, sizeof(c.channel_id));
        assert_int_equal(save(f, &q, &again), -EEXIST);

        /* Another identity may well be in the same channel. */
        elsewhere.row = 0;
        elsewhere.identity = sign_in(f, "carol", USER_REGISTERED, PEM(PEM_BODY));
        save_channel(f, &elsewhere);

        c.row = 77;
        c.channel_id[0] = 'e';
        assert_int_equal(save(f, &q, &c), -ENOENT);
        c.row = first;
        c.identity = 77;
        assert_int_equal(save(f, &q, &c), -ENOENT);
        c.view = VIEW_INVALID;
        assert_int_equal(save(f, &q, &c), -EINVAL);
        result_done(&q);
}

static void test_delete_takes_all(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true), next;
        Proposal p = proposal_of(1, "alice", "{\"secret\":1}");
        StoredChannel c;
        Result q = {};

        c = *load_channel(f, &q);
        c.reason = c.topic = NULL;
        c.row = 0;
        assert_int_equal(add_row(f, &q, row, 2, "hi"), 0);
        assert_int_equal(CALL(f, &q, store_append(f->store, row, &p, 1, on_appended, &q, NULL)), 0);

        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, row, on_done, &q, NULL)), 0);
        assert_int_equal(
                CALL(f, &q,
                     store_read_page(f->store, row, &(PageQuery){ .limit = 9 }, on_page, &q, NULL)),
                0);
        assert_int_equal(q.n_entries, 0);
        assert_int_equal(
                CALL(f, &q, store_outbox_read(f->store, row, 0, false, 9, 0, on_outbox, &q, NULL)),
                0);
        assert_int_equal(q.n_rows, 0);
        assert_int_equal(CALL(f, &q, store_delete_channel(f->store, row, on_done, &q, NULL)),
                         -ENOENT);

        /* A late request must not meet the next channel in the old one's place. */
        next = save_channel(f, &c);
        assert_true(next > row);
        assert_int_equal(CALL(f, &q, store_append(f->store, row, &p, 1, on_appended, &q, NULL)),
                         -ENOENT);
        assert_int_equal(CALL(f, &q, store_append(f->store, next, &p, 1, on_appended, &q, NULL)),
                         0);
        assert_int_equal(q.appended[0].r, 0);
        assert_int_equal(q.appended[0].seq, 1);
        result_done(&q);
}

static void test_heads_are_lazy_and_in_order(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry e = entry_of(1, 1, "message", "alice");
        Result q = {};

        assert_int_equal(store_set_last_seq(f->store, row, 7), 0);
        assert_int_equal(store_set_last_seq(f->store, row + 1, 7), 0); /* no such row: nothing */
        assert_int_equal(store_set_last_seq(f->store, row, 9), 0);
        assert_int_equal(load_channel(f, &q)->last_seq, 9);

        /* Heard before the copy: the copy has the last word, and does not take a higher one back.
         */
        assert_int_equal(store_set_last_seq(f->store, row, 0), 0);
        assert_int_equal(
                CALL(f, &q,
                     store_copy(f->store, row, &e, 1, "bob", USER_REGISTERED, on_copied, &q, NULL)),
                0);
        assert_int_equal(load_channel(f, &q)->last_seq, 1);
        e = entry_of(2, 2, "message", "alice");
        assert_int_equal(store_set_last_seq(f->store, row, 30), 0);
        assert_int_equal(
                CALL(f, &q,
                     store_copy(f->store, row, &e, 1, "bob", USER_REGISTERED, on_copied, &q, NULL)),
                0);
        assert_int_equal(load_channel(f, &q)->last_seq, 30);

        assert_int_equal(store_set_last_seq(f->store, row, 31), 0);
        reopen_store(f);
        assert_int_equal(load_channel(f, &q)->last_seq, 31);
        result_done(&q);
}

static int copy_one(Fixture *f, Result *q, uint64_t row, const Entry *e) {
        return CALL(f, q,
                    store_copy(f->store, row, e, 1, "bob", USER_REGISTERED, on_copied, q, NULL));
}

/* The first entry of a copy is the one behind what the host's first OK said; a dropped copy begins
 * anew. */
static void test_copy_begins_where_it_should(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Entry early = entry_of(6, 6, "message", "alice"), late = entry_of(8, 8, "message", "alice"),
              right = entry_of(7, 7, "message", "alice");
        StoredChannel c;
        Result q = {};

        c = *load_channel(f, &q);
        c.reason = c.topic = NULL;
        c.has_begin = true;
        c.begin_seq = 6;
        uuid_of(6, c.begin_id);
        save_channel(f, &c);
        assert_int_equal(copy_one(f, &q, row, &early), -EILSEQ);
        assert_int_equal(copy_one(f, &q, row, &late), -EILSEQ);
        assert_int_equal(copy_one(f, &q, row, &right), 0);
        assert_int_equal(copy_one(f, &q, row, &late), 0);
        assert_int_equal(load_channel(f, &q)->begin_seq, 6);

        assert_int_equal(CALL(f, &q, store_drop_copy(f->store, row, on_done, &q, NULL)), 0);
        assert_false(load_channel(f, &q)->has_begin);
        assert_string_equal(q.channels[0].begin_id, "");
        assert_int_equal(copy_one(f, &q, row, &late), 0);
        result_done(&q);
}

static void on_other(int r, uint64_t seq, void *userdata) {
        Result *q = userdata;

        q->synced_seq = seq;
        on_done(r, q);
}

static void test_find_other(void **state) {
        static const struct {
                EntryId ids[3];
                uint64_t other;
        } table[] = {
                { { { 7, "7" }, { 8, "8" }, { 9, "9" } }, 0 },
                { { { 6, "1" }, { 10, "1" }, { UINT64_MAX, "1" } }, 0 }, /* not held */
                { { { 7, "7" }, { 9, "1" }, { 8, "1" } }, 9 },
                { { { 7, "1" }, { 7, "7" }, { 8, "8" } }, 7 },
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, false);
        Result q = {};

        for (uint64_t seq = 7; seq < 10; seq++) {
                Entry e = entry_of(seq, (unsigned) seq, "message", "alice");

                assert_int_equal(copy_one(f, &q, row, &e), 0);
        }
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                EntryId ids[3];

                memcpy(ids, table[i].ids, sizeof(ids));
                for (size_t k = 0; k < ELEMENTSOF(ids); k++)
                        uuid_of((unsigned) atoi(table[i].ids[k].id), ids[k].id);
                assert_int_equal(CALL(f, &q,
                                      store_find_other(f->store, row, ids, ELEMENTSOF(ids),
                                                       on_other, &q, NULL)),
                                 0);
                assert_int_equal(q.synced_seq, table[i].other);
        }
        result_done(&q);
}

/* What version 1 wrote is the present one without what was added. */
static void test_first_version_is_brought_up(void **state) {
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        sqlite3 *db;
        Result q = {};
        StoredChannel c;

        f->store = store_free(f->store);
        assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_exec(db,
                                      "ALTER TABLE channel DROP COLUMN went_back;"
                                      "ALTER TABLE channel DROP COLUMN previous;"
                                      "ALTER TABLE channel DROP COLUMN successor;"
                                      "ALTER TABLE channel DROP COLUMN diverged_seq;"
                                      "ALTER TABLE tracker DROP COLUMN revocations;"
                                      "DROP TABLE revocation;"
                                      "DROP TABLE attempt;"
                                      "DROP TABLE retention;"
                                      "DROP TABLE redaction;"
                                      "DROP TABLE owed;"
                                      "DROP TABLE search_index;"
                                      "ALTER TABLE channel DROP COLUMN addresses;"
                                      "ALTER TABLE outbox DROP COLUMN writer;"
                                      "ALTER TABLE channel DROP COLUMN begin_seq;"
                                      "ALTER TABLE channel DROP COLUMN begin_id;"
                                      "DROP TABLE roster_member;"
                                      "DROP TABLE roster;"
                                      "DROP TABLE ignored;"
                                      "DROP TABLE role_key;"
                                      "DROP INDEX entry_by_guest;"
                                      "DROP INDEX entry_mention;"
                                      "ALTER TABLE entry DROP COLUMN mention;"
                                      "ALTER TABLE channel DROP COLUMN n_mentions;"
                                      "ALTER TABLE channel DROP COLUMN notify;"
                                      "ALTER TABLE identity DROP COLUMN invisible;" ENTRY_OF_BEFORE
                                      "PRAGMA user_version=1",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_close(db), SQLITE_OK);

        open_store(f);
        c = *load_channel(f, &q);
        assert_int_equal(c.row, row);
        assert_true(c.hosted);
        assert_false(c.went_back);
        assert_string_equal(c.previous, "");
        assert_string_equal(c.successor, "");
        assert_int_equal(c.diverged_seq, 0);
        assert_int_equal(c.n_addresses, 0);
        assert_false(c.has_begin);
        assert_string_equal(c.begin_id, "");
        result_done(&q);
}

/* With the entry, not behind it: a crash between the two would show a restricted channel's topic to
 * everybody when the tracker is told by the row. Who saves what it knew before changes nothing. */
static void test_row_says_what_the_log_says(void **state) {
        static const struct {
                const char *extra;
                EntryKind kind;
                ViewPermission view;
                SendPermission send;
                const char *topic;
        } steps[] = {
                { "{\"topic\":\"tea\"}", ENTRY_TOPIC, VIEW_PUBLIC, SEND_REGISTERED, "tea" },
                { "{\"view_permission\":\"restricted\"}", ENTRY_VIEW, VIEW_RESTRICTED,
                  SEND_REGISTERED, "tea" },
                { "{\"send_permission\":\"everyone\",\"retention_days\":3}", ENTRY_VIEW,
                  VIEW_RESTRICTED, SEND_EVERYONE, "tea" },
                { "{\"topic\":\"\"}", ENTRY_TOPIC, VIEW_RESTRICTED, SEND_EVERYONE, "" },
                { "{\"view_permission\":\"public\",\"send_permission\":\"members\"}", ENTRY_VIEW,
                  VIEW_PUBLIC, SEND_MEMBERS, "" },
                { "{\"topic\":\"said by a message\",\"view_permission\":\"restricted\"}",
                  ENTRY_MESSAGE, VIEW_PUBLIC, SEND_MEMBERS, "" },
        };
        Fixture *f = *state;
        uint64_t row = make_channel(f, true);
        StoredChannel before, after;
        Result q = {};

        for (unsigned i = 0; i < ELEMENTSOF(steps); i++) {
                Proposal p = proposal_of(i + 1, "alice", steps[i].extra);

                before = *load_channel(f, &q);
                before.topic = before.reason = NULL;
                p.kind = steps[i].kind;
                assert_int_equal(
                        CALL(f, &q, store_append(f->store, row, &p, 1, on_appended, &q, NULL)), 0);
                assert_int_equal(save_channel(f, &before), row);
                reopen_store(f);
                after = *load_channel(f, &q);
                assert_int_equal(after.view, steps[i].view);
                assert_int_equal(after.send, steps[i].send);
                assert_string_equal(after.topic ?: "", steps[i].topic);
        }

        /* Where the log is another's, what it told is saved. */
        after.hosted = false;
        after.view = VIEW_RESTRICTED;
        after.topic = after.reason = NULL;
        assert_int_equal(save_channel(f, &after), row);
        assert_int_equal(load_channel(f, &q)->view, VIEW_RESTRICTED);
        result_done(&q);
}

static void test_names_of_enums(void **state) {
        for (ViewPermission p = 0; p < VIEW_MAX; p++)
                assert_int_equal(view_permission_from_string(view_permission_to_string(p)), p);
        for (SendPermission p = 0; p < SEND_MAX; p++)
                assert_int_equal(send_permission_from_string(send_permission_to_string(p)), p);
        for (OutboxState s = 0; s < OUTBOX_STATE_MAX; s++)
                assert_int_equal(outbox_state_from_string(outbox_state_to_string(s)), s);
        assert_string_equal(view_permission_to_string(VIEW_RESTRICTED), "restricted");
        assert_string_equal(send_permission_to_string(SEND_REGISTERED), "registered");
        assert_int_equal(view_permission_from_string("registered"), VIEW_INVALID);
        assert_int_equal(send_permission_from_string(NULL), SEND_INVALID);
        assert_int_equal(outbox_state_from_string(""), OUTBOX_STATE_INVALID);
        assert_null(view_permission_to_string(VIEW_INVALID));
        assert_null(send_permission_to_string(SEND_MAX));
        assert_null(outbox_state_to_string(OUTBOX_STATE_INVALID));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_fields_are_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_save_refuses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_delete_takes_all, setup, teardown),
                cmocka_unit_test_setup_teardown(test_heads_are_lazy_and_in_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_copy_begins_where_it_should, setup, teardown),
                cmocka_unit_test_setup_teardown(test_find_other, setup, teardown),
                cmocka_unit_test_setup_teardown(test_first_version_is_brought_up, setup, teardown),
                cmocka_unit_test_setup_teardown(test_row_says_what_the_log_says, setup, teardown),
                cmocka_unit_test(test_names_of_enums),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
