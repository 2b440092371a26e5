# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-words.c must find."""
WORDS = "gui/model/words.c"

FAULTS = [
    (WORDS, "return g_variant_lookup(extra, key, «\"&s\"», &s) ? s : \"\";", {
        "words-field-of-any-type": ("\"&o\"", "test_kinds"),
    }),
    (WORDS, ".who = «chat_isolate(sender)»", {"words-sender-as-it-is": ("g_strdup(sender)", "test_hostile")}),
    (WORDS, ".target = «chat_isolate(lookup_string(extra, \"target\"))»", {
        "words-target-as-it-is": ("g_strdup(lookup_string(extra, \"target\"))", "test_hostile"),
    }),
    (WORDS, ".reason = «chat_isolate(lookup_string(extra, \"reason\"))»", {
        "words-reason-as-it-is": ("g_strdup(lookup_string(extra, \"reason\"))", "test_hostile"),
        "words-reason-unsaid": ("g_strdup(\"\")", "test_kinds"),
    }),
    (WORDS, ".topic = «chat_isolate(lookup_string(extra, \"topic\"))»", {
        "words-topic-as-it-is": ("g_strdup(lookup_string(extra, \"topic\"))", "test_hostile"),
    }),
    (WORDS, "if («!*said->target») {", {"words-nobody-unsaid": ("FALSE", "test_fields")}),
    (WORDS, "return «said == permission ? chat_isolate(permission) : g_strdup(said)»;", {
        "words-rule-as-it-is": ("g_strdup(said)", "test_unknown"),
        "words-rule-always-isolated": ("chat_isolate(said)", "test_rules"),
    }),
    (WORDS, "if («*said->view»)\n", {"words-view-unsaid": ("FALSE", "test_rules")}),
    (WORDS, "if («*said->send»)\n", {"words-send-unsaid": ("FALSE", "test_rules")}),
    (WORDS, "if («said->has_days && said->days == 0»)\n", {"words-for-ever-as-days": ("FALSE", "test_rules")}),
    (WORDS, "else if («said->has_days»)\n", {"words-days-unsaid": ("FALSE", "test_rules")}),
    (WORDS, "if («said->has_rate && said->rate == 0»)\n", {"words-no-rate-as-rate": ("FALSE", "test_rules")}),
    (WORDS, "else if («said->has_rate»)\n", {"words-rate-unsaid": ("FALSE", "test_rules")}),
    (WORDS, "if («said->has_burst»)\n", {"words-burst-unsaid": ("FALSE", "test_rules")}),
    (WORDS, "if («parts->len == 1»)\n", {"words-no-rule-said": ("FALSE", "test_rules")}),
    (WORDS, "if («g_str_equal(said->role, \"moderator\")»)\n", {
        "words-moderator-unknown": ("FALSE", "test_kinds"),
        "words-all-moderators": ("TRUE", "test_kinds"),
    }),
    (WORDS, "if («g_str_equal(said->role, \"none\")»)\n", {
        "words-unknown-role-taken": ("TRUE", "test_unknown"),
        "words-role-taken-unsaid": ("FALSE", "test_kinds"),
    }),
    (WORDS, "if («!*said->topic»)\n", {"words-topic-removed-unsaid": ("FALSE", "test_kinds")}),
    (WORDS, "«(gint64) MIN(said->until, (guint64) G_MAXINT64)»", {
        "words-until-before-1970": ("(gint64) said->until", "test_fields"),
    }),
    (WORDS, "if («said->until == 0 || !*until»)\n", {
        "words-for-ever-until-1970": ("!*until", "test_fields"),
        "words-until-nothing": ("said->until == 0", "test_fields"),
        "words-until-unsaid": ("TRUE", "test_kinds"),
    }),
    (WORDS, "if («g_str_equal(kinds[i].kind, kind)»)\n", {
        "words-kind-of-any-case": ("g_ascii_strcasecmp(kinds[i].kind, kind) == 0", "test_unknown"),
        "words-no-kind-known": ("FALSE", "test_kinds"),
    }),
    (WORDS, "g_autofree char *isolated = «chat_isolate(kind)»;", {
        "words-kind-as-it-is": ("g_strdup(kind)", "test_unknown"),
    }),
    (WORDS, "*who = «chat_isolate(by)», *why", {"words-remover-as-is": ("g_strdup(by)", "test_removed")}),
    (WORDS, "*why = «chat_isolate(reason)»;", {"words-removed-why-as-is": ("g_strdup(reason)", "test_removed")}),
    (WORDS, "if («*who && *why»)\n", {"words-removed-why-unsaid": ("FALSE", "test_removed")}),
    (WORDS, "if («*who»)\n", {"words-remover-unsaid": ("FALSE", "test_removed")}),
    (WORDS, "return «*why» ? g_strdup_printf", {"words-removed-why-alone-unsaid": ("FALSE", "test_removed")}),
    (WORDS, "if («g_str_equal(words[i].word, word)»)\n", {
        "words-by-its-beginning": ("g_str_has_prefix(word, words[i].word)", "test_words"),
        "words-none-known": ("FALSE", "test_words"),
    }),
]
