/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what protocol §4 says of a name whose log begins anew: HOST with `previous`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define ID_OLD "11111111-2222-4333-8444-555555555555"
#define ID_NEW "22222222-2222-4333-8444-555555555555"
#define ID_NEXT "33333333-2222-4333-8444-555555555555"
#define FOLLOWS(id) ",\"previous\":\"" id "\""

static ErrorCode host(RigClient *c, const char *name, const char *id, unsigned last_seq,
                      const char *more) {
        return rig_call(c, "HOST",
                        "{\"channel_name\":\"%s\",\"channel_id\":\"%s\",\"addresses\":[],"
                        "\"view_permission\":\"public\",\"topic\":\"\",\"epoch\":0,"
                        "\"last_seq\":%u,\"members\":1%s}",
                        name, id, last_seq, more);
}

static const char *beat(RigClient *c, unsigned epoch, unsigned last_seq) {
        const Value *lost;

        assert_int_equal(rig_call(c, "HEARTBEAT",
                                  "{\"channels\":[{\"channel_name\":\"town\",\"epoch\":%u,"
                                  "\"last_seq\":%u,\"members\":1}],\"revocations_after\":0}",
                                  epoch, last_seq),
                         ERROR_NONE);
        lost = value_get(c->payload, "lost");
        return value_length(lost) == 0 ? "" : rig_string(value_at(lost, 0), "error");
}

static void expect_town(RigClient *c, const char *id, uint64_t epoch, uint64_t last_seq) {
        const Value *list, *v;

        assert_int_equal(rig_call(c, "LIST", "{\"query\":\"town\"}"), ERROR_NONE);
        list = value_get(c->payload, "channels");
        assert_int_equal(value_length(list), 1);
        v = value_at(list, 0);
        assert_string_equal(rig_string(v, "channel_id"), id);
        assert_int_equal(rig_uint(v, "epoch"), epoch);
        assert_int_equal(rig_uint(v, "last_seq"), last_seq);
}

/* Another device of the same person. */
static RigClient *second_device(Rig *rig) {
        RigClient *c = rig_client_new(rig);

        rig_connect(c);
        assert_int_equal(rig_call_csr(c, "SIGNIN",
                                      "\"username\":\"alice\","
                                      "\"password\":\"password1\""),
                         ERROR_NONE);
        c->certificate = strdup(rig_string(c->payload, "certificate"));
        rig_connect(c);
        return c;
}

static void test_name_is_bound_anew(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;
        const Value *v;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host(alice, "town", ID_OLD, 0, ""), ERROR_NONE);
        assert_string_equal(beat(alice, 1, 57), "");
        assert_int_equal(rig_call(bob, "WATCH", "{}"), ERROR_NONE);

        /* The log went back: not under its id, and by nobody else. */
        assert_int_equal(host(alice, "town", ID_OLD, 41, ""), ERROR_STALE_EPOCH);
        assert_int_equal(alice->failure.last_seq, 57);
        assert_string_equal(alice->failure.successor, "");
        assert_int_equal(host(alice, "town", ID_NEW, 0, ""), ERROR_CHANNEL_EXISTS);
        assert_int_equal(host(alice, "town", ID_NEW, 0, FOLLOWS(ID_NEXT)), ERROR_CHANNEL_EXISTS);
        assert_int_equal(host(bob, "town", ID_NEW, 0, FOLLOWS(ID_OLD)), ERROR_CHANNEL_EXISTS);
        expect_town(bob, ID_OLD, 1, 57);

        assert_int_equal(host(alice, "town", ID_NEW, 0, FOLLOWS(ID_OLD)), ERROR_NONE);
        assert_int_equal(rig_uint(alice->payload, "epoch"), 2);
        expect_town(bob, ID_NEW, 2, 0);
        rig_until_pushes(bob, 1);
        v = value_at(value_get(bob->pushes[0], "changed"), 0);
        assert_string_equal(rig_string(v, "channel_id"), ID_NEW);

        /* The answer was lost: once more is the same. */
        assert_int_equal(host(alice, "town", ID_NEW, 1, FOLLOWS(ID_OLD)), ERROR_NONE);
        assert_int_equal(rig_uint(alice->payload, "epoch"), 2);

        /* What the old log still beats does not keep the new one. */
        assert_string_equal(beat(alice, 1, 90), "stale-epoch");
        assert_string_equal(beat(alice, 2, 3), "");
        expect_town(bob, ID_NEW, 2, 3);
        assert_int_equal(host(alice, "town", ID_NEW, 2, ""), ERROR_STALE_EPOCH);
}

static void expect_retired(RigClient *owner, RigClient *other) {
        static const char *const names[] = { "town", "city" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(host(owner, names[i], ID_OLD, 99, ",\"take_over\":true"),
                                 ERROR_STALE_EPOCH);
                assert_int_equal(owner->failure.last_seq, 57);
                assert_int_equal(owner->failure.epoch, 1);
                assert_string_equal(owner->failure.successor, ID_NEW);
                assert_int_equal(host(other, names[i], ID_OLD, 99, ""), ERROR_CONFLICT);
        }
        assert_int_equal(host(owner, "town", ID_OLD, 99, FOLLOWS(ID_NEW)), ERROR_STALE_EPOCH);
}

static void test_old_id_never_returns(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host(alice, "town", ID_OLD, 57, ""), ERROR_NONE);
        assert_int_equal(host(alice, "town", ID_NEW, 0, FOLLOWS(ID_OLD)), ERROR_NONE);
        expect_retired(alice, bob);

        rig_kill(rig);
        rig_until(rig, &alice->is_closed);
        rig_start(rig);
        rig_connect(alice);
        rig_connect(bob);
        expect_town(bob, ID_NEW, 2, 0);
        expect_retired(alice, bob);

        /* Not even when its name is free again. */
        assert_int_equal(rig_call(alice, "UNHOST", "{\"channel_name\":\"town\",\"forget\":true}"),
                         ERROR_NONE);
        expect_retired(alice, bob);
        assert_int_equal(host(bob, "town", ID_NEXT, 0, FOLLOWS(ID_NEW)), ERROR_NONE);
        assert_int_equal(rig_uint(bob->payload, "epoch"), 1);
}

static void test_live_lease_of_another_device(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *one = NULL, *two = NULL;

        rig_start(rig);
        one = rig_user(rig, "alice");
        two = second_device(rig);
        assert_int_equal(host(one, "town", ID_OLD, 57, ""), ERROR_NONE);

        assert_int_equal(host(two, "town", ID_NEW, 0, FOLLOWS(ID_OLD)), ERROR_CONFLICT);
        assert_true(two->failure.holder_until > 0);
        expect_town(two, ID_OLD, 1, 57);
        assert_string_equal(beat(one, 1, 58), "");

        assert_int_equal(host(two, "town", ID_NEW, 0, FOLLOWS(ID_OLD) ",\"take_over\":true"),
                         ERROR_NONE);
        assert_int_equal(rig_uint(two->payload, "epoch"), 2);
        assert_string_equal(beat(one, 1, 59), "stale-epoch");
        expect_town(two, ID_NEW, 2, 0);

        /* A lease that is over is nobody's. */
        test_loop_run(rig->loop, 61 * USEC_PER_SEC);
        assert_int_equal(host(one, "town", ID_NEXT, 0, FOLLOWS(ID_NEW)), ERROR_NONE);
        assert_int_equal(rig_uint(one->payload, "epoch"), 3);
}

static void test_bad_input(void **state) {
        static const char *const bad[] = {
                ",\"previous\":7", ",\"previous\":\"\"",
                ",\"previous\":\"11111111-2222-4333-8444-55555555555\"",
                ",\"previous\":\"" ID_NEW "\"", /* itself */
        };
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *bob = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        bob = rig_user(rig, "bob");
        assert_int_equal(host(alice, "town", ID_OLD, 1, ""), ERROR_NONE);
        assert_int_equal(host(bob, "city", ID_NEXT, 1, ""), ERROR_NONE);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                assert_int_equal(host(alice, "town", ID_NEW, 0, bad[i]), ERROR_BAD_REQUEST);
                assert_string_equal(alice->failure.field, "previous");
        }
        /* An id that is somebody's already follows nothing. */
        assert_int_equal(host(alice, "town", ID_NEXT, 0, FOLLOWS(ID_OLD)), ERROR_CONFLICT);
        expect_town(alice, ID_OLD, 1, 1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_name_is_bound_anew),
                cmocka_unit_test(test_old_id_never_returns),
                cmocka_unit_test(test_live_lease_of_another_device),
                cmocka_unit_test(test_bad_input),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
