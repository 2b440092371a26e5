/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A channel that keeps three days, for a week and more: what is too old goes at the host and in
 * every copy, whoever is away, and all say the same of it. */
#include "scenario/support.h"

#define DAYS 3

static void say(Person *p, const char *text) {
        ErrorCode error;

        assert_true(person_send_id(p, "lobby", NULL, text, 20 * USEC_PER_SEC, &error) > 0);
        assert_int_equal(error, ERROR_NONE);
}

static void test_a_week(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob"),
               *carol = world_person(w, "carol"), *dora = world_person(w, "dora");
        uint64_t last;

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_sign_up(carol, "carol");
        person_sign_up(dora, "dora");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        (void) person_join(carol, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_int_equal(person_set_retention(bob, "lobby", DAYS), ERROR_NOT_OWNER);
        say(bob, "day 0");
        assert_int_equal(person_set_retention(alice, "lobby", DAYS), ERROR_NONE);
        assert_int_equal(channel_member_get_retention_days(person_channel(alice, "lobby")), DAYS);
        person_until_seq(carol, "lobby", 3);
        assert_int_equal(channel_member_get_retention_days(person_channel(carol, "lobby")), DAYS);
        person_kill(carol);

        world_pass(w, USEC_PER_DAY);
        say(alice, "day 1");
        /* A copy that begins behind the rule. */
        assert_int_equal(person_try_join(dora, "lobby", 1), ERROR_NONE);
        person_until_state(dora, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_get_retention_days(person_channel(dora, "lobby")), DAYS);
        world_pass(w, USEC_PER_DAY);
        say(bob, "day 2");
        ASSERT_TEXTS(bob, "lobby", "bob: day 0", "alice: day 1", "bob: day 2");
        /* A minute after its time it is gone. */
        world_pass(w, USEC_PER_DAY + USEC_PER_MINUTE);
        ASSERT_TEXTS(alice, "lobby", "bob: (removed)", "alice: day 1", "bob: day 2");
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "alice: day 1", "bob: day 2");
        assert_same_log(alice, bob, "lobby");
        world_pass(w, USEC_PER_DAY);
        person_kill(alice); /* else she is asked for what is before it */
        person_until_state(dora, "lobby", MEMBER_OFFLINE);
        ASSERT_TEXTS(dora, "lobby", "alice: (removed)", "bob: day 2");
        person_start(alice);
        person_until_state(dora, "lobby", MEMBER_LIVE);
        person_read_before(dora, "lobby",
                           channel_member_get_first_seq(person_channel(dora, "lobby")), 100);
        assert_same_log(alice, dora, "lobby");

        /* Who was away has done the same, or does it now. */
        person_start(carol);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        person_until_seq(carol, "lobby",
                         channel_member_get_last_seq(person_channel(alice, "lobby")));
        world_pass(w, USEC_PER_MINUTE);
        assert_same_log(alice, carol, "lobby");

        /* The host is away over it; who has the text is not asked for it. */
        say(carol, "day 4");
        person_until_seq(bob, "lobby", channel_member_get_last_seq(person_channel(alice, "lobby")));
        person_kill(alice);
        world_pass(w, 4 * USEC_PER_DAY);
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "alice: (removed)", "bob: (removed)",
                     "carol: (removed)");
        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        assert_same_log(alice, bob, "lobby");
        assert_same_log(alice, carol, "lobby");

        /* Another rule; none. */
        say(bob, "day 8");
        assert_int_equal(person_set_retention(alice, "lobby", 1), ERROR_NONE);
        world_pass(w, 2 * USEC_PER_HOUR);
        assert_int_equal(person_set_retention(alice, "lobby", 0), ERROR_NONE);
        world_pass(w, 9 * USEC_PER_DAY);
        last = channel_member_get_last_seq(person_channel(alice, "lobby"));
        person_until_seq(bob, "lobby", last);
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "alice: (removed)", "bob: (removed)",
                     "carol: (removed)", "bob: day 8");
        assert_same_log(alice, bob, "lobby");
        assert_same_log(alice, dora, "lobby");
        assert_int_equal(channel_member_get_retention_days(person_channel(bob, "lobby")), 0);
}

/* A copy that was left and kept goes by the rule that it knew. */
static void test_left(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        char id[UUID_STRING_SIZE];

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        assert_int_equal(person_set_retention(alice, "lobby", 1), ERROR_NONE);
        say(alice, "one");
        (void) person_join(bob, "lobby");
        person_until_seq(bob, "lobby", 3);
        snprintf(id, sizeof(id), "%s", channel_member_get_id(person_channel(bob, "lobby")));
        assert_int_equal(person_leave(bob, "lobby", false), ERROR_NONE);
        world_pass(w, USEC_PER_HOUR);
        ASSERT_TEXTS(bob, id, "alice: one");
        world_pass(w, USEC_PER_DAY);
        ASSERT_TEXTS(bob, id, "alice: (removed)");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_week),
                cmocka_unit_test(test_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
