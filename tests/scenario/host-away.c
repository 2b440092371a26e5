/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The host is away for an hour: the member tries for ever, and what was queued arrives once, in
 * order, with the ids it got when it was typed. */
#include <time.h>

#include "scenario/support.h"

#define FIRST_ID "11111111-1111-4111-8111-111111111111"

static void test_host_away(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        const clock_t begin = clock();
        ChannelMember *c;
        ErrorCode error;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(bob, "lobby", NULL, "before", 20 * USEC_PER_SEC, &error);
        assert_int_equal(error, ERROR_NONE);

        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        c = person_channel(bob, "lobby");
        assert_int_equal(person_send_id(bob, "lobby", FIRST_ID, "one", 0, NULL), 0);
        assert_int_equal(person_send(bob, "lobby", "two"), 0);
        assert_int_equal(person_send(bob, "lobby", "three"), 0);
        assert_int_equal(channel_member_get_n_outbox(c), 3);
        /* Said again: nothing new. */
        assert_int_equal(person_send_id(bob, "lobby", FIRST_ID, "one", 0, NULL), 0);
        assert_int_equal(channel_member_get_n_outbox(c), 3);
        (void) person_send_id(bob, "lobby", FIRST_ID, "another", 0, &error);
        assert_int_equal(error, ERROR_CONFLICT);

        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(channel_member_get_state(c), MEMBER_OFFLINE);
        assert_int_equal(person_sees(bob, "lobby"), 0);
        assert_true(channel_member_get_next_retry(c) > clock_realtime(w->rig->rt->clock));
        assert_int_equal(channel_member_get_n_outbox(c), 3);

        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_sent(bob, "lobby");
        person_until_seq(bob, "lobby", 5);
        ASSERT_TEXTS(bob, "lobby", "bob: before", "bob: one", "bob: two", "bob: three");
        assert_same_log(alice, bob, "lobby");
        assert_int_equal(channel_member_get_next_retry(c), 0);
        /* Its first answer, for ever. */
        assert_int_equal(person_send_id(bob, "lobby", FIRST_ID, "one", 0, NULL), 3);
        world_pass(w, USEC_PER_HOUR);
        ASSERT_TEXTS(alice, "lobby", "bob: before", "bob: one", "bob: two", "bob: three");
        /* Two hours of theirs. */
        assert_true(clock() - begin < CLOCKS_PER_SEC);
}

/* The member's daemon dies with a full outbox: it is sent by the next one. */
static void test_member_restarts(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        for (unsigned i = 0; i < 150; i++)
                (void) person_send(bob, "lobby", "again");
        person_kill(bob);
        person_start(alice);
        person_start(bob);
        assert_int_equal(bob->n_channels, 1);
        person_until_seq(bob, "lobby", 151);
        person_until_sent(bob, "lobby");
        assert_same_log(alice, bob, "lobby");
        assert_int_equal(channel_member_get_last_seq(person_channel(bob, "lobby")), 151);
}

/* The tracker is away as well: who knows the address comes back all the same. */
static void test_tracker_away(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);

        world_tracker_kill(w);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        (void) person_send(bob, "lobby", "no tracker");
        person_start(alice);
        person_until_state(alice, "lobby", MEMBER_LIVE);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_sent(bob, "lobby");
        person_until_seq(alice, "lobby", 2);
        world_pass(w, 10 * USEC_PER_MINUTE);
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);

        /* … and so does one whose daemon begins anew. */
        person_kill(bob);
        (void) person_send(alice, "lobby", "while bob was not there");
        person_start(bob);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_seq(bob, "lobby", 3);

        world_tracker_start(w);
        world_pass(w, 3 * USEC_PER_MINUTE);
        assert_int_equal(person_sees(bob, "lobby"), 1);
        ASSERT_TEXTS(bob, "lobby", "bob: no tracker", "alice: while bob was not there");
        assert_same_log(alice, bob, "lobby");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host_away),
                cmocka_unit_test(test_member_restarts),
                cmocka_unit_test(test_tracker_away),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
