/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that a call ends exactly once, whatever happens, and that pushes arrive; leaves what is
 * held back to test-rpc-in-flight.c. */
#include "unit/net/rpc-fixture.h"

static void test_thousand_out_of_order(void **state) {
        Fixture *f = *state;
        Caller *callers = new0(Caller, N_CALLS);
        const unsigned unanswered = 500;
        size_t n_done = 0;

        assert_non_null(callers);
        start_ready_pair(f, N_CALLS);
        for (unsigned i = 0; i < N_CALLS; i++) {
                callers[i].number = i;
                call(f->dialling.rpc, "PARK", &callers[i]);
        }
        test_loop_until_count(f->loop, &f->accepting.n_parked, N_CALLS, USEC_PER_SEC);

        /* 7 and 1,000 have no common divisor: every one, far from the order of asking. */
        for (unsigned i = 0; i < N_CALLS; i++) {
                RpcRequest *q = f->accepting.parked[(i * 7 + 3) % N_CALLS];
                _cleanup_(writer_done) Writer w = {};

                if ((i * 7 + 3) % N_CALLS == unanswered)
                        continue;
                writer_value(&w, NULL, rpc_request_get_payload(q));
                rpc_request_reply(q, &w);
        }
        test_loop_run(f->loop, 5 * USEC_PER_SEC);
        for (unsigned i = 0; i < N_CALLS; i++) {
                if (i == unanswered) {
                        assert_int_equal(callers[i].n_replies, 0);
                        continue;
                }
                assert_int_equal(callers[i].n_replies, 1);
                assert_true(callers[i].ok);
                assert_int_equal(callers[i].value, i);
                n_done++;
        }
        assert_int_equal(n_done, N_CALLS - 1);
        assert_int_equal(rpc_get_n_calls(f->dialling.rpc), 1);

        /* It times out alone; its late answer is dropped, and the connection goes on. */
        test_loop_until(f->loop, caller_has_reply, &callers[unanswered], REQUEST_TIMEOUT_USEC);
        assert_int_equal(callers[unanswered].r, -ETIMEDOUT);
        assert_int_equal(callers[unanswered].failure.code, ERROR_TIMEOUT);
        rpc_request_reply(f->accepting.parked[unanswered], NULL);
        f->accepting.n_parked = 0;
        Caller again = { .number = 1 };
        call(f->dialling.rpc, "ECHO", &again);
        test_loop_until(f->loop, caller_has_reply, &again, USEC_PER_SEC);
        assert_true(again.ok);
        assert_int_equal(callers[unanswered].n_replies, 1);
        assert_false(f->dialling.is_closed);
        free(callers);
}

static void test_nobody_answers(void **state) {
        Fixture *f = *state;
        Caller c = {};

        start_ready_pair(f, 8);
        call(f->dialling.rpc, "FORGET", &c);
        test_loop_until(f->loop, caller_has_reply, &c, USEC_PER_SEC);
        assert_int_equal(c.r, 0);
        assert_int_equal(c.failure.code, ERROR_INTERNAL);
}

static void test_close_completes_each_once(void **state) {
        Fixture *f = *state;
        Caller c[3] = {}, unsent = {};

        start_ready_pair(f, 8);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                call(f->dialling.rpc, "PARK", &c[i]);
        call(f->dialling.rpc, "PARK", &unsent);
        rpc_call_free(unsent.call); /* nor is it asked */
        test_loop_until_count(f->loop, &f->accepting.n_parked, 3, USEC_PER_SEC);
        rpc_call_free(c[1].call); /* this one is not told any more */
        c[1].call = NULL;
        f->accepting.rpc = rpc_free(f->accepting.rpc);
        assert_null(rpc_request_get_rpc(f->accepting.parked[0]));
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_int_equal(c[0].n_replies, 1);
        assert_int_equal(c[0].r, -ECONNRESET);
        assert_int_equal(c[1].n_replies, 0);
        assert_int_equal(c[2].n_replies, 1);
        assert_int_equal(unsent.n_replies, 0);
        assert_int_equal(f->accepting.n_parked, 3);
        assert_int_equal(rpc_call(f->dialling.rpc, "PARK", NULL, 0, NULL, NULL, NULL), -ENOTCONN);

        /* Answers without a connection only free. */
        rpc_request_reply(f->accepting.parked[0], NULL);
        rpc_request_fail_code(f->accepting.parked[1], ERROR_BUSY, "late");
        rpc_request_free(f->accepting.parked[2]);
        f->accepting.n_parked = 0;
}

static void test_free_completes_before_it_returns(void **state) {
        Fixture *f = *state;
        Caller c[2] = {};

        start_ready_pair(f, 8);
        call(f->dialling.rpc, "PARK", &c[0]);
        call(f->dialling.rpc, "PARK", &c[1]);
        f->dialling.rpc = rpc_free(f->dialling.rpc);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(c[i].n_replies, 1);
                assert_int_equal(c[i].r, -ECANCELED);
        }
        assert_false(f->dialling.is_closed);

        f->accepting.rpc = rpc_free(f->accepting.rpc);

        /* A caller that gives the connection up when a call fails does so within. */
        start_ready_pair(f, 8);
        c[0] = (Caller){ .frees = &f->dialling.rpc };
        call(f->dialling.rpc, "PARK", &c[0]);
        f->dialling.rpc = rpc_free(f->dialling.rpc);
        assert_int_equal(c[0].n_replies, 1);
}

static void test_free_inside_callbacks(void **state) {
        Fixture *f = *state;
        Caller c = {}, other = {};

        start_ready_pair(f, 8);
        c.frees = &f->dialling.rpc;
        call(f->dialling.rpc, "ECHO", &c);
        call(f->dialling.rpc, "PARK", &other);
        f->accepting.frees_itself = true;
        test_loop_until_true(f->loop, &f->accepting.is_closed, USEC_PER_SEC);
        assert_true(c.ok);
        assert_null(f->dialling.rpc);
        assert_int_equal(other.r, -ECANCELED);
        assert_null(f->accepting.rpc);
        for (unsigned i = 0; i < f->accepting.n_parked; i++)
                rpc_request_free(f->accepting.parked[i]);

        start_ready_pair(f, 8);
        call(f->dialling.rpc, "DIE", &other);
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_int_equal(other.r, -ECONNRESET);
}

/* Of what never went out it is known that nothing was done. */
static void test_close_before_it_went_out(void **state) {
        Fixture *f = *state;
        Caller c[3] = {};

        start_ready_pair(f, 2);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                call(f->dialling.rpc, "PARK", &c[i]);
        test_loop_until_count(f->loop, &f->accepting.n_parked, 2, USEC_PER_SEC);
        f->accepting.rpc = rpc_free(f->accepting.rpc);
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_int_equal(c[0].r, -ECONNRESET);
        assert_int_equal(c[1].r, -ECONNRESET);
        assert_int_equal(c[2].r, -ENOTCONN);
        for (unsigned i = 0; i < f->accepting.n_parked; i++)
                rpc_request_free(f->accepting.parked[i]);
        f->accepting.n_parked = 0;
}

static void test_requests_towards_the_dialler(void **state) {
        Fixture *f = *state;
        Caller c = {};

        start_ready_pair(f, 8);
        call(f->accepting.rpc, "ECHO", &c);
        test_loop_until(f->loop, caller_has_reply, &c, USEC_PER_SEC);
        assert_int_equal(c.failure.code, ERROR_UNSUPPORTED);
}

static void test_pushes(void **state) {
        Fixture *f = *state;

        start_ready_pair(f, 8);
        assert_int_equal(rpc_push(f->accepting.rpc, "NEWS", NULL), 0);
        test_loop_until_count(f->loop, &f->dialling.n_pushes, 1, USEC_PER_SEC);
        assert_string_equal(f->dialling.push, "NEWS");

        rpc_go_away(f->accepting.rpc, "stopping", 5 * USEC_PER_SEC);
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_string_equal(f->dialling.push, "GOING_AWAY");
        assert_string_equal(f->dialling.push_reason, "stopping");
        assert_int_equal(f->dialling.why.error, 0);
        test_loop_until_true(f->loop, &f->accepting.is_closed, USEC_PER_SEC);
        assert_int_equal(f->accepting.why.error, 0);
        assert_int_equal(rpc_push(f->accepting.rpc, "NEWS", NULL), -ENOTCONN);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_thousand_out_of_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody_answers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_close_completes_each_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_free_completes_before_it_returns, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_free_inside_callbacks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_close_before_it_went_out, setup, teardown),
                cmocka_unit_test_setup_teardown(test_requests_towards_the_dialler, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pushes, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
