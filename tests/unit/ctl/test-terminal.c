/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests how many cells texts take and how they are cut, and when there is colour. */
#include "ctl/show/terminal.h"

#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int set_up(void **state) {
        return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static void test_width(void **state) {
        assert_int_equal(text_width(""), 0);
        assert_int_equal(text_width("abc…"), 4);
        assert_int_equal(text_width("漢字"), 4);
        assert_int_equal(text_width("🙂"), 2);
        assert_int_equal(text_width("e\xcc\x81"), 1);
        assert_int_equal(text_width("a\xff"), 2);
}

static void test_cut(void **state) {
        static const struct {
                const char *text;
                size_t width;
                const char *wanted;
        } cases[] = {
                { "abc", 3, "abc" },   { "abcd", 3, "ab…" },
                { "漢字", 4, "漢字" }, { "漢字漢", 4, "漢…" },
                { "abcd", 1, "…" },    { "e\xcc\x81xy", 2, "e\xcc\x81…" },
                { "", 1, "" },         { "漢字漢", 5, "漢字…" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *cut = NULL;

                assert_int_equal(text_cut(cases[i].text, cases[i].width, &cut), 0);
                assert_string_equal(cut, cases[i].wanted);
                assert_true(text_width(cut) <= cases[i].width);
        }
}

static void test_columns(void **state) {
        _cleanup_close_ int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        unsetenv("COLUMNS");
        assert_int_equal(terminal_width(fd), 80);
        setenv("COLUMNS", "33", true);
        assert_int_equal(terminal_width(fd), 33);
        setenv("COLUMNS", "99999999", true);
        assert_int_equal(terminal_width(fd), 65535);
        setenv("COLUMNS", "wide", true);
        assert_int_equal(terminal_width(fd), 80);
        unsetenv("COLUMNS");
}

static void test_colour(void **state) {
        Ctl ctl = { .tty = true };

        unsetenv("NO_COLOR");
        setenv("TERM", "xterm", true);
        assert_string_equal(colour(&ctl, COLOUR_RED), "\033[31m");
        assert_string_equal(colour(&ctl, COLOUR_NONE), "\033[0m");
        ctl.json = JSON_PRETTY;
        assert_string_equal(colour(&ctl, COLOUR_RED), "");
        ctl.json = JSON_OFF;
        ctl.tty = false;
        assert_string_equal(colour(&ctl, COLOUR_RED), "");
        ctl.tty = true;
        setenv("NO_COLOR", "1", true);
        assert_string_equal(colour(&ctl, COLOUR_NONE), "");
        setenv("NO_COLOR", "", true); /* no-color.org: set, and not empty */
        assert_string_equal(colour(&ctl, COLOUR_BOLD), "\033[1m");
        setenv("TERM", "dumb", true);
        assert_string_equal(colour(&ctl, COLOUR_BOLD), "");
        unsetenv("TERM");
        assert_string_equal(colour(&ctl, COLOUR_BOLD), "");
}

static void test_colour_of(void **state) {
        assert_int_equal(colour_of_state("live"), COLOUR_GREEN);
        assert_int_equal(colour_of_state("denied"), COLOUR_RED);
        assert_int_equal(colour_of_state("offline"), COLOUR_DIM);
        assert_int_equal(colour_of_state("something"), COLOUR_NONE);
        assert_int_equal(colour_of_state(NULL), COLOUR_NONE);
        assert_int_equal(colour_of_name("alice"), colour_of_name("alice"));
        assert_int_not_equal(colour_of_name("alice"), COLOUR_NONE);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_width),     cmocka_unit_test(test_cut),
                cmocka_unit_test(test_columns),   cmocka_unit_test(test_colour),
                cmocka_unit_test(test_colour_of),
        };

        return cmocka_run_group_tests(tests, set_up, NULL);
}
