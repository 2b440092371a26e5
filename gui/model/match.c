/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where in a message the words stand that a person looked for; leaves which messages have
 * them to the daemon, by whose rules (Channel.Search) it goes. */
#include "gui/model/match.h"

#include <string.h>

#define WORDS_MAX 16 /* as the daemon takes them */

/* A letter as it is compared, and where it was. */
typedef struct Letter {
        gunichar c;
        gsize begin, end;
} Letter;

typedef struct Word {
        const Letter *letters;
        guint n;
} Word;

static gboolean is_latin(gunichar c) {
        return g_unichar_get_script(c) == G_UNICODE_SCRIPT_LATIN;
}

/* Without its accents, if it is a Latin letter. */
static gunichar fold_letter(gunichar c) {
        gunichar parts[4];

        g_unichar_fully_decompose(c, FALSE, parts, G_N_ELEMENTS(parts));
        return g_unichar_tolower(is_latin(parts[0]) ? parts[0] : c);
}

static gboolean is_accent(gunichar c, const GArray *letters) {
        return g_unichar_type(c) == G_UNICODE_NON_SPACING_MARK && letters->len > 0 &&
               is_latin(g_array_index(letters, Letter, letters->len - 1).c);
}

static GArray *fold(const char *text) {
        GArray *letters = g_array_new(FALSE, FALSE, sizeof(Letter));

        for (const char *at = text; *at; at = g_utf8_next_char(at)) {
                const gunichar c = g_utf8_get_char(at);
                const Letter letter = { .c = fold_letter(c),
                                        .begin = (gsize) (at - text),
                                        .end = (gsize) (g_utf8_next_char(at) - text) };

                if (is_accent(c, letters))
                        g_array_index(letters, Letter, letters->len - 1).end = letter.end;
                else
                        g_array_append_val(letters, letter);
        }
        return letters;
}

/* → how many; they borrow from query. */
static guint split(const GArray *query, Word ret[static WORDS_MAX]) {
        const Letter *all = (const Letter *) query->data;
        gboolean is_quoted = FALSE;
        guint n = 0, begin = 0;

        for (guint i = 0; i <= query->len && n < WORDS_MAX; i++) {
                const gunichar c = i < query->len ? all[i].c : '\0';

                if (c != '\0' && c != '"' && (is_quoted || !g_unichar_isspace(c)))
                        continue;
                if (i > begin)
                        ret[n++] = (Word){ .letters = all + begin, .n = i - begin };
                if (c == '"')
                        is_quoted = !is_quoted;
                begin = i + 1;
        }
        return n;
}

static gboolean stands_at(const Word *word, const Letter *at, guint n) {
        if (word->n > n)
                return FALSE;
        for (guint i = 0; i < word->n; i++)
                if (word->letters[i].c != at[i].c)
                        return FALSE;
        return TRUE;
}

/* The longest of them. */
static guint match_at(const Word *words, guint n_words, const Letter *at, guint n) {
        guint longest = 0;

        for (guint i = 0; i < n_words; i++)
                if (words[i].n > longest && stands_at(&words[i], at, n))
                        longest = words[i].n;
        return longest;
}

GArray *chat_match_find(const char *text, const char *query) {
        g_autoptr(GArray) letters = fold(text), wanted = fold(query);
        GArray *matches = g_array_new(FALSE, FALSE, sizeof(ChatMatch));
        const Letter *all = (const Letter *) letters->data;
        Word words[WORDS_MAX];
        const guint n_words = split(wanted, words);
        guint n;

        for (guint i = 0; i < letters->len && matches->len < CHAT_MATCHES_MAX; i += MAX(n, 1)) {
                n = match_at(words, n_words, all + i, letters->len - i);
                if (n > 0) {
                        ChatMatch match = { .begin = all[i].begin, .end = all[i + n - 1].end };

                        g_array_append_val(matches, match);
                }
        }
        return matches;
}

/* Between words, where there is such a place soon. */
static const char *begin_before(const char *text, const char *match) {
        const char *begin = match, *at;

        for (guint i = 0; i < CHAT_EXCERPT_BEFORE && begin > text; i++)
                begin = g_utf8_prev_char(begin);
        if (begin == text)
                return text;
        for (at = begin; at < match; at = g_utf8_next_char(at))
                if (g_unichar_isspace(g_utf8_get_char(at)))
                        return g_utf8_next_char(at);
        return begin;
}

char *chat_match_excerpt(const char *text, const char *query) {
        g_autoptr(GArray) matches = chat_match_find(text, query);
        const char *begin;

        if (matches->len == 0)
                return g_strdup(text);
        begin = begin_before(text, text + g_array_index(matches, ChatMatch, 0).begin);
        return begin == text ? g_strdup(text) : g_strconcat("…", begin, NULL);
}
