/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which strings are names, ids, text, moments and addresses by protocol §2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/names.h"

#define NAME_32 "abcdefghijklmnopqrstuvwxyz012345"

static void names_by_form_and_kind(void **state) {
        static const struct {
                const char *name;
                bool is_valid, is_user, is_guest;
        } cases[] = {
                { "al", true, true, false },
                { "0a", true, true, false },
                { "a.b_c-d", true, true, false },
                { NAME_32, true, true, false },
                { NAME_32 "6", false, false, false },
                { "a", false, false, false },
                { "", false, false, false },
                { ".ab", false, false, false },
                { "-ab", false, false, false },
                { "_ab", false, false, false },
                { "Alice", false, false, false },
                { "jörg", false, false, false },
                { "a b", false, false, false },
                { "a\nb", false, false, false },
                { "system", true, false, false },
                { "owner", true, false, false },
                { "admin", true, false, false },
                { "all", true, false, false },
                { "everyone", true, false, false },
                { "here", true, false, false },
                { "tracker", true, false, false },
                { "trackers", true, true, false },
                { "guest", true, true, false },
                { "guest-", true, false, false },
                { "guest-x", true, false, false },
                { "guest-xy", true, false, true },
                { "guest-system", true, false, true },
                { "guest-abcdefghijklmnopqrstuvwxyz", true, false, true },
                { "guest-abcdefghijklmnopqrstuvwxyz0", false, false, false },
                { "guest-guest-xy", true, false, false },
                { "guest--x", true, false, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                assert_int_equal(name_is_valid(cases[i].name), cases[i].is_valid);
                assert_int_equal(name_is_user(cases[i].name), cases[i].is_user);
                assert_int_equal(name_is_guest(cases[i].name), cases[i].is_guest);
        }
}

static void names_fold_by_ascii_only(void **state) {
        char name[NAME_SIZE];

        assert_int_equal(name_fold("Alice.ZA-[09", name), 0);
        assert_string_equal(name, "alice.za-[09");
        assert_int_equal(name_fold("JÖRG", name), 0);
        assert_string_equal(name, "jÖrg");
        assert_int_equal(name_fold("", name), 0);
        assert_string_equal(name, "");
        assert_int_equal(name_fold(NAME_32, name), 0);
        assert_string_equal(name, NAME_32);
        assert_int_equal(name_fold(NAME_32 "6", name), -EINVAL);
}

static void ids_have_one_form(void **state) {
        static const char *const bad_uuids[] = {
                "",
                "01234567-89ab-cdef-0123-456789abcde",
                "01234567-89ab-cdef-0123-456789abcdef0",
                "01234567-89AB-cdef-0123-456789abcdef",
                "01234567089ab-cdef-0123-456789abcdef",
                "01234567-89ab-cdeg-0123-456789abcdef",
                "{01234567-89ab-cdef-0123-456789abcd}",
        };

        assert_true(uuid_is_valid("01234567-89ab-cdef-0123-456789abcdef"));
        for (size_t i = 0; i < ELEMENTSOF(bad_uuids); i++)
                assert_false(uuid_is_valid(bad_uuids[i]));
        assert_true(hex_is_valid("09af", 4));
        assert_true(hex_is_valid("", 0));
        assert_false(hex_is_valid("09af", 3));
        assert_false(hex_is_valid("09af", 5));
        assert_false(hex_is_valid("09aF", 4));
        assert_false(hex_is_valid("09ag", 4));
}

#define R "\xef\xbf\xbd"
#define TEXT(s) (s), sizeof(s) - 1

static void text_is_what_protocol_2_says(void **state) {
        static const struct {
                const char *s;
                size_t n;
                bool in_line, in_lines;
                const char *clean; /* in lines; NULL: as it is */
        } cases[] = {
                { TEXT(""), true, true, NULL },
                { TEXT("plain ~"), true, true, NULL },
                { TEXT("a\tb\n"), false, true, NULL },
                { TEXT("a\rb"), false, false, "a" R "b" },
                { TEXT("a\0b"), false, false, "a" R "b" },
                { TEXT("\x1b[31m"), false, false, R "[31m" },
                { TEXT("\x7f"), false, false, R },
                { TEXT("\xc2\x80\xc2\x9f"), false, false, R R },
                { TEXT("\xc2\xa0"), true, true, NULL },
                { TEXT("grün 漢 😀"), true, true, NULL },
                { TEXT("\xed\x9f\xbf\xee\x80\x80"), true, true, NULL }, /* around the surrogates */
                { TEXT("\xed\xa0\x80"), false, false, R R R },          /* U+D800 */
                { TEXT("\xed\xbf\xbf"), false, false, R R R },          /* U+DFFF */
                { TEXT("\xef\xb7\x8f\xef\xb7\xb0"), true, true, NULL }, /* around U+FDD0–FDEF */
                { TEXT("\xef\xb7\x90"), false, false, R },
                { TEXT("\xef\xb7\xaf"), false, false, R },
                { TEXT("\xef\xbf\xbe"), false, false, R }, /* U+FFFE */
                { TEXT("\xef\xbf\xbf"), false, false, R },
                { TEXT("\xf0\x9f\xbf\xbe"), false, false, R },       /* U+1FFFE */
                { TEXT("\xf4\x8f\xbf\xbf"), false, false, R },       /* U+10FFFF */
                { TEXT("\xf4\x8f\xbf\xbd"), true, true, NULL },      /* U+10FFFD */
                { TEXT("\xf4\x90\x80\x80"), false, false, R R R R }, /* beyond */
                { TEXT("\xf5"), false, false, R },
                { TEXT("\xc0\x80"), false, false, R R }, /* overlong */
                { TEXT("\xc1\xbf"), false, false, R R },
                { TEXT("\xe0\x9f\xbf"), false, false, R R R },
                { TEXT("\xf0\x8f\xbf\xbf"), false, false, R R R R },
                { TEXT("\x80"), false, false, R },
                { TEXT("a\xe2\x82"), false, false, "a" R R }, /* cut short */
                { TEXT("\xe2\x82z"), false, false, R R "z" },
                { TEXT("\xe2\xc2\xa0"), false, false, R "\xc2\xa0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *clean = NULL, *exact = NULL;
                size_t n;

                exact = malloc(MAX(cases[i].n, (size_t) 1)); /* so that ASan sees a read beyond */
                assert_non_null(exact);
                memcpy(exact, cases[i].s, cases[i].n);
                assert_int_equal(text_is_valid(exact, cases[i].n, false), cases[i].in_line);
                assert_int_equal(text_is_valid(exact, cases[i].n, true), cases[i].in_lines);
                assert_int_equal(text_sanitize(exact, cases[i].n, true, &clean, &n), 0);
                assert_string_equal(clean, cases[i].clean ?: cases[i].s);
                assert_int_equal(n, strlen(clean));
                assert_true(text_is_valid(clean, n, true));
        }
}

static void text_of_one_line_loses_its_tabs(void **state) {
        _cleanup_free_ char *clean = NULL;

        assert_int_equal(text_sanitize(TEXT("a\tb\nc"), false, &clean, NULL), 0);
        assert_string_equal(clean, "a" R "b" R "c");
}

static void moments_have_one_form(void **state) {
        static const struct {
                uint64_t usec;
                const char *s;
        } good[] = {
                { 0, "1970-01-01T00:00:00.000Z" },
                { UINT64_C(1709210096789000), "2024-02-29T12:34:56.789Z" },
                { UINT64_C(253402300799999000), "9999-12-31T23:59:59.999Z" },
        };
        static const char *const bad[] = {
                "",
                "2024-02-29T12:34:56Z",
                "2024-02-29T12:34:56.78Z",
                "2024-02-29T12:34:56.7890Z",
                "2024-02-29T12:34:56.789",
                "2024-02-29T12:34:56.789z",
                "2024-02-29T12:34:56.789+00:00",
                "2024-02-29 12:34:56.789Z",
                "2024-02-29T12:34:56.789Z ",
                " 024-02-29T12:34:56.789Z",
                "2024-02-29T12:34:-6.789Z",
                "2023-02-29T12:34:56.789Z",
                "2024-13-01T00:00:00.000Z",
                "2024-00-01T00:00:00.000Z",
                "2024-01-00T00:00:00.000Z",
                "2024-01-01T24:00:00.000Z",
                "2016-12-31T23:59:60.000Z",
                "1969-12-31T23:59:59.999Z",
        };
        char s[TIME_STRING_SIZE];
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                time_print(good[i].usec, s);
                assert_string_equal(s, good[i].s);
                assert_int_equal(time_parse(s, &usec), 0);
                assert_int_equal(usec, good[i].usec);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(time_parse(bad[i], &usec), -EINVAL);
        time_print(1999, s);
        assert_string_equal(s, "1970-01-01T00:00:00.001Z");
        time_print(UINT64_MAX, s);
        assert_string_equal(s, "9999-12-31T23:59:59.999Z");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(names_by_form_and_kind),
                cmocka_unit_test(names_fold_by_ascii_only),
                cmocka_unit_test(ids_have_one_form),
                cmocka_unit_test(text_is_what_protocol_2_says),
                cmocka_unit_test(text_of_one_line_loses_its_tabs),
                cmocka_unit_test(moments_have_one_form),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
