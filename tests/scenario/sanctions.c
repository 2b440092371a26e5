/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Somebody is sent out, by real daemons: what she is told, what becomes of what she writes, and how
 * she comes back, also over restarts of either side. */
#include "scenario/support.h"

typedef struct Done {
        bool is_done;
        Failure failure;
} Done;

static void on_done(const Failure *f, void *userdata) {
        Done *d = userdata;

        d->is_done = true;
        d->failure = f ? *f : (Failure){};
}

static bool is_done(void *userdata) {
        return ((Done *) userdata)->is_done;
}

static ErrorCode sanction(Person *p, SanctionKind kind, const char *target, const char *reason,
                          uint64_t until) {
        Sanction s = { .kind = kind, .target = target, .reason = reason, .until = until };
        Done d = {};

        assert_int_equal(channel_member_sanction(person_channel(p, "lobby"), &s, on_done, &d, NULL),
                         0);
        world_until(p->world, is_done, &d);
        return d.failure.code;
}

static ErrorCode connect_again(Person *p) {
        Done d = {};

        assert_int_equal(channel_member_connect(person_channel(p, "lobby"), on_done, &d, NULL), 0);
        world_until(p->world, is_done, &d);
        return d.failure.code;
}

static MemberState state_of(Person *p) {
        return channel_member_get_state(person_channel(p, "lobby"));
}

static void until(Person *p, MemberState state) {
        person_until_state(p, "lobby", state);
}

static void assert_told(Person *p, const char *words) {
        const char *text = channel_member_get_state_text(person_channel(p, "lobby"));

        if (!strstr(text, words))
                fail_msg("\"%s\" is not in \"%s\"", words, text);
}

static uint64_t now(World *w) {
        return clock_realtime(w->rig->rt->clock);
}

static World *begin(Person **ret_alice, Person **ret_bob) {
        World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "lobby");
        (void) person_join(bob, "lobby");
        until(bob, MEMBER_LIVE);
        (void) person_send(alice, "lobby", "one");
        person_until_seq(bob, "lobby", 2);
        *ret_alice = alice;
        *ret_bob = bob;
        return w;
}

static ErrorCode say(Person *p, const char *text) {
        ErrorCode error;

        (void) person_send_id(p, "lobby", NULL, text, 20 * USEC_PER_SEC, &error);
        return error;
}

/* ---- a ban ---- */

static void test_ban_with_an_end(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = begin(&alice, &bob);
        uint64_t end = now(w) + 2 * USEC_PER_HOUR;

        assert_int_equal(sanction(alice, SANCTION_BAN, "bob", "spam", end), ERROR_NONE);
        until(bob, MEMBER_DENIED);
        assert_told(bob, "alice has banned you from this channel until ");
        assert_told(bob, ": spam. What is here is kept, and ends here.");
        assert_told(bob, "p2pchatctl connect lobby.");
        (void) say(alice, "behind his back");
        assert_int_equal(connect_again(bob), ERROR_BANNED);

        /* What he writes fails, for the reason, and does not wait. */
        assert_int_equal(say(bob, "but I"), ERROR_BANNED);
        (void) person_send(bob, "lobby", "and I");
        person_until_sent(bob, "lobby");
        assert_int_equal(state_of(bob), MEMBER_DENIED);
        ASSERT_TEXTS(bob, "lobby", "alice: one");

        /* It holds over a restart of either, and ends by itself: nobody does anything. */
        person_kill(alice);
        person_start(alice);
        until(alice, MEMBER_LIVE);
        person_kill(bob);
        person_start(bob);
        until(bob, MEMBER_DENIED);
        assert_told(bob, ": spam.");
        ASSERT_TEXTS(bob, "lobby", "alice: one");
        world_pass(w, end - now(w) - USEC_PER_SEC);
        assert_int_equal(state_of(bob), MEMBER_DENIED);
        until(bob, MEMBER_LIVE);
        assert_true(now(w) < end + USEC_PER_MINUTE);
        assert_string_equal(channel_member_get_state_text(person_channel(bob, "lobby")), "");
        assert_int_equal(say(bob, "back"), ERROR_NONE);
        person_until_seq(bob, "lobby", channel_member_get_last_seq(person_channel(alice, "lobby")));
        ASSERT_TEXTS(alice, "lobby", "alice: one", "alice: behind his back", "bob: back");
        assert_same_log(alice, bob, "lobby");
}

static void test_unban(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) _unused_ World *w = begin(&alice, &bob);

        assert_int_equal(sanction(alice, SANCTION_BAN, "bob", NULL, 0), ERROR_NONE);
        until(bob, MEMBER_DENIED);
        assert_told(bob, "alice has banned you from this channel. What is here");
        assert_int_equal(sanction(alice, SANCTION_UNBAN, "bob", NULL, 0), ERROR_NONE);
        until(bob, MEMBER_LIVE);
        assert_int_equal(say(bob, "back"), ERROR_NONE);
}

/* What waits while he is away fails when the host says that he is banned. */
static void test_banned_while_away(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) _unused_ World *w = begin(&alice, &bob);

        person_kill(alice);
        until(bob, MEMBER_OFFLINE);
        (void) person_send(bob, "lobby", "queued");
        person_kill(bob);
        person_start(alice);
        until(alice, MEMBER_LIVE);
        assert_int_equal(sanction(alice, SANCTION_BAN, "bob", "spam", 0), ERROR_NONE);
        person_start(bob);
        until(bob, MEMBER_DENIED);
        person_until_sent(bob, "lobby");
        ASSERT_TEXTS(alice, "lobby", "alice: one");
}

/* ---- being kicked ---- */

static void test_kick(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = begin(&alice, &bob);

        assert_int_equal(sanction(alice, SANCTION_KICK, "bob", "too loud", 0), ERROR_NONE);
        until(bob, MEMBER_CLOSED);
        assert_told(bob, "alice has sent you out of this channel: too loud. What is here is kept");
        assert_told(bob, "p2pchatctl connect lobby.");

        /* Never by itself; and not within the minute, whoever was restarted. */
        person_kill(bob);
        person_start(bob);
        until(bob, MEMBER_CLOSED);
        assert_string_equal(channel_member_get_state_reason(person_channel(bob, "lobby")),
                            "kicked");
        person_kill(alice);
        person_start(alice);
        until(alice, MEMBER_LIVE);
        assert_int_equal(sanction(alice, SANCTION_KICK, "bob", NULL, 0), ERROR_NONE);
        assert_int_equal(channel_member_get_last_seq(person_channel(alice, "lobby")), 3);
        world_pass(w, 3 * USEC_PER_HOUR);
        assert_int_equal(state_of(bob), MEMBER_CLOSED);
        ASSERT_TEXTS(bob, "lobby", "alice: one");
        assert_int_equal(connect_again(bob), ERROR_NONE);
        until(bob, MEMBER_LIVE);
        person_until_seq(bob, "lobby", 3);

        /* Asked for too early, it is for later. */
        assert_int_equal(sanction(alice, SANCTION_KICK, "bob", NULL, 0), ERROR_NONE);
        until(bob, MEMBER_CLOSED);
        person_kill(alice);
        person_start(alice);
        until(alice, MEMBER_LIVE);
        assert_int_equal(connect_again(bob), ERROR_RATE_LIMITED);
        until(bob, MEMBER_LIVE);
        assert_same_log(alice, bob, "lobby");
        person_kill(bob);
        person_start(bob);
        until(bob, MEMBER_LIVE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ban_with_an_end),
                cmocka_unit_test(test_unban),
                cmocka_unit_test(test_banned_while_away),
                cmocka_unit_test(test_kick),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
