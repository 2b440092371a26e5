/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how much of what is asked is taken before it is answered, that the rest waits unread, and
 * that who asks keeps to it; leaves answers to test-rpc-calls.c. */
#include "unit/net/rpc-fixture.h"

static void raw_park(Fixture *f, unsigned id, size_t n_bytes) {
        static char line[FRAME_BYTES_MAX];
        int n;

        n = snprintf(line, sizeof(line), "PARK-{\"id\":\"%u\",\"payload\":{\"x\":\"%0*d\"}}\n", id,
                     (int) n_bytes, 0);
        assert_true(n > 0 && (size_t) n < sizeof(line));
        say(f, line, (size_t) n);
        test_loop_run(f->loop, 0);
}

static uint64_t number_of(const RpcRequest *q) {
        uint64_t u = UINT64_MAX;

        (void) value_uint(value_get(rpc_request_get_payload(q), "number"), &u);
        return u;
}

static void test_owner_pauses(void **state) {
        Fixture *f = *state;
        Caller c[3] = {};

        start_ready_pair(f, 8);
        rpc_set_paused(f->accepting.rpc, true);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                call(f->dialling.rpc, "PARK", &c[i]);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 1); /* from the next frame on */
        rpc_request_free(f->accepting.parked[0]);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 1);
        rpc_set_paused(f->accepting.rpc, false);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 3);
        rpc_request_free(f->accepting.parked[1]);
        rpc_request_free(f->accepting.parked[2]);
        f->accepting.n_parked = 0;
        test_loop_run(f->loop, USEC_PER_SEC);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                assert_int_equal(c[i].failure.code, ERROR_INTERNAL);
}

/* Who does not keep to what was announced is not read. */
static void test_in_flight_waits_unread(void **state) {
        Fixture *f = *state;
        Side *s = &f->accepting;

        start_raw(f, 4);
        say_line(f, HELLO);
        hear(f);
        for (unsigned id = 1; id <= 6; id++)
                raw_park(f, id, 1);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 4);
        rpc_request_reply(s->parked[2], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 5);
        rpc_request_reply(s->parked[0], NULL);
        rpc_request_reply(s->parked[1], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 6);
        for (unsigned i = 3; i < 6; i++)
                rpc_request_free(s->parked[i]);
        s->n_parked = 0;
}

/* The dialling side keeps what exceeds it back, in order; a call that nobody waits for any more
 * still counts until it is answered, and one that was given up before it went out never goes. */
static void test_in_flight_is_kept(void **state) {
        Fixture *f = *state;
        Side *s = &f->accepting;
        Caller c[8] = {};

        start_ready_pair(f, 4);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++) {
                c[i].number = i;
                call(f->dialling.rpc, "PARK", &c[i]);
        }
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 4);
        rpc_call_free(c[1].call);
        rpc_call_free(c[5].call);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 4);
        assert_int_equal(rpc_get_n_calls(f->dialling.rpc), 6);

        rpc_request_reply(s->parked[1], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(c[1].n_replies, 0);
        assert_int_equal(s->n_parked, 5);
        assert_int_equal(number_of(s->parked[4]), 4);
        rpc_request_reply(s->parked[0], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 6);
        assert_int_equal(number_of(s->parked[5]), 6);

        /* No answer in time ends no request on the wire. */
        test_loop_run(f->loop, REQUEST_TIMEOUT_USEC);
        assert_int_equal(s->n_parked, 6);
        assert_int_equal(c[7].r, -ETIMEDOUT);
        call(f->dialling.rpc, "ECHO", &c[0]);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(c[0].n_replies, 1);
        rpc_request_reply(s->parked[2], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(c[0].n_replies, 2);
        assert_true(c[0].ok);
        for (unsigned i = 3; i < 6; i++)
                rpc_request_free(s->parked[i]);
        s->n_parked = 0;
        assert_int_equal(rpc_get_n_calls(f->dialling.rpc), 0);
}

/* What is not answered yet is bounded in bytes too, and many small ones cannot be traded for as
 * many large ones. */
static void test_in_flight_bytes_wait_unread(void **state) {
        Fixture *f = *state;
        const size_t n_large = 131072 / 2 - 5000; /* as the page says */
        Side *s = &f->accepting;
        unsigned id = 0;

        start_raw(f, 100);
        say_line(f, HELLO);
        hear(f);
        for (unsigned i = 0; i < 10; i++)
                raw_park(f, ++id, 1);
        for (unsigned i = 0; i < 4; i++)
                raw_park(f, ++id, n_large);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 13);
        for (unsigned i = 0; i < 10; i++)
                rpc_request_reply(s->parked[i], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 13);
        rpc_request_reply(s->parked[10], NULL);
        rpc_request_reply(s->parked[11], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 14);
        rpc_request_reply(s->parked[12], NULL);
        rpc_request_reply(s->parked[13], NULL);
        s->n_parked = 0;
}

static void test_payloads_end(void **state) {
        Fixture *f = *state;
        Caller c = {};

        f->payloads_end = true;
        start_ready_pair(f, 4);
        call(f->dialling.rpc, "ECHO", &c);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_true(c.ok);
        call(f->dialling.rpc, "PARK", &c);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 1);
        assert_null(rpc_request_get_payload(f->accepting.parked[0]));
        assert_string_equal(rpc_request_get_command(f->accepting.parked[0]), "PARK");
        f->accepting.n_parked = 0;
        rpc_request_reply(f->accepting.parked[0], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(c.n_replies, 2);
        assert_true(c.ok);
}

static void count_echo(int r, const Value *payload, const Failure *failure, void *userdata) {
        unsigned *n_answered = userdata;
        uint64_t number;

        assert_int_equal(r, 0);
        assert_null(failure);
        assert_int_equal(value_uint(value_get(payload, "number"), &number), 0);
        assert_int_equal(number, *n_answered);
        ++*n_answered;
}

/* More is asked at once than there is room for on the way, and more is answered: neither side waits
 * for the other to read first, and the order stays. */
static void test_more_than_there_is_room_for(void **state) {
        enum { N_ASKED = 1000 };
        Fixture *f = *state;
        unsigned n_answered = 0;
        char padding[4000];

        memset(padding, 'x', sizeof(padding) - 1);
        padding[sizeof(padding) - 1] = '\0';
        start_ready_pair(f, IN_FLIGHT_PEER);
        for (unsigned i = 0; i < N_ASKED; i++) {
                _cleanup_(writer_done) Writer w = {};

                writer_begin_object(&w, NULL);
                writer_uint(&w, "number", i);
                writer_string(&w, "padding", padding);
                writer_end_object(&w);
                assert_int_equal(
                        rpc_call(f->dialling.rpc, "ECHO", &w, 0, count_echo, &n_answered, NULL), 0);
                assert_true(conn_get_queued(f->dialling.conn) <= FRAME_BYTES_MAX);
        }
        test_loop_until_count(f->loop, &n_answered, N_ASKED, USEC_PER_SEC);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_owner_pauses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_more_than_there_is_room_for, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_flight_waits_unread, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_flight_is_kept, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_flight_bytes_wait_unread, setup, teardown),
                cmocka_unit_test_setup_teardown(test_payloads_end, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
