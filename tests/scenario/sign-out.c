/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two people at one machine, one after the other: nothing that one left is sent or seen by the
 * other, and all of it is there when the first comes back. */
#include "scenario/support.h"

static void test_sign_out(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *host = world_person(w, "host"), *desk = world_person(w, "desk");

        person_sign_up(host, "hanna");
        person_host(host, "lobby");
        person_sign_up(desk, "alice");
        (void) person_join(desk, "lobby");
        person_until_state(desk, "lobby", MEMBER_LIVE);
        person_host(desk, "own");

        person_kill(host);
        person_until_state(desk, "lobby", MEMBER_OFFLINE);
        (void) person_send(desk, "lobby", "one");
        (void) person_send(desk, "lobby", "two");
        (void) person_send(desk, "lobby", "three");
        assert_int_equal(manager_get_n_outbox(desk->manager), 3);

        person_sign_out(desk);
        assert_int_equal(desk->n_channels, 0);
        assert_int_equal(manager_get_n_outbox(desk->manager), 0);
        person_start(host);
        person_sign_up(desk, "bob");
        assert_int_equal(desk->n_channels, 0);
        (void) person_join(desk, "lobby");
        (void) person_send_id(desk, "lobby", NULL, "from bob", 20 * USEC_PER_SEC, NULL);
        world_pass(w, USEC_PER_HOUR);
        ASSERT_TEXTS(desk, "lobby", "bob: from bob");
        assert_int_equal(person_sees(desk, "own"), 0);
        assert_null(person_channel(desk, "own"));

        person_sign_out(desk);
        assert_int_equal(person_try_sign_in(desk, "alice", "wrong horse battery"),
                         ERROR_BAD_CREDENTIALS);
        person_sign_in(desk, "alice");
        person_until_sent(desk, "lobby");
        person_until_seq(desk, "lobby", 5);
        ASSERT_TEXTS(desk, "lobby", "bob: from bob", "alice: one", "alice: two", "alice: three");
        person_until_state(desk, "own", MEMBER_LIVE);
        world_pass(w, USEC_PER_HOUR);
        ASSERT_TEXTS(host, "lobby", "bob: from bob", "alice: one", "alice: two", "alice: three");
        assert_same_log(host, desk, "lobby");
}

/* A lease belongs to a key: it ends with the sign-out, and where the tracker could not be told the
 * next key waits for it to lapse instead of giving the channel up. */
static void test_leases(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");
        const ChannelMember *own;

        person_sign_up(bob, "bob");
        person_sign_up(alice, "alice");
        person_host(alice, "own");
        person_sign_out(alice);
        assert_int_equal(person_sees(bob, "own"), 0);
        person_sign_in(alice, "alice");
        person_until_state(alice, "own", MEMBER_LIVE);

        world_tracker_kill(w);
        person_sign_out(alice);
        world_tracker_start(w);
        person_sign_in(alice, "alice");
        person_until_state(alice, "own", MEMBER_OFFLINE);
        own = person_channel(alice, "own");
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(channel_member_get_state(own), MEMBER_OFFLINE);
        assert_string_equal(channel_member_get_state_reason(own), "hosted-elsewhere");
        /* Who serves nothing must not begin to when the tracker goes. */
        world_tracker_kill(w);
        world_pass(w, 10 * USEC_PER_SEC);
        assert_int_equal(channel_member_get_state(own), MEMBER_OFFLINE);
        world_tracker_start(w);
        person_until_state(alice, "own", MEMBER_LIVE);
        (void) person_join(bob, "own");
        person_until_state(bob, "own", MEMBER_LIVE);
        assert_same_log(alice, bob, "own");
}

/* Certificates are renewed, connections outlive the old ones by little; whoever stays on notices
 * nothing. */
static void test_stays_signed_in(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice, *bob;
        uint64_t first;

        w->rig->settings.certificate_days = 1;
        alice = world_person(w, "alice");
        bob = world_person(w, "bob");
        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        first = account_get_certificate_expires(manager_get_account(bob->manager));

        for (unsigned quarter = 0; quarter < 6; quarter++) {
                world_pass(w, USEC_PER_DAY / 4);
                assert_true(account_get_certificate_expires(manager_get_account(bob->manager)) >
                            clock_realtime(w->rig->rt->clock) + USEC_PER_DAY / 2);
        }
        assert_true(account_get_certificate_expires(manager_get_account(bob->manager)) > first);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        (void) person_send_id(bob, "lobby", NULL, "still here", 20 * USEC_PER_SEC, NULL);
        person_until_seq(bob, "lobby", 2);
        assert_same_log(alice, bob, "lobby");
}

/* A week and more without a daemon: no password is needed, the key is good for half a year. */
static void test_back_from_holidays(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        person_kill(alice);
        world_pass(w, 30 * USEC_PER_DAY);
        person_start(alice);
        person_until_state(alice, "lobby", MEMBER_LIVE);
        world_pass(w, USEC_PER_MINUTE);
        assert_int_equal(account_get_tracker_state(manager_get_account(alice->manager)),
                         TRACKER_ONLINE);
        assert_int_equal(person_sees(alice, "lobby"), 1);
        assert_true(account_get_certificate_expires(manager_get_account(alice->manager)) >
                    clock_realtime(w->rig->rt->clock));
}

static void on_rows(const Failure *f, const OutboxRow *rows, size_t n, bool more, void *userdata) {
        assert_null(f);
        assert_int_equal(n, 1);
        assert_int_equal(rows[0].state, OUTBOX_FAILED);
        assert_int_equal(rows[0].error, ERROR_EXPIRED);
        *(bool *) userdata = true;
}

/* A guest's day: renewed while the daemon runs, over when it does not. */
static void test_guest(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *carol = world_person(w, "carol");
        bool is_read = false;

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_int_equal(person_set_view(alice, "lobby", VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        person_guest(carol, "carol");
        (void) person_join(carol, "lobby");
        world_pass(w, 2 * USEC_PER_DAY);
        assert_string_equal(account_get_username(manager_get_account(carol->manager)),
                            "guest-carol");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        (void) person_send_id(carol, "lobby", NULL, "still me", 20 * USEC_PER_SEC, NULL);

        person_kill(alice);
        person_until_state(carol, "lobby", MEMBER_OFFLINE);
        (void) person_send(carol, "lobby", "too late");
        person_kill(carol);
        world_pass(w, 2 * USEC_PER_DAY);
        person_start(carol);
        world_pass(w, USEC_PER_MINUTE);
        assert_null(account_get_username(manager_get_account(carol->manager)));
        assert_int_equal(carol->n_channels, 0);

        /* The name is free again: whoever takes it next has what its earlier bearer left here, and
         * sends none of it. */
        person_start(alice);
        person_guest(carol, "carol");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        assert_int_equal(channel_member_read_outbox(person_channel(carol, "lobby"), 0, 0, on_rows,
                                                    &is_read, NULL),
                         0);
        test_loop_until_true(w->rig->loop, &is_read, USEC_PER_MINUTE);
        ASSERT_TEXTS(alice, "lobby", "guest-carol: still me");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_sign_out),        cmocka_unit_test(test_leases),
                cmocka_unit_test(test_stays_signed_in), cmocka_unit_test(test_back_from_holidays),
                cmocka_unit_test(test_guest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
