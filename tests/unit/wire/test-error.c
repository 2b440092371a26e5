/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the error table against the lists of protocol §2 and dbus.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "wire/error.h"

/* The pages' own lists, in their order, so that a row that is lost here fails. */
static const struct {
        WireStatus status;
        const char *codes;
} wire_page[] = {
        { STATUS_UNAUTHORIZED, "not-signed-in bad-credentials expired revoked restricted read-only "
                               "banned guests-not-allowed not-owner not-moderator" },
        { STATUS_SERVER_ERROR, "busy internal" },
        { STATUS_REQUEST_ERROR,
          "bad-frame bad-request too-large unknown-command unsupported rate-limited invalid-name "
          "name-taken weak-password no-such-channel channel-exists no-such-user no-such-entry "
          "conflict stale-epoch" },
};

static const char dbus_page[] =
        "NotSignedIn AlreadySignedIn BadCredentials NameTaken InvalidName WeakPassword NoSuchUser "
        "NoSuchChannel NoSuchEntry ChannelExists Restricted ReadOnly Banned GuestsNotAllowed "
        "NotOwner NotModerator HostOffline TrackerUnreachable UntrustedTracker PinMismatch "
        "CertificateExpired Revoked RateLimited Busy TooLarge QueueFull Conflict StaleEpoch "
        "BadRequest Unsupported Protocol Internal Timeout Cancelled";

static void test_every_code_of_the_page(void **state) {
        size_t n_rows = 0, n_wire = 0;

        for (size_t i = 0; i < ELEMENTSOF(wire_page); i++) {
                _cleanup_free_ char *codes = strdup(wire_page[i].codes);
                char *save = NULL;

                for (char *s = strtok_r(codes, " ", &save); s; s = strtok_r(NULL, " ", &save)) {
                        ErrorCode c = error_from_wire(s);

                        assert_true(c > ERROR_NONE);
                        assert_string_equal(error_info(c)->wire, s);
                        assert_int_equal(error_info(c)->status, wire_page[i].status);
                        n_wire++;
                }
        }
        for (ErrorCode c = ERROR_NONE + 1; c < ERROR_MAX; c++)
                n_rows += error_info(c)->status != STATUS_LOCAL;
        assert_int_equal(n_rows, n_wire);
}

static void test_every_name_of_the_bus(void **state) {
        _cleanup_free_ char *names = strdup(dbus_page);
        char *save = NULL, full[128];
        size_t n_names = 0, n_unique = 0;

        for (char *s = strtok_r(names, " ", &save); s; s = strtok_r(NULL, " ", &save), n_names++) {
                ErrorCode c;

                snprintf(full, sizeof(full), "org.p2pchat.Error.%s", s);
                c = error_from_dbus(full);
                assert_true(c > ERROR_NONE);
                assert_string_equal(error_info(c)->dbus, full);
        }
        for (ErrorCode c = ERROR_NONE + 1; c < ERROR_MAX; c++)
                n_unique += error_from_dbus(error_info(c)->dbus) == c;
        assert_int_equal(n_unique, n_names);

        assert_int_equal(error_from_dbus("org.p2pchat.Error.Protocol"), ERROR_PROTOCOL);
        assert_int_equal(error_from_dbus("org.p2pchat.Error.CertificateExpired"), ERROR_EXPIRED);
        assert_int_equal(error_from_dbus("org.p2pchat.Error."), ERROR_INVALID);
        assert_int_equal(error_from_dbus("org.freedesktop.DBus.Error.Failed"), ERROR_INVALID);
        assert_int_equal(error_from_dbus(NULL), ERROR_INVALID);
}

static void test_rows_are_complete_and_unique(void **state) {
        for (ErrorCode c = ERROR_NONE + 1; c < ERROR_MAX; c++) {
                const ErrorInfo *info = error_info(c);

                assert_non_null(info->wire);
                assert_true(info->wire[0]);
                assert_non_null(info->dbus);
                assert_true(info->status > STATUS_OK && info->status < STATUS_MAX);
                assert_true(info->error > 0);
                assert_true(info->exit_status >= 1 && info->exit_status <= 7);
                assert_true(info->exit_status != 2); /* usage is ctl's own */

                for (ErrorCode other = c + 1; other < ERROR_MAX; other++) {
                        assert_string_not_equal(info->wire, error_info(other)->wire);
                        if (streq(info->dbus, error_info(other)->dbus))
                                assert_string_equal(info->dbus, "org.p2pchat.Error.Protocol");
                }
        }
        assert_int_equal(error_info(ERROR_NONE)->status, STATUS_OK);
}

static void test_exit_status(void **state) {
        static const struct {
                ErrorCode code;
                int exit_status;
        } rows[] = {
                { ERROR_NOT_SIGNED_IN, 3 }, { ERROR_NO_SUCH_CHANNEL, 4 }, { ERROR_NO_SUCH_USER, 4 },
                { ERROR_BANNED, 5 },        { ERROR_NOT_MODERATOR, 5 },   { ERROR_TIMEOUT, 6 },
                { ERROR_RATE_LIMITED, 7 },  { ERROR_CONFLICT, 7 },        { ERROR_CANCELLED, 1 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(error_info(rows[i].code)->exit_status, rows[i].exit_status);
}

static void test_names_of_this_side_are_no_wire_codes(void **state) {
        assert_int_equal(error_from_wire("timeout"), ERROR_INVALID);
        assert_int_equal(error_from_wire("protocol"), ERROR_INVALID);
        assert_int_equal(error_from_wire(""), ERROR_INVALID);
        assert_int_equal(error_from_wire("BUSY"), ERROR_INVALID);
        assert_int_equal(error_from_wire(NULL), ERROR_INVALID);
}

static void test_status(void **state) {
        static const char *const names[] = { "OK", "UNAUTHORIZED", "SERVER_ERROR",
                                             "REQUEST_ERROR" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                assert_int_equal(wire_status_from_string(names[i]), (int) i);
                assert_string_equal(wire_status_to_string((WireStatus) i), names[i]);
        }
        assert_null(wire_status_to_string(STATUS_LOCAL));
        assert_null(wire_status_to_string(STATUS_INVALID));
        assert_int_equal(wire_status_from_string("LIST"), STATUS_INVALID);
        assert_int_equal(wire_status_from_string(NULL), STATUS_INVALID);
}

static void test_failure_set(void **state) {
        char long_text[FAILURE_MESSAGE_SIZE * 2] = {};
        Failure f = { .epoch = 7, .field = "old" };

        assert_int_equal(failure_set(&f, ERROR_BUSY, "Try again in %d s.", 3), -EBUSY);
        assert_int_equal(f.code, ERROR_BUSY);
        assert_string_equal(f.message, "Try again in 3 s.");
        assert_int_equal(f.epoch, 0);
        assert_string_equal(f.field, "");

        /* Whichever byte of a character the cut falls on, whole characters stay. */
        for (size_t pad = 0; pad < 5; pad++) {
                size_t n = pad;

                memset(long_text, 'x', pad);
                while (n + 4 < sizeof(long_text)) {
                        memcpy(long_text + n, "\xf0\x9f\x98\x80", 4);
                        n += 4;
                }
                long_text[n] = 0;
                failure_set(&f, ERROR_INTERNAL, "%s", long_text);
                assert_true(text_is_valid(f.message, strlen(f.message), false));
                assert_in_range(strlen(f.message), FAILURE_MESSAGE_SIZE - 8,
                                FAILURE_MESSAGE_SIZE - 1);
        }
        memset(long_text, 'x', sizeof(long_text) - 1);
        failure_set(&f, ERROR_INTERNAL, "%s", long_text);
        assert_int_equal(strlen(f.message), FAILURE_MESSAGE_SIZE - 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_code_of_the_page),
                cmocka_unit_test(test_every_name_of_the_bus),
                cmocka_unit_test(test_rows_are_complete_and_unique),
                cmocka_unit_test(test_exit_status),
                cmocka_unit_test(test_names_of_this_side_are_no_wire_codes),
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_failure_set),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
