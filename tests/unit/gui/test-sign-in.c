/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person is told of a password, and how a pin is found and shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gui/model/password.h"
#include "gui/model/sign-in.h"

#define DIGITS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_strength(void **state) {
        static const struct {
                const char *password, *username;
                ChatPasswordStrength strength;
        } cases[] = {
                { "", "alice", CHAT_PASSWORD_TOO_SHORT },
                { "abcdefg", "", CHAT_PASSWORD_TOO_SHORT },
                { "ééé", "", CHAT_PASSWORD_TOO_SHORT },
                { "éééé", "", CHAT_PASSWORD_WEAK }, /* 8 bytes, one surprise */
                { "password", "", CHAT_PASSWORD_WEAK },
                { "PassWord12345678", "", CHAT_PASSWORD_WEAK },
                { "aaaaaaaaaaaaaaaa", "", CHAT_PASSWORD_WEAK },
                { "abcdefghijklmnop", "", CHAT_PASSWORD_WEAK },
                { "alicealicealice1", "Alice", CHAT_PASSWORD_WEAK },
                { "tbmwkxqz", "", CHAT_PASSWORD_WEAK },
                { "tbmwkxqzrj", "", CHAT_PASSWORD_FAIR },
                { "tB7w kX9z", "", CHAT_PASSWORD_FAIR },
                { "correct horse battery", "alice", CHAT_PASSWORD_STRONG },
                { "q8#Vt2!mZw5K", "", CHAT_PASSWORD_STRONG },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                if (chat_password_strength(cases[i].password, cases[i].username) !=
                    cases[i].strength)
                        fail_msg("“%s” is %d", cases[i].password,
                                 chat_password_strength(cases[i].password, cases[i].username));
}

static void test_longest(void **state) {
        g_autofree char *longest = g_strnfill(CHAT_PASSWORD_BYTES_MAX, 'x');
        g_autofree char *longer = g_strnfill(CHAT_PASSWORD_BYTES_MAX + 1, 'x');

        assert_int_equal(chat_password_strength(longest, ""), CHAT_PASSWORD_WEAK);
        assert_int_equal(chat_password_strength(longer, ""), CHAT_PASSWORD_TOO_LONG);
}

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
                cmocka_unit_test(test_strength),
                cmocka_unit_test(test_longest),
                cmocka_unit_test(test_pin),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
