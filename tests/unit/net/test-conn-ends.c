/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a conn ends: closed, hung up or freed; leaves silence to test-conn-reading.c. */
#include "unit/net/conn-fixture.h"

static void test_close(void **state) {
        Fixture *f = *state;
        const uint64_t linger = USEC_PER_SEC; /* as the page says */
        const size_t n = 60000;
        char *last = malloc(n);

        assert_non_null(last);
        memset(last, 'l', n);
        last[n - 1] = '\n';

        /* All goes out, then the end; what they still say is not delivered. */
        start(f);
        assert_int_equal(conn_send(f->conn, last, n), 0);
        conn_close(f->conn);
        assert_int_equal(conn_send(f->conn, "x\n", 2), -ENOTCONN);
        assert_int_equal(f->n_closed, 0);
        assert_int_equal(raw_say(&f->raw, "late\n", 5), 5);
        run(f, linger / 2);
        assert_int_equal(f->raw.n_in, n);
        assert_true(f->raw.is_ended);
        assert_int_equal(f->n_closed, 0); /* it drains */
        run(f, linger * 6 / 10);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, 0);
        assert_int_equal(f->n_lines, 0);
        stop(f);

        /* The other side's end shortens it. */
        start(f);
        conn_close(f->conn);
        run(f, 10 * USEC_PER_MSEC);
        f->raw.fd = close_fd(f->raw.fd);
        test_loop_run(f->loop, 10 * USEC_PER_MSEC);
        assert_int_equal(f->n_closed, 1);
        stop(f);

        /* Who does not read does not hold it up. */
        start(f);
        f->raw.is_stopped = true;
        for (unsigned i = 0; i < 20; i++)
                assert_int_equal(conn_send(f->conn, last, n), 0);
        conn_close(f->conn);
        run(f, 10 * USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        stop(f);

        /* Their orderly end. */
        start(f);
        tls_shutdown(f->raw.tls);
        run(f, 10 * USEC_PER_MSEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, 0);
        assert_int_equal(f->why.stage, CONN_OPEN);
        free(last);
}

/* It hangs up while nobody reads: seen, and the loop does not spin. */
static void test_hang_up_while_paused(void **state) {
        Fixture *f = *state;

        start(f);
        f->accepts_one = true;
        assert_int_equal(raw_say(&f->raw, "1\n2\n", 4), 4);
        run(f, USEC_PER_SEC);
        f->raw.fd = close_fd(f->raw.fd);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, -ECONNRESET);
}

static void test_free_in_on_line(void **state) {
        Fixture *f = *state;

        start(f);
        f->frees = true;
        assert_int_equal(raw_say(&f->raw, "1\n2\n", 4), 4);
        run(f, USEC_PER_SEC);
        assert_int_equal(f->n_lines, 1);
        assert_int_equal(f->n_closed, 0);
        assert_true(f->raw.is_ended);
}

/* The owner knows more than the socket does: told from the loop, once, with the owner's reason,
 * also where nothing is read; and one that is put to the test and answers goes on. */
static void test_given_up(void **state) {
        Fixture *f = *state;

        start(f);
        conn_probe(f->conn);
        run(f, 3 * CONN_PROBE_USEC);
        assert_int_equal(f->n_closed, 0);
        conn_probe(f->conn);
        f->accepts_one = true;
        assert_int_equal(raw_say(&f->raw, "1\n2\n", 4), 4);
        run(f, USEC_PER_SEC);
        conn_abandon(f->conn, -ENETDOWN, "the address is gone");
        conn_abandon(f->conn, -EIO, "later");
        conn_probe(f->conn);
        assert_int_equal(f->n_closed, 0);
        test_loop_run(f->loop, 0);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, -ENETDOWN);
        assert_string_equal(f->why.message, "the address is gone");
        stop(f);

        /* One that is closing already ends as it would have. */
        start(f);
        conn_close(f->conn);
        conn_abandon(f->conn, -ENETDOWN, "the address is gone");
        run(f, 2 * LINGER_USEC);
        assert_int_equal(f->n_closed, 1);
        assert_int_equal(f->why.error, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_close, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hang_up_while_paused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_free_in_on_line, setup, teardown),
                cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
