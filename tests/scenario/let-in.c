/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who was refused is live again without a command once that is over: whoever was restarted or away
 * meanwhile, and whatever was lost on the way. world_until() ends long before the hourly try. */
#include "scenario/relay.h"

static void until_state(Person *p, MemberState state) {
        person_until_state(p, "club", state);
}

static MemberState state_of(Person *p) {
        return channel_member_get_state(person_channel(p, "club"));
}

static void authorize(Person *p, const char *name, Role role) {
        assert_int_equal(person_authorize(p, "club", name, role), ERROR_NONE);
}

/* Bob was a member of the club and is not any more. */
static World *begin(Person **ret_alice, Person **ret_bob, Relay **ret_relay) {
        World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        person_host(alice, "club");
        if (ret_relay) {
                *ret_relay = relay_new(alice);
                until_state(alice, MEMBER_LIVE);
        }
        assert_int_equal(person_set_view(alice, "club", VIEW_RESTRICTED, SEND_INVALID), ERROR_NONE);
        authorize(alice, "bob", ROLE_MEMBER);
        (void) person_join(bob, "club");
        until_state(bob, MEMBER_LIVE);
        (void) person_send(alice, "club", "one");
        person_until_seq(bob, "club", 4);
        authorize(alice, "bob", ROLE_NONE);
        until_state(bob, MEMBER_DENIED);
        (void) person_send(alice, "club", "not for bob");
        person_until_sent(alice, "club");
        *ret_alice = alice;
        *ret_bob = bob;
        return w;
}

/* What was here stays, with the word that it has ended; what comes then is all of it. */
static void assert_ended(Person *bob) {
        ASSERT_TEXTS(bob, "club", "alice: one");
        assert_string_equal(channel_member_get_state_reason(person_channel(bob, "club")),
                            "restricted");
        assert_non_null(strstr(channel_member_get_state_text(person_channel(bob, "club")),
                               "p2pchatctl access club"));
}

static void assert_goes_on(Person *alice, Person *bob) {
        until_state(bob, MEMBER_LIVE);
        person_until_seq(bob, "club", channel_member_get_last_seq(person_channel(alice, "club")));
        ASSERT_TEXTS(bob, "club", "alice: one", "alice: not for bob");
        assert_same_log(alice, bob, "club");
        assert_string_equal(channel_member_get_state_text(person_channel(bob, "club")), "");
}

static void test_told(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) World *w = begin(&alice, &bob, NULL);
        uint64_t before = clock_boottime(w->rig->rt->clock);

        assert_ended(bob);
        world_pass(w, 5 * USEC_PER_MINUTE);
        assert_int_equal(state_of(bob), MEMBER_DENIED);
        before = clock_boottime(w->rig->rt->clock);
        authorize(alice, "bob", ROLE_MEMBER);
        assert_goes_on(alice, bob);
        assert_true(clock_boottime(w->rig->rt->clock) - before < 5 * USEC_PER_SEC);
}

static void test_public(void **state) {
        Person *alice, *bob;
        _cleanup_(world_freep) _unused_ World *w = begin(&alice, &bob, NULL);

        assert_int_equal(person_set_view(alice, "club", VIEW_PUBLIC, SEND_INVALID), ERROR_NONE);
        assert_goes_on(alice, bob);
}

static void on_sanctioned(const Failure *f, void *userdata) {
        *(ErrorCode *) userdata = f ? f->code : ERROR_NONE;
}

static bool is_sanctioned(void *userdata) {
        return *(ErrorCode *) userdata != ERROR_MAX;
}

static void sanction(Person *p, SanctionKind kind, uint64_t until) {
        Sanction x = { .kind = kind, .target = "bob", .until = until };
        ErrorCode error = ERROR_MAX;

        assert_int_equal(
                channel_member_sanction(person_channel(p, "club"), &x, on_sanctioned, &error, NULL),
                0);
        world_until(p->world, is_sanctioned, &error);
        assert_int_equal(error, ERROR_NONE);
}

/* Taken back, or over by itself: at once, and after both were restarted meanwhile. */
static void test_ban(void **state) {
        for (unsigned kind = 0; kind < 4; kind++) {
                Person *alice, *bob;
                _cleanup_(world_freep) World *w = begin(&alice, &bob, NULL);
                const uint64_t hours = 5 * USEC_PER_HOUR + 7 * USEC_PER_MINUTE;
                bool ends = kind & 1;

                assert_int_equal(person_set_view(alice, "club", VIEW_PUBLIC, SEND_INVALID),
                                 ERROR_NONE);
                until_state(bob, MEMBER_LIVE);
                sanction(alice, SANCTION_BAN, ends ? clock_realtime(w->rig->rt->clock) + hours : 0);
                until_state(bob, MEMBER_DENIED);
                assert_string_equal(channel_member_get_state_reason(person_channel(bob, "club")),
                                    "banned");
                if (kind & 2) {
                        person_kill(alice);
                        person_kill(bob);
                        person_start(alice);
                        person_start(bob);
                        until_state(bob, MEMBER_DENIED);
                }
                world_pass(w, hours - 2 * USEC_PER_MINUTE);
                assert_int_equal(state_of(bob), MEMBER_DENIED);
                if (!ends)
                        sanction(alice, SANCTION_UNBAN, 0);
                world_pass(w, 3 * USEC_PER_MINUTE);
                assert_int_equal(state_of(bob), MEMBER_LIVE);
                assert_goes_on(alice, bob);
        }
}

static void test_restarts(void **state) {
        enum { BOB = 1, ALICE = 2, TRACKER = 4, BEFORE = 8, KINDS = 16 };

        for (unsigned kind = 1; kind < KINDS; kind++) {
                Person *alice, *bob;
                _cleanup_(world_freep) World *w = begin(&alice, &bob, NULL);

                if (kind & TRACKER)
                        world_tracker_kill(w);
                if (kind & BOB)
                        person_kill(bob);
                if ((kind & BEFORE) && (kind & ALICE)) {
                        person_kill(alice);
                        person_start(alice);
                        until_state(alice, MEMBER_LIVE);
                }
                if ((kind & BEFORE) && (kind & BOB)) {
                        person_start(bob);
                        until_state(bob, MEMBER_DENIED);
                        assert_ended(bob);
                }
                world_pass(w, USEC_PER_MINUTE);
                if (!(kind & BOB) || (kind & BEFORE))
                        assert_int_equal(state_of(bob), MEMBER_DENIED);
                authorize(alice, "bob", ROLE_MEMBER);
                if (!(kind & BEFORE) && (kind & ALICE)) {
                        person_kill(alice);
                        person_start(alice);
                        until_state(alice, MEMBER_LIVE);
                }
                if (!(kind & BEFORE) && (kind & BOB))
                        person_start(bob);
                assert_goes_on(alice, bob);
        }
}

/* Bob never was in it: his first Join is refused, and kept. Who gives up is not let in. */
static void test_first_join(void **state) {
        enum { BOB = 1, ALICE = 2, GIVES_UP = 4, KINDS = 5 };

        for (unsigned kind = 0; kind < KINDS; kind++) {
                _cleanup_(world_freep) World *w = world_new();
                Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

                person_sign_up(alice, "alice");
                person_sign_up(bob, "bob");
                person_host(alice, "club");
                assert_int_equal(person_set_view(alice, "club", VIEW_RESTRICTED, SEND_INVALID),
                                 ERROR_NONE);
                (void) person_send(alice, "club", "for members");
                person_until_sent(alice, "club");
                assert_int_equal(person_try_join(bob, "club", -1), ERROR_RESTRICTED);
                assert_int_equal(state_of(bob), MEMBER_DENIED);
                assert_int_equal(person_try_join(bob, "club", -1), ERROR_RESTRICTED);
                if (kind & BOB) {
                        person_kill(bob);
                        person_start(bob);
                        until_state(bob, MEMBER_DENIED);
                }
                if (kind & ALICE) {
                        person_kill(alice);
                        person_start(alice);
                        until_state(alice, MEMBER_LIVE);
                }
                if (kind & GIVES_UP)
                        assert_int_equal(person_leave(bob, "club", true), ERROR_NONE);
                authorize(alice, "bob", ROLE_MEMBER);
                if (kind & GIVES_UP) {
                        world_pass(w, 2 * USEC_PER_HOUR);
                        assert_null(person_channel(bob, "club"));
                        continue;
                }
                until_state(bob, MEMBER_LIVE);
                person_until_seq(bob, "club",
                                 channel_member_get_last_seq(person_channel(alice, "club")));
                ASSERT_TEXTS(bob, "club", "alice: for members");
                assert_same_log(alice, bob, "club");
        }
}

/* ---- what goes wrong on the way ---- */

typedef struct Watch {
        bool is_closed;
        unsigned n_access, n_closed;
        RelayVerdict access; /* what becomes of the push */
} Watch;

static RelayVerdict watch(Person *member, bool to_member, const char *line, void *userdata) {
        Watch *x = userdata;

        if (!to_member)
                return RELAY_PASS;
        if (strstr(line, "CLOSED-") == line) {
                x->is_closed = true;
                x->n_closed++;
        } else if (strstr(line, "OK-") == line && strstr(line, "\"members_online\""))
                x->is_closed = false;
        else if (strstr(line, "MESSAGE-") == line || strstr(line, "PRESENCE-") == line)
                assert_false(x->is_closed); /* nothing of the channel follows */
        if (strstr(line, "ACCESS-") != line)
                return RELAY_PASS;
        x->n_access++;
        return x->access;
}

static void test_push_is_lost(void **state) {
        Person *alice, *bob;
        Relay *r;
        _cleanup_(world_freep) _unused_ World *w = begin(&alice, &bob, &r);
        _cleanup_(relay_freep) _unused_ Relay *relay = r;
        Watch x = { .is_closed = true, .access = RELAY_CUT };

        relay_set_hook(relay, watch, &x);
        authorize(alice, "bob", ROLE_MEMBER);
        assert_goes_on(alice, bob);
        assert_int_equal(x.n_access, 1);

        /* Lost without a trace: the hour. */
        authorize(alice, "bob", ROLE_NONE);
        until_state(bob, MEMBER_DENIED);
        x.access = RELAY_DROP;
        authorize(alice, "bob", ROLE_MEMBER);
        world_pass(w, 50 * USEC_PER_MINUTE);
        assert_int_equal(state_of(bob), MEMBER_DENIED);
        assert_int_equal(x.n_access, 2);
        until_state(bob, MEMBER_LIVE);
        relay_set_hook(relay, NULL, NULL);
}

/* The directory says it where the push does not. */
static void test_directory(void **state) {
        Person *alice, *bob;
        Relay *r;
        _cleanup_(world_freep) World *w = begin(&alice, &bob, &r);
        _cleanup_(relay_freep) _unused_ Relay *relay = r;
        Watch x = { .is_closed = true, .access = RELAY_DROP };

        world_pass(w, USEC_PER_MINUTE);
        relay_set_hook(relay, watch, &x);
        assert_int_equal(person_set_view(alice, "club", VIEW_PUBLIC, SEND_INVALID), ERROR_NONE);
        assert_goes_on(alice, bob);
        relay_set_hook(relay, NULL, NULL);
}

/* In and out, faster than anybody reads: each time the end is what holds. */
static void test_back_and_forth(void **state) {
        Person *alice, *bob;
        Relay *r;
        _cleanup_(world_freep) World *w = begin(&alice, &bob, &r);
        _cleanup_(relay_freep) _unused_ Relay *relay = r;
        Watch x = { .is_closed = true, .access = RELAY_PASS };

        relay_set_hook(relay, watch, &x);
        for (unsigned i = 0; i < 21; i++) {
                authorize(alice, "bob", i % 2 ? ROLE_NONE : ROLE_MEMBER);
                (void) person_send(alice, "club", "while it changes");
                world_pass(w, i * 3 * USEC_PER_MSEC);
        }
        until_state(bob, MEMBER_LIVE);
        person_until_seq(bob, "club", channel_member_get_last_seq(person_channel(alice, "club")));
        assert_same_log(alice, bob, "club");
        authorize(alice, "bob", ROLE_NONE);
        until_state(bob, MEMBER_DENIED);
        assert_true(x.n_closed > 0);
        relay_set_hook(relay, NULL, NULL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_told),       cmocka_unit_test(test_public),
                cmocka_unit_test(test_ban),        cmocka_unit_test(test_restarts),
                cmocka_unit_test(test_first_join), cmocka_unit_test(test_push_is_lost),
                cmocka_unit_test(test_directory),  cmocka_unit_test(test_back_and_forth),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
