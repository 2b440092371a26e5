/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person is told of a password while typing it, whatever is typed; leaves what is
 * allowed to the tracker's tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gui/model/password.h"

typedef struct Case {
        const char *password, *username;
        ChatPasswordStrength strength;
} Case;

static void assert_cases(const Case *cases, gsize n) {
        for (gsize i = 0; i < n; i++) {
                /* On the heap, so that a step behind its end is seen. */
                g_autofree char *password = g_strdup(cases[i].password);
                ChatPasswordStrength strength =
                        chat_password_strength(password, cases[i].username);

                if (strength != cases[i].strength)
                        fail_msg("“%s” of “%s” is %d", password, cases[i].username, strength);
        }
}

static void test_strength(void **state) {
        static const Case cases[] = {
                { "", "alice", CHAT_PASSWORD_TOO_SHORT },
                { "abcdefg", "", CHAT_PASSWORD_TOO_SHORT },
                { "ééé", "", CHAT_PASSWORD_TOO_SHORT },
                { "éééé", "", CHAT_PASSWORD_WEAK }, /* 8 bytes, one surprise */
                { "aaaaaaaaaaaaaaaa", "", CHAT_PASSWORD_WEAK },
                { "abcdefghijklmnop", "", CHAT_PASSWORD_WEAK },
                { "ponmlkjihgfedcba", "", CHAT_PASSWORD_WEAK },
                { "tbmwkxqz", "", CHAT_PASSWORD_WEAK },
                { "tbmwkxqzrj", "", CHAT_PASSWORD_FAIR },
                { "tB7w kX9z", "", CHAT_PASSWORD_FAIR },
                { "correct horse battery", "alice", CHAT_PASSWORD_STRONG },
                { "q8#Vt2!mZw5K", "", CHAT_PASSWORD_STRONG },
                { "80351792648035179264", "", CHAT_PASSWORD_STRONG },
                { "грибыидождь", "", CHAT_PASSWORD_STRONG },
        };

        assert_cases(cases, G_N_ELEMENTS(cases));
}

/* What a guesser knows counts as one character, however it is written. */
static void test_known(void **state) {
        static const Case cases[] = {
                { "password", "", CHAT_PASSWORD_WEAK },
                { "PassWord12345678", "", CHAT_PASSWORD_WEAK },
                { "qwertyqwertzdragonmonkey", "", CHAT_PASSWORD_WEAK },
                { "p2pchat-p2pchat-p2pchat", "", CHAT_PASSWORD_WEAK },
                { "alicealicealice1", "Alice", CHAT_PASSWORD_WEAK },
                { "ALICEaliceALICE1", "alice", CHAT_PASSWORD_WEAK },
                /* Of a name that is next to nothing nothing is left out. */
                { "tbmwkxqzr", "tb", CHAT_PASSWORD_FAIR },
                { "tbmwkxqzr", "", CHAT_PASSWORD_FAIR },
        };

        assert_cases(cases, G_N_ELEMENTS(cases));
}

/* A name may begin with any character, and be one alone. */
static void test_known_wide(void **state) {
        static const Case cases[] = {
                { "tbmkéve", "éve", CHAT_PASSWORD_WEAK },
                { "éveéveéveéve", "Éve", CHAT_PASSWORD_WEAK },
                { "tbmwkxq世界和平", "世界和平", CHAT_PASSWORD_FAIR },
                { "世世世世世世", "世", CHAT_PASSWORD_WEAK },
                { "🎉🎉🎉🎉", "🎉", CHAT_PASSWORD_WEAK },
        };

        assert_cases(cases, G_N_ELEMENTS(cases));
}

static void test_length(void **state) {
        g_autofree char *longest = g_strnfill(CHAT_PASSWORD_BYTES_MAX, 'x');
        g_autofree char *longer = g_strnfill(CHAT_PASSWORD_BYTES_MAX + 1, 'x');
        g_autofree char *username = g_strnfill(100000, 'x');

        assert_int_equal(chat_password_strength("q8#Vt2!", ""), CHAT_PASSWORD_TOO_SHORT);
        assert_int_not_equal(chat_password_strength("q8#Vt2!m", ""), CHAT_PASSWORD_TOO_SHORT);
        assert_int_equal(chat_password_strength(longest, username), CHAT_PASSWORD_WEAK);
        assert_int_equal(chat_password_strength(longer, ""), CHAT_PASSWORD_TOO_LONG);
}

static void test_sentences(void **state) {
        for (guint i = 0; i < CHAT_PASSWORD_STRENGTH_MAX; i++) {
                assert_string_not_equal(chat_password_strength_text(i), "");
                for (guint k = 0; k < i; k++)
                        assert_string_not_equal(chat_password_strength_text(i),
                                                chat_password_strength_text(k));
        }
        assert_string_equal(chat_password_strength_text(CHAT_PASSWORD_STRENGTH_MAX), "");
        /* As the header's numbers have it. */
        assert_string_equal(chat_password_strength_text(CHAT_PASSWORD_TOO_SHORT),
                            "Too short: at least 8 characters.");
        assert_string_equal(chat_password_strength_text(CHAT_PASSWORD_TOO_LONG),
                            "Too long: at most 256 bytes.");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_strength), cmocka_unit_test(test_known),
                cmocka_unit_test(test_known_wide), cmocka_unit_test(test_length),
                cmocka_unit_test(test_sentences),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
