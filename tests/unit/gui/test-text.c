/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what texts of others may do to the row they stand in: nothing; leaves what they say to the
 * tests of who shows them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gui/model/text.h"

#define LRE "\u202a"
#define RLE "\u202b"
#define PDF "\u202c"
#define LRO "\u202d"
#define RLO "\u202e"
#define LRI "\u2066"
#define RLI "\u2067"
#define FSI "\u2068"
#define PDI "\u2069"
#define BAD "\ufffd"

static void assert_text(const char *in, const char *expected) {
        g_autofree char *out = chat_text(in);

        assert_string_equal(out, expected);
}

static void assert_line(const char *in, const char *expected) {
        g_autofree char *out = chat_line(in);

        assert_string_equal(out, expected);
}

static void test_plain(void **state) {
        static const char *const same[] = {
                "", "hello", "a\tb", "  two  spaces ", "<b>&amp;</b>", "Grüße, 世界 🎉", "\u200e\u200f",
        };

        for (gsize i = 0; i < G_N_ELEMENTS(same); i++) {
                assert_text(same[i], same[i]);
                assert_line(same[i], same[i]);
        }
        assert_text(NULL, "");
        assert_line(NULL, "");
}

static void test_separators(void **state) {
        static const char *const one[] = { "\n", "\r", "\r\n", "\v", "\f", "\xc2\x85", "\u2028",
                                           "\u2029" };

        for (gsize i = 0; i < G_N_ELEMENTS(one); i++) {
                g_autofree char *in = g_strdup_printf("a%sb", one[i]);

                assert_text(in, "a\nb");
                assert_line(in, "a b");
        }
        assert_text("a\n\rb\r", "a\n\nb\n");
        assert_line("a\n\rb\r", "a  b ");
}

static void test_controls(void **state) {
        assert_text("\x01\x1b[31mred\x7f", BAD BAD "[31mred" BAD);
        assert_line("bell\a", "bell" BAD);
        /* Those of eight bits, and what is no character. */
        assert_text("\xc2\x80\xc2\x9b" "31m", BAD BAD "31m");
        assert_text("\ufffe\uffff\ufdd0\U0001ffff", BAD BAD BAD BAD);
}

static void test_invalid(void **state) {
        assert_text("\xff\xfe", BAD BAD);
        assert_text("a\xc3", "a" BAD);             /* ends within a character */
        assert_text("a\xe2\x82", "a" BAD BAD);     /* … */
        assert_text("\xe2\x82z", BAD BAD "z");     /* goes on with another */
        assert_text("\xc0\xaf", BAD BAD);          /* longer than it has to be */
        assert_text("\xed\xa0\x80", BAD BAD BAD);  /* half of a pair */
        assert_text("\xf4\x90\x80\x80", BAD BAD BAD BAD);
        assert_line("x\x80y", "x" BAD "y");
}

static void test_directions(void **state) {
        /* What turns letters round is left out, and what closes it. */
        assert_text(RLO "abc" PDF "d", "abcd");
        assert_text(LRO "abc", "abc");
        assert_text(LRE RLO "a" PDF "b" PDF "c", LRE "ab" PDF "c");
        /* What is open ends with its line. */
        assert_text(LRE "abc", LRE "abc" PDF);
        assert_text(RLE "a" LRI "b\nc", RLE "a" LRI "b" PDI PDF "\nc");
        assert_line(RLI "a\nb", RLI "a" PDI " b");
        assert_text(FSI "a\u2029b" PDI, FSI "a" PDI "\nb");
        /* What closes nothing is left out. */
        assert_text("a" PDI "b" PDF "c", "abc");
        assert_text(LRE "a" PDI "b" PDF, LRE "ab" PDF);
        /* The end of an isolate ends what was opened in it, but nothing in it ends the isolate. */
        assert_text(FSI "a" RLE "b" PDI "c", FSI "a" RLE "b" PDF PDI "c");
        assert_text(LRE "a" FSI "b" PDF "c" PDI "d" PDF, LRE "a" FSI "bc" PDI "d" PDF);
        assert_text(LRI "a" RLI "b" PDI "c" PDI, LRI "a" RLI "b" PDI "c" PDI);
}

static guint count(const char *s, const char *what) {
        guint n = 0;

        for (; (s = strstr(s, what)); s += strlen(what))
                n++;
        return n;
}

static void test_deep(void **state) {
        g_autoptr(GString) in = g_string_new("");
        g_autofree char *out = NULL, *line = NULL;

        for (guint i = 0; i < 1000; i++)
                g_string_append(in, i % 2 ? LRE : FSI);
        out = chat_text(in->str);
        assert_int_equal(count(out, FSI), 30);
        assert_int_equal(count(out, LRE), 30);
        assert_int_equal(count(out, PDI), 30);
        assert_int_equal(count(out, PDF), 30);
        /* And each line anew. */
        g_string_append(in, "\n" FSI "b");
        line = chat_line(in->str);
        assert_true(g_str_has_suffix(line, " " FSI "b" PDI));
}

static void test_isolate(void **state) {
        static const struct {
                const char *in, *out;
        } cases[] = {
                { NULL, "" },
                { "", "" },
                { PDI PDF RLO, "" },
                { "bob", FSI "bob" PDI },
                { "bob" PDI RLO "live", FSI "boblive" PDI },
                { RLI "bob", FSI RLI "bob" PDI PDI },
                { "a\nb", FSI "a b" PDI },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *out = chat_isolate(cases[i].in);
                assert_string_equal(out, cases[i].out);
        }
}

/* n times what: as it is, or cut behind so many. */
static void assert_cut(char *(*fn)(const char *), const char *what, gsize n, gsize kept) {
        g_autoptr(GString) in = g_string_new(""), expected = g_string_new("");
        g_autofree char *out = NULL;

        for (gsize i = 0; i < n; i++) {
                g_string_append(in, what);
                if (i < kept)
                        g_string_append(expected, what);
        }
        if (kept < n)
                g_string_append(expected, "…");
        out = fn(in->str);
        /* Not assert_string_equal(): it would say all of it. */
        assert_true(g_str_equal(out, expected->str));
}

static void test_long(void **state) {
        g_autofree char *none = g_strnfill(16384, '\xff'), *shown = chat_text(none);

        assert_cut(chat_text, "a", CHAT_TEXT_BYTES_MAX, CHAT_TEXT_BYTES_MAX);
        assert_cut(chat_text, "a", CHAT_TEXT_BYTES_MAX + 1, CHAT_TEXT_BYTES_MAX);
        assert_cut(chat_text, "a", 10 * CHAT_TEXT_BYTES_MAX, CHAT_TEXT_BYTES_MAX);
        assert_cut(chat_line, "a", CHAT_LINE_BYTES_MAX, CHAT_LINE_BYTES_MAX);
        assert_cut(chat_line, "a", CHAT_LINE_BYTES_MAX + 1, CHAT_LINE_BYTES_MAX);
        /* Never within a character. */
        assert_cut(chat_line, "世", 1000, CHAT_LINE_BYTES_MAX / 3 + 1);
        /* Of the longest message nothing is cut, whatever it is made of. */
        assert_int_equal(strlen(shown), 3 * 16384);
}

static void test_long_is_closed(void **state) {
        g_autofree char *filling = g_strnfill(2 * CHAT_LINE_BYTES_MAX, 'a');
        g_autofree char *in = g_strconcat(RLI, filling, NULL), *out = chat_line(in);

        assert_true(g_str_has_suffix(out, "a…" PDI));
}

/* That nothing of a line reaches beyond it, told in another way than text.c has it. */
static void assert_harmless(const char *text) {
        g_autoptr(GArray) open = g_array_new(FALSE, FALSE, sizeof(gunichar));

        assert_true(g_utf8_validate(text, -1, NULL));
        for (const char *s = text; *s; s = g_utf8_next_char(s)) {
                gunichar c = g_utf8_get_char(s);
                gunichar top =
                        open->len > 0 ? g_array_index(open, gunichar, open->len - 1) : 0;

                assert_false(c == 0x202d || c == 0x202e);
                assert_true(c == '\n' || c == '\t' || !g_unichar_iscntrl(c));
                if (c == 0x202a || c == 0x202b || (c >= 0x2066 && c <= 0x2068))
                        g_array_append_val(open, c);
                else if (c == 0x202c || c == 0x2069) {
                        assert_true(top == 0x202a || top == 0x202b ? c == 0x202c
                                                                   : top != 0 && c == 0x2069);
                        g_array_set_size(open, open->len - 1);
                } else if (c == '\n')
                        assert_int_equal(open->len, 0);
        }
        assert_int_equal(open->len, 0);
}

static void test_any(void **state) {
        static const char *const parts[] = { "a", "א", "\n", "\r", "\u2028", "\t", "\x02", "\xe2",
                                             "\x80", "\xae", LRE,  RLE,      PDF,  LRO,    RLO,
                                             LRI, RLI,  FSI,  PDI };
        g_autoptr(GRand) rand = g_rand_new_with_seed(1);

        for (guint round = 0; round < 5000; round++) {
                g_autoptr(GString) in = g_string_new("");
                g_autofree char *once = NULL, *twice = NULL, *line = NULL;
                gint32 n = g_rand_int_range(rand, 0, round % 10 == 0 ? 400 : 20);

                for (gint32 i = 0; i < n; i++)
                        g_string_append(
                                in, parts[g_rand_int_range(rand, 0, G_N_ELEMENTS(parts))]);
                once = chat_text(in->str);
                twice = chat_text(once);
                line = chat_line(in->str);
                assert_harmless(once);
                assert_harmless(line);
                assert_null(strchr(line, '\n'));
                /* What is harmless stays as it is. */
                assert_string_equal(once, twice);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plain),      cmocka_unit_test(test_separators),
                cmocka_unit_test(test_controls),   cmocka_unit_test(test_invalid),
                cmocka_unit_test(test_directions), cmocka_unit_test(test_deep),
                cmocka_unit_test(test_isolate),    cmocka_unit_test(test_long),
                cmocka_unit_test(test_long_is_closed), cmocka_unit_test(test_any),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
