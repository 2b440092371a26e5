/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what certificates that end do to connections that last, and what the tracker's own ones do
 * to nobody; in virtual time through the real wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "scenario/tracker-rig.h"

#define GRACE_USEC (10 * USEC_PER_MINUTE)

/* An idle connection outlives its certificate by ten minutes at most, and is told why. */
static void test_idle_connections_end(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *alice = NULL, *guest = NULL, *stranger = NULL;

        rig_start(rig);
        alice = rig_user(rig, "alice");
        guest = rig_guest(rig, "gus");
        stranger = rig_client_new(rig);
        rig_connect(stranger);

        test_loop_run(rig->loop, USEC_PER_DAY - USEC_PER_SEC);
        assert_false(guest->is_closed);
        test_loop_run(rig->loop, GRACE_USEC + USEC_PER_SEC);
        assert_true(guest->is_closed);
        assert_string_equal(guest->push_names[0], "GOING_AWAY");
        assert_string_equal(rig_string(guest->pushes[0], "reason"), "certificate-expired");
        assert_false(stranger->is_closed); /* it has none that could end */
        rig_disconnect(stranger);

        /* A renewed one counts for the connections that are made with it. */
        test_loop_run(rig->loop, 4 * USEC_PER_DAY);
        assert_int_equal(rig_call_csr(alice, "RENEW", ""), ERROR_NONE);
        free(alice->certificate);
        alice->certificate = strdup(rig_string(alice->payload, "certificate"));
        test_loop_run(rig->loop, 2 * USEC_PER_DAY - USEC_PER_HOUR);
        assert_false(alice->is_closed);
        test_loop_run(rig->loop, USEC_PER_HOUR + GRACE_USEC);
        assert_true(alice->is_closed);
        assert_string_equal(rig_string(alice->pushes[0], "reason"), "certificate-expired");
        rig_connect(alice);
        test_loop_run(rig->loop, 4 * USEC_PER_DAY);
        assert_false(alice->is_closed);
        assert_int_equal(rig_call(alice, "WHOIS", "{\"username\":\"alice\"}"), ERROR_NONE);
}

/* The tracker's own certificate is another after 45 days: who is there stays, and who comes after
 * 90 days, or in the 89 before, finds a good one. */
static void test_own_is_reissued(void **state) {
        _cleanup_(rig_freep) Rig *rig = rig_new(NULL);
        _cleanup_(rig_client_freep) RigClient *lasting = NULL;

        rig_start(rig);
        lasting = rig_client_new(rig);
        for (unsigned day = 0; day <= 100; day += 4) {
                _cleanup_(rig_client_freep) RigClient *late = rig_client_new(rig);
                const Subject *subject;

                rig_connect(late);
                assert_false(late->is_closed);
                subject = conn_get_peer(rpc_get_conn(late->rpc));
                /* Never in the second half of its life, whose length is 90 days. */
                assert_true(subject->not_after - clock_realtime(rig->rt->clock) >=
                            45 * USEC_PER_DAY - USEC_PER_MINUTE);
                assert_true(subject->not_after - clock_realtime(rig->rt->clock) <=
                            90 * USEC_PER_DAY);
                rig_disconnect(late);
                if (day == 44)
                        rig_connect(lasting);
                test_loop_run(rig->loop, 4 * USEC_PER_DAY);
                if (day == 44) {
                        assert_false(lasting->is_closed);
                        assert_int_equal(rig_call(lasting, "LIST", "{}"), ERROR_NONE);
                        rig_disconnect(lasting);
                }
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_idle_connections_end),
                cmocka_unit_test(test_own_is_reissued),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
