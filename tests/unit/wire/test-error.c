/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the error table to itself; tests/conformance/check-errors.py holds it to the manuals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "wire/error.h"

static void test_there_and_back(void **state) {
        for (ErrorCode c = ERROR_NONE + 1; c < ERROR_MAX; c++) {
                const ErrorInfo *info = error_info(c);

                if (info->status != STATUS_LOCAL)
                        assert_int_equal(error_from_wire(info->wire), c);
                assert_int_equal(error_from_dbus(info->dbus),
                                 streq(info->dbus, "org.p2pchat.Error.Protocol") ? ERROR_PROTOCOL
                                                                                 : c);
        }
        assert_int_equal(error_from_dbus("org.p2pchat.Error.Newer"), ERROR_INVALID);
        assert_int_equal(error_from_dbus("NotSignedIn"), ERROR_INVALID);
        assert_int_equal(error_from_dbus(NULL), ERROR_INVALID);
}

/* What a newer side says is taken by its status, a known code under another status as well. */
static void test_a_newer_side(void **state) {
        static const struct {
                WireStatus status;
                ErrorCode code;
        } rows[] = {
                { STATUS_UNAUTHORIZED, ERROR_RESTRICTED },
                { STATUS_SERVER_ERROR, ERROR_INTERNAL },
                { STATUS_REQUEST_ERROR, ERROR_BAD_REQUEST },
                { STATUS_OK, ERROR_PROTOCOL },
                { STATUS_INVALID, ERROR_PROTOCOL },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                assert_int_equal(error_from_response(rows[i].status, "brand-new"), rows[i].code);
                assert_int_equal(error_from_response(rows[i].status, NULL), rows[i].code);
                assert_int_equal(error_from_response(rows[i].status, "timeout"), rows[i].code);
                for (ErrorCode c = ERROR_NONE + 1; c < ERROR_ALREADY_SIGNED_IN; c++)
                        assert_int_equal(error_from_response(rows[i].status, error_info(c)->wire),
                                         error_info(c)->status == rows[i].status ? c
                                                                                 : rows[i].code);
        }
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
                cmocka_unit_test(test_there_and_back),
                cmocka_unit_test(test_a_newer_side),
                cmocka_unit_test(test_rows_are_complete_and_unique),
                cmocka_unit_test(test_exit_status),
                cmocka_unit_test(test_names_of_this_side_are_no_wire_codes),
                cmocka_unit_test(test_status),
                cmocka_unit_test(test_failure_set),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
