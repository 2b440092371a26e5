/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a member to what it does about frames that were lost, repeated, swapped or mixed up on the
 * host's side: the copy stays a beginning of the log, and what is missing is asked for again. */
#include "unit/daemon/host-double.h"

/* The entries of these seqs in one push; a negative one has another id. */
static void push_list(HostDouble *d, const int64_t *seqs, size_t n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", "lobby");
        writer_string(&w, "channel_id", CHANNEL_ID);
        writer_begin_array(&w, "entries");
        for (size_t i = 0; i < n; i++) {
                uint64_t seq = (uint64_t) (seqs[i] < 0 ? -seqs[i] : seqs[i]);
                char id[UUID_STRING_SIZE];

                snprintf(id, sizeof(id), ENTRY_ID, (seq + (seqs[i] < 0 ? 500000 : 0)) % 1000000);
                writer_begin_object(&w, NULL);
                writer_uint(&w, "seq", seq);
                writer_string(&w, "id", id);
                writer_string(&w, "kind", "message");
                writer_string(&w, "username", "alice");
                writer_string(&w, "user_type", "REGISTERED");
                writer_time(&w, "time", TEST_REALTIME);
                writer_string(&w, "message_content", "text");
                writer_end_object(&w);
        }
        writer_end_array(&w);
        writer_end_object(&w);
        assert_int_equal(rpc_push(d->rpc, "MESSAGE", &w), 0);
}
#define PUSH(d, ...)                                                                               \
        push_list((d), (const int64_t[]){ __VA_ARGS__ },                                           \
                  ELEMENTSOF(((const int64_t[]){ __VA_ARGS__ })))

static void quiet(HostDouble *d) {
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_false(d->is_asked);
}

/* Mended: the member goes on, as if nothing had been. */
static void mend(HostDouble *d, uint64_t since) {
        double_assert_cursor(double_expect(d, "CONNECT"), since);
        double_accept(d, since + 1);
        double_push_entries(d, since + 1, since + 1, false);
        double_until(d, MEMBER_LIVE, since + 1);
        assert_int_equal(channel_member_get_synced_seq(d->member), since + 1);
}

static void test_repeated(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        PUSH(d, 1, 2, 3, 4, 5);
        quiet(d);
        PUSH(d, 4, 5, 6); /* a frame again, and one more */
        double_until(d, MEMBER_LIVE, 6);
        PUSH(d, 6, 6, 6);
        PUSH(d, 7);
        PUSH(d, 7); /* while the first is on its way to the disk */
        double_until(d, MEMBER_LIVE, 7);
        quiet(d);
        assert_int_equal(channel_member_get_n_unread(d->member), 7);
}

/* Each of a push is looked at, wherever it stands, and nothing behind it is stored. */
static void test_other_among_known(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        PUSH(d, 3, 4, -5, 6);
        mend(d, 5);
        PUSH(d, -2, 3, 7);
        mend(d, 6);
        PUSH(d, 5);
        PUSH(d, -6); /* while that one is looked at */
        PUSH(d, 8);
        mend(d, 7);
        PUSH(d, 9, 10, -9); /* not stored yet */
        mend(d, 8);
        PUSH(d, 1, -2);
        double_assert_cursor(double_expect(d, "CONNECT"), 9);
        double_accept(d, 9);
        double_until(d, MEMBER_LIVE, 9);
        PUSH(d, 1, -2); /* it means it */
        double_until(d, MEMBER_DIVERGED, 9);
        assert_int_equal(channel_member_get_diverged_seq(d->member), 2);
        assert_int_equal(channel_member_get_synced_seq(d->member), 9);
}

/* Lost, swapped, out of order within a push. */
static void test_lost_and_swapped(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        PUSH(d, 8); /* 6 and 7 are lost */
        PUSH(d, 9); /* of the stream that the member has given up */
        mend(d, 5);
        PUSH(d, 8);
        PUSH(d, 7); /* swapped */
        mend(d, 6);
        PUSH(d, 8, 10, 9); /* 8 is good and is kept, what is behind the hole is not */
        double_assert_cursor(double_expect(d, "CONNECT"), 7);
        double_accept(d, 10);
        PUSH(d, 8, 9, 10);
        double_until(d, MEMBER_LIVE, 10);
}

/* What crosses the second CONNECT is of the stream before; its OK begins another. */
static void test_push_crosses_connect(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        PUSH(d, 7);
        double_assert_cursor(double_expect(d, "CONNECT"), 5);
        PUSH(d, 6);
        PUSH(d, -7);
        double_accept(d, 7);
        PUSH(d, 6, 7);
        double_until(d, MEMBER_LIVE, 7);
        quiet(d);
        /* … and has all that the member did not say that it has. */
        PUSH(d, -7);
        double_assert_cursor(double_expect(d, "CONNECT"), 7);
        double_accept(d, 7);
        double_until(d, MEMBER_LIVE, 7);
        PUSH(d, 8);
        double_until(d, MEMBER_LIVE, 8);
}

/* That something comes is no sign of life of the stream, if it is nothing new. */
static void test_head_and_nothing_new(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        double_ping_with_head(d, 7);
        PUSH(d, 4, 5);
        double_push(d, "MESSAGE", "{\"channel_name\":\"lobby\",\"entries\":[]}");
        quiet(d);
        double_ping_with_head(d, 7);
        double_assert_cursor(double_expect(d, "CONNECT"), 5);
        double_accept(d, 7);
        double_until(d, MEMBER_SYNCING, 5);
        /* The host has forgotten it again before it said a word. */
        double_ping_with_head(d, 7);
        double_ping_with_head(d, 7);
        double_assert_cursor(double_expect(d, "CONNECT"), 5);
        double_accept(d, 7);
        PUSH(d, 6, 7);
        double_until(d, MEMBER_LIVE, 7);
}

static void ping_without(HostDouble *d) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_begin_object(&w, "heads");
        writer_uint(&w, "another", 1);
        writer_end_object(&w);
        writer_end_object(&w);
        assert_int_equal(rpc_call(d->rpc, "PING", &w, 0, NULL, NULL, NULL), 0);
        test_loop_run(d->loop, USEC_PER_SEC);
}

/* The host says which channels it thinks that we have joined, and this is none of them. */
static void test_forgotten(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        ping_without(d);
        double_ping_with_head(d, 5);
        ping_without(d);
        quiet(d);
        ping_without(d);
        double_assert_cursor(double_expect(d, "CONNECT"), 5);
        ping_without(d); /* … yet */
        ping_without(d);
        double_accept(d, 6);
        ping_without(d);
        PUSH(d, 6);
        double_until(d, MEMBER_LIVE, 6);
        double_ping_with_head(d, 6);
        quiet(d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, double_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_repeated),
                T(test_other_among_known),
                T(test_lost_and_swapped),
                T(test_push_crosses_connect),
                T(test_head_and_nothing_new),
                T(test_forgotten),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
