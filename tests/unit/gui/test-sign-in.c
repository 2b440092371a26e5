/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a pin is found and shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gui/model/sign-in.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_pin(void **state) {
        g_autofree char *found = chat_sign_in_find_pin("It offers sha256:" DIGITS ". Compare it.");
        g_autofree char *grouped = chat_sign_in_group_pin("sha256:" DIGITS);

        assert_non_null(found);
        assert_string_equal(found, "sha256:" DIGITS);
        assert_null(chat_sign_in_find_pin("It offers sha256:0123."));
        assert_null(chat_sign_in_find_pin(DIGITS));
        assert_null(chat_sign_in_find_pin(""));
        assert_string_equal(grouped, "0123 4567 89ab cdef\n0123 4567 89ab cdef\n"
                                     "0123 4567 89ab cdef\n0123 4567 89ab cdef");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
