/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host says what it knows of who can come in, and when: nothing at first, that nobody came after
 * a minute of hosting. Who comes from the same machine proves nothing. */
#include "scenario/support.h"

static void assert_reach(const Person *p, const char *reachable, const char *reason) {
        assert_string_equal(manager_get_reachable(p->manager), reachable);
        assert_string_equal(manager_get_reachable_reason(p->manager), reason);
}

static void test_nobody_yet(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice"), *bob = world_person(w, "bob");

        person_sign_up(alice, "alice");
        person_sign_up(bob, "bob");
        assert_reach(alice, "no", "loopback-only");
        person_kill(alice);
        assert_int_equal(address_parse("0.0.0.0:0", true, &alice->listen), 0);
        person_start(alice);

        /* Who hosts nothing is missed by nobody. */
        world_pass(w, 10 * USEC_PER_MINUTE);
        assert_reach(alice, "unknown", "");
        person_host(alice, "lobby");
        world_pass(w, 59 * USEC_PER_SEC);
        assert_reach(alice, "unknown", "");
        assert_non_null(manager_get_observed_address(alice->manager));
        assert_true(address_is_loopback(manager_get_observed_address(alice->manager)));
        world_pass(w, 2 * USEC_PER_SEC);
        assert_reach(alice, "unknown", "nobody-yet");

        (void) person_join(bob, "lobby");
        person_until_state(bob, "lobby", MEMBER_LIVE);
        assert_reach(alice, "unknown", "nobody-yet");

        /* Another daemon, another minute. */
        person_kill(alice);
        person_start(alice);
        person_until_state(alice, "lobby", MEMBER_LIVE);
        assert_reach(alice, "unknown", "");
        world_pass(w, 61 * USEC_PER_SEC);
        assert_reach(alice, "unknown", "nobody-yet");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_nobody_yet),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
