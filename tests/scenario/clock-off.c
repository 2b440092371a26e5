/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A clock that is days off: people are told, and chat on, since certificates are held against the
 * tracker's time once it was heard. */
#include "scenario/support.h"

#define DAY ((int64_t) USEC_PER_DAY)

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static void check_offset(Person *p, int64_t expected) {
        int64_t offset = manager_get_clock_offset(p->manager);

        assert_true(offset > expected - (int64_t) USEC_PER_SEC &&
                    offset < expected + (int64_t) USEC_PER_SEC);
}

static void begin(Person *alice, Person *bob) {
        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
}

static void say(Person *p, const char *text) {
        assert_true(person_send_id(p, "lobby", NULL, text, USEC_PER_MINUTE, NULL) > 0);
}

/* By the host's clock everybody's certificate has ended, by the member's none has begun. */
static void test_chat(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice, *bob;
        uint64_t expires[2];

        world_pass(w, 5 * USEC_PER_DAY); /* the tracker is no newer than the clock is off */
        alice = world_person_off(w, "alice", 9 * DAY);
        bob = world_person_off(w, "bob", -3 * DAY);
        begin(alice, bob);
        check_offset(alice, -9 * DAY);
        check_offset(bob, 3 * DAY);
        say(bob, "one");

        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        person_start(alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        say(bob, "two");
        /* Renewed after a third of a week, by the tracker's. */
        expires[0] = account_get_certificate_expires(account(alice));
        expires[1] = account_get_certificate_expires(account(bob));
        world_pass(w, 2 * USEC_PER_DAY);
        assert_int_equal(account_get_certificate_expires(account(alice)), expires[0]);
        assert_int_equal(account_get_certificate_expires(account(bob)), expires[1]);
        world_pass(w, USEC_PER_DAY);
        assert_true(account_get_certificate_expires(account(alice)) > expires[0] + 2 * DAY);
        assert_true(account_get_certificate_expires(account(bob)) > expires[1] + 2 * DAY);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_int_equal(account_get_tracker_state(account(bob)), TRACKER_ONLINE);
        say(bob, "three");
        assert_same_log(alice, bob, "lobby");
}

/* Ours is set while we are there: nothing ends by it. */
static void test_set_meanwhile(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person_off(w, "alice", 1), *bob = world_person_off(w, "bob", 1);

        begin(alice, bob);
        clock_virtual_jump_realtime(alice->clock, 30 * DAY);
        clock_virtual_jump_realtime(bob->clock, -30 * DAY);
        world_pass(w, 10 * USEC_PER_MINUTE);
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        check_offset(alice, -30 * DAY);
        check_offset(bob, 30 * DAY);
        person_kill(bob);
        clock_virtual_jump_realtime(bob->clock, 30 * DAY); /* set right again */
        person_start(bob);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        say(bob, "there");
        assert_same_log(alice, bob, "lobby");
}

/* So far off that not even the tracker's certificate is good by it: how far at least is told. */
static void test_not_even_the_tracker(void **state) {
        static const struct {
                int64_t skew;
                const char *words;
        } rows[] = {
                { -3 * DAY - (int64_t) USEC_PER_HOUR, "your clock is at least 3 days behind" },
                { -50 * 365 * DAY - DAY, "your clock is at least 50 years behind" },
                { 95 * DAY, "your clock is at least 5 days ahead" },
        };
        _cleanup_(world_freep) World *w = world_new();
        Person *bob = world_person_off(w, "bob", 1);

        person_sign_up(bob, "bob");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                person_kill(bob);
                clock_virtual_jump_realtime(bob->clock, rows[i].skew);
                person_start(bob);
                world_pass(w, USEC_PER_MINUTE);
                assert_int_equal(account_get_tracker_state(account(bob)), TRACKER_OFFLINE);
                if (!strstr(account_get_tracker_reason(account(bob)), rows[i].words))
                        fail_msg("%s", account_get_tracker_reason(account(bob)));
                assert_non_null(strstr(account_get_tracker_reason(account(bob)), "timedatectl"));
                clock_virtual_jump_realtime(bob->clock, -rows[i].skew);
                world_pass(w, 2 * USEC_PER_MINUTE);
                assert_int_equal(account_get_tracker_state(account(bob)), TRACKER_ONLINE);
                assert_string_equal(account_get_tracker_reason(account(bob)), "");
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_chat),
                cmocka_unit_test(test_set_meanwhile),
                cmocka_unit_test(test_not_even_the_tracker),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
