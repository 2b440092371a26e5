/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what one row of a conversation says of an entry, and how it stands to the one before it;
 * leaves which entries come when to test-history.c and test-conversation.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gui/model/message.h"

/* 2026-11-22 00:00:00 UTC */
#define DAY G_GUINT64_CONSTANT(1795305600000000)
#define SECOND G_GUINT64_CONSTANT(1000000)

static GVariant *dict(const char *text) {
        g_autoptr(GError) error = NULL;
        GVariant *v = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);

        g_assert_no_error(error);
        return v;
}

static GVariant *entry_at(const char *kind, const char *sender, const char *type, guint64 time,
                          const char *extra) {
        g_autoptr(GVariant) fields = dict(extra);

        return g_variant_ref_sink(g_variant_new("(tsssst@a{sv})", (guint64) 7, "id-7", kind, sender,
                                                type, time, fields));
}

static ChatMessage *filled(const char *kind, const char *sender, const char *extra,
                           const char *own) {
        g_autoptr(GVariant) entry = entry_at(kind, sender, "registered", DAY, extra);
        ChatMessage *m = chat_message_new(7);

        chat_message_fill(m, entry, NULL, own);
        return m;
}

static void count_changed(ChatMessage *m, guint *n) {
        (*n)++;
}

static guint *watch(ChatMessage *m, guint *n) {
        *n = 0;
        g_signal_connect(m, "changed", G_CALLBACK(count_changed), n);
        return n;
}

static void test_placeholder(void **state) {
        g_autoptr(ChatMessage) m = chat_message_new(42);

        assert_int_equal(chat_message_get_state(m), CHAT_MESSAGE_PLACEHOLDER);
        assert_int_equal(chat_message_get_seq(m), 42);
        assert_string_equal(chat_message_get_id(m), "");
        assert_string_equal(chat_message_get_kind(m), "");
        assert_string_equal(chat_message_get_sender(m), "");
        assert_string_equal(chat_message_get_text(m), "");
        assert_string_equal(chat_message_get_reason(m), "");
        assert_false(chat_message_is_governance(m));
        assert_false(chat_message_is_own(m));
        /* What is not known is not removed. */
        chat_message_remove(m, "gone");
        assert_false(chat_message_is_removed(m));
        assert_string_equal(chat_message_get_text(m), "");
}

static void test_message(void **state) {
        g_autoptr(ChatMessage) m =
                filled("message", "bob", "{'text': <'a\u202eb\nc\x01'>}", "alice");

        assert_int_equal(chat_message_get_state(m), CHAT_MESSAGE_STORED);
        assert_string_equal(chat_message_get_id(m), "id-7");
        assert_string_equal(chat_message_get_kind(m), "message");
        assert_string_equal(chat_message_get_sender(m), "bob");
        assert_string_equal(chat_message_get_text(m), "ab\nc\ufffd");
        assert_true(chat_message_get_time(m) == (gint64) DAY);
        assert_false(chat_message_is_own(m));
        assert_false(chat_message_is_guest(m));
        assert_false(chat_message_is_governance(m));
        assert_false(chat_message_is_removed(m));
        assert_false(chat_message_is_hidden(m));
        assert_true(chat_message_begins_day(m));
        assert_true(chat_message_begins_group(m));
}

/* Of what is missing, or is of no type that it may have, nothing is believed. */
static void test_fields(void **state) {
        static const struct {
                const char *extra, *text;
                gboolean is_removed, is_hidden;
        } cases[] = {
                { "{'text': <''>}", "", FALSE, FALSE },
                { "@a{sv} {}", "Removed", TRUE, FALSE },
                { "{'text': <42>}", "Removed", TRUE, FALSE },
                { "{'text': <@as ['a']>}", "Removed", TRUE, FALSE },
                { "{'redacted': <'yes'>}", "Removed", TRUE, FALSE },
                { "{'redacted': <{'by': <5>, 'reason': <true>}>}", "Removed", TRUE, FALSE },
                { "{'redacted': <{'by': <'eve'>, 'seq': <uint64 9>}>}",
                  "Removed by \u2068eve\u2069", TRUE, FALSE },
                { "{'redacted': <{'by': <'eve'>, 'reason': <'a\u2069\nb'>}>}",
                  "Removed by \u2068eve\u2069: \u2068a b\u2069", TRUE, FALSE },
                { "{'redacted': <{'by': <'eve'>, 'x-days': <uint64 7>}>}",
                  "Removed: messages are kept for 7 days here", TRUE, FALSE },
                { "{'redacted': <{'by': <'eve'>, 'x-days': <uint64 0>}>}",
                  "Removed by \u2068eve\u2069", TRUE, FALSE },
                { "{'redacted': <{'x-days': <'7'>}>}", "Removed", TRUE, FALSE },
                { "{'hidden': <true>, 'text': <'psst'>}", "A message of somebody you ignore",
                  FALSE, TRUE },
                { "{'hidden': <false>, 'text': <'psst'>}", "psst", FALSE, FALSE },
                { "{'hidden': <'true'>, 'text': <'psst'>}", "psst", FALSE, FALSE },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(ChatMessage) m = filled("message", "bob", cases[i].extra, "alice");

                assert_string_equal(chat_message_get_text(m), cases[i].text);
                assert_int_equal(chat_message_is_removed(m), cases[i].is_removed);
                assert_int_equal(chat_message_is_hidden(m), cases[i].is_hidden);
        }
}

static void test_governance(void **state) {
        static const struct {
                const char *kind, *text;
        } cases[] = {
                { "create", "\u2068bob\u2069 created the channel" },
                { "merge",
                  "\u2068bob\u2069 did what only a later version knows: \u2068merge\u2069" },
                { "", "\u2068bob\u2069 did what only a later version knows: " },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(ChatMessage) m =
                        filled(cases[i].kind, "bob", "{'text': <'@alice'>}", "alice");

                assert_string_equal(chat_message_get_text(m), cases[i].text);
                assert_true(chat_message_is_governance(m));
                assert_false(chat_message_mentions_own(m));
                /* It stays, whatever removes messages. */
                chat_message_remove(m, "gone");
                assert_string_equal(chat_message_get_text(m), cases[i].text);
                assert_false(chat_message_is_removed(m));
        }
}

static void test_own(void **state) {
        static const struct {
                const char *sender, *text, *own;
                gboolean is_own, mentions;
        } cases[] = {
                { "bob", "{'text': <'hey @alice!'>}", "alice", FALSE, TRUE },
                { "bob", "{'text': <'hey @alicesson'>}", "alice", FALSE, FALSE },
                { "bob", "{'text': <'@alice'>, 'hidden': <true>}", "alice", FALSE, FALSE },
                { "alice", "{'text': <'I am @alice'>}", "alice", TRUE, FALSE },
                { "Alice", "{'text': <'hi'>}", "alice", FALSE, FALSE },
                /* Nobody is signed in. */
                { "", "{'text': <'hi @'>}", "", FALSE, FALSE },
                { "alice", "{'text': <'@alice'>}", NULL, FALSE, FALSE },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(ChatMessage) m =
                        filled("message", cases[i].sender, cases[i].text, cases[i].own);

                assert_int_equal(chat_message_is_own(m), cases[i].is_own);
                assert_int_equal(chat_message_mentions_own(m), cases[i].mentions);
        }
}

/* Each row stands behind one of bob's of noon. */
static void test_groups(void **state) {
        const guint64 noon = DAY + 43200 * SECOND, group = (guint64) CHAT_MESSAGE_GROUP_USEC;
        const struct {
                const char *before, *kind, *sender, *type;
                guint64 time;
                gboolean begins_group, begins_day;
        } cases[] = {
                { "message", "message", "bob", "registered", noon, FALSE, FALSE },
                { "message", "message", "bob", "registered", noon + group, FALSE, FALSE },
                { "message", "message", "bob", "registered", noon + group + 1, TRUE, FALSE },
                { "message", "message", "Bob", "registered", noon, TRUE, FALSE },
                /* A guest who has taken the name of another. */
                { "message", "message", "bob", "guest", noon, TRUE, FALSE },
                { "message", "topic", "bob", "registered", noon, TRUE, FALSE },
                { "topic", "topic", "bob", "registered", noon, TRUE, FALSE },
                { "topic", "message", "bob", "registered", noon, TRUE, FALSE },
                /* The host's clock was set back. */
                { "message", "message", "bob", "registered", noon - SECOND, FALSE, FALSE },
                { "message", "message", "bob", "registered", DAY - 1, TRUE, TRUE },
                { "message", "message", "bob", "registered", DAY + 86400 * SECOND - 1, TRUE,
                  FALSE },
                { "message", "message", "bob", "registered", DAY + 86400 * SECOND, TRUE, TRUE },
                { "message", "message", "bob", "registered", 0, TRUE, TRUE },
                { "message", "message", "bob", "registered", G_MAXUINT64, TRUE, TRUE },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GVariant) before =
                        entry_at(cases[i].before, "bob", "registered", noon, "{'text': <'a'>}");
                g_autoptr(GVariant) here =
                        entry_at(cases[i].kind, cases[i].sender, cases[i].type, cases[i].time,
                                 "{'text': <'b'>}");
                g_autoptr(ChatMessage) m = chat_message_new(7);

                chat_message_fill(m, here, before, "alice");
                if (chat_message_begins_group(m) != cases[i].begins_group ||
                    chat_message_begins_day(m) != cases[i].begins_day)
                        fail_msg("case %zu: group %d, day %d", i, chat_message_begins_group(m),
                                 chat_message_begins_day(m));
        }
}

/* Within a few minutes of each other, and on two days. */
static void test_midnight(void **state) {
        g_autoptr(GVariant) before =
                entry_at("message", "bob", "registered", DAY - 1, "{'text': <'a'>}");
        g_autoptr(GVariant) here = entry_at("message", "bob", "registered", DAY, "{'text': <'b'>}");
        g_autoptr(ChatMessage) m = chat_message_new(7);

        chat_message_fill(m, here, before, "alice");
        assert_true(chat_message_begins_day(m));
        assert_true(chat_message_begins_group(m));
}

/* What no calendar has: it is one day that nobody can name, and its time is not below 0. */
static void test_end_of_time(void **state) {
        g_autoptr(GVariant) before =
                entry_at("message", "bob", "guest", G_MAXUINT64 - 1, "{'text': <'a'>}");
        g_autoptr(GVariant) here =
                entry_at("message", "bob", "guest", G_MAXUINT64, "{'text': <'b'>}");
        g_autoptr(ChatMessage) m = chat_message_new(7);

        chat_message_fill(m, here, before, "alice");
        assert_true(chat_message_get_time(m) == G_MAXINT64);
        assert_true(chat_message_is_guest(m));
        assert_false(chat_message_begins_day(m));
        assert_false(chat_message_begins_group(m));
}

static void test_changed(void **state) {
        g_autoptr(GVariant) entry =
                entry_at("message", "bob", "registered", DAY, "{'text': <'hi @alice'>}");
        g_autoptr(GVariant) before =
                entry_at("message", "bob", "registered", DAY, "{'text': <'a'>}");
        g_autoptr(ChatMessage) m = chat_message_new(7);
        guint n;

        watch(m, &n);
        chat_message_fill(m, entry, before, "alice");
        assert_int_equal(n, 1);
        chat_message_fill(m, entry, before, "alice");
        assert_int_equal(n, 1);
        /* The one before it came later. */
        chat_message_fill(m, entry, NULL, "alice");
        assert_int_equal(n, 2);

        chat_message_set_begins_unread(m, TRUE);
        chat_message_set_begins_unread(m, TRUE);
        assert_int_equal(n, 3);
        /* The line stays where it is. */
        chat_message_fill(m, entry, before, "alice");
        assert_true(chat_message_begins_unread(m));
        assert_int_equal(n, 4);

        chat_message_remove(m, "gone");
        assert_int_equal(n, 5);
        assert_true(chat_message_is_removed(m));
        assert_false(chat_message_mentions_own(m));
        assert_string_equal(chat_message_get_text(m), "gone");
        assert_true(chat_message_begins_unread(m));
        /* What removed it first is said. */
        chat_message_remove(m, "gone again");
        assert_int_equal(n, 5);
        assert_string_equal(chat_message_get_text(m), "gone");
}

static void test_removed_hidden(void **state) {
        g_autoptr(ChatMessage) m =
                filled("message", "bob", "{'hidden': <true>, 'text': <'x'>}", "alice");

        chat_message_remove(m, "gone");
        assert_false(chat_message_is_hidden(m));
        assert_true(chat_message_is_removed(m));
}

static GVariant *row(const char *id, const char *text, const char *state, const char *extra) {
        g_autoptr(GVariant) fields = dict(extra);

        return g_variant_ref_sink(g_variant_new("(sstus@a{sv})", id, text, DAY, 3, state, fields));
}

static void test_outbox(void **state) {
        g_autoptr(GVariant) queued = row("q", "a\u202eb\nc", "queued", "{'error': <'old'>}");
        g_autoptr(GVariant) failed =
                row("q", "ab", "failed", "{'error': <'org.p2pchat.Error.ReadOnly'>}");
        g_autoptr(ChatMessage) m = chat_message_new_outbox(queued, "guest-eve");
        guint n;

        assert_int_equal(chat_message_get_state(m), CHAT_MESSAGE_QUEUED);
        assert_int_equal(chat_message_get_seq(m), 0);
        assert_string_equal(chat_message_get_id(m), "q");
        assert_string_equal(chat_message_get_kind(m), "message");
        assert_string_equal(chat_message_get_sender(m), "guest-eve");
        assert_string_equal(chat_message_get_text(m), "ab\nc");
        assert_string_equal(chat_message_get_reason(m), "");
        assert_true(chat_message_is_own(m));
        assert_true(chat_message_is_guest(m));
        assert_false(chat_message_is_governance(m));
        assert_true(chat_message_get_time(m) == (gint64) DAY);

        chat_message_set_begins_group(m, TRUE);
        watch(m, &n);
        chat_message_take_row(m, queued);
        assert_int_equal(n, 0);
        chat_message_take_row(m, failed);
        assert_int_equal(n, 1);
        assert_int_equal(chat_message_get_state(m), CHAT_MESSAGE_FAILED);
        assert_string_equal(chat_message_get_reason(m), "you may not write there");
        assert_string_equal(chat_message_get_sender(m), "guest-eve");
        assert_true(chat_message_begins_group(m));
        /* What waits is not removed by its age. */
        chat_message_remove(m, "gone");
        assert_string_equal(chat_message_get_text(m), "ab");
        /* Tried again. */
        chat_message_take_row(m, queued);
        assert_int_equal(chat_message_get_state(m), CHAT_MESSAGE_QUEUED);
        assert_string_equal(chat_message_get_reason(m), "");
}

static void test_refused(void **state) {
        static const struct {
                const char *extra, *reason;
        } cases[] = {
                { "@a{sv} {}", "" },
                { "{'error': <42>}", "" },
                { "{'error': <''>}", "" },
                { "{'error': <'org.p2pchat.Error.TooLarge'>}", "it is too long for the host" },
                { "{'error': <'org.p2pchat.Error.Later'>}", "Later" },
                { "{'error': <'org.p2pchat.Error.'>}", "" },
                { "{'error': <'no\u202e\nname'>}", "no name" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autoptr(GVariant) failed = row("q", "ab", "failed", cases[i].extra);
                g_autoptr(ChatMessage) m = chat_message_new_outbox(failed, NULL);

                assert_int_equal(chat_message_get_state(m), CHAT_MESSAGE_FAILED);
                assert_string_equal(chat_message_get_reason(m), cases[i].reason);
                assert_string_equal(chat_message_get_sender(m), "");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_placeholder),  cmocka_unit_test(test_message),
                cmocka_unit_test(test_fields),       cmocka_unit_test(test_governance),
                cmocka_unit_test(test_own),          cmocka_unit_test(test_groups),
                cmocka_unit_test(test_midnight),     cmocka_unit_test(test_end_of_time),
                cmocka_unit_test(test_changed),      cmocka_unit_test(test_removed_hidden),
                cmocka_unit_test(test_outbox),       cmocka_unit_test(test_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
