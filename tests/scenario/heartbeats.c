/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often a host says that its channels live (protocol §4 HEARTBEAT). */
#include "daemon/manager-internal.h"
#include "scenario/support.h"

#define N_BEATS 30

/* From some beat on, each comes so long after the one before. */
static void assert_beats(World *w, Person *p, uint64_t period_usec) {
        uint64_t last, n_beats = 0;

        world_pass(w, period_usec);
        last = p->manager->heartbeat_sent;
        for (unsigned i = 0; i < N_BEATS * period_usec / USEC_PER_SEC; i++) {
                world_pass(w, USEC_PER_SEC);
                if (p->manager->heartbeat_sent == last)
                        continue;
                assert_int_equal(p->manager->heartbeat_sent - last, period_usec);
                last = p->manager->heartbeat_sent;
                n_beats++;
        }
        assert_int_equal(n_beats, N_BEATS);
}

static void test_every_third_of_the_lease(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        assert_beats(w, alice, LEASE_USEC / 3);
        assert_int_equal(person_sees(alice, "lobby"), 1);
}

/* For the revoked keys. */
static void test_nothing_hosted(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *bob = world_person(w, "bob");

        person_sign_up(bob, "bob");
        assert_beats(w, bob, 5 * USEC_PER_MINUTE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_third_of_the_lease),
                cmocka_unit_test(test_nothing_hosted),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
