/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tracker is gone for a day: channels live on among those who know each other, through restarts
 * of host and members, and when it is back it hears how it stands, and nothing is lost. */
#include "daemon/member/channel-member-owner.h"
#include "scenario/support.h"
#include "wire/fields.h"

#define WAIT_USEC (20 * USEC_PER_SEC)

static Person *somebody(World *w, const char *name) {
        Person *p = world_person(w, name);

        person_sign_up(p, name);
        return p;
}

static Account *account(Person *p) {
        return manager_get_account(p->manager);
}

static void expect_signed_in(Person *p, const char *name, TrackerState state) {
        assert_string_equal(account_get_username(account(p)), name);
        assert_int_equal(account_get_tracker_state(account(p)), state);
}

static bool is_online(void *userdata) {
        return account_get_tracker_state(account(userdata)) == TRACKER_ONLINE;
}

static bool has_lease(void *userdata) {
        Person *p = userdata;

        return channel_member_get_lease_until(person_channel(p, "lobby")) >
               clock_boottime(p->rt.clock);
}

static void say(Person *p, const char *text) {
        (void) person_send_id(p, "lobby", NULL, text, WAIT_USEC, NULL);
        assert_int_not_equal(channel_member_get_last_seq(person_channel(p, "lobby")), 0);
}

static void test_a_day(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = somebody(w, "alice"), *bob = somebody(w, "bob"),
               *carol = somebody(w, "carol");
        _cleanup_(rig_client_freep) RigClient *stranger = NULL;
        const Value *entry;
        uint64_t epoch;

        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        (void) person_join(carol, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        epoch = channel_member_get_stored(person_channel(alice, "lobby"))->epoch;
        say(bob, "with a tracker");

        world_tracker_stop(w);
        world_pass(w, 6 * USEC_PER_HOUR);
        expect_signed_in(alice, "alice", TRACKER_OFFLINE);
        expect_signed_in(bob, "bob", TRACKER_OFFLINE);
        assert_false(has_lease(alice));
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        say(bob, "six hours without");

        /* The host restarts, once as planned and once not; what is said meanwhile waits. */
        for (unsigned i = 0; i < 2; i++) {
                if (i == 0)
                        person_stop(alice);
                else
                        person_kill(alice);
                person_until_state(bob, "lobby", MEMBER_OFFLINE);
                assert_int_equal(person_send(bob, "lobby", i == 0 ? "stopped" : "killed"), 0);
                world_pass(w, USEC_PER_HOUR);
                person_start(alice);
                person_until_state(bob, "lobby", MEMBER_LIVE);
                person_until_state(carol, "lobby", MEMBER_LIVE);
                person_until_sent(bob, "lobby");
                expect_signed_in(alice, "alice", TRACKER_OFFLINE);
        }
        /* A member does as well, and knows where the host is. */
        person_kill(carol);
        say(alice, "carol is away");
        world_pass(w, USEC_PER_HOUR);
        person_start(carol);
        person_until_state(carol, "lobby", MEMBER_LIVE);
        person_until_seq(carol, "lobby", 6);
        say(carol, "back");
        world_pass(w, 15 * USEC_PER_HOUR);
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        assert_int_equal(channel_member_get_state(person_channel(carol, "lobby")), MEMBER_LIVE);

        /* It is back, with what it knew a day ago: the same lease for the same key. */
        world_tracker_start(w);
        world_until(w, is_online, alice);
        world_until(w, has_lease, alice);
        world_until(w, is_online, bob);
        world_until(w, is_online, carol);
        assert_int_equal(channel_member_get_stored(person_channel(alice, "lobby"))->epoch, epoch);
        world_pass(w, 2 * USEC_PER_MINUTE);
        assert_int_equal(person_sees(bob, "lobby"), 1);
        stranger = rig_client_new(w->rig);
        rig_connect(stranger);
        assert_int_equal(rig_call(stranger, "LIST", "{}"), ERROR_NONE);
        entry = value_at(value_get(stranger->payload, "channels"), 0);
        assert_int_equal(rig_uint(entry, "last_seq"), 7);
        assert_int_equal(rig_uint(entry, "members"), 3);
        assert_int_equal(rig_uint(entry, "epoch"), epoch);

        say(bob, "with a tracker again");
        person_until_seq(carol, "lobby", 8);
        person_until_seq(bob, "lobby", 8);
        ASSERT_TEXTS(alice, "lobby", "bob: with a tracker", "bob: six hours without",
                     "bob: stopped", "bob: killed", "alice: carol is away", "carol: back",
                     "bob: with a tracker again");
        assert_same_log(alice, bob, "lobby");
        assert_same_log(alice, carol, "lobby");
}

/* A host whose address is another one after its restart is found as soon as somebody can say where
 * it is; until then everything waits. */
static void test_the_host_is_elsewhere(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = somebody(w, "alice"), *bob = somebody(w, "bob");

        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        world_tracker_kill(w);
        person_stop(alice);
        address_set_port(&alice->listen, 0);
        person_start(alice);
        person_until_state(alice, "lobby", MEMBER_LIVE);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        assert_int_equal(person_send(bob, "lobby", "where are you?"), 0);
        world_pass(w, USEC_PER_DAY);
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_OFFLINE);
        assert_int_equal(channel_member_get_n_outbox(person_channel(bob, "lobby")), 1);

        world_tracker_start(w);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        person_until_sent(bob, "lobby");
        person_until_seq(bob, "lobby", 2);
        ASSERT_TEXTS(alice, "lobby", "bob: where are you?");
        assert_same_log(alice, bob, "lobby");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_day),
                cmocka_unit_test(test_the_host_is_elsewhere),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
