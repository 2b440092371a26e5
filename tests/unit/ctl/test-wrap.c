/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests where lines are broken that are wider than a terminal, and that no row of them is wider or
 * begins where another's line does. */
#include "ctl/show/wrap.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "ctl/show/terminal.h"

static int set_up(void **state) {
        return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

static char *wrap(const char *s, unsigned columns) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);

        assert_non_null(f);
        wrap_print(f, s, columns);
        assert_int_equal(fclose(f), 0);
        return text;
}

static void test_rows(void **state) {
        static const struct {
                const char *text;
                unsigned columns;
                const char *wanted;
        } cases[] = {
                { "", 24, "" },
                { "\n", 24, "\n" },
                { "as it is\n", 0, "as it is\n" },
                { "just as wide as it is ok\n", 24, "just as wide as it is ok\n" },
                /* between words, and what fits stays as it is */
                { "one two  three four five six seven eight\n", 24,
                  "one two  three four five\n        six seven eight\n" },
                { "one two  three four fives six seven eight\n", 24,
                  "one two  three four\n        fives six seven\n        eight\n" },
                /* padded to the next row's first column, with a line like another's */
                { "12:00 eve: hi           12:00 bob: yes\n", 24,
                  "12:00 eve: hi\n        12:00 bob: yes\n" },
                { "12:00 eve: hi                            12:00 bob: yes\n", 24,
                  "12:00 eve: hi\n        12:00 bob: yes\n" },
                { "12:00 eve: 12 characters12:00 bob: yes\n", 24,
                  "12:00 eve: 12\n        characters12:00\n        bob: yes\n" },
                { "12:00 eve: hi                  \n", 24, "12:00 eve: hi\n" },
                /* a line of a text, which is set in already */
                { "12:00 eve: hi\n                                        12:00 bob: yes\n", 24,
                  "12:00 eve: hi\n\n        12:00 bob: yes\n" },
                /* no word is that long: it begins where there is room */
                { "see xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx y\n", 24,
                  "see xxxxxxxxxxxxxxxxxxxx\n        xxxxxxxxxxxxxxxx\n        xxxxxxxx y\n" },
                { "it is at sixteen/columns.\n", 24, "it is at\n        sixteen/columns.\n" },
                /* wide characters are whole, and have no blanks between them */
                { "see 漢字漢字漢字漢字漢字漢字漢字\n", 24,
                  "see 漢字漢字漢字漢字漢字\n        漢字漢字\n" },
                { "a 漢字漢字漢字漢字漢字漢字漢字\n", 23,
                  "a 漢字漢字漢字漢字漢字\n       漢字漢字\n" },
                { "hello 漢字漢字漢字漢字漢and\n", 24, "hello 漢字漢字漢字漢字漢\n        and\n" },
                /* marks stay with what they mark */
                { "ééééééééééééééééééééééééé\n", 24, "éééééééééééééééééééééééé\n        é\n" },
                { "xxxxxxxxxxxxxxxxxxxxxxxe\xcc\x81\xcc\x82y\n", 24,
                  "xxxxxxxxxxxxxxxxxxxxxxxe\xcc\x81\xcc\x82\n        y\n" },
                /* what some terminals show */
                { "abcdefghijklmnopqrst☺\xef\xb8\x8f☺\xef\xb8\x8fx\n", 24,
                  "abcdefghijklmnopqrst☺\xef\xb8\x8f☺\xef\xb8\x8f\n        x\n" },
                { "abcdefghijklmnopqrst\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8bx\n", 24,
                  "abcdefghijklmnopqrst\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b\n"
                  "        x\n" },
                /* colours take no cell */
                { "\033[2mone\033[0m two three four five \033[31msix seven\033[0m\n", 24,
                  "\033[2mone\033[0m two three four five\n        \033[31msix seven\033[0m\n" },
                { "just as wide as it is ok\033[0m\n", 24, "just as wide as it is ok\033[0m\n" },
                /* narrow */
                { "one two three\n", 9, "one two\n   three\n" },
                { "漢字漢字\n", 6, "漢字漢\n  字\n" },
                { "too narrow\n", 5, "too narrow\n" },
                /* not UTF-8 */
                { "\xff\xff\xff\xff\xff\xff\xff\n", 6, "\xff\xff\xff\xff\xff\xff\n  \xff\n" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *text = wrap(cases[i].text, cases[i].columns);

                assert_string_equal(text, cases[i].wanted);
        }
}

/* Whatever is said: no row is wider, and none but the first begins in the first column. */
static void test_any(void **state) {
        static const char *const parts[] = {
                "a",        " ",       "  ", "word",           "漢",       "e\xcc\x81",
                "🙂",     "\t",      "-",  "12:00 bob: yes", "\xc2\xa0", "\xe3\x80\x80",
                "\033[31m", "\xcc\x81"
        };
        uint32_t seed = 1;

        for (unsigned round = 0; round < 2000; round++) {
                _cleanup_free_ char *said = NULL, *text = NULL;
                unsigned columns = 6 + round % 60;
                size_t n;
                FILE *f = open_memstream(&said, &n);

                assert_non_null(f);
                fputs("12:00 eve: ", f);
                for (unsigned i = 0; i < 40; i++) {
                        seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
                        fputs(parts[(seed >> 16) % ELEMENTSOF(parts)], f);
                }
                assert_int_equal(fclose(f), 0);
                text = wrap(said, columns);
                for (char *row = text, *end; row; row = end) {
                        end = strchr(row, '\n');
                        if (end)
                                *end++ = 0;
                        for (char *c; (c = strstr(row, "\033[31m"));)
                                memmove(c, c + 5, strlen(c + 5) + 1);
                        if (row != text)
                                assert_memory_equal(row, "  ", 2);
                        if (text_width(row) > columns)
                                fail_msg("seed %u: %s", (unsigned) seed, row);
                }
        }
}

static void test_bit_by_bit(void **state) {
        char *text = NULL;
        size_t n;
        FILE *f = open_memstream(&text, &n);
        Wrap w;

        for (unsigned columns = 0; columns < 20; columns += 10) {
                FILE *to = wrap_begin(&w, f, columns);

                assert_true(columns > 0 ? to != f : to == f);
                fputs("one two ", to);
                fputs("three\n", to);
                wrap_end(&w);
        }
        assert_int_equal(fclose(f), 0);
        assert_string_equal(text, "one two three\none two\n   three\n");
        free(text);
}

/* Where no terminal is, nothing is wrapped. */
static void test_columns(void **state) {
        Ctl ctl = { .columns = 33 };
        int pair[2];
        int out = dup(STDOUT_FILENO);

        assert_true(out >= 0);
        assert_int_equal(pipe(pair), 0);
        fflush(stdout);
        assert_int_equal(dup2(pair[1], STDOUT_FILENO), STDOUT_FILENO);
        setenv("COLUMNS", "44", true);
        assert_int_equal(wrap_columns(&ctl, STDOUT_FILENO), 0);
        ctl.pager = 1; /* which shows it at a terminal of so many */
        assert_int_equal(wrap_columns(&ctl, STDOUT_FILENO), 33);
        ctl.has_stderr = true;
        assert_int_equal(wrap_columns(&ctl, STDERR_FILENO), 33);
        unsetenv("COLUMNS");
        assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
        close(out);
        close(pair[0]);
        close(pair[1]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_any),
                cmocka_unit_test(test_bit_by_bit),
                cmocka_unit_test(test_columns),
        };

        return cmocka_run_group_tests(tests, set_up, NULL);
}
