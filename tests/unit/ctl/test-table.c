/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests how rows stand below each other: for programs whole, at a terminal within it, in every
 * alphabet. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/show/print.h"

static int set_up(void **state) {
        unsetenv("NO_COLOR");
        setenv("TERM", "dumb", true);
        return setlocale(LC_CTYPE, "C.UTF-8") ? 0 : -1;
}

/* What table_print() writes; stdout is put aside for it. */
static void check(const Ctl *ctl, const Table *t, const char *wanted) {
        _cleanup_free_ char *text = NULL;
        FILE *before = stdout;
        size_t n;

        stdout = open_memstream(&text, &n);
        assert_non_null(stdout);
        table_print(ctl, t);
        fclose(stdout);
        stdout = before;
        assert_string_equal(text, wanted);
}

static void test_columns(void **state) {
        _cleanup_(table_done) Table t = { .n_columns = 4 };
        const Ctl ctl = { .columns = 10 };

        table_add(&t, "NAME", "N", "TOPIC", "LEFT");
        table_add(&t, "漢字", "7", "e\xcc\x81", NULL);
        table_add(&t, "12", "1234", "", "x\033\u202e");
        check(&ctl, &t,
              "NAME     N  TOPIC  LEFT\n"
              "漢字     7  e\xcc\x81      -\n"
              "12    1234  -      x\\x1b\\u202e\n");
}

static void test_fits(void **state) {
        _cleanup_(table_done) Table t = { .n_columns = 3 };
        Ctl ctl = { .columns = 40, .tty = true };

        table_add(&t, "NAME", "STATE", "TOPIC");
        table_add(&t, "abcdefghijklmnop", "connecting", "漢字漢字漢字漢字漢字");
        check(&ctl, &t,
              "NAME            STATE       TOPIC\n"
              "abcdefghijklm…  connecting  漢字漢字漢…\n");
        ctl.columns = 48; /* the last column gives way first */
        check(&ctl, &t,
              "NAME              STATE       TOPIC\n"
              "abcdefghijklmnop  connecting  漢字漢字漢字漢字…\n");
        ctl.columns = 50;
        check(&ctl, &t,
              "NAME              STATE       TOPIC\n"
              "abcdefghijklmnop  connecting  漢字漢字漢字漢字漢字\n");
        ctl.columns = 1; /* nothing is as narrow; some of each is left */
        check(&ctl, &t,
              "NAME    STATE   TOPIC\n"
              "abcde…  conne…  漢字…\n");
        ctl.columns = 40;
        ctl.tty = false;
        check(&ctl, &t,
              "NAME              STATE       TOPIC\n"
              "abcdefghijklmnop  connecting  漢字漢字漢字漢字漢字\n");
}

static void test_colour(void **state) {
        _cleanup_(table_done) Table t = { .n_columns = 2, .states = 1 << 1 };
        Ctl ctl = { .columns = 80, .tty = true };

        table_add(&t, "NAME", "STATE");
        table_add(&t, "live", "live");
        table_add(&t, "x", "what");
        setenv("TERM", "xterm", true);
        check(&ctl, &t,
              "\033[1mNAME\033[0m  \033[1mSTATE\033[0m\n"
              "live  \033[32mlive\033[0m\n"
              "x     what\n");
        setenv("TERM", "dumb", true);
        check(&ctl, &t,
              "NAME  STATE\n"
              "live  live\n"
              "x     what\n");
}

static void test_headless(void **state) {
        _cleanup_(table_done) Table t = { .n_columns = 2, .is_headless = true };
        const Ctl ctl = { .columns = 80 };

        table_add(&t, "users", "7");
        table_add(&t, "sessions", "12");
        check(&ctl, &t, "users      7\nsessions  12\n");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_columns),
                cmocka_unit_test(test_fits),
                cmocka_unit_test(test_colour),
                cmocka_unit_test(test_headless),
        };

        return cmocka_run_group_tests(tests, set_up, NULL);
}
