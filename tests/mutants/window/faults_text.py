# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-text.c must find."""
TEXT = "gui/model/text.c"

FAULTS = [
    (TEXT, "if («nesting->n == DEPTH_MAX»)\n", {"text-deep-not-from-30": ("nesting->n == 30", "test_deep")}),
    (TEXT, "«c >= LRI ? 'i' : c == LRO || c == RLO ? 'o' : 'e'»", {
        "text-isolate-ends-with-pdf": ("c == LRO || c == RLO ? 'o' : 'e'", "test_directions"),
        "text-override-ends-with-pdf": ("c >= LRI ? 'i' : 'e'", "test_directions"),
    }),
    (TEXT, "if («c != LRO && c != RLO»)\n", {
        "text-override-kept": ("TRUE", "test_directions"),
        "text-override-rtl-kept": ("c != LRO", "test_directions"),
        "text-override-ltr-kept": ("c != RLO", "test_directions"),
    }),
    (TEXT, "«while (nesting->n > 0)\n                close_one(nesting, out);»", {
        "text-left-open": ("nesting->n = 0;", "test_directions"),
        "text-one-closed-alone": ("if (nesting->n > 0) close_one(nesting, out);", "test_directions"),
    }),
    (TEXT, "if («nesting->n > 0 && nesting->ends[nesting->n - 1] != 'i'»)\n", {
        "text-pdf-ends-isolate": ("nesting->n > 0", "test_directions"),
        "text-pdf-left-out": ("FALSE", "test_directions"),
    }),
    (TEXT, "while («i > 0 && nesting->n >= i»)\n", {
        "text-pdi-ends-all": ("nesting->n > 0", "test_directions"),
        "text-pdi-ends-within-alone": ("i > 0 && nesting->n > i", "test_directions"),
    }),
    (TEXT, "return «c == '\\n' || c == '\\r' || c == '\\v' || c == '\\f' || c == 0x85 || c == 0x2028 ||\n"
           "               c == 0x2029»;", {
        "text-separator-newline-alone": ("c == '\\n'", "test_separators"),
        "text-separator-no-paragraph": ("c == '\\n' || c == '\\r' || c == '\\v' || c == '\\f' || c == 0x85 || "
                                        "c == 0x2028", "test_separators"),
        "text-separator-no-next-line": ("c == '\\n' || c == '\\r' || c == '\\v' || c == '\\f' || c == 0x2028 || "
                                        "c == 0x2029", "test_separators"),
    }),
    (TEXT, "return «text_is_valid(bytes, n, FALSE) || *bytes == '\\t'»;", {
        "text-controls-shown": ("TRUE", "test_controls"),
        "text-tab-lost": ("text_is_valid(bytes, n, FALSE)", "test_plain"),
    }),
    (TEXT, "const char *s = «text ?: \"\"»;", {"text-null-is-something": ("text ?: \"?\"", "test_plain")}),
    (TEXT, "if («out->len >= max») {", {
        "text-cut-late": ("out->len > max", "test_long"),
        "text-cut-early": ("out->len + 1 >= max", "test_long"),
        "text-never-cut": ("FALSE", "test_long"),
    }),
    (TEXT, "«g_string_append(out, ELLIPSIS);»", {"text-cut-unsaid": (";", "test_long")}),
    (TEXT, "g_string_append_unichar(out, REPLACEMENT);\n                        «n = 1;»", {
        "text-invalid-skips-two": ("n = MIN(left, 2);", "test_invalid"),
    }),
    (TEXT, "if («c == '\\r' && left > 1 && s[1] == '\\n'»)\n", {
        "text-crlf-is-two": ("FALSE", "test_separators"),
        "text-cr-takes-next": ("c == '\\r' && left > 1", "test_separators"),
        "text-any-takes-newline": ("left > 1 && s[1] == '\\n'", "test_any"),
    }),
    (TEXT, "«close_all(&nesting, out);»\n                        g_string_append_c", {
        "text-open-across-lines": (";", "test_directions"),
    }),
    (TEXT, "g_string_append_c(out, «is_multiline ? '\\n' : ' '»);", {
        "text-line-of-two": ("'\\n'", "test_separators"),
        "text-lines-as-one": ("' '", "test_separators"),
    }),
    (TEXT, "if («(c >= LRE && c <= RLO && c != PDF) || (c >= LRI && c <= FSI)»)\n", {
        "text-embeddings-as-they-are": ("c >= LRI && c <= FSI", "test_directions"),
        "text-isolates-as-they-are": ("c >= LRE && c <= RLO && c != PDF", "test_directions"),
        "text-fsi-as-it-is": ("(c >= LRE && c <= RLO && c != PDF) || (c >= LRI && c < FSI)", "test_directions"),
    }),
    (TEXT, "«close_all(&nesting, out);»\n        return g_string_free", {
        "text-open-at-the-end": (";", "test_long_is_closed"),
    }),
    (TEXT, "return make_harmless(text, «CHAT_TEXT_BYTES_MAX», TRUE);", {
        "text-message-cut-as-line": ("CHAT_LINE_BYTES_MAX", "test_long"),
    }),
    (TEXT, "return make_harmless(text, «CHAT_LINE_BYTES_MAX», FALSE);", {
        "text-line-as-long-as-message": ("CHAT_TEXT_BYTES_MAX", "test_long"),
    }),
    (TEXT, "if («!*line»)\n", {"text-nothing-isolated": ("FALSE", "test_isolate")}),
    (TEXT, "g_strdup_printf(\"\\u2068%s\\u2069\", «line»)", {"text-isolate-as-it-is": ("text", "test_isolate")}),
]
