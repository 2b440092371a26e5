/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A clock that says a year in which every message is too old, anybody's: nothing is removed by it,
 * and what is too old goes once the clocks agree. */
#include "scenario/support.h"

#define DAY ((int64_t) USEC_PER_DAY)
#define YEAR (365 * DAY)

typedef struct Two {
        World *w;
        Person *alice, *bob;
} Two;

static void say(Person *p, const char *text) {
        assert_true(person_send_id(p, "lobby", NULL, text, USEC_PER_MINUTE, NULL) > 0);
}

/* A channel of alice's that keeps a day. */
static World *two_in_lobby(Two *ret) {
        World *w = world_new();

        *ret = (Two){ .w = w,
                      .alice = world_person_off(w, "alice", 1),
                      .bob = world_person_off(w, "bob", 1) };
        person_sign_up(ret->alice, "alice");
        person_sign_up(ret->bob, "bob");
        person_host(ret->alice, "lobby");
        assert_int_equal(person_set_retention(ret->alice, "lobby", 1), ERROR_NONE);
        (void) person_join(ret->bob, "lobby");
        person_until_state(ret->bob, "lobby", MEMBER_LIVE);
        say(ret->bob, "one");
        return w;
}

static void jump(Two *t, int64_t usec) {
        clock_virtual_jump_realtime(t->alice->clock, usec);
        clock_virtual_jump_realtime(t->bob->clock, usec);
}

static void restart(Two *t) {
        person_kill(t->bob);
        person_kill(t->alice);
        person_start(t->alice);
        person_start(t->bob);
}

static void check(Two *t, const char *expected) {
        ASSERT_TEXTS(t->alice, "lobby", expected);
        ASSERT_TEXTS(t->bob, "lobby", expected);
}

/* Boots in another year: not even the tracker can be talked to. Then so little off that it can. */
static void test_boots_ahead(void **state) {
        static const int64_t ahead[] = { 77 * YEAR, 9 * DAY };
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);

        for (size_t i = 0; i < ELEMENTSOF(ahead); i++) {
                jump(&t, ahead[i]);
                restart(&t);
                world_pass(w, 3 * USEC_PER_HOUR);
                check(&t, "bob: one");
                jump(&t, -ahead[i]);
                world_pass(w, 3 * USEC_PER_HOUR);
                assert_int_equal(account_get_tracker_state(manager_get_account(t.bob->manager)),
                                 TRACKER_ONLINE);
                check(&t, "bob: one");
        }
        world_pass(w, USEC_PER_DAY - 12 * USEC_PER_HOUR + USEC_PER_MINUTE);
        check(&t, "bob: (removed)");
        assert_same_log(t.alice, t.bob, "lobby");
}

/* Set while it runs, in either direction; an hour is little enough. */
static void test_set_meanwhile(void **state) {
        static const int64_t wrong[] = { 3 * DAY, -3 * DAY, 77 * YEAR,
                                         (int64_t) USEC_PER_HOUR + 1 };
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);

        for (size_t i = 0; i < ELEMENTSOF(wrong); i++) {
                jump(&t, wrong[i]);
                world_pass(w, 2 * USEC_PER_HOUR);
                check(&t, "bob: one");
                jump(&t, -wrong[i]);
                world_pass(w, 2 * USEC_PER_HOUR);
                check(&t, "bob: one");
        }
        jump(&t, wrong[0]);
        world_pass(w, USEC_PER_DAY);
        check(&t, "bob: one");
        jump(&t, -wrong[0] + (int64_t) USEC_PER_HOUR - (int64_t) USEC_PER_SEC);
        world_pass(w, USEC_PER_MINUTE);
        check(&t, "bob: (removed)");
        assert_same_log(t.alice, t.bob, "lobby");
}

/* It is the tracker's that is wrong. */
static void test_tracker_ahead(void **state) {
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);

        clock_virtual_jump_realtime(w->rig->rt->clock, 3 * DAY);
        jump(&t, -3 * DAY);
        restart(&t);
        world_pass(w, 3 * USEC_PER_HOUR);
        assert_int_equal(account_get_tracker_state(manager_get_account(t.bob->manager)),
                         TRACKER_ONLINE);
        check(&t, "bob: one");
}

/* Nobody has told the time since the start. */
static void test_no_tracker(void **state) {
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);

        world_tracker_kill(w);
        restart(&t);
        world_pass(w, 2 * USEC_PER_DAY);
        check(&t, "bob: one");
        world_tracker_start(w);
        world_pass(w, 2 * USEC_PER_MINUTE);
        check(&t, "bob: (removed)");
}

/* The machine says that it slept for days: that is heard from the tracker first. */
static void test_wakes_up(void **state) {
        Two t;
        _cleanup_(world_freep) World *w = two_in_lobby(&t);

        world_tracker_kill(w);
        clock_virtual_sleep(w->rig->rt->clock, 2 * USEC_PER_DAY);
        world_pass(w, 2 * USEC_PER_HOUR);
        check(&t, "bob: one");
        world_tracker_start(w);
        world_pass(w, 2 * USEC_PER_MINUTE);
        check(&t, "bob: (removed)");
        assert_same_log(t.alice, t.bob, "lobby");
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_boots_ahead),   cmocka_unit_test(test_set_meanwhile),
                cmocka_unit_test(test_tracker_ahead), cmocka_unit_test(test_no_tracker),
                cmocka_unit_test(test_wakes_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
