/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often a host says that its channels live (protocol §4 HEARTBEAT). */
#include "daemon/manager-internal.h"
#include "scenario/support.h"

#define N_BEATS 30

static void test_every_third_of_the_lease(void **state) {
        _cleanup_(world_freep) World *w = world_new();
        Person *alice = world_person(w, "alice");
        uint64_t last, n_beats = 0;

        person_sign_up(alice, "alice");
        person_host(alice, "lobby");
        world_pass(w, LEASE_USEC);
        last = alice->manager->heartbeat_sent;
        for (unsigned second = 0; second < N_BEATS * 20; second++) {
                world_pass(w, USEC_PER_SEC);
                if (alice->manager->heartbeat_sent == last)
                        continue;
                assert_int_equal(alice->manager->heartbeat_sent - last, LEASE_USEC / 3);
                last = alice->manager->heartbeat_sent;
                n_beats++;
        }
        assert_int_equal(n_beats, N_BEATS);
        assert_int_equal(person_sees(alice, "lobby"), 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_third_of_the_lease),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
