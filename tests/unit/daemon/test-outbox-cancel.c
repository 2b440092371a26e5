/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the outbox to its word about what was cancelled: it is not sent from then on, and where it
 * is too late for that, that is what is said. */
#include "unit/daemon/outbox-fixture.h"

static void cancel(HostDouble *d, unsigned number) {
        char id[UUID_STRING_SIZE];

        snprintf(id, sizeof(id), ID, number);
        d->is_done = false;
        assert_int_equal(channel_member_cancel(d->member, id, on_double_done, d, NULL), 0);
}

static void quiet(HostDouble *d) {
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_false(d->is_asked);
}

static void push_mine(HostDouble *d, unsigned number, unsigned seq) {
        double_push(d, "MESSAGE",
                    "{\"channel_name\":\"lobby\",\"entries\":[{\"seq\":%u,\"id\":\"" ID "\","
                    "\"kind\":\"message\",\"username\":\"bob\",\"user_type\":\"REGISTERED\","
                    "\"time\":\"2026-01-01T00:00:00.000Z\",\"message_content\":\"m%u\"}]}",
                    seq, number, number);
}

/* The row was read to be sent, and then taken back. */
static void test_between_reading_and_sending(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        for (unsigned i = 1; i < 5; i += 2) {
                char id[UUID_STRING_SIZE], text[8];

                snprintf(id, sizeof(id), ID, i);
                snprintf(text, sizeof(text), "m%u", i);
                double_send(d, id, text); /* it is being read now */
                cancel(d, i);
                assert_int_equal(double_wait(d), ERROR_NONE);
                quiet(d);
                assert_int_equal(channel_member_get_n_outbox(d->member), 0);
        }
        double_send(d, "aaaaaaaa-0000-4000-8000-000000000005", "m5");
        cancel(d, 5);
        assert_int_equal(channel_member_send(d->member, "aaaaaaaa-0000-4000-8000-000000000006",
                                             "m6", NULL, 0, on_double_sent, d, NULL),
                         0);
        expect_messages(d, "6"); /* what follows is not held up for long */
}

/* It comes back from the host with `busy`, and is gone before it would be sent again. */
static void test_under_way_and_refused(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        send_some(d, 2);
        expect_messages(d, "1");
        cancel(d, 1);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_false(d->is_done);
        double_fail(d, ERROR_BUSY, 1);
        expect_messages(d, "2");
        assert_int_equal(double_wait(d), ERROR_NONE);
        double_fail(d, ERROR_RATE_LIMITED, 1);
        cancel(d, 2);
        assert_int_equal(double_wait(d), ERROR_NONE);
        quiet(d);
}

/* … or fails there: then it is the failed one that goes. */
static void test_under_way_and_failed(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        send_some(d, 1);
        expect_messages(d, "1");
        cancel(d, 1);
        double_fail(d, ERROR_READ_ONLY, 0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        quiet(d);
        read_rows(d);
        assert_int_equal(d->n_rows, 0);
        assert_int_equal(channel_member_get_n_outbox(d->member), 0);
}

/* The log has it: by the answer, by the copy, by the copy alone. */
static void test_too_late(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        send_some(d, 1);
        expect_messages(d, "1");
        cancel(d, 1);
        push_mine(d, 1, 1); /* while the answer is on its way */
        double_until(d, MEMBER_LIVE, 1);
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":1}],\"refused\":[]}", 1u);
        assert_int_equal(double_wait(d), ERROR_CONFLICT);
        cancel(d, 1);
        assert_int_equal(double_wait(d), ERROR_CONFLICT);

        double_send(d, "aaaaaaaa-0000-4000-8000-000000000002", "m2");
        expect_messages(d, "2");
        push_mine(d, 2, 2);
        cancel(d, 2); /* before the copy is on disk */
        double_until(d, MEMBER_LIVE, 2);
        d->rpc = rpc_free(d->rpc);
        assert_int_equal(double_wait(d), ERROR_CONFLICT);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 2);
        double_until(d, MEMBER_LIVE, 2);
        quiet(d);
        read_rows(d);
        assert_int_equal(d->n_rows, 2);
        assert_int_equal(d->rows[1].state, OUTBOX_STORED);
        assert_int_equal(channel_member_get_n_outbox(d->member), 0);
}

/* The connection ends first: nobody knows what became of it, and it is not sent again. Where the
 * host had stored it the log says so. */
static void test_never_answered(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        send_some(d, 2);
        expect_messages(d, "1");
        cancel(d, 1);
        d->rpc = rpc_free(d->rpc);
        assert_int_equal(double_wait(d), ERROR_NONE);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 1);
        push_mine(d, 1, 1);
        expect_messages(d, "2");
        double_until(d, MEMBER_LIVE, 1);
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":2}],\"refused\":[]}", 2u);
        until_empty(d);
        quiet(d);
}

/* At the end of the queue, under its id. */
static void test_order_after_retry(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        send_some(d, 1);
        expect_messages(d, "1");
        double_fail(d, ERROR_READ_ONLY, 0);
        until_empty(d);
        double_send(d, "aaaaaaaa-0000-4000-8000-000000000002", "m2");
        expect_messages(d, "2");
        double_send(d, "aaaaaaaa-0000-4000-8000-000000000003", "m3");
        assert_int_equal(channel_member_retry(d->member, "aaaaaaaa-0000-4000-8000-000000000001",
                                              on_double_done, d, NULL),
                         0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        double_send(d, "aaaaaaaa-0000-4000-8000-000000000004", "m4");
        double_fail(d, ERROR_BUSY, 1);
        expect_messages(d, "2314");
}

#define T(f) cmocka_unit_test_setup_teardown(f, saved_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_between_reading_and_sending),
                T(test_under_way_and_refused),
                T(test_under_way_and_failed),
                T(test_too_late),
                T(test_never_answered),
                T(test_order_after_retry),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
