/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests that nothing in another's text drives a terminal or deceives who reads, and that all else
 * is shown as it is. */
#include "ctl/show/escape.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/cleanup.h"

static void check(const char *text, bool multiline, const char *wanted) {
        _cleanup_free_ char *escaped = NULL;

        assert_int_equal(text_escape(text, multiline, &escaped), 0);
        assert_string_equal(escaped, wanted);
}

static void test_plain(void **state) {
        check("", false, "");
        check("ä € 漢字 🙂 e\xcc\x81 \\x", false, "ä € 漢字 🙂 e\xcc\x81 \\x");
        /* What joins the parts of one sign stays. */
        check("👩\u200d💻", false, "👩\u200d💻");
}

static void test_controls(void **state) {
        check("\033[2Ja\007\177", false, "\\x1b[2Ja\\x07\\x7f");
        check("a\r\n\tb", false, "a\\x0d\\x0a b");
        check("a\r\n\tb", true, "a\\x0d\n b");
        check("\xc2\x9b"
              "2J\xc2\x80\xc2\x9f\u00a0",
              false, "\\x9b2J\\x80\\x9f\u00a0");
}

static void test_direction(void **state) {
        check("a\u202eb\u202a\u202b\u202c\u202d", true, "a\\u202eb\\u202a\\u202b\\u202c\\u202d");
        check("\u2066\u2067\u2068\u2069\u206f", true, "\\u2066\\u2067\\u2068\\u2069\\u206f");
        check("\u200e\u200f\u061c", true, "\\u200e\\u200f\\u061c");
        check("\u2028\u2029\ufeff\ufff9\ufffe", true, "\\u2028\\u2029\\ufeff\\ufff9\\ufffe");
        check("\u202f\u2065\u2070\ufffd", true, "\u202f\u2065\u2070\ufffd");
        check("\U0001ffff", true, "\\u1ffff");
}

static void test_no_utf8(void **state) {
        check("\xff\x80z\xc3", false, "\\xff\\x80z\\xc3");
        check("\xc0\x9b\xed\xa0\x80", false, "\\xc0\\x9b\\xed\\xa0\\x80"); /* overlong, surrogate */
        check("\xe2\x80", false, "\\xe2\\x80");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),
                cmocka_unit_test(test_controls),
                cmocka_unit_test(test_direction),
                cmocka_unit_test(test_no_utf8),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
