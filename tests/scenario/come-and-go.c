/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels end and begin again: left, joined again, unhosted, hosted again, given back, moved to
 * another device of their owner. */
#include "scenario/support.h"

#define WAIT_USEC (20 * USEC_PER_SEC)

static World *two_in_lobby(Person **ret_alice, Person **ret_bob) {
        World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        *ret_alice = alice;
        *ret_bob = bob;
        return w;
}

static void test_leave(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        ErrorCode error;

        (void) person_send_id(bob, "lobby", NULL, "one", WAIT_USEC, NULL);
        assert_int_equal(person_leave(alice, "lobby", false), ERROR_CONFLICT); /* unhost it */

        assert_int_equal(person_leave(bob, "lobby", false), ERROR_NONE);
        person_until_state(bob, "lobby", MEMBER_CLOSED);
        ASSERT_TEXTS(bob, "lobby", "bob: one"); /* kept */
        (void) person_send_id(bob, "lobby", NULL, "two", 0, &error);
        assert_int_equal(error, ERROR_NO_SUCH_CHANNEL);
        (void) person_send_id(alice, "lobby", NULL, "while away", WAIT_USEC, NULL);

        person_kill(bob);
        person_start(bob);
        world_pass(w, USEC_PER_MINUTE);
        person_until_state(bob, "lobby", MEMBER_CLOSED);

        (void) person_join(bob, "lobby");
        person_until_seq(bob, "lobby", 3);
        assert_int_equal(bob->n_channels, 1);
        assert_same_log(alice, bob, "lobby");
        assert_int_equal(person_try_join(bob, "LOBBY", -1), ERROR_NONE); /* idempotent, folded */
        assert_int_equal(bob->n_channels, 1);

        assert_int_equal(person_leave(bob, "lobby", true), ERROR_NONE);
        assert_int_equal(bob->n_channels, 0);
        assert_int_equal(person_try_join(bob, "lobby", 1), ERROR_NONE);
        person_until_seq(bob, "lobby", 3);
        assert_int_equal(channel_member_get_first_seq(person_channel(bob, "lobby")), 3);
}

static void test_backlog(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        Person *carol = world_person(w, "carol");
        ChannelMember *c;

        person_sign_up(carol, "carol");
        for (unsigned i = 0; i < 30; i++)
                (void) person_send(bob, "lobby", "old");
        person_until_sent(bob, "lobby");
        assert_int_equal(person_try_join(carol, "lobby", 0), ERROR_NONE);
        c = person_channel(carol, "lobby");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_get_synced_seq(c), 0);
        assert_int_equal(channel_member_get_last_seq(c), 31);
        (void) person_send_id(carol, "lobby", NULL, "new", WAIT_USEC, NULL);
        person_until_seq(carol, "lobby", 32);
        assert_int_equal(channel_member_get_first_seq(c), 32);
        /* What is older is asked of the host, and kept. */
        person_read_before(carol, "lobby", 0, 10);
        assert_int_equal(channel_member_get_first_seq(c), 22);
        person_read_before(carol, "lobby", 22, 100);
        assert_int_equal(channel_member_get_first_seq(c), 1);
        assert_same_log(alice, carol, "lobby");
        assert_int_equal(channel_member_get_n_unread(c), 0);
}

static void test_unhost(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);

        assert_int_equal(person_unhost(bob, "lobby", false), ERROR_CONFLICT);
        assert_int_equal(person_unhost(alice, "lobby", false), ERROR_NONE);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        assert_string_equal(channel_member_get_state_reason(person_channel(bob, "lobby")),
                            "unhosted");
        assert_int_equal(person_sees(bob, "lobby"), 0);
        (void) person_send(bob, "lobby", "later");
        (void) person_send(alice, "lobby", "mine too");
        /* It does not come back by itself, with a restart neither. */
        person_kill(alice);
        person_start(alice);
        world_pass(w, USEC_PER_HOUR);
        assert_int_equal(channel_member_get_state(person_channel(alice, "lobby")), MEMBER_OFFLINE);
        assert_int_equal(person_sees(bob, "lobby"), 0);

        person_host(alice, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_sent(alice, "lobby");
        person_until_sent(bob, "lobby");
        person_until_seq(bob, "lobby", 3);
        assert_same_log(alice, bob, "lobby");

        /* Given back: the name is free, and another channel. */
        assert_int_equal(person_unhost(alice, "lobby", true), ERROR_NONE);
        assert_int_equal(alice->n_channels, 0);
        assert_int_equal(person_sees(bob, "lobby"), -1);
        person_host(alice, "lobby");
        world_pass(w, USEC_PER_HOUR);
        assert_int_not_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        assert_string_not_equal(channel_member_get_id(person_channel(bob, "lobby")),
                                channel_member_get_id(person_channel(alice, "lobby")));
        assert_int_equal(person_leave(bob, "lobby", false), ERROR_NONE);
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        ASSERT_TEXTS(bob, "lobby", NULL);
}

static void test_names(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        HostOptions options = { .topic = "talk", .view = VIEW_RESTRICTED, .send = SEND_MEMBERS };

        (void) w;
        assert_int_equal(person_try_host(bob, "lobby", &options), ERROR_CHANNEL_EXISTS);
        assert_int_equal(person_try_host(bob, "x", &options), ERROR_INVALID_NAME);
        assert_int_equal(bob->n_channels, 1);
        assert_int_equal(person_leave(bob, "lobby", true), ERROR_NONE);
        assert_int_equal(person_try_host(bob, "lobby", &options), ERROR_CHANNEL_EXISTS);
        assert_int_equal(bob->n_channels, 0);

        /* Asked for again: only what was wished is changed. */
        assert_int_equal(person_try_host(alice, "lobby", &options), ERROR_NONE);
        assert_int_equal(channel_member_get_view(person_channel(alice, "lobby")), VIEW_RESTRICTED);
        assert_int_equal(channel_member_get_send(person_channel(alice, "lobby")), SEND_MEMBERS);
        assert_string_equal(channel_member_get_topic(person_channel(alice, "lobby")), "talk");
        assert_int_equal(alice->n_channels, 1);
        person_until_seq(alice, "lobby", 3);
        world_pass(w, USEC_PER_SEC);
        assert_int_equal(person_try_join(bob, "lobby", -1), ERROR_RESTRICTED);
}

/* The owner's second device has the whole log as a member, and takes over from the first. */
static void test_take_over(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = two_in_lobby(&alice, &bob);
        Person *other = world_person(w, "other");
        HostOptions options = { .view = VIEW_INVALID, .send = SEND_INVALID };

        person_sign_in(other, "alice");
        (void) person_join(other, "lobby");
        (void) person_send_id(bob, "lobby", NULL, "before", WAIT_USEC, NULL);
        person_until_seq(other, "lobby", 2);
        world_pass(w, USEC_PER_MINUTE);

        assert_int_equal(person_try_host(other, "lobby", &options), ERROR_CONFLICT);
        person_until_state(other, "lobby", MEMBER_LIVE);
        assert_null(channel_member_get_local_host(person_channel(other, "lobby")));

        options.take_over = true;
        assert_int_equal(person_try_host(other, "lobby", &options), ERROR_NONE);
        assert_null(channel_member_get_local_host(person_channel(alice, "lobby")));
        person_until_state(bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(bob, "lobby", NULL, "after", WAIT_USEC, NULL);
        person_until_seq(bob, "lobby", 4); /* the new host's entry between the two */
        ASSERT_TEXTS(other, "lobby", "bob: before", "bob: after");
        assert_same_log(other, bob, "lobby");

        /* The first device is a member like others now, by itself, and not its host again by a
         * restart. */
        person_until_state(alice, "lobby", MEMBER_LIVE);
        person_until_seq(alice, "lobby", 4);
        assert_same_log(other, alice, "lobby");
        person_kill(alice);
        person_start(alice);
        world_pass(w, USEC_PER_MINUTE);
        assert_null(channel_member_get_local_host(person_channel(alice, "lobby")));
        (void) person_join(alice, "lobby");
        person_until_seq(alice, "lobby", 4);
        assert_same_log(other, alice, "lobby");
        (void) person_send_id(alice, "lobby", NULL, "from the first", WAIT_USEC, NULL);
        ASSERT_TEXTS(other, "lobby", "bob: before", "bob: after", "alice: from the first");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_leave),     cmocka_unit_test(test_backlog),
                cmocka_unit_test(test_unhost),    cmocka_unit_test(test_names),
                cmocka_unit_test(test_take_over),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
