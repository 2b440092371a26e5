/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is left of a channel that an operator took out of the directory, for its owner, for
 * others, and for who watches; and how it comes back. */
#include "scenario/operator.h"
#include "support/journal.h"
#include "tracker/message-ids.h"

static int setup(void **state) {
        journal_begin();
        return 0;
}

static int teardown(void **state) {
        journal_end();
        return 0;
}

static size_t n_listed(RigClient *c) {
        assert_int_equal(rig_call(c, "LIST", "{}"), ERROR_NONE);
        return value_length(value_get(c->payload, "channels"));
}

static const char *lost(RigClient *c) {
        const Value *list;

        assert_int_equal(rig_call(c, "HEARTBEAT",
                                  "{\"channels\":[{\"channel_name\":\"lobby\",\"epoch\":1,"
                                  "\"last_seq\":7,\"members\":1}],\"revocations_after\":0}"),
                         ERROR_NONE);
        list = value_get(c->payload, "lost");
        return value_length(list) > 0 ? rig_string(value_at(list, 0), "error") : "";
}

/* The last push shows lobby: 1 as changed, -1 as removed, 0 not at all. */
static int is_pushed(const RigClient *c) {
        const Value *v = c->pushes[c->n_pushes - 1], *removed = value_get(v, "removed");

        assert_string_equal(c->push_names[c->n_pushes - 1], "CHANNELS");
        if (value_length(value_get(v, "changed")) > 0)
                return 1;
        return value_length(removed) > 0 && streq(value_string(value_at(removed, 0), NULL), "lobby")
                       ? -1
                       : 0;
}

/* Nobody is shown it, and its owner may neither host it nor give up its name. */
static void assert_delisted(Rig *rig, RigClient *alice, RigClient *bob) {
        assert_int_equal(n_listed(bob), 0);
        assert_int_equal(n_listed(alice), 0);
        assert_string_equal(lost(alice), "banned");
        assert_string_equal(lost(bob), "channel-exists");
        assert_int_equal(host_lobby(alice, 7), ERROR_BANNED);
        assert_non_null(strstr(alice->failure.message, "out of the directory by the operator of "
                                                       "this tracker (ugly)"));
        assert_int_equal(host_lobby(bob, 7), ERROR_CONFLICT);
        assert_int_equal(
                rig_call(alice, "HOST",
                         "{\"channel_name\":\"lobby\",\"channel_id\":"
                         "\"99999999-2222-4333-8444-555555555555\",\"previous\":\"" ID_LOBBY
                         "\",\"addresses\":[],\"view_permission\":\"public\","
                         "\"topic\":\"\",\"epoch\":1,\"last_seq\":1,\"members\":0}"),
                ERROR_BANNED);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_BANNED);
        assert_int_equal(rig_call(bob, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_NOT_OWNER);
}

static void test_delist(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL, *watcher = NULL;
        unsigned n;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        watcher = rig_user(rig, "wanda");
        assert_int_equal(host_lobby(alice, 7), ERROR_NONE);
        assert_int_equal(rig_call(watcher, "WATCH", "{}"), ERROR_NONE);
        assert_int_equal(delist(rig, "lobby", "ugly").code, ERROR_NONE);
        assert_string_equal(
                journal_get(journal_expect(MESSAGE_TRACKER_DELISTED, "CHAT_CHANNEL=lobby"),
                            "CHAT_REASON"),
                "ugly");
        rig_until_pushes(watcher, 1);
        assert_int_equal(is_pushed(watcher), -1);
        for (unsigned i = 0; i < 2; i++) {
                assert_delisted(rig, alice, bob);
                /* What its owner says of it meanwhile is told to nobody, and not lost. */
                assert_int_equal(rig_call(alice, "VIEW",
                                          "{\"channel_name\":\"lobby\",\"topic\":\"topic%u\"}", i),
                                 ERROR_NONE);
                assert_int_equal(delist(rig, "lobby", "ugly").code, ERROR_NONE);
                rig_kill(rig); /* right behind the answer */
                rig_start(rig);
                rig_connect(alice);
                rig_connect(bob);
                rig_connect(watcher);
                assert_int_equal(rig_call(watcher, "WATCH", "{}"), ERROR_NONE);
        }
        test_loop_run(rig->loop, USEC_PER_MINUTE);
        assert_int_equal(watcher->n_pushes, 0);

        n = watcher->n_pushes;
        assert_int_equal(relist(rig, "lobby").code, ERROR_NONE);
        (void) journal_expect(MESSAGE_TRACKER_RELISTED, "CHAT_USER=alice");
        rig_until_pushes(watcher, n + 1);
        assert_int_equal(is_pushed(watcher), 1);
        assert_int_equal(n_listed(bob), 1);
        assert_false(rig_bool(value_at(value_get(bob->payload, "channels"), 0), "online"));
        assert_string_equal(rig_string(value_at(value_get(bob->payload, "channels"), 0), "topic"),
                            "topic1");
        assert_int_equal(host_lobby(alice, 6), ERROR_STALE_EPOCH); /* nothing was forgotten */
        assert_int_equal(host_lobby(alice, 7), ERROR_NONE);
        assert_string_equal(lost(alice), "");
        rig_until_pushes(watcher, n + 2);
        assert_int_equal(is_pushed(watcher), 1);
        assert_int_equal(relist(rig, "lobby").code, ERROR_NONE);
        assert_string_equal(lost(alice), "");
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_NONE);
        assert_int_equal(delist(rig, "lobby", "ugly").code, ERROR_NO_SUCH_CHANNEL);
        assert_int_equal(relist(rig, "lobby").code, ERROR_NO_SUCH_CHANNEL);
}

/* Who was away while it was taken out hears of it. */
static void test_watcher_was_away(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        uint64_t generation;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host_lobby(alice, 7), ERROR_NONE);
        assert_int_equal(n_listed(bob), 1);
        generation = rig_uint(bob->payload, "generation");
        assert_int_equal(delist(rig, "lobby", NULL).code, ERROR_NONE);
        assert_int_equal(
                rig_call(bob, "WATCH", "{\"generation\":%llu}", (unsigned long long) generation),
                ERROR_NONE);
        rig_until_pushes(bob, 1);
        assert_int_equal(is_pushed(bob), -1);
}

/* HOST, heartbeat and operator at the same moment: it is out in the end, on disk as well. */
static void test_asked_meanwhile(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host_lobby(alice, 1), ERROR_NONE);
        for (unsigned i = 0; i < 40; i++) {
                const char *command = i % 2 ? "HOST" : "HEARTBEAT";

                if (i % 4 >= 2) /* … a lease that comes back */
                        test_loop_run(rig->loop, 2 * USEC_PER_MINUTE);
                rig_send(alice, command,
                         i % 2 ? "{\"channel_name\":\"lobby\",\"channel_id\":\"" ID_LOBBY
                                 "\",\"addresses\":[],\"view_permission\":\"public\","
                                 "\"topic\":\"\",\"epoch\":1,\"last_seq\":%u,\"members\":0}"
                               : "{\"channels\":[{\"channel_name\":\"lobby\",\"epoch\":1,"
                                 "\"last_seq\":%u,\"members\":1}],\"revocations_after\":0}",
                         i + 2);
                for (unsigned n = 0; n < i / 4; n++)
                        assert_true(sd_event_run(rig->rt->event, 0) >= 0);
                assert_int_equal(delist(rig, "lobby", "ugly").code, ERROR_NONE);
                rig_until(rig, &alice->is_answered);
                test_loop_run(rig->loop, USEC_PER_SEC);
                assert_string_equal(lost(alice), "banned");
                assert_int_equal(n_listed(bob), 0);
                rig_kill(rig);
                rig_start(rig);
                rig_connect(alice);
                rig_connect(bob);
                assert_string_equal(lost(alice), "banned");
                assert_int_equal(n_listed(bob), 0);
                assert_int_equal(relist(rig, "lobby").code, ERROR_NONE);
                assert_int_equal(host_lobby(alice, i + 3), ERROR_NONE);
        }
}

static void test_refusals(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        static const char *const names[] = {
                "",
                "x",
                "nothing",
                "Lobby",
                "../x",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        };
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        char reason[REASON_BYTES_MAX + 2];

        rig_start(rig);
        alice = rig_user(rig, "alice");
        assert_int_equal(host_lobby(alice, 7), ERROR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(delist(rig, names[i], NULL).code, ERROR_NO_SUCH_CHANNEL);
                assert_int_equal(relist(rig, names[i]).code, ERROR_NO_SUCH_CHANNEL);
        }
        memset(reason, 'x', sizeof(reason));
        reason[REASON_BYTES_MAX + 1] = '\0';
        assert_int_equal(delist(rig, "lobby", reason).code, ERROR_BAD_REQUEST);
        assert_int_equal(delist(rig, "lobby", "a\nb").code, ERROR_BAD_REQUEST);
        assert_string_equal(lost(alice), "");
}

static void test_lists(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        ChannelsQuery q = { .after = "", .online = -1, .delisted = -1, .limit = 2 };
        const ChannelRecord *rows[4];
        const char *next;
        const Directory *d;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        for (unsigned i = 0; i < 4; i++)
                assert_int_equal(
                        rig_call(i % 2 ? bob : alice, "HOST",
                                 "{\"channel_name\":\"room%u\",\"channel_id\":"
                                 "\"99999999-2222-4333-8444-55555555555%u\",\"addresses\":[],"
                                 "\"view_permission\":\"public\",\"topic\":\"\",\"epoch\":1,"
                                 "\"last_seq\":1,\"members\":0}",
                                 i, i),
                        ERROR_NONE);
        assert_int_equal(delist(rig, "room1", "ugly").code, ERROR_NONE);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"room2\",\"forget\":false}"),
                         ERROR_NONE);
        d = registry_get_directory(tracker_get_registry(rig->tracker));

        assert_int_equal(directory_list(d, &q, rows, &next), 2);
        assert_string_equal(next, "room1");
        assert_string_equal(rows[1]->reason, "ugly");
        assert_true(rows[1]->delisted > 0);
        assert_false(rows[1]->entry.online);
        q.after = next;
        assert_int_equal(directory_list(d, &q, rows, &next), 2);
        assert_null(next);
        q = (ChannelsQuery){ .after = "", .online = 1, .delisted = -1, .limit = 4 };
        assert_int_equal(directory_list(d, &q, rows, &next), 2);
        assert_string_equal(rows[1]->entry.channel_name, "room3");
        assert_true(directory_get_lease_end(d, "room3") > 0);
        assert_int_equal(directory_get_lease_end(d, "room1"), 0);
        q = (ChannelsQuery){ .after = "", .online = 0, .delisted = 0, .limit = 4 };
        assert_int_equal(directory_list(d, &q, rows, &next), 1);
        assert_string_equal(rows[0]->entry.channel_name, "room2");
        q = (ChannelsQuery){ .after = "", .query = "BOB", .online = -1, .delisted = 1, .limit = 4 };
        assert_int_equal(directory_list(d, &q, rows, &next), 1);
        assert_string_equal(rows[0]->entry.channel_name, "room1");
        assert_string_equal(directory_next_owned(d, "bob", "")->entry.channel_name, "room1");
        assert_string_equal(directory_next_owned(d, "bob", "room1")->entry.channel_name, "room3");
        assert_null(directory_next_owned(d, "bob", "room3"));
        assert_null(directory_next_owned(d, "nobody", ""));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_delist),          cmocka_unit_test(test_watcher_was_away),
                cmocka_unit_test(test_asked_meanwhile), cmocka_unit_test(test_refusals),
                cmocka_unit_test(test_lists),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
