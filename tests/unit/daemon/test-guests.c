/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A guest is the key: who has the name tomorrow is somebody else, to whom nothing of it belongs. */
#include "unit/daemon/member-double.h"

static const char name[] = "guest-gail";

static uint64_t stored_seq(const Member *m) {
        return get_uint(value_at(value_get(m->reply, "stored"), 0), "seq");
}

static void test_one_after_another(void **state) {
        Fixture *f = *state;
        Member *first = member_new(f, name), *second;
        uint64_t seq, again;

        assert_int_equal(local_permissions(f, VIEW_PUBLIC, SEND_EVERYONE), ERROR_NONE);
        assert_int_equal(member_connect(first, 0), ERROR_NONE);
        assert_int_equal(member_send(first, 7, "the first's"), ERROR_NONE);
        seq = stored_seq(first);
        assert_int_equal(member_send(first, 8, "of the first, too"), ERROR_NONE);
        member_free(first);

        second = member_new(f, name); /* the same name, another key */
        assert_int_equal(member_connect(second, 0), ERROR_NONE);
        /* An id is the sender's: this is no repetition, and no conflict. */
        assert_int_equal(member_send(second, 7, "the second's"), ERROR_NONE);
        again = stored_seq(second);
        assert_true(again > seq);
        assert_false(value_has(value_at(value_get(second->reply, "stored"), 0), "duplicate"));
        assert_int_equal(member_call(second, "REDACT", ",\"seq\":%" PRIu64, seq),
                         ERROR_NOT_MODERATOR);
        assert_int_equal(member_call(second, "REDACT", ",\"seq\":%" PRIu64, again), ERROR_NONE);
        assert_int_equal(member_call(second, "REDACT", ",\"seq\":%" PRIu64, seq + 1),
                         ERROR_NOT_MODERATOR);
        member_free(second);
}

/* What the name did, the next of that name did not: not over a restart of the host either. */
static void test_over_a_restart(void **state) {
        Fixture *f = *state;
        Member *first = member_new(f, name), *second;
        uint64_t seq;

        assert_int_equal(local_permissions(f, VIEW_PUBLIC, SEND_EVERYONE), ERROR_NONE);
        assert_int_equal(member_connect(first, 0), ERROR_NONE);
        assert_int_equal(member_send(first, 7, "the first's"), ERROR_NONE);
        seq = stored_seq(first);
        member_free(first);
        peer_server_remove_host(f->server, f->host);
        f->host = channel_host_free(f->host, NULL);
        start_host(f, CHANNEL_ID, 1);
        assert_int_equal(peer_server_add_host(f->server, f->host), 0);
        second = member_new(f, name);
        assert_int_equal(member_connect(second, 0), ERROR_NONE);
        assert_int_equal(member_call(second, "REDACT", ",\"seq\":%" PRIu64, seq),
                         ERROR_NOT_MODERATOR);
        assert_int_equal(member_send(second, 7, "the second's"), ERROR_NONE);
        assert_true(stored_seq(second) > seq);
        member_free(second);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_one_after_another, setup, teardown),
                cmocka_unit_test_setup_teardown(test_over_a_restart, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
