/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a CONNECT whose entry is still looked for to one answer, and a true one, whatever happens
 * to its channel, its key or its connection meanwhile. */
#include "daemon/host/channel-host-internal.h"
#include "unit/daemon/member-double.h"

static bool is_looked_for(void *userdata) {
        const Fixture *f = userdata;

        return f->host->sessions && f->host->sessions->connect_job;
}

/* Bob's cursor is in the middle of the log, and the store has not said which entry that is. */
static Member *pending(Fixture *f) {
        Member *bob = member_new(f, "bob");

        local_fill(f, 100, 9, 10);
        member_start(bob, "CONNECT", ",\"since\":5,\"since_id\":\"%s\",\"invisible\":false",
                     uuid_of(103));
        wait_until(f, is_looked_for, f);
        assert_false(bob->is_answered);
        return bob;
}

static void assert_answered_once(Member *bob, ErrorCode error) {
        assert_int_equal(member_wait(bob), error);
        settle(bob->fixture);
        assert_int_equal(bob->n_answers, 1);
        assert_int_equal(bob->n_seen, 0);
        assert_string_equal(bob->closed_reason, ""); /* it was never let in */
}

static void test_unhosted(void **state) {
        static const char *const reasons[] = { "unhosted", "moved" };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(reasons); i++) {
                Member *bob = pending(f);

                peer_server_remove_host(f->server, f->host);
                f->host = channel_host_free(f->host, reasons[i]);
                assert_answered_once(bob, ERROR_NO_SUCH_CHANNEL);
                member_free(bob);
                start_host(f, CHANNEL_ID, 1);
                assert_int_equal(peer_server_add_host(f->server, f->host), 0);
        }
}

/* The daemon ends, and may be back soon. */
static void test_stopped(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = pending(f);

        peer_server_remove_host(f->server, f->host);
        f->host = channel_host_free(f->host, NULL);
        assert_answered_once(bob, ERROR_BUSY);
        assert_true(bob->failure.retry_after_ms > 0);
}

static void test_revoked(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = pending(f);

        peer_server_cut_key(f->server, f->host->sessions->actor.key_id);
        assert_answered_once(bob, ERROR_REVOKED);
        assert_true(bob->is_closed);
        assert_string_equal(bob->going_away, "revoked");
}

static bool is_over(void *userdata) {
        return ((Member *) userdata)->n_answers == 2;
}

static void test_disconnected(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        local_fill(f, 100, 9, 10);
        member_start(bob, "CONNECT", ",\"since\":5,\"since_id\":\"%s\",\"invisible\":false",
                     uuid_of(103));
        member_start(bob, "DISCONNECT", "%s", "");
        wait_until(f, is_over, bob);
        assert_int_equal(bob->answers[0], ERROR_BAD_REQUEST);
        assert_int_equal(bob->answers[1], ERROR_NONE);
        settle(f);
        assert_int_equal(bob->n_seen, 0);
        assert_int_equal(channel_host_get_n_sessions(f->host), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(unhosted),
                TEST(stopped),
                TEST(revoked),
                TEST(disconnected),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
