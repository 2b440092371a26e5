/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which letters of a text a search has found; leaves how they look to the view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gui/model/match.h"

/* expected: the text with each match in brackets. */
static void assert_found(const char *text, const char *query, const char *expected) {
        g_autoptr(GArray) matches = chat_match_find(text, query);
        g_autoptr(GString) marked = g_string_new("");
        gsize at = 0;

        for (guint i = 0; i < matches->len; i++) {
                const ChatMatch *m = &g_array_index(matches, ChatMatch, i);

                assert_true(m->begin >= at && m->end > m->begin && m->end <= strlen(text));
                g_string_append_len(marked, text + at, (gssize) (m->begin - at));
                g_string_append_printf(marked, "[%.*s]", (int) (m->end - m->begin),
                                       text + m->begin);
                at = m->end;
        }
        g_string_append(marked, text + at);
        assert_string_equal(marked->str, expected);
}

static void test_words(void **state) {
        assert_found("the cat sat on the mat", "cat the", "[the] [cat] sat on [the] mat");
        assert_found("Category", "cat", "[Cat]egory");
        assert_found("cat", "CAT", "[cat]");
        assert_found("catalogue", "cat catal", "[catal]ogue");
        assert_found("catalogue", "catal cat", "[catal]ogue");
        assert_found("nothing", "cat", "nothing");
        assert_found("cat", "", "cat");
        assert_found("", "cat", "");
        assert_found("cat", "   ", "cat");
        assert_found("a.b(c", ".b(", "a[.b(]c");
        assert_found("aaa", "aa", "[aa]a");
}

static void test_quoted(void **state) {
        assert_found("on the mat, the cat", "\"the cat\"", "on the mat, [the cat]");
        assert_found("the cat", "\"the cat", "[the cat]");
        assert_found("the cat", "\"\" cat", "the [cat]");
        assert_found("red cat", "\"red\"cat", "[red] [cat]");
}

static void test_marks(void **state) {
        assert_found("ein Cafe\u0301, ein Café", "cafe", "ein [Cafe\u0301], ein [Café]");
        assert_found("cafe", "CAFÉ", "[cafe]");
        assert_found("\u0301x", "x", "\u0301[x]");
        assert_found("你好世界", "世界", "你好[世界]");
        assert_found("ПРИВЕТ мир", "привет", "[ПРИВЕТ] мир");
        assert_found("мой мои", "мой", "[мой] мои");
        assert_found("각 가", "가", "각 [가]");
}

static void test_bounds(void **state) {
        g_autofree char *text = g_strnfill(10000, 'x');
        g_autoptr(GArray) matches = chat_match_find(text, "x");
        g_autoptr(GString) query = g_string_new("");

        assert_int_equal(matches->len, CHAT_MATCHES_MAX);
        for (guint i = 0; i < 16; i++)
                g_string_append_printf(query, "w%x ", i);
        g_string_append(query, "last");
        assert_found("last wf", query->str, "last [wf]");
        /* Empty ones are none of the sixteen. */
        g_string_assign(query, "");
        for (guint i = 0; i < 20; i++)
                g_string_append(query, "\"\" ");
        g_string_append(query, "last");
        assert_found("last", query->str, "[last]");
}

static void assert_excerpt(const char *text, const char *query, const char *expected) {
        g_autofree char *excerpt = chat_match_excerpt(text, query);

        assert_string_equal(excerpt, expected);
}

static void test_excerpt(void **state) {
        g_autofree char *wide = g_strnfill(CHAT_EXCERPT_BEFORE + 1, 'x');
        g_autofree char *unbroken = g_strconcat(wide, "cat", NULL);
        g_autofree char *cut = g_strconcat("…", wide + 1, "cat", NULL);

        assert_excerpt("a cat", "cat", "a cat");
        assert_excerpt("a dog", "cat", "a dog");
        assert_excerpt("0123456789 0123456789 0123456789 0123456789 a cat sat", "cat",
                       "…0123456789 0123456789 0123456789 a cat sat");
        assert_excerpt(unbroken, "cat", cut);
        assert_excerpt(wide, "x", wide);
        /* Forty letters of two bytes. */
        assert_excerpt("éééééééééééééééééééééééééééééééééééééééécat", "cat",
                       "éééééééééééééééééééééééééééééééééééééééécat");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),  cmocka_unit_test(test_quoted),
                cmocka_unit_test(test_marks),  cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_excerpt),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
