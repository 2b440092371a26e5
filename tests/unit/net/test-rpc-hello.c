/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an rpc begins: HELLO and its answer (protocol §2), from both sides; leaves other
 * commands to test-rpc-calls.c. */
#include "unit/net/rpc-fixture.h"

static bool on_line_ignored(Conn *c, const char *line, size_t n, void *userdata) {
        return true;
}

static void on_conn_closed(Conn *c, const ConnClosed *why, void *userdata) {
}

/* The other side is a conn without rpc, which says what it is told, or nothing. */
static void start_towards_conn(Fixture *f) {
        static const ConnHandlers ignore = { .on_line = on_line_ignored,
                                             .on_closed = on_conn_closed };
        _cleanup_(tls_config_freep) TlsConfig *a = user_tls(f, "alice");
        _cleanup_(tls_config_freep) TlsConfig *b = user_tls(f, "bobby");
        int fds[2];

        make_pair(fds);
        assert_int_equal(
                conn_new(&f->loop->rt, fds[1], &nowhere, b, true, &ignore, NULL, &f->plain), 0);
        start_side(f, &f->dialling, fds[0], false, a, 8);
        test_loop_run(f->loop, USEC_PER_MSEC);
        assert_int_equal(conn_get_stage(f->plain), CONN_OPEN);
}

static void test_hello(void **state) {
        Fixture *f = *state;
        Caller early = { .number = 3 };

        start_pair(f, 8);
        call(f->dialling.rpc, "ECHO", &early); /* waits for HELLO */
        test_loop_until(f->loop, caller_has_reply, &early, USEC_PER_SEC);
        assert_true(f->dialling.is_ready && f->accepting.is_ready);
        assert_true(early.ok);
        assert_int_equal(early.value, 3);
        /* The wire has milliseconds, the clock did not move. */
        assert_true(f->dialling.offset <= 0 && f->dialling.offset > -1000);
        assert_string_equal(conn_get_peer(f->dialling.conn)->name, "bobby");
        assert_string_equal(conn_get_peer(f->accepting.conn)->name, "alice");
        f->accepting.rpc = rpc_free(f->accepting.rpc);

        /* To the letter. */
        start_raw(f, 8);
        say_line(f, HELLO);
        assert_string_equal(hear(f),
                            "OK-{\"id\":\"h\",\"payload\":{\"agent\":\"test/1\",\"features\":[],"
                            "\"time\":\"2026-01-01T00:00:00.000Z\",\"limits\":{"
                            "\"frame_bytes\":65536,\"message_bytes\":16384,\"in_flight\":8}}}");
}

static void test_hello_of_the_dialler(void **state) {
        static const struct {
                const char *says;
                int error;
        } table[] = {
                { "", -ETIMEDOUT },
                { "SERVER_ERROR-{\"id\":\"1\",\"payload\":{\"error\":\"busy\"}}\n", -EPROTO },
                { "OK-{\"id\":\"1\",\"payload\":{}}\n", -EPROTO }, /* no time */
                { "OK-{\"id\":\"1\",\"payload\":{\"time\":\"noon\"}}\n", -EPROTO },
                { "REQUEST_ERROR-{\"id\":null,\"payload\":{\"error\":\"bad-frame\"}}\n", -EPROTO },
                { "garbage\n", -EPROTO },
                { "OK-{\"id\":\"01\",\"payload\":{}}\nOK-{\"id\":\"+1\",\"payload\":{}}\n"
                  "OK-{\"id\":\"18446744073709551617\",\"payload\":{}}\n",
                  -ETIMEDOUT }, /* ids that only look like it */
                { "OK-{\"id\":\"1\",\"payload\":{\"time\":\"2026-01-01T01:00:00.000Z\"}}\n", 0 },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Caller waiting = {};

                start_towards_conn(f);
                call(f->dialling.rpc, "ECHO", &waiting);
                if (table[i].says[0])
                        assert_int_equal(conn_send(f->plain, table[i].says, strlen(table[i].says)),
                                         0);
                test_loop_run(f->loop, HELLO_TIMEOUT_USEC + 2 * LINGER_USEC);
                assert_int_equal(f->dialling.is_ready, table[i].error == 0);
                assert_int_equal(f->dialling.is_closed, table[i].error != 0);
                assert_int_equal(waiting.n_replies, 1);
                if (table[i].error == 0) {
                        assert_true(f->dialling.offset > 58 * 60 * (int64_t) USEC_PER_SEC);
                        assert_int_equal(waiting.r, -ETIMEDOUT);
                } else {
                        assert_int_equal(f->dialling.why.error, table[i].error);
                }
                f->dialling.rpc = rpc_free(f->dialling.rpc);
                f->plain = conn_free(f->plain);
        }
}

/* Their word on what was wrong with ours is the reason of the close that follows. */
static void test_their_complaint(void **state) {
        static const char says[] =
                "OK-{\"id\":\"1\",\"payload\":{\"time\":\"2026-01-01T00:00:00.000Z\"}}\n"
                "REQUEST_ERROR-{\"id\":null,\"payload\":{\"error\":\"too-large\","
                "\"message\":\"Far too large.\"}}\n";
        Fixture *f = *state;

        start_towards_conn(f);
        assert_int_equal(conn_send(f->plain, says, strlen(says)), 0);
        conn_close(f->plain);
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_int_equal(f->dialling.why.error, -EPROTO);
        assert_non_null(strstr(f->dialling.why.message, "Far too large."));
        f->plain = conn_free(f->plain);
}

/* The dialling side: who answered HELLO and then says nothing is given up after 45 seconds; a byte
 * that is not even a frame is life. */
static void test_silence_after_hello(void **state) {
        static const char says[] =
                "OK-{\"id\":\"1\",\"payload\":{\"time\":\"2026-01-01T00:00:00.000Z\"}}\n";
        Fixture *f = *state;

        start_towards_conn(f);
        assert_int_equal(conn_send(f->plain, says, strlen(says)), 0);
        test_loop_run(f->loop, SILENCE_MAX_USEC - USEC_PER_SEC);
        assert_true(f->dialling.is_ready);
        assert_int_equal(conn_send(f->plain, " ", 1), 0);
        test_loop_run(f->loop, SILENCE_MAX_USEC - USEC_PER_SEC);
        assert_false(f->dialling.is_closed);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
        assert_true(f->dialling.is_closed);
        assert_int_equal(f->dialling.why.error, -ETIMEDOUT);
        f->plain = conn_free(f->plain);
}

static void test_hello_deadline(void **state) {
        Fixture *f = *state;

        start_raw(f, 8);
        test_loop_run(f->loop, 10 * USEC_PER_SEC - 1); /* as the page says */
        assert_false(f->accepting.is_closed);
        test_loop_run(f->loop, 1);
        assert_true(f->accepting.is_closed);
        assert_int_equal(f->accepting.why.error, -ETIMEDOUT);
        assert_int_equal(f->accepting.why.stage, CONN_OPEN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hello_of_the_dialler, setup, teardown),
                cmocka_unit_test_setup_teardown(test_their_complaint, setup, teardown),
                cmocka_unit_test_setup_teardown(test_silence_after_hello, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hello_deadline, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
