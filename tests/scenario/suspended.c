/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom the tracker's operator suspends is out of every host within half a minute, also of those
 * that were not there when it was said, and hears why; nobody else notices. */
#include "scenario/operator.h"
#include "scenario/support.h"

#define SOON_USEC (30 * USEC_PER_SEC) /* at a lease of 60 s: a heartbeat is due every 20 s */

static bool is_live(Person *p, const char *channel) {
        const ChannelMember *c = person_channel(p, channel);

        return c && channel_member_get_state(c) == MEMBER_LIVE;
}

static size_t n_here(Person *p) {
        size_t n_channels, n_members;

        manager_get_hosting(p->manager, &n_channels, &n_members);
        return n_members;
}

/* alice and dave host, bob is in both and hosts a channel of his own; gus is a guest. */
typedef struct Cast {
        World *w;
        Person *alice, *dave, *bob, *gus;
} Cast;

static void begin(Cast *t) {
        t->w = world_new();
        t->alice = world_person(t->w, "alice");
        t->dave = world_person(t->w, "dave");
        t->bob = world_person(t->w, "bob");
        t->gus = world_person(t->w, "gus");
        person_sign_up(t->alice, "alice");
        person_sign_up(t->dave, "dave");
        person_sign_up(t->bob, "bob");
        person_guest(t->gus, "gus");
        person_host(t->alice, "lobby");
        person_host(t->dave, "den");
        person_host(t->bob, "bobs");
        (void) person_join(t->bob, "lobby");
        (void) person_join(t->bob, "den");
        (void) person_join(t->gus, "lobby");
        (void) person_join(t->alice, "bobs");
        person_until_state(t->bob, "lobby", MEMBER_LIVE);
        person_until_state(t->bob, "den", MEMBER_LIVE);
        person_until_state(t->gus, "lobby", MEMBER_LIVE);
        person_until_state(t->alice, "bobs", MEMBER_LIVE);
        assert_int_equal(n_here(t->alice), 3);
        assert_int_equal(n_here(t->dave), 2);
}

static void assert_out(const Cast *t) {
        assert_int_equal(n_here(t->alice), 2);
        assert_int_equal(n_here(t->dave), 1);
        assert_false(is_live(t->bob, "lobby"));
        assert_false(is_live(t->bob, "den"));
        assert_false(is_live(t->bob, "bobs"));
        assert_false(is_live(t->alice, "bobs"));
        assert_true(is_live(t->gus, "lobby"));
        assert_true(is_live(t->alice, "lobby"));
        assert_int_equal(person_sees(t->gus, "bobs"), 0);
}

static void test_within_half_a_minute(void **state) {
        Cast t;

        begin(&t);
        (void) person_send(t.gus, "lobby", "before");
        assert_int_equal(suspend(t.w->rig, "bob", "sells things").code, ERROR_NONE);
        world_pass(t.w, SOON_USEC);
        assert_out(&t);
        (void) person_send(t.gus, "lobby", "after");
        person_until_sent(t.gus, "lobby");

        /* He hears why when he signs in, and only with his password. */
        assert_int_equal(person_try_sign_in(t.bob, "bob", "wrong horse battery"),
                         ERROR_BAD_CREDENTIALS);
        assert_int_equal(person_try_sign_in(t.bob, "bob", "correct horse battery"), ERROR_BANNED);
        assert_non_null(strstr(t.bob->failure.message,
                               "suspended by the operator of this tracker (sells things)"));
        world_pass(t.w, 3 * USEC_PER_HOUR);
        assert_out(&t);
        person_kill(t.bob);
        person_start(t.bob);
        world_pass(t.w, USEC_PER_HOUR);
        assert_out(&t);

        assert_int_equal(resume(t.w->rig, "bob").code, ERROR_NONE);
        world_pass(t.w, USEC_PER_HOUR);
        assert_out(&t); /* by signing in, not by itself */
        person_sign_in(t.bob, "bob");
        person_until_state(t.bob, "lobby", MEMBER_LIVE);
        person_until_state(t.bob, "den", MEMBER_LIVE);
        person_until_state(t.bob, "bobs", MEMBER_LIVE);
        person_until_state(t.alice, "bobs", MEMBER_LIVE);
        assert_same_log(t.alice, t.bob, "lobby");
        world_free(t.w);
}

/* The tracker dies right behind its answer: what it said is so when it is back. */
static void test_tracker_killed(void **state) {
        Cast t;

        begin(&t);
        assert_int_equal(suspend(t.w->rig, "bob", NULL).code, ERROR_NONE);
        world_tracker_kill(t.w);
        world_pass(t.w, 10 * USEC_PER_SEC);
        world_tracker_start(t.w);
        world_pass(t.w, SOON_USEC);
        assert_out(&t);
        assert_int_equal(person_try_sign_in(t.bob, "bob", "correct horse battery"), ERROR_BANNED);
        world_free(t.w);
}

/* A host that was stopped when it was said hears it before it lets anybody in again. */
static void test_host_restarts(void **state) {
        Cast t;

        begin(&t);
        person_kill(t.dave);
        assert_int_equal(suspend(t.w->rig, "bob", NULL).code, ERROR_NONE);
        world_pass(t.w, SOON_USEC);
        person_start(t.dave);
        person_until_state(t.dave, "den", MEMBER_LIVE);
        world_pass(t.w, SOON_USEC);
        assert_out(&t);
        /* … and it keeps that: the tracker need not be there to say it again. */
        world_tracker_kill(t.w);
        person_kill(t.dave);
        person_start(t.dave);
        world_pass(t.w, 10 * USEC_PER_MINUTE);
        assert_int_equal(n_here(t.dave), 1);
        world_free(t.w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_within_half_a_minute),
                cmocka_unit_test(test_tracker_killed),
                cmocka_unit_test(test_host_restarts),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
