# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-match.c must find: which letters are a match, and where an excerpt begins."""
MATCH = "gui/model/match.c"

FAULTS = [
    (MATCH, "return g_unichar_tolower(«is_latin(parts[0]) ? parts[0] : c»);", {
        "accents-count": ("c", "test_marks"),
        "accents-never-count": ("parts[0]", "test_marks"),
    }),
    (MATCH, "        return «g_unichar_tolower(is_latin(parts[0]) ? parts[0] : c)»;", {
        "capitals-count": ("is_latin(parts[0]) ? parts[0] : c", "test_words"),
    }),
    (MATCH, "if («is_accent(c, letters)»)", {"accent-is-a-letter": ("FALSE", "test_marks")}),
    (MATCH, "(«is_quoted || !g_unichar_isspace(c)»)", {"quotes-do-not-hold": ("!g_unichar_isspace(c)", "test_quoted")}),
    (MATCH, "«is_quoted = !is_quoted;»", {"never-quoted": ("", "test_quoted")}),
    (MATCH, "if («i > begin»)", {"empty-words": ("TRUE", "test_bounds")}),
    (MATCH, "i <= query->len && «n < WORDS_MAX»", {"words-without-bound": ("n < WORDS_MAX - 1", "test_bounds")}),
    (MATCH, "if («words[i].n > longest» && stands_at", {"the-last-that-fits": ("words[i].n > 0", "test_words")}),
    (MATCH, "«matches->len < CHAT_MATCHES_MAX»", {"matches-without-bound": ("TRUE", "test_bounds")}),
    (MATCH, "i += «MAX(n, 1)»", {"over-each-other": ("1", "test_words")}),
    (MATCH, "if («begin == text»)\n                return text;", {"cut-at-the-begin": ("FALSE", "test_excerpt")}),
    (MATCH, "return «begin == text ? g_strdup(text) : g_strconcat(\"…\", begin, NULL)»;", {
        "cut-untold": ("g_strdup(begin)", "test_excerpt"),
    }),
    (MATCH, "if («g_unichar_isspace(g_utf8_get_char(at))»)", {"amid-a-word": ("FALSE", "test_excerpt")}),
]
