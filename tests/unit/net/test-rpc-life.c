/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long an open rpc lives: PING, silence and the end of a certificate (protocol §3);
 * leaves other ends to their causes. */
#include "unit/net/rpc-fixture.h"

static void test_ping_and_silence(void **state) {
        Fixture *f = *state;
        unsigned before;

        start_ready_pair(f, 8);
        test_loop_run(f->loop, 18 * USEC_PER_SEC - 1);
        assert_int_equal(f->dialling.n_pings, 0);
        test_loop_run(f->loop, 4 * USEC_PER_SEC + 2);
        assert_int_equal(f->dialling.n_pings, 1);
        test_loop_run(f->loop, 10 * USEC_PER_MINUTE);
        assert_in_range(f->dialling.n_pings, 27, 35);

        /* Whatever else is sent: the first of the ten minutes to come as well as the last. */
        before = f->dialling.n_pings;
        for (unsigned second = 1; second <= 600; second++) {
                Caller c = {};
                unsigned n;

                call(f->dialling.rpc, "ECHO", &c);
                test_loop_run(f->loop, USEC_PER_SEC);
                assert_int_equal(c.n_replies, 1);
                n = f->dialling.n_pings - before;
                assert_true(n >= second / 22 && n <= second / 18 + 1);
        }
        assert_false(f->dialling.is_closed || f->accepting.is_closed);
}

static void test_silence_ends_both_sides(void **state) {
        const uint64_t silence = 45 * USEC_PER_SEC; /* as the page says */
        Fixture *f = *state;

        /* The accepting side: PINGs go out, nothing comes back. */
        start_raw(f, 8);
        say_line(f, HELLO);
        (void) hear(f);
        f->raw.is_stopped = true;
        test_loop_run(f->loop, silence - 1);
        assert_false(f->accepting.is_closed);
        say_line(f, " "); /* not even a frame, but a byte */
        test_loop_run(f->loop, silence - 1);
        assert_false(f->accepting.is_closed);
        test_loop_run(f->loop, 2);
        assert_true(f->accepting.is_closed);
        assert_int_equal(f->accepting.why.error, -ETIMEDOUT);
        f->accepting.rpc = rpc_free(f->accepting.rpc);
        raw_stop(&f->raw);

        /* The dialling side: what accepts is there, but its loop stands still. */
        start_ready_pair(f, 8);
        conn_set_silence_max(f->dialling.conn, 15 * USEC_PER_SEC); /* shorter than PING */
        test_loop_run(f->loop, 15 * USEC_PER_SEC);
        assert_true(f->dialling.is_closed);
        assert_int_equal(f->dialling.why.error, -ETIMEDOUT);
}

static void test_certificate_ends(void **state) {
        Fixture *f = *state;

        start_ready_pair(f, 8);
        test_loop_run(f->loop, CERTIFICATE_USER_DAYS * USEC_PER_DAY + 9 * USEC_PER_MINUTE);
        assert_false(f->dialling.is_closed);
        test_loop_run(f->loop, USEC_PER_MINUTE + USEC_PER_SEC);
        assert_true(f->dialling.is_closed);
        assert_string_equal(f->dialling.push, "GOING_AWAY");
        assert_string_equal(f->dialling.push_reason, "certificate-expired");
        f->dialling.rpc = rpc_free(f->dialling.rpc);
        f->accepting.rpc = rpc_free(f->accepting.rpc);

        /* A clock that is set is noticed with the next PING. */
        start_ready_pair(f, 8);
        clock_virtual_jump_realtime(f->loop->rt.clock, 8 * USEC_PER_DAY);
        test_loop_run(f->loop, 22 * USEC_PER_SEC);
        assert_true(f->dialling.is_closed);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_ping_and_silence, setup, teardown),
                cmocka_unit_test_setup_teardown(test_silence_ends_both_sides, setup, teardown),
                cmocka_unit_test_setup_teardown(test_certificate_ends, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
