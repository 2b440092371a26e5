/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what breaks the rules of frames (protocol §2) is answered, and that ours never do;
 * leaves the rules of a frame to wire. */
#include "unit/net/rpc-fixture.h"

/* What a dialler says, and how it is answered. */
static void test_faults(void **state) {
        static const struct {
                const char *says; /* after HELLO unless it is first */
                bool first;
                const char *id, *error;
                bool closes;
        } table[] = {
                { "LIST-{\"id\":\"1\",\"payload\":{}}\n", true, "\"1\"", "bad-request", true },
                { "CLOSED-{\"id\":null,\"payload\":{}}\n", true, "null", "bad-request", true },
                { "OK-{\"id\":\"1\",\"payload\":{}}\n", true, "\"1\"", "bad-request", true },
                { "hello\n", true, "null", "bad-frame", true },
                { "HELLO-{\"id\":\"1\",\"payload\":{\"features\":[]}}\n", true, "\"1\"",
                  "bad-request", false },
                { "HELLO-{\"id\":\"1\",\"payload\":{\"agent\":\"x\",\"features\":[1]}}\n", true,
                  "\"1\"", "bad-request", false },
                { HELLO, false, "\"h\"", "bad-request", true },
                { "\n", false, "null", "bad-frame", true },
                { "ECHO-{\"id\":\"1\",\"payload\":{\"a\":1,\"a\":2}}\n", false, "null", "bad-frame",
                  true },
                { "ECHO-{\"id\":\"1\",\"payload\":{}} {}\n", false, "null", "bad-frame", true },
                { "ECHO-{\"id\":\"\",\"payload\":{}}\n", false, "null", "bad-request", true },
                { "ECHO-{\"id\":5,\"payload\":{}}\n", false, "null", "bad-request", true },
                { "PARK-{\"id\":\"1\",\"payload\":{}}\nPARK-{\"id\":\"1\",\"payload\":{}}\n", false,
                  "null", "bad-request", true },
                { "PING-{\"id\":\"1\",\"payload\":{}}\n", false, "\"1\"", "unsupported", false },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char expected[64];
                const char *line;

                start_raw(f, 8);
                if (!table[i].first) {
                        say_line(f, HELLO);
                        assert_non_null(strstr(hear(f), "OK-"));
                }
                say_line(f, table[i].says);
                line = hear(f);
                assert_memory_equal(line, "REQUEST_ERROR-", 14);
                snprintf(expected, sizeof(expected), "\"id\":%s,", table[i].id);
                assert_non_null(strstr(line, expected));
                snprintf(expected, sizeof(expected), "\"error\":\"%s\"", table[i].error);
                assert_non_null(strstr(line, expected));
                if (table[i].closes) {
                        test_loop_until(f->loop, raw_is_ended, &f->raw, 2 * USEC_PER_SEC);
                        assert_false(f->accepting.is_closed); /* it drains */
                        raw_stop(&f->raw);
                        test_loop_until_true(f->loop, &f->accepting.is_closed, USEC_PER_SEC);
                        assert_int_equal(f->accepting.why.error, -EPROTO);
                } else {
                        if (table[i].first)
                                say_line(f, HELLO);
                        say_line(f, "ECHO-{\"id\":\"2\",\"payload\":{}}\n");
                        if (table[i].first)
                                (void) hear(f);
                        assert_memory_equal(hear(f), "OK-{\"id\":\"2\"", 12);
                        raw_stop(&f->raw);
                }
                f->accepting.rpc = rpc_free(f->accepting.rpc);
                for (unsigned k = 0; k < f->accepting.n_parked; k++)
                        rpc_request_free(f->accepting.parked[k]);
                f->accepting.n_parked = 0;
        }
}

static void test_too_large(void **state) {
        Fixture *f = *state;
        _cleanup_(writer_done) Writer w = {};
        char *big = malloc(70000);
        Caller c = {};

        assert_non_null(big);
        memset(big, 'x', 70000);
        start_raw(f, 8);
        say_line(f, HELLO);
        (void) hear(f);
        say(f, big, 70000);
        say_line(f, "\n");
        assert_non_null(strstr(hear(f), "\"error\":\"too-large\""));
        test_loop_until(f->loop, raw_is_ended, &f->raw, USEC_PER_SEC);
        test_loop_until_true(f->loop, &f->accepting.is_closed, 2 * USEC_PER_SEC);
        f->accepting.rpc = rpc_free(f->accepting.rpc);
        raw_stop(&f->raw);

        /* Ours never leave; an answer that would is internal. */
        start_ready_pair(f, 8);
        writer_begin_object(&w, NULL);
        writer_string_n(&w, "big", big, FRAME_BYTES_MAX);
        writer_end_object(&w);
        assert_int_equal(rpc_call(f->dialling.rpc, "ECHO", &w, 0, NULL, NULL, NULL), -EMSGSIZE);
        assert_int_equal(rpc_push(f->dialling.rpc, "ECHO", &w), -EMSGSIZE);
        call(f->dialling.rpc, "PARK", &c);
        test_loop_until_count(f->loop, &f->accepting.n_parked, 1, USEC_PER_SEC);
        rpc_request_reply(f->accepting.parked[0], &w);
        f->accepting.n_parked = 0;
        test_loop_until(f->loop, caller_has_reply, &c, USEC_PER_SEC);
        assert_int_equal(c.failure.code, ERROR_INTERNAL);
        free(big);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
