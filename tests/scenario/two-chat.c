/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two people: sign up, host, find, join, talk both ways; a guest reads; what each may not is named.
 */
#include "scenario/support.h"

static void test_two_chat(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        ChannelMember *c;
        ErrorCode error;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        assert_int_equal(person_sees(bob, "lobby"), -1);
        assert_int_equal(person_try_join(bob, "lobby", -1), ERROR_NO_SUCH_CHANNEL);
        assert_int_equal(bob->n_channels, 0);

        person_host(alice, "lobby");
        assert_int_equal(person_sees(bob, "lobby"), 1);
        c = person_join(bob, "lobby");
        assert_string_equal(channel_member_get_owner(c), "alice");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_int_equal(bob->n_channels, 1);

        assert_int_not_equal(
                person_send_id(alice, "lobby", NULL, "hello", 20 * USEC_PER_SEC, &error), 0);
        assert_int_equal(error, ERROR_NONE);
        person_until_seq(bob, "lobby", 2);
        assert_int_equal(channel_member_get_n_unread(c), 1);
        assert_int_equal(person_send_id(bob, "lobby", NULL, "hi alice", 20 * USEC_PER_SEC, &error),
                         3);
        assert_int_equal(channel_member_get_n_outbox(c), 0);
        for (unsigned i = 0; i < 200; i++)
                (void) person_send(i % 2 ? alice : bob, "lobby", i % 2 ? "tick" : "tock");
        person_until_seq(bob, "lobby", 203);
        person_until_seq(alice, "lobby", 203);
        assert_same_log(alice, bob, "lobby");
        assert_int_equal(bob->last_told, 203);
        assert_int_equal(alice->last_told, 203);
}

static void test_guest_reads(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");
        ErrorCode error;

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        (void) person_send(alice, "lobby", "one");
        (void) person_send(alice, "lobby", "two");
        person_until_sent(alice, "lobby");

        person_guest(carol, "carol");
        assert_string_equal(account_get_username(manager_get_account(carol->manager)),
                            "guest-carol");
        (void) person_join(carol, "lobby");
        person_until_seq(carol, "lobby", 3);
        ASSERT_TEXTS(carol, "lobby", "alice: one", "alice: two");
        /* New channels are for registered people to write in. */
        (void) person_send_id(carol, "lobby", NULL, "hi", 20 * USEC_PER_SEC, &error);
        assert_int_equal(error, ERROR_GUESTS_NOT_ALLOWED);
        person_until_sent(carol, "lobby");
        ASSERT_TEXTS(alice, "lobby", "alice: one", "alice: two");

        assert_int_equal(person_try_host(carol, "mine", &(HostOptions){ .view = VIEW_INVALID }),
                         ERROR_GUESTS_NOT_ALLOWED);
}

static void test_rights(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        ErrorCode error;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "club");
        assert_int_equal(person_set_view(alice, "club", VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        assert_int_equal(person_try_join(bob, "club", -1), ERROR_RESTRICTED);
        assert_int_equal(bob->n_channels, 1);
        assert_int_equal(channel_member_get_state(person_channel(bob, "club")), MEMBER_DENIED);

        assert_int_equal(person_authorize(alice, "club", "nobody", ROLE_MEMBER),
                         ERROR_NO_SUCH_USER);
        assert_int_equal(person_authorize(alice, "club", "bob", ROLE_MEMBER), ERROR_NONE);
        person_until_state(bob, "club", MEMBER_LIVE);
        assert_int_equal(channel_member_get_role(person_channel(bob, "club")), ROLE_MEMBER);
        assert_int_not_equal(person_send_id(bob, "club", NULL, "in", 20 * USEC_PER_SEC, &error), 0);
        assert_int_equal(person_authorize(bob, "club", "alice", ROLE_NONE), ERROR_NOT_MODERATOR);

        /* Taken away: denied at once, and back by itself once it is given again. */
        assert_int_equal(person_authorize(alice, "club", "bob", ROLE_NONE), ERROR_NONE);
        person_until_state(bob, "club", MEMBER_DENIED);
        assert_string_equal(channel_member_get_state_reason(person_channel(bob, "club")),
                            "restricted");
        assert_int_equal(person_authorize(alice, "club", "bob", ROLE_MEMBER), ERROR_NONE);
        world_pass(w, 2 * USEC_PER_HOUR);
        person_until_state(bob, "club", MEMBER_LIVE);
        assert_same_log(alice, bob, "club");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_two_chat),
                cmocka_unit_test(test_guest_reads),
                cmocka_unit_test(test_rights),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
