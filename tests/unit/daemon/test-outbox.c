/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the outbox to its word: in order, once, under one id, whatever a host answers or does not.
 */
#include "unit/daemon/outbox-fixture.h"

static void test_results(void **state) {
        HostDouble *d = *state;
        uint64_t before;

        send_some(d, 4);
        double_live(d, 1);
        expect_messages(d, "1234");
        double_reply(d,
                     "{\"stored\":[{\"id\":\"" ID
                     "\",\"seq\":2,\"time\":\"2026-01-01T00:00:00.000Z\","
                     "\"duplicate\":true}],\"refused\":["
                     "{\"id\":\"" ID "\",\"error\":\"read-only\",\"message\":\"no\"},"
                     "{\"id\":\"" ID "\",\"error\":\"rate-limited\",\"message\":\"slow\","
                     "\"retry_after_ms\":7000},"
                     "{\"id\":\"" ID "\",\"error\":\"rate-limited\",\"message\":\"slow\","
                     "\"retry_after_ms\":7000}]}",
                     1u, 2u, 3u, 4u);
        before = clock_boottime(d->loop->rt.clock);
        expect_messages(d, "34"); /* in order, after the time */
        assert_true(clock_boottime(d->loop->rt.clock) - before >= 7 * USEC_PER_SEC);
        read_rows(d);
        assert_int_equal(d->n_rows, 4);
        assert_int_equal(d->rows[0].state, OUTBOX_STORED);
        assert_int_equal(d->rows[0].seq, 2);
        assert_int_equal(d->rows[1].state, OUTBOX_FAILED);
        assert_int_equal(d->rows[1].error, ERROR_READ_ONLY);
        assert_int_equal(d->rows[2].state, OUTBOX_QUEUED);
        assert_int_equal(d->rows[2].attempts, 1);
        assert_int_equal(channel_member_get_n_outbox(d->member), 2);

        /* All refused alike is said once. */
        double_fail(d, ERROR_RESTRICTED, 0);
        until_empty(d);
        read_rows(d);
        assert_int_equal(d->rows[3].state, OUTBOX_FAILED);
        assert_int_equal(d->rows[3].error, ERROR_RESTRICTED);
}

/* Lost answers, lost connections, hosts that know nothing: the same ids again. */
static void test_unknown_fate(void **state) {
        HostDouble *d = *state;
        RpcRequest *late;
        uint64_t before;

        double_live(d, 1);
        double_send(d, "aaaaaaaa-0000-4000-8000-000000000001", "m1");
        expect_messages(d, "1");
        double_send(d, "aaaaaaaa-0000-4000-8000-000000000002", "m2");
        /* No answer in time; the earlier one may be under way there still. */
        before = clock_boottime(d->loop->rt.clock);
        late = d->request;
        d->request = NULL;
        expect_messages(d, "12");
        assert_in_range(clock_boottime(d->loop->rt.clock) - before, 9 * USEC_PER_SEC,
                        12 * USEC_PER_SEC);
        rpc_request_fail_code(late, ERROR_READ_ONLY, "Too late: dropped.");
        double_fail(d, ERROR_BAD_REQUEST, 0);
        expect_messages(d, "1");
        d->rpc = rpc_free(d->rpc);
        d->request = rpc_request_free(d->request);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 1);
        expect_messages(d, "12");
        double_reply(d,
                     "{\"stored\":[{\"id\":\"" ID "\",\"seq\":2},{\"id\":\"" ID
                     "\",\"seq\":3}],\"refused\":[]}",
                     1u, 2u);
        until_empty(d);
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_false(d->is_asked);
}

/* One bad apple does not spoil the others. */
static void test_bad_request(void **state) {
        HostDouble *d = *state;

        send_some(d, 3);
        double_live(d, 0);
        expect_messages(d, "123");
        fail_field(d, "message_content");
        expect_messages(d, "1");
        fail_field(d, "message_content");
        expect_messages(d, "2");
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":1}],\"refused\":[]}", 2u);
        expect_messages(d, "3");
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":2}],\"refused\":[]}", 3u);
        until_empty(d);
        read_rows(d);
        assert_int_equal(d->rows[0].state, OUTBOX_FAILED);
        assert_int_equal(d->rows[0].error, ERROR_BAD_REQUEST);
}

/* Our copy may show a message before the answer says that it is stored. */
static void test_seen_before_answered(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        send_some(d, 1);
        expect_messages(d, "1");
        double_push(d, "MESSAGE",
                    "{\"channel_name\":\"lobby\",\"entries\":[{\"seq\":1,\"id\":\"" ID "\","
                    "\"kind\":\"message\",\"username\":\"bob\",\"user_type\":\"REGISTERED\","
                    "\"time\":\"2026-01-01T00:00:00.000Z\",\"message_content\":\"m1\"}]}",
                    1u);
        double_until(d, MEMBER_LIVE, 1);
        assert_int_equal(channel_member_get_n_outbox(d->member), 0);
        assert_int_equal(channel_member_get_n_unread(d->member), 0); /* one's own */
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":1}],\"refused\":[]}", 1u);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_int_equal(channel_member_get_n_outbox(d->member), 0);
        read_rows(d);
        assert_int_equal(d->n_rows, 1);
        assert_int_equal(d->rows[0].state, OUTBOX_STORED);
        assert_int_equal(d->rows[0].seq, 1);
}

static void test_waiting(void **state) {
        HostDouble *d = *state;
        MemberOp *op;
        char id[UUID_STRING_SIZE];

        /* Nobody is there: queued, and no failure. */
        snprintf(id, sizeof(id), ID, 1u);
        assert_int_equal(channel_member_send(d->member, id, "m1", NULL, 5 * USEC_PER_SEC,
                                             on_double_sent, d, NULL),
                         0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        assert_int_equal(d->seq, 0);
        double_live(d, 0);
        expect_messages(d, "1");
        /* A known id: it waits for the same. Who stops waiting stops nothing. */
        assert_int_equal(channel_member_send(d->member, id, "m1", NULL, 5 * USEC_PER_SEC,
                                             on_double_sent, d, NULL),
                         0);
        assert_int_equal(channel_member_send(d->member, id, "m1", NULL, 5 * USEC_PER_SEC,
                                             on_double_sent, d, &op),
                         0);
        test_loop_run(d->loop, USEC_PER_SEC);
        op = member_op_free(op);
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":9}],\"refused\":[]}", 1u);
        assert_int_equal(double_wait(d), ERROR_NONE);
        assert_int_equal(d->seq, 9);

        snprintf(id, sizeof(id), ID, 2u);
        assert_int_equal(channel_member_send(d->member, id, "m2", NULL, 5 * USEC_PER_SEC,
                                             on_double_sent, d, NULL),
                         0);
        expect_messages(d, "2");
        double_fail(d, ERROR_GUESTS_NOT_ALLOWED, 0);
        assert_int_equal(double_wait(d), ERROR_GUESTS_NOT_ALLOWED);
        assert_int_equal(d->seq, 0);
}

static void test_decisions(void **state) {
        HostDouble *d = *state;
        char id[4][UUID_STRING_SIZE];

        for (unsigned i = 0; i < 4; i++)
                snprintf(id[i], sizeof(id[i]), ID, i);
        double_live(d, 0);
        send_some(d, 1);
        expect_messages(d, "1");
        double_send(d, id[2], "m2");
        double_send(d, id[3], "m3");
        /* What is under way is decided first; then it is too late. */
        assert_int_equal(channel_member_cancel(d->member, id[1], on_double_done, d, NULL), 0);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_false(d->is_done);
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":1}],\"refused\":[]}", 1u);
        assert_int_equal(double_wait(d), ERROR_CONFLICT);

        expect_messages(d, "23");
        assert_int_equal(channel_member_cancel(d->member, id[2], on_double_done, d, NULL), 0);
        double_fail(d, ERROR_BUSY, 60000);
        assert_int_equal(double_wait(d), ERROR_NONE);
        assert_int_equal(channel_member_get_n_outbox(d->member), 1);
        expect_messages(d, "3");
        double_fail(d, ERROR_READ_ONLY, 0);
        until_empty(d);
        assert_int_equal(channel_member_retry(d->member, id[2], on_double_done, d, NULL), 0);
        assert_int_equal(double_wait(d), ERROR_NO_SUCH_ENTRY);
        assert_int_equal(channel_member_retry(d->member, id[3], on_double_done, d, NULL), 0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        expect_messages(d, "3");
        double_fail(d, ERROR_READ_ONLY, 0);
        until_empty(d);
        assert_int_equal(channel_member_cancel(d->member, id[3], on_double_done, d, NULL), 0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        assert_int_equal(channel_member_get_n_outbox(d->member), 0);
        assert_int_equal(channel_member_cancel(d->member, "nonsense", on_double_done, d, NULL), 0);
        assert_int_equal(double_wait(d), ERROR_NO_SUCH_ENTRY);
}

/* What fits into a frame, and no more. */
static void test_large(void **state) {
        HostDouble *d = *state;
        _cleanup_free_ char *text = malloc(MESSAGE_BYTES_MAX + 1);
        size_t n_seen = 0;

        assert_non_null(text);
        memset(text, '"', MESSAGE_BYTES_MAX); /* twice as long in JSON */
        text[MESSAGE_BYTES_MAX] = 0;
        for (unsigned i = 0; i < 5; i++)
                double_send(d, NULL, text);
        double_live(d, 0);
        while (n_seen < 5) {
                const Value *messages = value_get(double_expect(d, "MESSAGE"), "messages");
                _cleanup_(writer_done) Writer w = {};
                RpcRequest *q = d->request;

                writer_begin_object(&w, NULL);
                writer_begin_array(&w, "stored");
                for (size_t i = 0; i < value_length(messages); i++) {
                        const Value *m = value_at(messages, i);

                        assert_string_equal(value_string(value_get(m, "message_content"), NULL),
                                            text);
                        writer_begin_object(&w, NULL);
                        writer_string(&w, "id", value_string(value_get(m, "id"), NULL));
                        writer_uint(&w, "seq", ++n_seen);
                        writer_end_object(&w);
                }
                writer_end_array(&w);
                writer_end_object(&w);
                d->request = NULL;
                rpc_request_reply(q, &w);
        }
        until_empty(d);
}

static void test_refused_here(void **state) {
        static const struct {
                const char *id, *text;
                ErrorCode error;
        } table[] = {
                { NULL, "", ERROR_BAD_REQUEST },
                { NULL, "\xef\xbf\xbe", ERROR_BAD_REQUEST }, /* U+FFFE */
                { NULL, "\xff", ERROR_BAD_REQUEST },
                { "AAAAAAAA-0000-4000-8000-000000000001", "x", ERROR_BAD_REQUEST },
                { "", "x", ERROR_BAD_REQUEST },
        };
        HostDouble *d = *state;
        _cleanup_free_ char *text = malloc(MESSAGE_BYTES_MAX + 2);

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                assert_int_equal(channel_member_send(d->member, table[i].id, table[i].text, NULL, 0,
                                                     on_double_sent, d, NULL),
                                 0);
                assert_int_equal(double_wait(d), table[i].error);
        }
        assert_non_null(text);
        memset(text, 'x', MESSAGE_BYTES_MAX + 1);
        text[MESSAGE_BYTES_MAX + 1] = 0;
        assert_int_equal(
                channel_member_send(d->member, NULL, text, NULL, 0, on_double_sent, d, NULL), 0);
        assert_int_equal(double_wait(d), ERROR_TOO_LARGE);
        assert_int_equal(channel_member_get_n_outbox(d->member), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, saved_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_results),     T(test_unknown_fate),
                T(test_bad_request), T(test_seen_before_answered),
                T(test_waiting),     T(test_decisions),
                T(test_large),       T(test_refused_here),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
