/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lid is closed for hours: boottime goes on, nothing runs. What is connected then looks alive
 * and may be dead; whoever wakes up is there again within seconds, and nothing that waited is lost.
 */
#include "scenario/support.h"

/* Full jitter after one failure, a handshake, what is asked of the directory. */
#define SECONDS (5 * USEC_PER_SEC)

typedef struct Two {
        Person *alice, *bob;
} Two;

static bool are_live(void *userdata) {
        const Two *t = userdata;

        return channel_member_get_state(person_channel(t->alice, "lobby")) == MEMBER_LIVE &&
               channel_member_get_state(person_channel(t->bob, "lobby")) == MEMBER_LIVE &&
               account_get_tracker_state(manager_get_account(t->alice->manager)) ==
                       TRACKER_ONLINE &&
               account_get_tracker_state(manager_get_account(t->bob->manager)) == TRACKER_ONLINE;
}

static void until_live(Two *t) {
        test_loop_until(t->alice->world->rig->loop, are_live, t, SECONDS);
}

static World *two_in_lobby(Two *ret) {
        World *w = world_new();

        ret->alice = world_person(w, "alice");
        ret->bob = world_person(w, "bob");
        person_sign_up(ret->alice, "alice");
        person_sign_up(ret->bob, "bob");
        person_host(ret->alice, "lobby");
        (void) person_join(ret->bob, "lobby");
        person_until_state(ret->bob, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        return w;
}

static void wake(World *w, uint64_t slept_usec) {
        clock_virtual_sleep(w->rig->rt->clock, slept_usec);
        /* What came due meanwhile, and what is found dead. */
        world_pass(w, USEC_PER_SEC / 2);
}

/* For less than the silence that ends a connection, for more, for a working day, and for longer
 * than a lease; again and again. */
static void test_naps(void **state) {
        static const uint64_t naps[] = { 20 * USEC_PER_SEC, 50 * USEC_PER_SEC, 10 * USEC_PER_MINUTE,
                                         9 * USEC_PER_HOUR, USEC_PER_SEC };
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);
        uint64_t last = 1;

        for (size_t i = 0; i < ELEMENTSOF(naps); i++) {
                wake(w, naps[i]);
                until_live(&t);
                (void) person_send(t.bob, "lobby", "good morning");
                person_until_seq(t.alice, "lobby", ++last);
                person_until_seq(t.bob, "lobby", last);
                assert_int_equal(person_sees(t.bob, "lobby"), 1);
                assert_int_equal(t.alice->n_channels, 1);
                assert_int_equal(t.bob->n_channels, 1);
        }
        assert_same_log(t.alice, t.bob, "lobby");
}

/* Asleep while waiting for the next dial, with a full outbox. */
static void test_asleep_while_away(void **state) {
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);

        person_kill(t.alice);
        person_until_state(t.bob, "lobby", MEMBER_OFFLINE);
        (void) person_send(t.bob, "lobby", "one");
        (void) person_send(t.bob, "lobby", "two");
        world_pass(w, USEC_PER_HOUR);
        person_start(t.alice);
        wake(w, USEC_PER_HOUR);
        until_live(&t);
        person_until_sent(t.bob, "lobby");
        ASSERT_TEXTS(t.alice, "lobby", "bob: one", "bob: two");
}

/* The tracker is not there when everybody wakes up: the two know each other's way. */
static void test_wakes_without_tracker(void **state) {
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);

        world_tracker_kill(w);
        wake(w, 3 * USEC_PER_HOUR);
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(t.bob, "lobby", NULL, "alone", 20 * USEC_PER_SEC, NULL);
        world_tracker_start(w);
        wake(w, USEC_PER_MINUTE);
        until_live(&t);
        ASSERT_TEXTS(t.alice, "lobby", "bob: alone");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_naps),
                cmocka_unit_test(test_asleep_while_away),
                cmocka_unit_test(test_wakes_without_tracker),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
