/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the outbox to what each code of the table of errors means for a message: it is about the
 * message, which leaves the queue with its reason, or it will pass, and the message stays. */
#include "unit/daemon/outbox-fixture.h"

typedef enum Fate {
        UNDECIDED, /* a new code: say which */
        STAYS,
        STAYS_AND_JOINS, /* … and the host is asked to let us in again */
        LEAVES,
        IS_LOCAL, /* never on the wire */
} Fate;

static const Fate fates[ERROR_MAX] = {
        /* our sign-in, the host's disk, the hour, or the connection */
        [ERROR_NOT_SIGNED_IN] = STAYS,
        [ERROR_EXPIRED] = STAYS,
        [ERROR_REVOKED] = STAYS,
        [ERROR_BUSY] = STAYS,
        [ERROR_INTERNAL] = STAYS,
        [ERROR_RATE_LIMITED] = STAYS,
        [ERROR_BAD_FRAME] = STAYS,
        [ERROR_UNKNOWN_COMMAND] = STAYS,
        /* the channel is elsewhere, or comes up yet */
        [ERROR_NO_SUCH_CHANNEL] = STAYS_AND_JOINS,
        [ERROR_STALE_EPOCH] = STAYS_AND_JOINS,
        /* who says it, where, and what */
        [ERROR_RESTRICTED] = LEAVES,
        [ERROR_READ_ONLY] = LEAVES,
        [ERROR_BANNED] = LEAVES,
        [ERROR_GUESTS_NOT_ALLOWED] = LEAVES,
        [ERROR_NOT_OWNER] = LEAVES,
        [ERROR_NOT_MODERATOR] = LEAVES,
        [ERROR_BAD_REQUEST] = LEAVES,
        [ERROR_TOO_LARGE] = LEAVES,
        [ERROR_UNSUPPORTED] = LEAVES,
        [ERROR_CONFLICT] = LEAVES,
        [ERROR_NO_SUCH_ENTRY] = LEAVES,
        [ERROR_NO_SUCH_USER] = LEAVES,
        /* of a tracker's commands; a host that says so is not asked for ever */
        [ERROR_BAD_CREDENTIALS] = LEAVES,
        [ERROR_INVALID_NAME] = LEAVES,
        [ERROR_NAME_TAKEN] = LEAVES,
        [ERROR_WEAK_PASSWORD] = LEAVES,
        [ERROR_CHANNEL_EXISTS] = LEAVES,

        [ERROR_ALREADY_SIGNED_IN] = IS_LOCAL,
        [ERROR_HOST_OFFLINE] = IS_LOCAL,
        [ERROR_TRACKER_UNREACHABLE] = IS_LOCAL,
        [ERROR_UNTRUSTED_TRACKER] = IS_LOCAL,
        [ERROR_PIN_MISMATCH] = IS_LOCAL,
        [ERROR_QUEUE_FULL] = IS_LOCAL,
        [ERROR_TIMEOUT] = IS_LOCAL,
        [ERROR_CANCELLED] = IS_LOCAL,
        [ERROR_PROTOCOL] = IS_LOCAL,
};

static const char *fate_of(const HostDouble *d, size_t i) {
        static char text[64];
        const OutboxRow *row = &d->rows[i];

        snprintf(text, sizeof(text), "%s %s", outbox_state_to_string(row->state),
                 row->state == OUTBOX_FAILED ? error_info(row->error)->wire : "");
        return text;
}

static void assert_failed(HostDouble *d, size_t i, ErrorCode code) {
        char expected[64];

        snprintf(expected, sizeof(expected), "failed %s", error_info(code)->wire);
        read_rows(d);
        assert_string_equal(fate_of(d, i), expected);
}

static void assert_queued(HostDouble *d, size_t i) {
        read_rows(d);
        assert_string_equal(fate_of(d, i), "queued ");
}

static void store_first(HostDouble *d, unsigned number) {
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":2}],\"refused\":[]}", number);
        until_empty(d);
}

/* The middle one of three; the others are stored, in their order. */
static void one_is_refused(HostDouble *d, ErrorCode code) {
        send_some(d, 3);
        double_live(d, 0);
        expect_messages(d, "123");
        double_reply(d,
                     "{\"stored\":[{\"id\":\"" ID "\",\"seq\":1},{\"id\":\"" ID "\",\"seq\":2}],"
                     "\"refused\":[{\"id\":\"" ID "\",\"error\":\"%s\",\"message\":\"no\"}]}",
                     1u, 3u, 2u, error_info(code)->wire);
        if (fates[code] == LEAVES) {
                until_empty(d);
                assert_failed(d, 1, code);
                test_loop_run(d->loop, USEC_PER_MINUTE);
                assert_false(d->is_asked);
                return;
        }
        expect_messages(d, "2");
        assert_queued(d, 1);
        store_first(d, 2);
}

static void all_is_refused(HostDouble *d, ErrorCode code) {
        send_some(d, 1);
        double_live(d, 0);
        expect_messages(d, "1");
        if (code == ERROR_BAD_REQUEST)
                fail_field(d, "meta");
        else
                double_fail(d, code, 0);
        if (fates[code] == LEAVES) {
                until_empty(d);
                assert_failed(d, 0, code);
                test_loop_run(d->loop, USEC_PER_MINUTE);
                assert_false(d->is_asked);
                return;
        }
        if (fates[code] == STAYS_AND_JOINS) {
                (void) double_expect(d, "CONNECT");
                double_accept(d, 0);
        }
        expect_messages(d, "1");
        assert_queued(d, 0);
        store_first(d, 1);
}

static void each(void (*test)(HostDouble *d, ErrorCode code)) {
        for (ErrorCode code = ERROR_NONE + 1; code < ERROR_MAX; code++) {
                void *state;

                assert_int_not_equal(fates[code], UNDECIDED);
                assert_int_equal(fates[code] == IS_LOCAL, error_info(code)->status == STATUS_LOCAL);
                if (fates[code] == IS_LOCAL)
                        continue;
                print_message("%s\n", error_info(code)->wire);
                assert_int_equal(saved_setup(&state), 0);
                test(state, code);
                assert_int_equal(double_teardown(&state), 0);
        }
}

static void test_of_one(void **state) {
        each(one_is_refused);
}

static void test_of_all(void **state) {
        each(all_is_refused);
}

/* A code that nobody knows, or of this side only, is one about the message. */
static void test_unknown_code(void **state) {
        static const char *const codes[] = { "purple", "host-offline", "" };
        HostDouble *d = *state;

        double_live(d, 0);
        for (unsigned i = 0; i < ELEMENTSOF(codes); i++) {
                char id[UUID_STRING_SIZE];

                snprintf(id, sizeof(id), ID, i + 1);
                double_send(d, id, "text");
                (void) double_expect(d, "MESSAGE");
                double_reply(d,
                             "{\"stored\":[],\"refused\":[{\"id\":\"%s\",\"error\":\"%s\","
                             "\"message\":\"no\"}]}",
                             id, codes[i]);
                until_empty(d);
                assert_failed(d, i, ERROR_BAD_REQUEST);
        }
}

/* No member of the request is wrong: it was not the time for it. The host has forgotten us, and is
 * asked to let us in; what it then says again it means. */
static void test_untimely(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        send_some(d, 1);
        expect_messages(d, "1");
        double_fail(d, ERROR_BAD_REQUEST, 0);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 0);
        expect_messages(d, "1");
        double_reply(d, "{\"stored\":[{\"id\":\"" ID "\",\"seq\":1}],\"refused\":[]}", 1u);
        until_empty(d);

        double_send(d, "aaaaaaaa-0000-4000-8000-000000000002", "m2");
        expect_messages(d, "2");
        double_fail(d, ERROR_BAD_REQUEST, 0);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 0);
        expect_messages(d, "2");
        double_fail(d, ERROR_BAD_REQUEST, 0);
        until_empty(d);
        assert_failed(d, 1, ERROR_BAD_REQUEST);
        test_loop_run(d->loop, USEC_PER_MINUTE);
        assert_false(d->is_asked);
}

/* Who is denied learns of each message why, at once; one that was let in meanwhile loses none. */
static void test_denied(void **state) {
        HostDouble *d = *state;

        double_live(d, 0);
        double_push(d, "CLOSED",
                    "{\"channel_name\":\"lobby\",\"reason\":\"banned\",\"message\":\"x\"}");
        double_until(d, MEMBER_DENIED, 0);
        send_some(d, 1);
        expect_messages(d, "1");
        double_fail(d, ERROR_BANNED, 0);
        until_empty(d);
        assert_int_equal(channel_member_get_state(d->member), MEMBER_DENIED);

        double_send(d, "aaaaaaaa-0000-4000-8000-000000000002", "m2");
        expect_messages(d, "2");
        double_fail(d, ERROR_BAD_REQUEST, 0);
        (void) double_expect(d, "CONNECT");
        double_accept(d, 0);
        expect_messages(d, "2");
}

#define T(f) cmocka_unit_test_setup_teardown(f, saved_setup, double_teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_of_one),
                cmocka_unit_test(test_of_all),
                T(test_unknown_code),
                T(test_untimely),
                T(test_denied),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
