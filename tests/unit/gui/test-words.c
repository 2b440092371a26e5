/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what people read of what was done in a channel, whatever its host says was done; leaves
 * where it stands to the tests of the view. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gui/model/words.h"

/* As a sentence has a name. */
#define BOB "\u2068bob\u2069"
#define EVE "\u2068eve\u2069"

/* extra: a{sv} as text. */
static char *tell(const char *kind, const char *sender, const char *extra) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) fields =
                g_variant_parse(G_VARIANT_TYPE_VARDICT, extra, NULL, NULL, &error);
        g_autoptr(GVariant) entry = NULL;

        g_assert_no_error(error);
        entry = g_variant_ref_sink(g_variant_new("(tsssst@a{sv})", (guint64) 7, "id", kind, sender,
                                                 "registered", (guint64) 0, fields));
        return chat_words_governance(entry);
}

typedef struct Case {
        const char *kind, *extra, *told;
} Case;

static void assert_cases(const Case *cases, gsize n) {
        for (gsize i = 0; i < n; i++) {
                g_autofree char *told = tell(cases[i].kind, "bob", cases[i].extra);
                assert_string_equal(told, cases[i].told);
        }
}

static void test_kinds(void **state) {
        static const Case cases[] = {
                { "create", "@a{sv} {}", BOB " created the channel" },
                { "host", "@a{sv} {}", BOB " hosts the channel now" },
                { "topic", "{'topic': <'tea'>}", BOB " set the topic: \u2068tea\u2069" },
                { "topic", "{'topic': <''>}", BOB " removed the topic" },
                { "role", "{'target': <'eve'>, 'role': <'moderator'>}",
                  BOB " made " EVE " a moderator" },
                { "role", "{'target': <'eve'>, 'role': <'member'>}", BOB " made " EVE " a member" },
                { "role", "{'target': <'eve'>, 'role': <'owner'>}", BOB " made " EVE " the owner" },
                { "role", "{'target': <'eve'>, 'role': <'none'>}",
                  BOB " took the role from " EVE },
                { "kick", "{'target': <'eve'>}", BOB " sent " EVE " out" },
                { "kick", "{'target': <'eve'>, 'reason': <'rude'>}",
                  BOB " sent " EVE " out (\u2068rude\u2069)" },
                { "ban", "{'target': <'eve'>}", BOB " banned " EVE },
                { "ban", "{'target': <'eve'>, 'until': <uint64 1795356000000000>}",
                  BOB " banned " EVE " until 22 November 2026, 14:00" },
                { "unban", "{'target': <'eve'>}", BOB " lifted the ban of " EVE },
                { "redact", "{'target_seq': <uint64 3>}", BOB " removed a message" },
                { "redact", "{'target_seq': <uint64 3>, 'reason': <'spam'>}",
                  BOB " removed a message (\u2068spam\u2069)" },
        };

        assert_cases(cases, G_N_ELEMENTS(cases));
}

static void test_rules(void **state) {
        static const Case cases[] = {
                { "view", "{'view_permission': <'public'>}",
                  BOB " changed the rules: everybody may read" },
                { "view", "{'view_permission': <'restricted'>, 'send_permission': <'members'>}",
                  BOB " changed the rules: members may read; members may write" },
                { "view", "{'send_permission': <'everyone'>}",
                  BOB " changed the rules: everybody may write" },
                { "view", "{'send_permission': <'registered'>}",
                  BOB " changed the rules: registered users may write" },
                { "view", "{'retention_days': <uint64 0>}",
                  BOB " changed the rules: messages are kept for ever" },
                { "view", "{'retention_days': <uint64 1>}",
                  BOB " changed the rules: messages are kept for 1 day" },
                { "view", "{'retention_days': <uint64 30>}",
                  BOB " changed the rules: messages are kept for 30 days" },
                { "view", "{'message_rate': <uint64 0>}",
                  BOB " changed the rules: messages may follow each other at any speed" },
                { "view", "{'message_rate': <uint64 1>, 'message_burst': <uint64 1>}",
                  BOB " changed the rules: 1 message a second from each; 1 message at once" },
                { "view", "{'message_rate': <uint64 5>, 'message_burst': <uint64 20>}",
                  BOB " changed the rules: 5 messages a second from each; 20 messages at once" },
                { "view", "@a{sv} {}", BOB " changed the rules" },
        };

        assert_cases(cases, G_N_ELEMENTS(cases));
}

/* What only a later version knows is told as such: never as something else, nor as its host likes
 * to have it shown. */
static void test_unknown(void **state) {
        static const Case cases[] = {
                { "merge", "@a{sv} {}",
                  BOB " did what only a later version knows: \u2068merge\u2069" },
                { "Create", "@a{sv} {}",
                  BOB " did what only a later version knows: \u2068Create\u2069" },
                { "\u202emerge\n", "{'reason': <'why'>}",
                  BOB " did what only a later version knows: \u2068merge \u2069"
                      " (\u2068why\u2069)" },
                { "role", "{'target': <'eve'>, 'role': <'helper'>}",
                  BOB " did what only a later version knows: \u2068role\u2069" },
                { "view", "{'view_permission': <'friends'>}",
                  BOB " changed the rules: \u2068friends\u2069" },
                { "view",
                  "{'view_permission': <'\u202eevil\n'>, 'send_permission': <'\u2069x'>}",
                  BOB " changed the rules: \u2068evil \u2069; \u2068x\u2069" },
        };

        assert_cases(cases, G_N_ELEMENTS(cases));
}

/* Fields that are not there, or not of their type, are not said. */
static void test_fields(void **state) {
        static const Case cases[] = {
                { "kick", "@a{sv} {}", BOB " sent somebody out" },
                { "kick", "{'target': <uint64 5>}", BOB " sent somebody out" },
                { "kick", "{'target': <'\u2069'>}", BOB " sent somebody out" },
                { "ban", "{'until': <'tomorrow'>, 'reason': <@as []>}", BOB " banned somebody" },
                { "ban", "{'target': <'eve'>, 'until': <uint64 0>}", BOB " banned " EVE },
                /* Of no year that can be told. */
                { "ban", "{'target': <'eve'>, 'until': <uint64 18446744073709551615>}",
                  BOB " banned " EVE },
                { "unban", "{'target': <true>}", BOB " lifted the ban of somebody" },
                { "role", "{'target': <'eve'>, 'role': <uint32 1>}",
                  BOB " did what only a later version knows: \u2068role\u2069" },
                { "topic", "{'topic': <42>}", BOB " removed the topic" },
                { "view", "{'retention_days': <'7'>, 'message_rate': <-1>}",
                  BOB " changed the rules" },
                { "create", "{'reason': <''>}", BOB " created the channel" },
        };

        assert_cases(cases, G_N_ELEMENTS(cases));
}

static void test_hostile(void **state) {
        static const Case cases[] = {
                { "topic", "{'topic': <'a\u202eb\nc'>}", BOB " set the topic: \u2068ab c\u2069" },
                { "kick", "{'target': <'e\u2069ve'>, 'reason': <'\u2067<b>'>}",
                  BOB " sent " EVE " out (\u2068\u2067<b>\u2069\u2069)" },
        };
        g_autofree char *sender = tell("create", "b\u2069\u202eo\rb", "@a{sv} {}");
        g_autofree char *format = tell("topic", "%s%n", "{'topic': <'%s%n'>}");
        g_autofree char *topic = g_strnfill(100000, 't');
        g_autofree char *extra = g_strdup_printf("{'topic': <'%s'>}", topic);
        g_autofree char *told = tell("topic", "bob", extra);

        assert_cases(cases, G_N_ELEMENTS(cases));
        assert_string_equal(sender, "\u2068bo b\u2069 created the channel");
        assert_string_equal(format, "\u2068%s%n\u2069 set the topic: \u2068%s%n\u2069");
        assert_true(strlen(told) < 2200);
        assert_true(g_str_has_suffix(told, "t…\u2069"));
}

static void test_removed(void **state) {
        static const struct {
                const char *by, *reason, *told;
        } cases[] = {
                { "", "", "Removed" },
                { "bob", "", "Removed by " BOB },
                { "", "spam", "Removed: \u2068spam\u2069" },
                { "bob", "spam", "Removed by " BOB ": \u2068spam\u2069" },
                { "b\u2069ob", "a\nb", "Removed by " BOB ": \u2068a b\u2069" },
                { "\u202e", "\u2069", "Removed" },
        };
        g_autofree char *day = chat_words_expired(1), *days = chat_words_expired(G_MAXUINT64);

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_autofree char *told = chat_words_removed(cases[i].by, cases[i].reason);
                assert_string_equal(told, cases[i].told);
        }
        assert_string_equal(day, "Removed: messages are kept for 1 day here");
        assert_string_equal(days,
                            "Removed: messages are kept for 18446744073709551615 days here");
}

static void test_words(void **state) {
        static const struct {
                const char *(*fn)(const char *);
                const char *word, *said;
        } cases[] = {
                { chat_words_state, "live", "Online" },
                { chat_words_state, "diverged", "Not the same log" },
                { chat_words_state, "dreaming", "dreaming" },
                { chat_words_reason, "host-offline", "its host is offline" },
                { chat_words_reason, "kicked", "you were sent out" },
                { chat_words_reason, "banned", "you are banned" },
                { chat_words_reason, "", "" },
                { chat_words_reason, "later", "later" },
                { chat_words_role, "none", "No role" },
                { chat_words_role, "owner", "Owner" },
                { chat_words_role, "moderators", "moderators" },
                { chat_words_view_permission, "public", "everybody may read" },
                { chat_words_view_permission, "restricted", "members may read" },
                { chat_words_view_permission, "everyone", "everyone" },
                { chat_words_send_permission, "everyone", "everybody may write" },
                { chat_words_send_permission, "members", "members may write" },
                { chat_words_send_permission, "public", "public" },
        };

        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
                assert_string_equal(cases[i].fn(cases[i].word), cases[i].said);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_kinds),   cmocka_unit_test(test_rules),
                cmocka_unit_test(test_unknown), cmocka_unit_test(test_fields),
                cmocka_unit_test(test_hostile), cmocka_unit_test(test_removed),
                cmocka_unit_test(test_words),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
