/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a watcher of the directory is told, and when: each kind of change, counts, what it
 * missed; in virtual time through the real wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"
#include "support/scratch.h"

#define ID_LOBBY "11111111-2222-4333-8444-555555555555"
#define ID_OTHER "99999999-2222-4333-8444-555555555555"
#define HOST(id, ip)                                                                               \
        "{\"channel_name\":\"lobby\",\"channel_id\":\"" id "\",\"addresses\":[\"" ip               \
        ":22237\"],\"view_permission\":\"public\",\"topic\":\"hello\",\"epoch\":1,\"last_seq\":1," \
        "\"members\":1,\"take_over\":true}"
#define UNHOST(forget) "{\"channel_name\":\"lobby\",\"forget\":" forget "}"
#define VIEW(what) "{\"channel_name\":\"lobby\"," what "}"
#define BEAT(members, last_seq)                                                                    \
        "{\"channels\":[{\"channel_name\":\"lobby\",\"epoch\":2,\"last_seq\":" #last_seq           \
        ",\"members\":" #members "}],\"revocations_after\":0}"

typedef enum Who { ALICE, TABLET, BOB, N_WHO } Who;

/* What a push says of the lobby, as "owner online view topic epoch address". */
static void describe(const Value *push, char *ret, size_t size) {
        const Value *changed = value_get(push, "changed"), *removed = value_get(push, "removed");
        const Value *c = value_at(changed, 0);

        assert_false(value_has(push, "reset"));
        assert_int_equal(value_length(changed) + value_length(removed), 1);
        if (value_length(removed) == 1) {
                assert_string_equal(value_string(value_at(removed, 0), NULL), "lobby");
                snprintf(ret, size, "removed");
                return;
        }
        assert_string_equal(rig_string(c, "channel_name"), "lobby");
        snprintf(ret, size, "%s %s %s %s %d %s", rig_string(c, "owner"),
                 rig_bool(c, "online") ? "online" : "offline", rig_string(c, "view_permission"),
                 rig_string(c, "topic"), (int) rig_uint(c, "epoch"),
                 value_string(value_at(value_get(c, "addresses"), 0), NULL));
}

/* Every change of what a channel is, is told within a second, once, and as it is by then. */
static void test_within_a_second(void **state) {
        static const struct {
                Who who;
                const char *command, *payload, *told;
                uint64_t silence_usec; /* before it is told: nobody says anything */
        } table[] = {
                { ALICE, "HOST", HOST(ID_LOBBY, "192.0.2.1"),
                  "alice online public hello 1 192.0.2.1:22237" },
                { ALICE, "HOST", HOST(ID_LOBBY, "192.0.2.2"),
                  "alice online public hello 1 192.0.2.2:22237" },
                { ALICE, "VIEW", VIEW("\"topic\":\"news\""),
                  "alice online public news 1 192.0.2.2:22237" },
                { ALICE, "VIEW", VIEW("\"view_permission\":\"restricted\""),
                  "alice online restricted  1 192.0.2.2:22237" },
                { ALICE, "VIEW", VIEW("\"view_permission\":\"public\",\"topic\":\"old\""),
                  "alice online public old 1 192.0.2.2:22237" },
                { TABLET, "HOST", HOST(ID_LOBBY, "192.0.2.3"),
                  "alice online public hello 2 192.0.2.3:22237" },
                { ALICE, "VIEW", VIEW("\"topic\":\"news\""),
                  "alice online public news 2 192.0.2.3:22237" },
                { TABLET, "HOST", HOST(ID_LOBBY, "192.0.2.3"),
                  "alice online public hello 2 192.0.2.3:22237" }, /* the topic alone */
                { TABLET, "UNHOST", UNHOST("false"),
                  "alice offline public hello 2 192.0.2.3:22237" },
                { TABLET, "HOST", HOST(ID_LOBBY, "192.0.2.3"),
                  "alice online public hello 2 192.0.2.3:22237" },
                { TABLET, "LIST", "{}", "alice offline public hello 2 192.0.2.3:22237",
                  60 * USEC_PER_SEC },
                { TABLET, "HEARTBEAT", BEAT(1, 1), "alice online public hello 2 192.0.2.3:22237" },
                { TABLET, "SIGNOUT", "{}", "alice offline public hello 2 192.0.2.3:22237" },
                { ALICE, "UNHOST", UNHOST("true"), "removed" },
                { BOB, "HOST", HOST(ID_OTHER, "192.0.2.4"),
                  "bob online public hello 1 192.0.2.4:22237" },
        };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *watcher = NULL;
        RigClient *who[N_WHO];
        uint64_t generation;

        rig_start(rig);
        who[ALICE] = rig_user(rig, "alice");
        who[BOB] = rig_user(rig, "bob");
        who[TABLET] = rig_client_new(rig);
        rig_connect(who[TABLET]);
        assert_int_equal(rig_call_csr(who[TABLET], "SIGNIN",
                                      "\"username\":\"alice\",\"password\":\"password1\""),
                         ERROR_NONE);
        who[TABLET]->certificate = strdup(rig_string(who[TABLET]->payload, "certificate"));
        rig_connect(who[TABLET]);
        watcher = rig_user(rig, "watcher");
        assert_int_equal(rig_call(watcher, "WATCH", "{}"), ERROR_NONE);
        assert_false(rig_bool(watcher->payload, "reset"));
        generation = rig_uint(watcher->payload, "generation");

        for (unsigned i = 0; i < ELEMENTSOF(table); i++) {
                char told[200];

                assert_int_equal(
                        rig_call(who[table[i].who], table[i].command, "%s", table[i].payload),
                        ERROR_NONE);
                if (table[i].silence_usec > 0) {
                        test_loop_run(rig->loop, table[i].silence_usec - USEC_PER_SEC);
                        assert_int_equal(watcher->n_pushes, i);
                        test_loop_run(rig->loop, USEC_PER_SEC);
                }
                test_loop_run(rig->loop, USEC_PER_SEC);
                assert_int_equal(watcher->n_pushes, i + 1);
                describe(watcher->pushes[i], told, sizeof(told));
                assert_string_equal(told, table[i].told);
                assert_true(rig_uint(watcher->pushes[i], "generation") > generation);
                generation = rig_uint(watcher->pushes[i], "generation");
        }

        /* Another's within the same second: what it is now, and not that it went. */
        assert_int_equal(rig_call(who[BOB], "UNHOST", UNHOST("true")), ERROR_NONE);
        assert_int_equal(rig_call(who[ALICE], "HOST", "%s", HOST(ID_LOBBY, "192.0.2.1")),
                         ERROR_NONE);
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(rig_call(who[ALICE], "VIEW", VIEW("\"topic\":\"%u\""), i),
                                 ERROR_NONE);
        test_loop_run(rig->loop, USEC_PER_SEC);
        assert_int_equal(watcher->n_pushes, ELEMENTSOF(table) + 1);
        describe(watcher->pushes[ELEMENTSOF(table)], (char[200]){ 0 }, 200);
        assert_string_equal(
                rig_string(value_at(value_get(watcher->pushes[ELEMENTSOF(table)], "changed"), 0),
                           "topic"),
                "19");
        for (unsigned i = 0; i < N_WHO; i++)
                rig_client_free(who[i]);
}

/* Counts are told every half minute, and never those of a restricted channel. */
static void test_counts(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        const Value *c;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(rig_call(alice, "HOST", "%s", HOST(ID_LOBBY, "192.0.2.1")), ERROR_NONE);
        assert_int_equal(rig_call(bob, "WATCH", "{}"), ERROR_NONE);
        for (unsigned i = 0; i < 40; i++) {
                assert_int_equal(rig_call(alice, "HEARTBEAT",
                                          "{\"channels\":[{\"channel_name\":\"lobby\",\"epoch\":1,"
                                          "\"last_seq\":%u,\"members\":%u}],"
                                          "\"revocations_after\":0}",
                                          10 + i, i),
                                 ERROR_NONE);
                test_loop_run(rig->loop, USEC_PER_SEC);
                assert_int_equal(bob->n_pushes, i >= 29);
        }
        c = value_at(value_get(bob->pushes[0], "changed"), 0);
        assert_in_range(rig_uint(c, "members"), 28, 30);
        test_loop_run(rig->loop, 20 * USEC_PER_SEC);
        assert_int_equal(bob->n_pushes, 2);
        c = value_at(value_get(bob->pushes[1], "changed"), 0);
        assert_int_equal(rig_uint(c, "members"), 39);
        assert_int_equal(rig_uint(c, "last_seq"), 49);
        test_loop_run(rig->loop, 40 * USEC_PER_SEC); /* it lapses: nothing else is news */
        assert_int_equal(bob->n_pushes, 3);
        c = value_at(value_get(bob->pushes[2], "changed"), 0);
        assert_false(rig_bool(c, "online"));
        assert_int_equal(rig_uint(c, "members"), 0);
}

static void put(RigClient *c, const char *name, unsigned n) {
        assert_int_equal(rig_call(c, "HOST",
                                  "{\"channel_name\":\"%s\",\"channel_id\":"
                                  "\"%08u-2222-4333-8444-555555555555\",\"addresses\":[],"
                                  "\"view_permission\":\"public\",\"topic\":\"\",\"epoch\":1,"
                                  "\"last_seq\":1,\"members\":1}",
                                  name, n),
                         ERROR_NONE);
}

/* On, on again, off, and after an absence exactly what changed meanwhile. */
static void test_on_and_off(void **state) {
        static const char *const names[] = { "one", "two", "three", "four" };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        const Value *changed, *removed;
        uint64_t generation;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        for (unsigned i = 0; i < ELEMENTSOF(names); i++)
                put(alice, names[i], i);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(rig_call(bob, "WATCH", "{}"), ERROR_NONE);
                assert_false(rig_bool(bob->payload, "reset"));
        }
        put(alice, "five", 5);
        test_loop_run(rig->loop, USEC_PER_SEC);
        assert_int_equal(bob->n_pushes, 1); /* watching thrice is watching */
        generation = rig_uint(bob->pushes[0], "generation");
        assert_int_equal(rig_call(bob, "WATCH", "{\"on\":false}"), ERROR_NONE);
        assert_int_equal(rig_uint(bob->payload, "generation"), generation);
        assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(rig_uint(bob->payload, "generation"), generation);

        put(alice, "six", 6);
        put(alice, "seven", 7);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"seven\",\"forget\":true}"),
                         ERROR_NONE);
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"two\",\"forget\":true}"),
                         ERROR_NONE);
        assert_int_equal(rig_call(alice, "VIEW", "{\"channel_name\":\"four\",\"topic\":\"new\"}"),
                         ERROR_NONE);
        test_loop_run(rig->loop, 10 * USEC_PER_SEC);
        assert_int_equal(bob->n_pushes, 1);
        rig_connect(bob);
        assert_int_equal(
                rig_call(bob, "WATCH", "{\"generation\":%llu}", (unsigned long long) generation),
                ERROR_NONE);
        assert_false(rig_bool(bob->payload, "reset"));
        test_loop_run(rig->loop, USEC_PER_SEC);
        assert_int_equal(bob->n_pushes, 1);
        changed = value_get(bob->pushes[0], "changed");
        removed = value_get(bob->pushes[0], "removed");
        assert_int_equal(value_length(changed), 2);
        assert_string_equal(rig_string(value_at(changed, 0), "channel_name"), "six");
        assert_string_equal(rig_string(value_at(changed, 1), "channel_name"), "four");
        assert_int_equal(value_length(removed), 2);
        assert_string_equal(value_string(value_at(removed, 0), NULL), "seven");
        assert_string_equal(value_string(value_at(removed, 1), NULL), "two");

        /* Nothing since: nothing follows. */
        generation = rig_uint(bob->pushes[0], "generation");
        assert_int_equal(
                rig_call(bob, "WATCH", "{\"generation\":%llu}", (unsigned long long) generation),
                ERROR_NONE);
        assert_false(rig_bool(bob->payload, "reset"));
        test_loop_run(rig->loop, 20 * USEC_PER_SEC);
        assert_int_equal(bob->n_pushes, 1);
}

/* Numbers only ever grow, over restarts too, and each of an earlier run means: LIST again. */
static void test_generations(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL;
        uint64_t last = 0;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        for (unsigned run = 0; run < 4; run++) {
                if (run > 0) {
                        rig_kill(rig);
                        rig_start(rig);
                        rig_connect(alice);
                        assert_int_equal(rig_call(alice, "WATCH", "{\"generation\":%llu}",
                                                  (unsigned long long) last),
                                         ERROR_NONE);
                        assert_true(rig_bool(alice->payload, "reset"));
                        assert_true(rig_uint(alice->payload, "generation") > last);
                        last = rig_uint(alice->payload, "generation");
                }
                for (unsigned i = 0; i < 3 * (run % 2); i++) {
                        assert_int_equal(rig_call(alice, "HOST", "%s",
                                                  (i + run / 2) % 2 ? HOST(ID_LOBBY, "192.0.2.1")
                                                                    : HOST(ID_LOBBY, "192.0.2.2")),
                                         ERROR_NONE);
                        assert_int_equal(rig_call(alice, "LIST", "{}"), ERROR_NONE);
                        assert_true(rig_uint(alice->payload, "generation") > last);
                        last = rig_uint(alice->payload, "generation");
                }
        }
        assert_true(last < NUMBER_MAX);
}

/* The database of yesterday knows nothing of what was told since: who heard it lists again. */
static void test_put_back(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        _cleanup_(scratch_freep) char *backup = scratch_new();
        uint64_t told;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        put(alice, "one", 1);
        rig_kill(rig);
        scratch_copy(rig->directory, backup);

        /* As many changes in the run that is lost as in the one that is put back. */
        test_loop_run(rig->loop, USEC_PER_SEC);
        rig_start(rig);
        rig_connect(alice);
        put(alice, "two", 2);
        rig_connect(bob);
        assert_int_equal(rig_call(bob, "LIST", "{}"), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->payload, "channels")), 2);
        told = rig_uint(bob->payload, "generation");
        assert_true(told >= clock_realtime(rig->rt->clock) / USEC_PER_MSEC);
        rig_kill(rig);
        test_loop_run(rig->loop, USEC_PER_SEC);
        scratch_copy(backup, rig->directory);
        rig_start(rig);
        rig_connect(alice);
        put(alice, "three", 3);
        rig_connect(bob);
        assert_int_equal(rig_call(bob, "WATCH", "{\"generation\":%llu}", (unsigned long long) told),
                         ERROR_NONE);
        assert_true(rig_bool(bob->payload, "reset"));
        assert_true(rig_uint(bob->payload, "generation") > told);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_within_a_second), cmocka_unit_test(test_counts),
                cmocka_unit_test(test_on_and_off),      cmocka_unit_test(test_generations),
                cmocka_unit_test(test_put_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
