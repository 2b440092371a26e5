/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the life of a channel at the tracker: hosted, watched, silent, taken over, restarted; in
 * virtual time through the real wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define ID_LOBBY "11111111-2222-4333-8444-555555555555"
#define ID_OTHER "99999999-2222-4333-8444-555555555555"

static ErrorCode host(RigClient *c, const char *name, const char *id, uint64_t last_seq,
                      const char *more) {
        return rig_call(c, "HOST",
                        "{\"channel_name\":\"%s\",\"channel_id\":\"%s\","
                        "\"addresses\":[\"192.0.2.7:22237\",\"127.0.0.1:22237\"],"
                        "\"view_permission\":\"public\",\"topic\":\"hello\",\"epoch\":1,"
                        "\"last_seq\":%d,\"members\":1%s}",
                        name, id, (int) last_seq, more);
}

static ErrorCode beat(RigClient *c, const char *name, unsigned epoch, unsigned last_seq,
                      unsigned members) {
        return rig_call(c, "HEARTBEAT",
                        "{\"channels\":[{\"channel_name\":\"%s\",\"epoch\":%u,\"last_seq\":%u,"
                        "\"members\":%u}],\"revocations_after\":0}",
                        name, epoch, last_seq, members);
}

/* The CHANNEL of that name as c sees it, borrowed from its last answer. */
static const Value *look(RigClient *c, const char *name) {
        const Value *list;

        assert_int_equal(rig_call(c, "LIST", "{\"query\":\"%s\"}", name), ERROR_NONE);
        list = value_get(c->payload, "channels");
        return value_length(list) == 1 ? value_at(list, 0) : NULL;
}

static void test_lapse(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        const Value *v;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host(alice, "lobby", ID_LOBBY, 5, ""), ERROR_NONE);
        assert_int_equal(rig_uint(alice->payload, "lease_seconds"), 60);
        assert_string_equal(rig_string(alice->payload, "observed_address"), "127.0.0.1:22237");
        test_loop_run(rig->loop, 2 * USEC_PER_SEC);
        assert_string_equal(rig->status, "2 sessions, 1 channel online");

        /* Ten minutes of beats keep it, whatever the connection does. */
        for (unsigned i = 1; i <= 30; i++) {
                test_loop_run(rig->loop, 20 * USEC_PER_SEC);
                assert_true(rig_bool(look(bob, "lobby"), "online"));
                assert_int_equal(beat(alice, "lobby", 1, 5 + i, i), ERROR_NONE);
                assert_int_equal(value_length(value_get(alice->payload, "lost")), 0);
                assert_false(rig_bool(alice->payload, "more"));
                if (i == 15)
                        rig_connect(alice);
        }
        v = look(bob, "lobby");
        assert_true(rig_bool(v, "online"));
        assert_int_equal(rig_uint(v, "last_seq"), 35);
        assert_int_equal(rig_uint(v, "members"), 30);

        /* Silence: a minute after the last beat it is offline, not earlier, and stays listed. */
        rig_disconnect(alice);
        test_loop_run(rig->loop, 59 * USEC_PER_SEC);
        assert_true(rig_bool(look(bob, "lobby"), "online"));
        test_loop_run(rig->loop, 2 * USEC_PER_SEC);
        assert_false(rig_bool(look(bob, "lobby"), "online"));
        assert_string_equal(rig->status, "1 session, 0 channels online");

        /* A beat brings it back; a gap that lost nothing needs no new HOST. */
        rig_connect(alice);
        assert_int_equal(beat(alice, "lobby", 1, 40, 1), ERROR_NONE);
        assert_int_equal(value_length(value_get(alice->payload, "lost")), 0);
        assert_true(rig_bool(look(bob, "lobby"), "online"));

        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":false}"),
                         ERROR_NONE);
        assert_false(rig_bool(look(bob, "lobby"), "online"));
        assert_int_equal(host(bob, "lobby", ID_OTHER, 5, ""), ERROR_CHANNEL_EXISTS);
        assert_int_equal(rig_call(bob, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_NOT_OWNER);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_NONE);
        assert_null(look(bob, "lobby"));
        assert_int_equal(host(bob, "lobby", ID_OTHER, 5, ""), ERROR_NONE);
}

static void test_take_over(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *one = NULL, *two = NULL;
        const Value *lost;
        uint64_t now;

        rig_start(rig);
        one = rig_user(rig, "alice");
        two = rig_client_new(rig);
        rig_connect(two);
        assert_int_equal(
                rig_call_csr(two, "SIGNIN", "\"username\":\"alice\",\"password\":\"password1\""),
                ERROR_NONE);
        two->certificate = strdup(rig_string(two->payload, "certificate"));
        rig_connect(two);

        now = clock_realtime(rig->rt->clock);
        assert_int_equal(host(one, "lobby", ID_LOBBY, 5, ""), ERROR_NONE);
        assert_int_equal(host(two, "lobby", ID_LOBBY, 5, ""), ERROR_CONFLICT);
        assert_true(two->failure.holder_until >= now + 59 * USEC_PER_SEC &&
                    two->failure.holder_until <= now + 62 * USEC_PER_SEC);
        assert_int_equal(host(two, "lobby", ID_LOBBY, 4, ",\"take_over\":true"), ERROR_STALE_EPOCH);
        assert_int_equal(two->failure.last_seq, 5);
        assert_int_equal(host(two, "lobby", ID_LOBBY, 5, ",\"take_over\":true"), ERROR_NONE);
        assert_int_equal(rig_uint(two->payload, "epoch"), 2);
        assert_int_equal(host(two, "lobby", ID_LOBBY, 6, ""), ERROR_NONE);
        assert_int_equal(rig_uint(two->payload, "epoch"), 2);

        assert_int_equal(beat(one, "lobby", 1, 9, 1), ERROR_NONE);
        lost = value_get(one->payload, "lost");
        assert_int_equal(value_length(lost), 1);
        assert_string_equal(rig_string(value_at(lost, 0), "error"), "stale-epoch");
        assert_int_equal(host(one, "lobby", ID_LOBBY, 9, ""), ERROR_CONFLICT);
        /* What the loser wrote does not count. */
        assert_int_equal(rig_uint(look(two, "lobby"), "last_seq"), 6);
}

static void test_watch(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL, *carol = NULL;
        const Value *v;
        uint64_t generation, before;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(rig_call(bob, "WATCH", "{}"), ERROR_NONE);
        assert_false(rig_bool(bob->payload, "reset"));

        before = clock_boottime(rig->rt->clock);
        assert_int_equal(host(alice, "lobby", ID_LOBBY, 5, ""), ERROR_NONE);
        rig_until_pushes(bob, 1);
        assert_true(clock_boottime(rig->rt->clock) <= before + USEC_PER_SEC);
        assert_string_equal(bob->push_names[0], "CHANNELS");
        v = value_get(bob->pushes[0], "changed");
        assert_int_equal(value_length(v), 1);
        assert_string_equal(rig_string(value_at(v, 0), "channel_name"), "lobby");
        assert_true(rig_bool(value_at(v, 0), "online"));

        /* Counts alone: one push in half a minute, not one a beat. */
        for (unsigned i = 1; i <= 5; i++) {
                assert_int_equal(beat(alice, "lobby", 1, 5 + i, i), ERROR_NONE);
                test_loop_run(rig->loop, USEC_PER_SEC);
        }
        assert_int_equal(bob->n_pushes, 1);
        rig_until_pushes(bob, 2);
        v = value_at(value_get(bob->pushes[1], "changed"), 0);
        assert_int_equal(rig_uint(v, "members"), 5);
        assert_int_equal(rig_uint(v, "last_seq"), 10);

        /* Restricted: it is told that it is, not what it talks about. */
        assert_int_equal(rig_call(alice, "VIEW",
                                  "{\"channel_name\":\"lobby\",\"view_permission\":\"restricted\","
                                  "\"topic\":\"secret plans\"}"),
                         ERROR_NONE);
        rig_until_pushes(bob, 3);
        v = value_at(value_get(bob->pushes[2], "changed"), 0);
        assert_string_equal(rig_string(v, "view_permission"), "restricted");
        assert_string_equal(rig_string(v, "topic"), "");
        assert_int_equal(rig_uint(v, "members"), 0);
        generation = rig_uint(bob->pushes[2], "generation");

        /* Away for an hour: what changed since follows. */
        assert_int_equal(rig_call(bob, "WATCH", "{\"on\":false}"), ERROR_NONE);
        rig_disconnect(alice);
        test_loop_run(rig->loop, USEC_PER_HOUR);
        assert_int_equal(bob->n_pushes, 3);
        assert_int_equal(
                rig_call(bob, "WATCH", "{\"generation\":%llu}", (unsigned long long) generation),
                ERROR_NONE);
        assert_false(rig_bool(bob->payload, "reset"));
        rig_until_pushes(bob, 4);
        v = value_at(value_get(bob->pushes[3], "changed"), 0);
        assert_false(rig_bool(v, "online"));

        rig_connect(alice);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"lobby\",\"forget\":true}"),
                         ERROR_NONE);
        rig_until_pushes(bob, 5);
        assert_int_equal(value_length(value_get(bob->pushes[4], "changed")), 0);
        assert_string_equal(value_string(value_at(value_get(bob->pushes[4], "removed"), 0), NULL),
                            "lobby");

        /* A generation that nobody gave. */
        carol = rig_client_new(rig);
        rig_connect(carol);
        assert_int_equal(rig_call(carol, "WATCH", "{\"generation\":1}"), ERROR_NONE);
        assert_true(rig_bool(carol->payload, "reset"));
}

/* Who stops reading costs nothing more, keeps nobody waiting, and begins anew when it reads. */
static void test_watcher_that_does_not_read(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        unsigned n_resets = 0, n_before;
        uint64_t generation = 0;
        char topic[501];

        memset(topic, 't', sizeof(topic) - 1);
        topic[sizeof(topic) - 1] = '\0';
        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        for (unsigned i = 0; i < 100; i++) {
                char name[NAME_SIZE], id[UUID_STRING_SIZE];

                snprintf(name, sizeof(name), "channel-%u", i);
                snprintf(id, sizeof(id), "%08u-2222-4333-8444-555555555555", i);
                assert_int_equal(host(alice, name, id, 5, ""), ERROR_NONE);
        }
        assert_int_equal(rig_call(bob, "WATCH", "{}"), ERROR_NONE);
        rpc_set_paused(bob->rpc, true);
        for (unsigned round = 0; round < 30; round++) {
                topic[0] = (char) ('a' + round % 2);
                for (unsigned i = 0; i < 100; i++)
                        assert_int_equal(rig_call(alice, "VIEW",
                                                  "{\"channel_name\":\"channel-%u\","
                                                  "\"topic\":\"%s\"}",
                                                  i, topic),
                                         ERROR_NONE);
                test_loop_run(rig->loop, USEC_PER_SEC);
        }
        assert_true(bob->n_pushes <= 1); /* the pause begins with the next frame */
        assert_false(bob->is_closed);

        rpc_set_paused(bob->rpc, false);
        test_loop_run(rig->loop, USEC_PER_SEC);
        for (unsigned i = 0; i < bob->n_pushes; i++) {
                n_resets += value_has(bob->pushes[i], "reset");
                assert_true(rig_uint(bob->pushes[i], "generation") > generation);
                generation = rig_uint(bob->pushes[i], "generation");
        }
        assert_int_equal(n_resets, 1);
        assert_true(value_has(bob->pushes[bob->n_pushes - 1], "reset"));

        /* From there on it hears what happens. */
        n_before = bob->n_pushes;
        assert_int_equal(
                rig_call(alice, "VIEW", "{\"channel_name\":\"channel-7\",\"topic\":\"new\"}"),
                ERROR_NONE);
        rig_until_pushes(bob, n_before + 1);
        assert_int_equal(value_length(value_get(bob->pushes[n_before], "changed")), 1);
}

/* Killed and started again: accounts, certificates, channels, epochs and highest seqs are there,
 * every lease that lived has a full period, and none that had lapsed lives again. */
static void test_restart(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        uint64_t generation;
        const Value *v;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host(bob, "attic", ID_OTHER, 7, ""), ERROR_NONE);
        test_loop_run(rig->loop, 61 * USEC_PER_SEC);
        assert_int_equal(host(alice, "lobby", ID_LOBBY, 5, ""), ERROR_NONE);
        assert_int_equal(beat(alice, "lobby", 1, 12, 3), ERROR_NONE);
        assert_int_equal(rig_call(alice, "LIST", "{}"), ERROR_NONE);
        generation = rig_uint(alice->payload, "generation");
        test_loop_run(rig->loop, 50 * USEC_PER_SEC);

        rig_kill(rig);
        rig_until(rig, &alice->is_closed);
        test_loop_run(rig->loop, 20 * USEC_PER_SEC);
        rig_start(rig);

        rig_connect(bob);
        assert_false(bob->is_closed);
        v = look(bob, "lobby");
        assert_true(rig_bool(v, "online"));
        assert_int_equal(rig_uint(v, "last_seq"), 12);
        assert_string_equal(rig_string(v, "peer_server_ip"), "192.0.2.7");
        assert_int_equal(value_length(value_get(v, "addresses")), 2);
        assert_false(rig_bool(look(bob, "attic"), "online"));
        assert_int_equal(
                rig_call(bob, "WATCH", "{\"generation\":%llu}", (unsigned long long) generation),
                ERROR_NONE);
        assert_true(rig_bool(bob->payload, "reset"));
        assert_true(rig_uint(bob->payload, "generation") > generation);

        test_loop_run(rig->loop, 58 * USEC_PER_SEC);
        assert_true(rig_bool(look(bob, "lobby"), "online"));
        test_loop_run(rig->loop, 3 * USEC_PER_SEC);
        assert_false(rig_bool(look(bob, "lobby"), "online"));

        rig_connect(alice);
        assert_int_equal(host(alice, "lobby", ID_LOBBY, 11, ""), ERROR_STALE_EPOCH);
        assert_int_equal(host(alice, "lobby", ID_LOBBY, 12, ""), ERROR_NONE);
        assert_int_equal(rig_uint(alice->payload, "epoch"), 1);
        assert_int_equal(rig_call(alice, "WHOIS", "{\"username\":\"bob\"}"), ERROR_NONE);
        assert_true(rig_bool(alice->payload, "exists"));
}

static void test_stop(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_client_new(rig);
        rig_connect(bob);
        tracker_stop(rig->tracker);
        rig_until(rig, &rig->is_stopped);
        rig_until(rig, &alice->is_closed);
        rig_until(rig, &bob->is_closed);
        assert_int_equal(alice->n_pushes, 1);
        assert_string_equal(alice->push_names[0], "GOING_AWAY");
        assert_true(rig_uint(alice->pushes[0], "resume_in_ms") >= 1000);
}

/* A certificate ends, the device renews without it; the tracker's own is another after 45 days. */
static void test_long_life(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        rig_disconnect(alice);
        test_loop_run(rig->loop, 8 * USEC_PER_DAY);
        rig_connect(alice);
        assert_true(alice->is_closed);

        test_loop_run(rig->loop, 100 * USEC_PER_DAY);
        free(TAKE_PTR(alice->certificate));
        rig_connect(alice);
        assert_false(alice->is_closed);
        assert_int_equal(rig_call(alice, "WHOIS", "{\"username\":\"alice\"}"), ERROR_NOT_SIGNED_IN);
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_NONE);
        alice->certificate = strdup(rig_string(alice->payload, "certificate"));
        rig_connect(alice);
        assert_false(alice->is_closed);
        assert_int_equal(rig_call(alice, "WHOIS", "{\"username\":\"alice\"}"), ERROR_NONE);
}

/* The machine's clock is set far ahead, or back: who comes then is let in, by a certificate of that
 * day. */
static void test_clock_is_set(void **state) {
        static const int64_t days[] = { 100, -50 };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);

        rig_start(rig);
        for (size_t i = 0; i < ELEMENTSOF(days); i++) {
                _cleanup_(rig_client_freep) RigClient *alice = NULL;
                char name[NAME_SIZE];

                clock_virtual_jump_realtime(rig->rt->clock, days[i] * (int64_t) USEC_PER_DAY);
                snprintf(name, sizeof(name), "alice%zu", i);
                alice = rig_user(rig, name);
                assert_int_equal(rig_call(alice, "WHOIS", "{\"username\":\"%s\"}", name),
                                 ERROR_NONE);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lapse),     cmocka_unit_test(test_take_over),
                cmocka_unit_test(test_watch),     cmocka_unit_test(test_watcher_that_does_not_read),
                cmocka_unit_test(test_restart),   cmocka_unit_test(test_stop),
                cmocka_unit_test(test_long_life), cmocka_unit_test(test_clock_is_set),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
