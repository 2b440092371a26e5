/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What time does to who we are: certificates end, whoever is there gets the next one in time, and
 * whoever was away comes back by the key alone, half a year long. */
#include "scenario/support.h"

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static uint64_t now(World *w) {
        return clock_realtime(w->rig->rt->clock);
}

static MemberState state_of(Person *p, const char *channel) {
        return channel_member_get_state(person_channel(p, channel));
}

static bool is_certified(Person *p) {
        return account_get_certificate_expires(account(p)) > now(p->world);
}

/* alice hosts, bob is there. */
static void begin(World *w, Person **ret_alice, Person **ret_bob) {
        *ret_alice = world_person(w, "alice");
        *ret_bob = world_person(w, "bob");
        person_sign_up(*ret_alice, "alice");
        person_sign_up(*ret_bob, "bob");
        person_host(*ret_alice, "lobby");
        (void) person_join(*ret_bob, "lobby");
        person_until_state(*ret_bob, "lobby", MEMBER_LIVE);
}

/* More than a certificate long: nobody does anything, nobody notices anything. The next one does
 * not come before a third of its time is over, and comes soon after it. */
static void test_weeks(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        const uint64_t third = 7 * USEC_PER_DAY / 3;
        Person *alice, *bob;
        uint64_t begun, expires;

        begin(w, &alice, &bob);
        begun = now(w);
        for (unsigned turn = 0; turn < 3; turn++) {
                char text[16];

                expires = account_get_certificate_expires(account(alice));
                world_pass(w, expires - now(w) - 2 * third - USEC_PER_HOUR);
                assert_int_equal(account_get_certificate_expires(account(alice)), expires);
                world_pass(w, 2 * USEC_PER_HOUR);
                assert_true(account_get_certificate_expires(account(alice)) >=
                            expires + third - USEC_PER_HOUR);
                assert_true(account_get_certificate_expires(account(bob)) >
                            now(w) + 4 * USEC_PER_DAY);
                assert_int_equal(account_get_tracker_state(account(alice)), TRACKER_ONLINE);
                assert_int_equal(person_sees(bob, "lobby"), 1);
                snprintf(text, sizeof(text), "turn %u", turn);
                assert_int_equal(person_send_id(bob, "lobby", NULL, text, USEC_PER_MINUTE, NULL),
                                 turn + 2);
        }
        assert_true(now(w) > begun + 7 * USEC_PER_DAY);
        assert_same_log(alice, bob, "lobby");
}

static void off_for(uint64_t days) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice, *bob;

        begin(w, &alice, &bob);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        (void) person_send(bob, "lobby", "before the holidays");
        person_kill(bob);
        world_pass(w, days * USEC_PER_DAY);
        person_start(alice);
        person_start(bob);
        assert_false(is_certified(alice));
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_sent(bob, "lobby");
        assert_true(is_certified(alice) && is_certified(bob));
        assert_string_equal(account_get_tracker_reason(account(bob)), "");
        ASSERT_TEXTS(alice, "lobby", "bob: before the holidays");
        assert_int_equal(person_sees(bob, "lobby"), 1);
}

static void test_eight_days(void **state) {
        off_for(8);
}

static void test_a_month(void **state) {
        off_for(31);
}

static void test_just_below_half_a_year(void **state) {
        off_for(179);
}

/* Then the tracker has forgotten the device. Nothing of what is here goes with it. */
static void test_half_a_year(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice, *bob;

        begin(w, &alice, &bob);
        (void) person_send_id(bob, "lobby", NULL, "old", USEC_PER_MINUTE, NULL);
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        (void) person_send(bob, "lobby", "long ago");
        person_kill(bob);
        world_pass(w, 181 * USEC_PER_DAY);
        person_start(alice);
        person_start(bob);
        world_pass(w, 5 * USEC_PER_MINUTE);
        for (unsigned i = 0; i < 2; i++) {
                Person *p = i == 0 ? alice : bob;

                assert_string_equal(account_get_username(account(p)), i == 0 ? "alice" : "bob");
                assert_non_null(strstr(account_get_tracker_reason(account(p)), "sign in again"));
                assert_false(is_certified(p));
                assert_int_not_equal(state_of(p, "lobby"), MEMBER_LIVE);
        }
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, "lobby")), 1);
        ASSERT_TEXTS(bob, "lobby", "bob: old");

        person_sign_in(alice, "alice");
        person_until_state(alice, "lobby", MEMBER_LIVE);
        person_sign_in(bob, "bob");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_sent(bob, "lobby");
        person_until_seq(bob, "lobby", 3);
        ASSERT_TEXTS(alice, "lobby", "bob: old", "bob: long ago");
        assert_same_log(alice, bob, "lobby");
}

/* The tracker is away and nobody can renew: a connection outlives the certificate that it was made
 * with by ten minutes, whose ever that was. */
static void test_ends_while_connected(void **state) {
        for (unsigned host_first = 0; host_first < 2; host_first++) {
                _cleanup_(world_freep) World *w = world_new();
                Person *alice, *bob;
                uint64_t end;

                w->rig->settings.certificate_days = 1;
                alice = world_person(w, "alice");
                bob = world_person(w, "bob");
                person_sign_up(host_first ? alice : bob, host_first ? "alice" : "bob");
                world_pass(w, 2 * USEC_PER_HOUR);
                person_sign_up(host_first ? bob : alice, host_first ? "bob" : "alice");
                person_host(alice, "lobby");
                (void) person_join(bob, "lobby");
                person_until_state(bob, "lobby", MEMBER_LIVE);
                world_tracker_kill(w);

                end = account_get_certificate_expires(account(host_first ? alice : bob));
                world_pass(w, end - now(w) + 9 * USEC_PER_MINUTE);
                assert_int_equal(state_of(bob, "lobby"), MEMBER_LIVE);
                world_pass(w, 2 * USEC_PER_MINUTE);
                assert_int_not_equal(state_of(bob, "lobby"), MEMBER_LIVE);
                assert_true(is_certified(host_first ? bob : alice));
                world_pass(w, 5 * USEC_PER_MINUTE);
                assert_int_not_equal(state_of(bob, "lobby"), MEMBER_LIVE);

                world_tracker_start(w);
                person_until_state(bob, "lobby", MEMBER_LIVE);
                assert_true(is_certified(alice) && is_certified(bob));
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_weeks),       cmocka_unit_test(test_eight_days),
                cmocka_unit_test(test_a_month),     cmocka_unit_test(test_just_below_half_a_year),
                cmocka_unit_test(test_half_a_year), cmocka_unit_test(test_ends_while_connected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
