/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a member to protocol §5: the cursor, what a lying or a moody host does to it, and that the
 * copy is never touched by what does not continue it. */
#include "unit/daemon/host-double.h"

static void test_cursor(void **state) {
        HostDouble *d = *state;

        double_locate(d, true);
        double_assert_cursor(double_expect(d, "CONNECT"), 0);
        /* What comes before the OK is not listened to. */
        double_push_entries(d, 1, 5, true);
        double_accept(d, 3);
        double_until(d, MEMBER_SYNCING, 0);
        double_push_entries(d, 1, 2, false);
        double_push_entries(d, 3, 3, false);
        double_until(d, MEMBER_LIVE, 3);
        double_push_entries(d, 4, 40, false);
        double_until(d, MEMBER_LIVE, 40);
        assert_int_equal(d->last_told, 40);
        assert_int_equal(channel_member_get_n_unread(d->member), 40);

        d->rpc = rpc_free(d->rpc);
        double_until(d, MEMBER_OFFLINE, 40);
        assert_true(channel_member_get_next_retry(d->member) > 0);
        double_assert_cursor(double_expect(d, "CONNECT"), 40);
        double_accept(d, 40);
        double_until(d, MEMBER_LIVE, 40);
        assert_int_equal(channel_member_get_next_retry(d->member), 0);
}

/* Where it is now was said while the connection to where it was still held. */
static void test_host_moves(void **state) {
        HostDouble *d = *state;

        double_live(d, 2);
        double_listen(d);
        double_locate(d, true);
        d->rpc = rpc_free(d->rpc);
        double_assert_cursor(double_expect(d, "CONNECT"), 2);
        double_accept(d, 2);
        double_until(d, MEMBER_LIVE, 2);
}

/* Nobody said where it is now: each dial that fails asks, and the answer is followed. */
static void test_host_is_searched(void **state) {
        HostDouble *d = *state;
        unsigned n;

        double_live(d, 2);
        n = d->n_lost;
        double_listen(d);
        d->rpc = rpc_free(d->rpc);
        double_until(d, MEMBER_OFFLINE, 2);
        test_loop_run(d->loop, 10 * USEC_PER_MINUTE);
        assert_true(d->n_lost > n + 2);
        double_locate(d, true);
        double_assert_cursor(double_expect(d, "CONNECT"), 2);
        double_accept(d, 2);
        double_until(d, MEMBER_LIVE, 2);
}

static void test_backlog(void **state) {
        HostDouble *d = *state;

        channel_member_set_backlog(d->member, 2);
        double_locate(d, true);
        assert_int_equal(double_uint(double_expect(d, "CONNECT"), "backlog"), 2);
        double_accept(d, 10);
        double_push_entries(d, 9, 10, false);
        double_until(d, MEMBER_LIVE, 10);
        assert_int_equal(channel_member_get_first_seq(d->member), 9);
}

/* Each is said to a live member with 5 entries: it asks again once, and then, if the host says the
 * same, keeps what it has. */
static void test_faults(void **state) {
        static const struct Fault {
                const char *name;
                uint64_t first, last;
                bool other;
        } faults[] = {
                { "a hole", 2, 3, false }, /* from the end of our copy on */
                { "another entry", 0, 0, true },
                { "another entry and one more", 0, 1, true },
        };
        HostDouble *d = *state;
        uint64_t end = 2;

        double_live(d, end);
        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                print_message("%s\n", faults[i].name);
                double_push_entries(d, end + faults[i].first, end + faults[i].last,
                                    faults[i].other);
                double_assert_cursor(double_expect(d, "CONNECT"), end);
                double_accept(d, ++end);
                double_push_entries(d, end, end, false); /* mended: our copy goes on */
                double_until(d, MEMBER_LIVE, end);
        }
        assert_int_equal(end, 5);
        /* Known, and the same: nothing. */
        double_push_entries(d, 4, 5, false);
        test_loop_run(d->loop, USEC_PER_SEC);
        assert_false(d->is_asked);

        double_push_entries(d, 7, 7, false);
        double_assert_cursor(double_expect(d, "CONNECT"), 5);
        double_accept(d, 5); /* all is well, and then not */
        double_until(d, MEMBER_LIVE, 5);
        double_push_entries(d, 7, 7, false);
        double_until(d, MEMBER_DIVERGED, 5);
        assert_int_equal(channel_member_get_synced_seq(d->member), 5);
        test_loop_run(d->loop, 2 * USEC_PER_HOUR);
        assert_int_equal(d->n_connections, 1);

        /* A person may ask again. */
        assert_int_equal(channel_member_connect(d->member, on_double_done, d, NULL), 0);
        double_assert_cursor(double_expect(d, "CONNECT"), 5);
        double_accept(d, 5);
        assert_int_equal(double_wait(d), ERROR_NONE);
        double_until(d, MEMBER_LIVE, 5);
}

static void test_other_logs(void **state) {
        static const struct Answer {
                ErrorCode refusal;
                uint64_t last_seq;
        } answers[] = {
                { ERROR_CONFLICT, 0 }, { ERROR_NONE, 4 }, /* below what we have */
        };
        HostDouble *d = *state;

        double_live(d, 5);
        for (size_t i = 0; i < ELEMENTSOF(answers); i++) {
                d->rpc = rpc_free(d->rpc);
                (void) double_expect(d, "CONNECT");
                if (answers[i].refusal != ERROR_NONE)
                        double_fail(d, answers[i].refusal, 0);
                else
                        double_accept(d, answers[i].last_seq);
                double_until(d, MEMBER_DIVERGED, 5);
                d->is_asked = false;
                test_loop_run(d->loop, 2 * USEC_PER_HOUR);
                assert_false(d->is_asked); /* not by itself */
                assert_int_equal(channel_member_get_synced_seq(d->member), 5);
                assert_int_equal(channel_member_connect(d->member, on_double_done, d, NULL), 0);
                (void) double_expect(d, "CONNECT");
                double_accept(d, 5);
                assert_int_equal(double_wait(d), ERROR_NONE);
        }
}

static void closed_by_answer(HostDouble *d, const char *channel_id, const char *owner) {
        d->rpc = rpc_free(d->rpc);
        (void) double_expect(d, "CONNECT");
        double_reply(d,
                     "{\"channel_id\":\"%s\",\"epoch\":1,"
                     "\"owner\":\"%s\",\"role\":\"none\",\"view_permission\":\"public\","
                     "\"send_permission\":\"registered\",\"topic\":\"\",\"last_seq\":9,"
                     "\"members_online\":2,\"generation\":1}",
                     channel_id, owner);
        double_push_entries(d, 6, 9, false);
        double_until(d, MEMBER_CLOSED, 5);
        d->is_asked = false;
        test_loop_run(d->loop, 2 * USEC_PER_HOUR);
        assert_false(d->is_asked);
        assert_int_equal(channel_member_get_synced_seq(d->member), 5);
}

static void test_other_channel(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        closed_by_answer(d, "99999999-0000-4000-8000-000000000000", "alice");
}

static void test_other_owner(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        closed_by_answer(d, CHANNEL_ID, "mallory");
}

static void test_refusals(void **state) {
        HostDouble *d = *state;
        uint64_t before;

        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_fail(d, ERROR_BUSY, 3000);
        before = clock_boottime(d->loop->rt.clock);
        (void) double_expect(d, "CONNECT");
        assert_true(clock_boottime(d->loop->rt.clock) - before >= 3 * USEC_PER_SEC);
        double_fail(d, ERROR_RESTRICTED, 0);
        double_until(d, MEMBER_DENIED, 0);
        assert_string_equal(channel_member_get_state_reason(d->member), "restricted");

        /* Hourly; when told that it may; when a person asks. */
        before = clock_boottime(d->loop->rt.clock);
        test_loop_run(d->loop, 59 * USEC_PER_MINUTE);
        assert_false(d->is_asked);
        (void) double_expect(d, "CONNECT");
        double_fail(d, ERROR_BANNED, 0);
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_string_equal(channel_member_get_state_reason(d->member), "banned");
        double_push(d, "ACCESS",
                    "{\"channel_name\":\"lobby\",\"can_view\":true,\"can_send\":false}");
        (void) double_expect(d, "CONNECT");
        double_fail(d, ERROR_RESTRICTED, 0);
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_int_equal(channel_member_connect(d->member, on_double_done, d, NULL), 0);
        (void) double_expect(d, "CONNECT");
        double_fail(d, ERROR_RESTRICTED, 0);
        assert_int_equal(double_wait(d), ERROR_RESTRICTED);
        assert_int_equal(channel_member_connect(d->member, on_double_done, d, NULL), 0);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        double_until(d, MEMBER_LIVE, 0);
        assert_int_equal(d->n_connections, 1);
}

static void test_closed(void **state) {
        static const struct Closed {
                const char *reason;
                MemberState state;
                bool directory_brings_back, asks_again, asks_directory;
        } table[] = {
                { "kicked", MEMBER_CLOSED, false, false, false },
                { "replaced", MEMBER_CLOSED, false, false, false },
                { "banned", MEMBER_DENIED, false, true, false }, /* each hour */
                { "restricted", MEMBER_DENIED, false, true, false },
                { "revoked", MEMBER_DENIED, false, false, false },
                { "unhosted", MEMBER_OFFLINE, true, true, true },
                { "moved", MEMBER_OFFLINE, true, true, true },
                { "of-a-later-version", MEMBER_OFFLINE, true, true, true },
        };
        HostDouble *d = *state;

        double_live(d, 1);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                unsigned n_lost = d->n_lost;

                print_message("%s\n", table[i].reason);
                double_push(d, "CLOSED",
                            "{\"channel_name\":\"lobby\",\"reason\":\"%s\",\"message\":\"bye\"}",
                            table[i].reason);
                double_until(d, table[i].state, 1);
                test_loop_run(d->loop, 10 * USEC_PER_MINUTE);
                assert_false(d->is_asked); /* never by itself at once */
                assert_int_equal(d->n_lost > n_lost, table[i].asks_directory);
                if (table[i].directory_brings_back) {
                        double_locate(d, true);
                        (void) double_expect(d, "CONNECT");
                        double_accept(d, 1);
                        double_until(d, MEMBER_LIVE, 1);
                        continue;
                }
                double_locate(d, true);
                test_loop_run(d->loop, 49 * USEC_PER_MINUTE);
                assert_false(d->is_asked);
                if (table[i].asks_again) {
                        uint64_t before = clock_boottime(d->loop->rt.clock);

                        (void) double_expect(d, "CONNECT");
                        assert_true(clock_boottime(d->loop->rt.clock) <=
                                    before + 2 * USEC_PER_MINUTE);
                        double_fail(d, ERROR_RESTRICTED, 0);
                        test_loop_run(d->loop, USEC_PER_MINUTE);
                } else {
                        test_loop_run(d->loop, USEC_PER_DAY);
                        assert_false(d->is_asked);
                }
                assert_int_equal(channel_member_connect(d->member, on_double_done, d, NULL), 0);
                (void) double_expect(d, "CONNECT");
                double_accept(d, 1);
                assert_int_equal(double_wait(d), ERROR_NONE);
                double_until(d, MEMBER_LIVE, 1);
        }
}

static const char *reason(const HostDouble *d) {
        return channel_member_get_state_reason(d->member);
}

/* The directory may not know of it yet, so that it is dialled once more: what its host has said is
 * what is shown until one serves it. */
static void test_unhosted(void **state) {
        HostDouble *d = *state;

        double_live(d, 1);
        double_push(d, "CLOSED",
                    "{\"channel_name\":\"lobby\",\"reason\":\"unhosted\",\"message\":\"bye\"}");
        double_until(d, MEMBER_OFFLINE, 1);
        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_fail(d, ERROR_NO_SUCH_CHANNEL, 0);
        double_until(d, MEMBER_OFFLINE, 1);
        assert_string_equal(reason(d), "unhosted");
        double_locate(d, false);
        assert_string_equal(reason(d), "unhosted");

        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 1);
        double_until(d, MEMBER_LIVE, 1);
        d->rpc = rpc_free(d->rpc);
        double_until(d, MEMBER_OFFLINE, 1);
        assert_string_equal(reason(d), "host-offline");
}

/* The certificate names the host, or nothing is said. */
static void test_impostor(void **state) {
        HostDouble *d = *state;

        tls_config_free(d->host_tls);
        d->host_tls = test_authority_tls(d->authority, SUBJECT_USER, "mallory", TLS_EXPECT_PEER);
        double_locate(d, true);
        test_loop_run(d->loop, 10 * USEC_PER_MINUTE);
        assert_false(d->is_asked);
        assert_true(d->n_connections > 5); /* for ever */
        assert_int_equal(channel_member_get_state(d->member), MEMBER_OFFLINE);

        tls_config_free(d->host_tls);
        d->host_tls = test_authority_tls(d->authority, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 0);
        double_until(d, MEMBER_LIVE, 0);
}

/* Another channel or owner under the name is not followed. */
static void test_directory(void **state) {
        HostDouble *d = *state;
        DirectoryEntry entry = { .channel_name = "lobby",
                                 .channel_id = CHANNEL_ID,
                                 .owner = "mallory",
                                 .host = "mallory",
                                 .addresses = { d->address },
                                 .n_addresses = 1,
                                 .online = true,
                                 .topic = "" };

        channel_member_locate(d->member, &entry);
        strcpy(entry.owner, "alice");
        strcpy(entry.channel_id, "99999999-0000-4000-8000-000000000000");
        channel_member_locate(d->member, &entry);
        double_locate(d, false); /* offline: nothing is dialled that never was there */
        test_loop_run(d->loop, USEC_PER_HOUR);
        assert_int_equal(d->n_connections, 0);
        assert_int_equal(channel_member_get_state(d->member), MEMBER_OFFLINE);
        assert_string_equal(channel_member_get_host(d->member), "alice");
}

static void test_heads(void **state) {
        HostDouble *d = *state;

        double_live(d, 5);
        /* The double's own PINGs say nothing of heads; these do. */
        for (unsigned i = 0; i < 2; i++) {
                assert_false(d->is_asked);
                double_ping_with_head(d, 6);
        }
        double_assert_cursor(double_expect(d, "CONNECT"), 5);
        double_accept(d, 6);
        double_push_entries(d, 6, 6, false);
        double_until(d, MEMBER_LIVE, 6);

        /* What comes in between says that the stream goes on; so does a head that it has reached.
         */
        double_ping_with_head(d, 8);
        double_push_entries(d, 7, 7, false);
        double_until(d, MEMBER_LIVE, 7);
        double_ping_with_head(d, 8);
        double_ping_with_head(d, 7);
        double_ping_with_head(d, 8);
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_false(d->is_asked);
        double_ping_with_head(d, 8);
        double_assert_cursor(double_expect(d, "CONNECT"), 7);
}

#define T(f) cmocka_unit_test_setup_teardown(f, double_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                T(test_cursor),        T(test_host_moves),  T(test_host_is_searched),
                T(test_backlog),       T(test_faults),      T(test_other_logs),
                T(test_refusals),      T(test_closed),      T(test_unhosted),
                T(test_impostor),      T(test_directory),   T(test_heads),
                T(test_other_channel), T(test_other_owner),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
