/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how bytes become lines, how large they may get, and when a conn stops reading; leaves its
 * end to test-conn-ends.c. */
#include "unit/net/conn-fixture.h"

static void test_pieces(void **state) {
        Fixture *f = *state;
        static const char text[] = "first line\n\nthird\nfourth";

        start(f);
        for (size_t i = 0; i < strlen(text); i++) {
                assert_int_equal(raw_say(&f->raw, text + i, 1), 1);
                test_loop_run(f->loop, 1);
        }
        assert_int_equal(f->n_lines, 3);
        assert_string_equal(f->lines[0], "first line");
        assert_string_equal(f->lines[1], "");
        assert_string_equal(f->lines[2], "third");
        assert_int_equal(raw_say(&f->raw, "\nfifth\n", 7), 7);
        test_loop_run(f->loop, 1);
        assert_int_equal(f->n_lines, 5);
        assert_string_equal(f->lines[3], "fourth");
        assert_string_equal(f->lines[4], "fifth");
}

/* Even the records come byte by byte: below TLS, and each of them is life. */
static void test_dribble(void **state) {
        Fixture *f = *state;

        f->relayed = true;
        start(f);
        conn_set_silence_max(f->conn, 3 * USEC_PER_SEC);
        assert_int_equal(raw_say(&f->raw, "slow\n", 5), 5);
        for (unsigned i = 0; i < 10 + 5; i++) { /* more than 3 s without one whole record */
                relay(f->relay_raw, f->relay_conn, 1);
                test_loop_run(f->loop, USEC_PER_SEC);
                assert_int_equal(f->n_closed, 0);
        }
        assert_int_equal(f->n_lines, 0);
        relay(f->relay_raw, f->relay_conn, SIZE_MAX);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 1);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, -ETIMEDOUT);
        assert_int_equal(f->why.stage, CONN_OPEN);
}

static void test_pause(void **state) {
        Fixture *f = *state;

        start(f);
        conn_set_silence_max(f->conn, 10 * USEC_PER_SEC);
        f->accepts_one = true;
        assert_int_equal(raw_say(&f->raw, "1\n2\n3\n", 6), 6);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 1);
        /* The owner makes them wait: no silence of theirs. */
        test_loop_run(f->loop, USEC_PER_MINUTE);
        assert_int_equal(f->n_closed, 0);
        conn_resume(f->conn);
        assert_int_equal(f->n_lines, 1); /* never from inside the call */
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 2);
        f->accepts_one = false;
        conn_resume(f->conn);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 3);
        test_loop_run(f->loop, 10 * USEC_PER_SEC);
        assert_int_equal(f->why.error, -ETIMEDOUT);
}

static void test_too_large(void **state) {
        Fixture *f = *state;
        char big[512];

        memset(big, 'x', sizeof(big));
        start(f);
        conn_set_frame_max(f->conn, 256);
        assert_int_equal(raw_say(&f->raw, "good\n", 5), 5);
        assert_int_equal(raw_say(&f->raw, big, 255), 255);
        assert_int_equal(raw_say(&f->raw, "\n", 1), 1); /* exactly 256 */
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 2);
        assert_int_equal(raw_say(&f->raw, big, 256), 256);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_too_large, 1);
        assert_int_equal(raw_say(&f->raw, "\nmore\n", 6), 6);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_too_large, 1);
        assert_int_equal(f->n_lines, 2);
}

static void test_stalled_reader_is_not_read(void **state) {
        const size_t untaken = 65536; /* as the page says */
        Fixture *f = *state;
        char requests[2000];
        size_t n_said = 0;
        unsigned n_lines;

        for (size_t i = 0; i < sizeof(requests); i++)
                requests[i] = i % 2 ? '\n' : 'q';
        start(f);
        conn_set_silence_max(f->conn, SILENCE_MAX_USEC);
        f->reply_bytes = 5000;
        f->raw.is_stopped = true;
        for (unsigned i = 0; i < 50; i++) {
                n_said += raw_say(&f->raw, requests, sizeof(requests));
                run(f, 10 * USEC_PER_MSEC);
        }
        n_lines = f->n_lines;
        assert_true(n_lines < n_said / 2);
        assert_in_range(f->n_queued_max, untaken, untaken + 2 * 5000);

        /* Reading slowly is life … */
        for (unsigned i = 0; i < 4; i++) {
                run(f, SILENCE_MAX_USEC - USEC_PER_SEC);
                assert_int_equal(f->n_closed, 0);
                f->raw.is_stopped = false;
                run(f, 1);
                f->raw.is_stopped = true;
        }
        assert_true(f->n_lines > n_lines);
        n_lines = f->n_lines;
        run(f, SILENCE_MAX_USEC - USEC_PER_SEC);
        assert_int_equal(f->n_closed, 0);
        /* … not reading is none. */
        run(f, 2 * USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, -ETIMEDOUT);
        assert_in_range(f->n_queued_max, untaken, untaken + 2 * 5000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
                cmocka_unit_test_setup_teardown(test_dribble, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pause, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stalled_reader_is_not_read, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
