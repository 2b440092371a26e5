/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A channel that keeps a day: what is too old goes at the host and in every copy, whoever is away,
 * and all say the same of it. */
#include "scenario/support.h"

static void say(Person *p, const char *text) {
        ErrorCode error;

        assert_true(person_send_id(p, "lobby", NULL, text, 20 * USEC_PER_SEC, &error) > 0);
        assert_int_equal(error, ERROR_NONE);
}

static uint64_t head_of(Person *p) {
        return channel_member_get_last_seq(person_channel(p, "lobby"));
}

static void test_days(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob"),
               *carol = world_person(w, "carol"), *dora = world_person(w, "dora");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_sign_up(carol, "carol");
        person_sign_up(dora, "dora");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        (void) person_join(carol, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_int_equal(person_set_retention(bob, "lobby", 1), ERROR_NOT_OWNER);
        say(bob, "hour 0");
        assert_int_equal(person_set_retention(alice, "lobby", 1), ERROR_NONE);
        assert_int_equal(channel_member_get_retention_days(person_channel(alice, "lobby")), 1);
        person_until_seq(carol, "lobby", 3);
        assert_int_equal(channel_member_get_retention_days(person_channel(carol, "lobby")), 1);
        person_kill(carol);

        world_pass(w, 8 * USEC_PER_HOUR);
        say(alice, "hour 8");
        /* A copy that begins behind the rule. */
        assert_int_equal(person_try_join(dora, "lobby", 1), ERROR_NONE);
        person_until_state(dora, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_get_retention_days(person_channel(dora, "lobby")), 1);
        say(bob, "hour 8, too");
        person_until_seq(dora, "lobby", 5);
        person_kill(dora);
        ASSERT_TEXTS(bob, "lobby", "bob: hour 0", "alice: hour 8", "bob: hour 8, too");
        /* A minute after its time it is gone. */
        world_pass(w, 16 * USEC_PER_HOUR + USEC_PER_MINUTE);
        ASSERT_TEXTS(alice, "lobby", "bob: (removed)", "alice: hour 8", "bob: hour 8, too");
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "alice: hour 8", "bob: hour 8, too");
        assert_same_log(alice, bob, "lobby");
        say(bob, "hour 24");

        /* Nobody is there when it is time; each does it when back, alone. */
        person_kill(alice);
        person_kill(bob);
        world_pass(w, 12 * USEC_PER_HOUR);
        person_start(dora);
        world_pass(w, USEC_PER_MINUTE);
        ASSERT_TEXTS(dora, "lobby", "alice: (removed)", "bob: (removed)");
        person_start(alice);
        person_start(carol);
        person_start(bob);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        person_until_state(dora, "lobby", MEMBER_LIVE);
        person_until_seq(carol, "lobby", head_of(alice));
        person_until_seq(dora, "lobby", head_of(alice));
        world_pass(w, USEC_PER_MINUTE);
        ASSERT_TEXTS(carol, "lobby", "bob: (removed)", "alice: (removed)", "bob: (removed)",
                     "bob: hour 24");
        person_read_before(dora, "lobby",
                           channel_member_get_first_seq(person_channel(dora, "lobby")), 100);
        assert_same_log(alice, bob, "lobby");
        assert_same_log(alice, carol, "lobby");
        assert_same_log(alice, dora, "lobby");

        /* Another rule, which keeps what it would have removed; then none. */
        person_kill(carol);
        person_kill(dora);
        assert_int_equal(person_set_retention(alice, "lobby", 2), ERROR_NONE);
        person_until_seq(bob, "lobby", head_of(alice));
        world_pass(w, 13 * USEC_PER_HOUR);
        ASSERT_TEXTS(bob, "lobby", "bob: (removed)", "alice: (removed)", "bob: (removed)",
                     "bob: hour 24");
        assert_int_equal(person_set_retention(alice, "lobby", 0), ERROR_NONE);
        person_until_seq(bob, "lobby", head_of(alice));
        person_kill(bob);
        person_kill(alice);
        world_pass(w, 2 * USEC_PER_DAY);
        person_start(alice);
        person_start(bob);
        person_start(carol);
        person_until_seq(carol, "lobby", head_of(alice));
        world_pass(w, USEC_PER_MINUTE);
        ASSERT_TEXTS(alice, "lobby", "bob: (removed)", "alice: (removed)", "bob: (removed)",
                     "bob: hour 24");
        assert_same_log(alice, bob, "lobby");
        assert_same_log(alice, carol, "lobby");
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
                cmocka_unit_test(test_days),
                cmocka_unit_test(test_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
