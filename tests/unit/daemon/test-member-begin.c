/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a member whose copy is empty yet to where the host's first OK said that it begins. */
#include "unit/daemon/host-double.h"

static void assert_begin(const Value *connect, uint64_t since, bool has_id) {
        char id[UUID_STRING_SIZE];

        assert_int_equal(double_uint(connect, "since"), since);
        assert_false(value_has(connect, "backlog"));
        assert_int_equal(value_has(connect, "since_id"), has_id);
        snprintf(id, sizeof(id), ENTRY_ID, since);
        if (has_id)
                assert_string_equal(value_string(value_get(connect, "since_id"), NULL), id);
}

static void answer_begin(HostDouble *d, uint64_t before, uint64_t seq) {
        const Value *payload = double_expect(d, "HISTORY");

        assert_int_equal(double_uint(payload, "before"), before);
        assert_int_equal(double_uint(payload, "limit"), 1);
        double_reply(d,
                     "{\"entries\":[{\"seq\":%" PRIu64 ",\"id\":\"" ENTRY_ID
                     "\",\"kind\":\"message\",\"username\":\"alice\",\"user_type\":"
                     "\"REGISTERED\",\"time\":\"2026-01-01T00:00:00.000Z\","
                     "\"message_content\":\"x\"}],\"more\":true}",
                     seq, seq);
        test_loop_run(d->loop, USEC_PER_SEC);
}

static void hang_up(HostDouble *d) {
        d->rpc = rpc_free(d->rpc);
        double_until(d, MEMBER_OFFLINE, 0);
}

/* Nothing is held, and yet nothing may be missed: the first OK says where the copy begins. */
static void test_begin(void **state) {
        HostDouble *d = *state;

        channel_member_set_backlog(d->member, 0);
        double_locate(d, true);
        assert_int_equal(double_uint(double_expect(d, "CONNECT"), "backlog"), 0);
        double_accept(d, 10);
        double_until(d, MEMBER_LIVE, 0);
        (void) double_expect(d, "HISTORY");
        hang_up(d); /* before the answer */
        assert_begin(double_expect(d, "CONNECT"), 10, false);
        double_accept(d, 10);
        double_until(d, MEMBER_LIVE, 0);
        answer_begin(d, 11, 9); /* not that one */
        hang_up(d);
        assert_begin(double_expect(d, "CONNECT"), 10, false);
        double_accept(d, 10);
        answer_begin(d, 11, 10);
        hang_up(d);
        assert_begin(double_expect(d, "CONNECT"), 10, true);
        double_accept(d, 12);
        double_until(d, MEMBER_SYNCING, 0);
        hang_up(d); /* before the page */
        assert_begin(double_expect(d, "CONNECT"), 10, true);
        double_accept(d, 12);
        double_push_entries(d, 12, 12, false); /* not where it begins */
        assert_begin(double_expect(d, "CONNECT"), 10, true);
        double_accept(d, 12);
        double_push_entries(d, 11, 12, false);
        double_until(d, MEMBER_LIVE, 12);
        assert_int_equal(channel_member_get_first_seq(d->member), 11);
        assert_int_equal(channel_member_get_read_seq(d->member), 10);
        assert_int_equal(channel_member_get_n_unread(d->member), 2);
        hang_up(d);
        double_assert_cursor(double_expect(d, "CONNECT"), 12);
}

static void test_begin_of_backlog(void **state) {
        HostDouble *d = *state;

        channel_member_set_backlog(d->member, 4);
        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 10);
        double_until(d, MEMBER_SYNCING, 0);
        hang_up(d);
        assert_begin(double_expect(d, "CONNECT"), 6, false);
        double_accept(d, 20);
        double_push_entries(d, 7, 20, false);
        double_until(d, MEMBER_LIVE, 20);
        assert_int_equal(channel_member_get_first_seq(d->member), 7);
}

/* A log that was empty, or not longer than the backlog: all of it. */
static void begin_of_all(HostDouble *d, uint64_t last, int64_t backlog) {
        channel_member_set_backlog(d->member, backlog);
        double_locate(d, true);
        assert_int_equal(double_uint(double_expect(d, "CONNECT"), "backlog"), backlog);
        double_accept(d, last);
        double_until(d, last > 0 ? MEMBER_SYNCING : MEMBER_LIVE, 0);
        hang_up(d);
        assert_begin(double_expect(d, "CONNECT"), 0, false);
        double_accept(d, last + 3);
        double_push_entries(d, 1, last + 3, false);
        double_until(d, MEMBER_LIVE, last + 3);
}

static void test_begin_of_empty_log(void **state) {
        begin_of_all(*state, 0, 0);
}

static void test_begin_of_short_log(void **state) {
        begin_of_all(*state, 5, 5);
}

/* Another log than the one that it began in: nothing of it is taken for what was missed. */
static void test_begin_in_another_log(void **state) {
        HostDouble *d = *state;

        channel_member_set_backlog(d->member, 0);
        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 10);
        answer_begin(d, 11, 10);
        hang_up(d);
        (void) double_expect(d, "CONNECT");
        double_fail(d, ERROR_CONFLICT, 0);
        double_until(d, MEMBER_DIVERGED, 0);
        assert_string_equal(channel_member_get_state_reason(d->member), "other-entry");
        assert_int_equal(channel_member_get_diverged_seq(d->member), 10);

        assert_int_equal(channel_member_connect(d->member, on_double_done, d, NULL), 0);
        assert_begin(double_expect(d, "CONNECT"), 10, true);
        double_accept(d, 7);
        assert_int_equal(double_wait(d), ERROR_CONFLICT);
        double_until(d, MEMBER_DIVERGED, 0);
        assert_string_equal(channel_member_get_state_reason(d->member), "shorter-log");
        assert_non_null(strstr(channel_member_get_state_text(d->member),
                               "ends at entry 7, the copy here at 10"));

        /* What the host has instead is begun as the first one was. */
        assert_int_equal(channel_member_drop_copy(d->member, on_double_done, d, NULL), 0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        assert_int_equal(channel_member_connect(d->member, on_double_done, d, NULL), 0);
        assert_int_equal(double_uint(double_expect(d, "CONNECT"), "backlog"), 0);
        double_accept(d, 7);
        answer_begin(d, 8, 7);
        hang_up(d);
        assert_begin(double_expect(d, "CONNECT"), 7, true);
}

#define T(f) cmocka_unit_test_setup_teardown(f, double_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_begin),
                T(test_begin_of_backlog),
                T(test_begin_of_empty_log),
                T(test_begin_of_short_log),
                T(test_begin_in_another_log),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
