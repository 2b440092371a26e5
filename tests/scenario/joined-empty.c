/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who joins without what was said before sees everything that is said from then on, whoever of the
 * two is away meanwhile, and for however long nothing is said. */
#include "scenario/support.h"

static World *bob_joined_empty(Person **ret_alice, Person **ret_bob) {
        World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_send(alice, "lobby", "old");
        person_until_sent(alice, "lobby");
        assert_int_equal(person_try_join(bob, "lobby", 0), ERROR_NONE);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_get_first_seq(person_channel(bob, "lobby")), 0);
        *ret_alice = alice;
        *ret_bob = bob;
        return w;
}

static void until_new(Person *alice, Person *bob) {
        person_until_seq(bob, "lobby", 4);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_get_first_seq(person_channel(bob, "lobby")), 3);
        assert_int_equal(channel_member_get_n_unread(person_channel(bob, "lobby")), 2);
        ASSERT_TEXTS(bob, "lobby", "alice: old", "alice: one",
                     "alice: two"); /* the first of the host */
        person_read_before(bob, "lobby", 3, 10);
        assert_same_log(alice, bob, "lobby");
}

static void test_member_restarts(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = bob_joined_empty(&alice, &bob);

        for (unsigned i = 0; i < 3; i++) { /* with nothing new it stays so */
                person_kill(bob);
                world_pass(w, USEC_PER_HOUR);
                person_start(bob);
                person_until_state(bob, "lobby", MEMBER_LIVE);
        }
        person_kill(bob);
        (void) person_send(alice, "lobby", "one");
        (void) person_send(alice, "lobby", "two");
        person_until_sent(alice, "lobby");
        person_start(bob);
        until_new(alice, bob);
}

static void test_host_restarts(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = bob_joined_empty(&alice, &bob);

        world_tracker_kill(w);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        person_start(alice);
        (void) person_send(alice, "lobby", "one"); /* before bob is back */
        (void) person_send(alice, "lobby", "two");
        until_new(alice, bob);
}

/* The person stays away, and the copy that was left is taken up again. */
static void test_leaves_and_comes_back(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = bob_joined_empty(&alice, &bob);

        assert_int_equal(person_leave(bob, "lobby", false), ERROR_NONE);
        (void) person_send(alice, "lobby", "one");
        (void) person_send(alice, "lobby", "two");
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(person_try_join(bob, "lobby", 0), ERROR_NONE);
        until_new(alice, bob);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_member_restarts),
                cmocka_unit_test(test_host_restarts),
                cmocka_unit_test(test_leaves_and_comes_back),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
