/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A channel that the tracker's operator took out of the directory: those who are there stay, nobody
 * else finds it, its host says so and asks rarely, and it comes back by itself. */
#include "scenario/operator.h"
#include "scenario/support.h"
#include "scenario/tap.h"

static const char *reason_of(Person *p) {
        return channel_member_get_state_reason(person_channel(p, "lobby"));
}

static bool is_delisted(void *userdata) {
        return streq(reason_of(userdata), "delisted");
}

static bool is_not_delisted(void *userdata) {
        return !is_delisted(userdata);
}

static uint64_t send_text(Person *p, const char *text) {
        ErrorCode error;
        uint64_t seq;

        seq = person_send_id(p, "lobby", NULL, text, 20 * USEC_PER_SEC, &error);
        assert_int_equal(error, ERROR_NONE);
        return seq;
}

static void test_host_goes_on(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob"),
               *carol = world_person(w, "carol");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_sign_up(carol, "carol");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        (void) send_text(bob, "one");

        assert_int_equal(delist(w->rig, "lobby", "ugly").code, ERROR_NONE);
        world_until(w, is_delisted, alice);
        assert_int_equal(channel_member_get_state(person_channel(alice, "lobby")), MEMBER_LIVE);
        assert_int_equal(channel_member_get_state(person_channel(bob, "lobby")), MEMBER_LIVE);
        assert_int_equal(person_sees(carol, "lobby"), -1);
        assert_int_equal(person_try_join(carol, "lobby", -1), ERROR_NO_SUCH_CHANNEL);
        (void) send_text(bob, "two");
        (void) send_text(alice, "three");

        /* The host starts again, and so does the tracker: nothing of that is another matter. */
        person_kill(alice);
        person_until_state(bob, "lobby", MEMBER_OFFLINE);
        person_start(alice);
        world_until(w, is_delisted, alice);
        person_until_state(bob, "lobby", MEMBER_LIVE);
        world_tracker_kill(w);
        world_pass(w, 5 * USEC_PER_MINUTE);
        world_tracker_start(w);
        world_pass(w, 5 * USEC_PER_MINUTE);
        assert_true(is_delisted(alice));
        (void) send_text(bob, "four");
        assert_int_equal(person_sees(carol, "lobby"), -1);

        assert_int_equal(relist(w->rig, "lobby").code, ERROR_NONE);
        world_pass(w, 5 * USEC_PER_SEC); /* CHANNELS, then HOST */
        assert_string_equal(reason_of(alice), "");
        assert_int_equal(person_sees(carol, "lobby"), 1);
        (void) person_join(carol, "lobby");
        person_until_state(carol, "lobby", MEMBER_LIVE);
        person_until_seq(carol, "lobby",
                         channel_member_get_synced_seq(person_channel(alice, "lobby")));
        ASSERT_TEXTS(carol, "lobby", "bob: one", "bob: two", "alice: three", "bob: four");
        assert_same_log(alice, bob, "lobby");
}

/* Its host is refused a few times an hour, not with each heartbeat, and finds it put back although
 * no push said so. */
static void test_asks_rarely(void **state) {
        World *w = world_new();
        Tap *tap = tap_new(w, 7);
        Person *alice = world_person(w, "alice");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_int_equal(delist(w->rig, "lobby", NULL).code, ERROR_NONE);
        world_until(w, is_delisted, alice);
        world_pass(w, USEC_PER_HOUR);
        assert_true(is_delisted(alice));
        world_free(w);
        tap_end(tap);
        /* The first one, the one that was told why, and one each quarter of an hour. */
        assert_in_range(tap_count(tap, "tracker", "alice", "HOST-{"), 5, 6);
        tap_free(tap);
}

/* Its owner may end it, may not give up its name, and not begin again until it is back. */
static void test_owner_ends_it(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_int_equal(delist(w->rig, "lobby", "ugly").code, ERROR_NONE);
        world_until(w, is_delisted, alice);
        assert_int_equal(person_unhost(alice, "lobby", true), ERROR_BANNED);
        assert_non_null(strstr(alice->failure.message, "(ugly)"));
        person_until_state(alice, "lobby", MEMBER_OFFLINE);
        assert_int_equal(
                person_try_host(alice, "lobby",
                                &(HostOptions){ .view = VIEW_INVALID, .send = SEND_INVALID }),
                ERROR_BANNED);
        assert_non_null(strstr(alice->failure.message, "(ugly)"));
        world_pass(w, USEC_PER_HOUR);
        person_until_state(alice, "lobby", MEMBER_OFFLINE);
        assert_int_equal(relist(w->rig, "lobby").code, ERROR_NONE);
        world_pass(w, USEC_PER_MINUTE);
        person_host(alice, "lobby");
        world_until(w, is_not_delisted, alice);
        assert_int_equal(person_sees(alice, "lobby"), 1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_host_goes_on),
                cmocka_unit_test(test_asks_rarely),
                cmocka_unit_test(test_owner_ends_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
