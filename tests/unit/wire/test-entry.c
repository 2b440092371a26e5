/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds log entries and directory entries to protocol §4 and §5, both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/entry.h"
#include "wire/limits.h"

#define UUID "0b3e2c1a-5d4f-4e6a-8b7c-9d0e1f2a3b4c"
#define TIME "2023-11-14T22:13:20.123Z"
#define HEAD(seq, kind)                                                                            \
        "{\"seq\":" #seq ",\"id\":\"" UUID "\",\"kind\":\"" kind                                   \
        "\",\"username\":\"alice\",\"user_type\":\"REGISTERED\",\"time\":\"" TIME "\""
#define FFFD "\xef\xbf\xbd"

static int read_text(const char *text, Entry *ret, const char **ret_bad) {
        _cleanup_(value_unrefp) Value *v = NULL;

        assert_int_equal(value_parse(text, strlen(text), &v), 0);
        return entry_read(v, ret, ret_bad);
}

static void test_read_and_written(void **state) {
        static const struct {
                const char *text;
                EntryKind kind;
                const char *extra;
        } rows[] = {
                { HEAD(1, "message") ",\"message_content\":\"hi \xc3\xa9\"}", ENTRY_MESSAGE,
                  "{\"message_content\":\"hi \xc3\xa9\"}" },
                { HEAD(2,
                       "message") ",\"message_content\":\"a\\tb\\nc\",\"meta\":{\"x\":[1.50,{}]}}",
                  ENTRY_MESSAGE, "{\"message_content\":\"a\\tb\\nc\",\"meta\":{\"x\":[1.50,{}]}}" },
                { HEAD(3, "message") ",\"redacted\":{\"by\":\"bob\",\"seq\":9,\"time\":\"" TIME
                                     "\"}}",
                  ENTRY_MESSAGE,
                  "{\"redacted\":{\"by\":\"bob\",\"seq\":9,\"time\":\"" TIME "\"}}" },
                { HEAD(4, "topic") ",\"topic\":\"\"}", ENTRY_TOPIC, "{\"topic\":\"\"}" },
                { HEAD(5, "create") ",\"owner\":\"alice\",\"epoch\":1,\"z\":null,\"a\":true}",
                  ENTRY_CREATE, "{\"owner\":\"alice\",\"epoch\":1,\"z\":null,\"a\":true}" },
                { HEAD(6, "unban") "}", ENTRY_UNBAN, "{}" },
                { HEAD(7, "of-later") ",\"what\":[1,\"x\"],\"message_content\":\"\"}", ENTRY_OTHER,
                  "{\"what\":[1,\"x\"],\"message_content\":\"\"}" },
                { HEAD(9007199254740991, "other") "}", ENTRY_OTHER, "{}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(entry_done) Entry e = {}, copy = {};
                _cleanup_(writer_done) Writer w = {};
                _cleanup_free_ char *again = NULL;
                const char *bad = NULL;

                if (read_text(rows[i].text, &e, &bad) != 0)
                        fail_msg("refused for %s: %s", bad, rows[i].text);
                assert_int_equal(e.kind, rows[i].kind);
                assert_string_equal(e.extra, rows[i].extra);
                assert_int_equal(e.n_extra, strlen(rows[i].extra));
                assert_string_equal(e.id, UUID);
                assert_string_equal(e.username, "alice");
                assert_int_equal(e.user_type, USER_REGISTERED);
                assert_int_equal(e.time, UINT64_C(1700000000123000));

                assert_int_equal(entry_copy(&e, &copy), 0);
                assert_ptr_not_equal(copy.extra, e.extra);
                entry_write(&w, NULL, &copy);
                assert_int_equal(writer_take(&w, &again, NULL), 0);
                assert_string_equal(again, rows[i].text);
        }
}

/* Keys in any order, an entry's own among them, come out in ours; the others keep theirs. */
/* What says that it was removed says nothing else. */
static void test_redacted(void **state) {
        static const char text[] =
                HEAD(3, "message") ",\"message_content\":\"hi\",\"meta\":{},\"redacted\":{"
                                   "\"by\":\"bob\",\"seq\":9},\"later\":\"hi\"}";
        _cleanup_(value_unrefp) Value *v = NULL;
        const char *bad = NULL;
        size_t n;
        Entry e;

        assert_int_equal(value_parse(text, strlen(text), &v), 0);
        assert_int_equal(entry_read(v, &e, &bad), 0);
        assert_string_equal(e.extra, "{\"redacted\":{\"by\":\"bob\",\"seq\":9}}");
        assert_true(entry_is_stub(&e));
        entry_done(&e);
        e = (Entry){ .kind = ENTRY_MESSAGE };
        assert_int_equal(entry_extra_redacted("bob", 9, 1500000, NULL, &e.extra, &n), 0);
        assert_string_equal(e.extra, "{\"redacted\":{\"by\":\"bob\",\"seq\":9,\"time\":"
                                     "\"1970-01-01T00:00:01.500Z\"}}");
        assert_int_equal(n, strlen(e.extra));
        assert_true(entry_is_stub(&e));
        e.kind = ENTRY_OTHER;
        assert_false(entry_is_stub(&e));
        entry_done(&e);
}

/* Why, in one line of §2 or not at all. */
static void test_redacted_why(void **state) {
        static const struct {
                const char *reason, *extra;
        } cases[] = {
                { "spam", "Z\",\"reason\":\"spam\"}}" },
                { "", "Z\"}}" },
                { "a\nb", "Z\"}}" },
                { "a\tb", "Z\"}}" },
        };
        char longest[REASON_BYTES_MAX + 2] = "";
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_free_ char *extra = NULL;

                assert_int_equal(entry_extra_redacted("bob", 9, 1, cases[i].reason, &extra, &n), 0);
                assert_string_equal(strrchr(extra, 'Z'), cases[i].extra);
        }
        memset(longest, 'x', sizeof(longest) - 1);
        for (size_t i = 0; i < 2; i++) {
                _cleanup_free_ char *extra = NULL;

                assert_int_equal(entry_extra_redacted("bob", 9, 1, longest, &extra, &n), 0);
                assert_int_equal(strstr(extra, longest) != NULL, i == 1);
                longest[REASON_BYTES_MAX] = '\0';
        }
}

static void test_any_order(void **state) {
        _cleanup_(entry_done) Entry e = {};
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *text = NULL;
        const char *bad = NULL;

        assert_int_equal(read_text("{\"z\":1,\"time\":\"" TIME "\",\"message_content\":\"m\","
                                   "\"user_type\":\"GUEST\",\"username\":\"guest-al\",\"a\":2,"
                                   "\"kind\":\"message\",\"id\":\"" UUID "\",\"seq\":4}",
                                   &e, &bad),
                         0);
        entry_write(&w, NULL, &e);
        assert_int_equal(writer_take(&w, &text, NULL), 0);
        assert_string_equal(text,
                            "{\"seq\":4,\"id\":\"" UUID "\",\"kind\":\"message\","
                            "\"username\":\"guest-al\",\"user_type\":\"GUEST\",\"time\":\"" TIME
                            "\",\"z\":1,\"message_content\":\"m\",\"a\":2}");
}

static void test_refused(void **state) {
        static const struct {
                const char *text, *bad;
        } rows[] = {
                { "[]", "entry" },
                { "null", "entry" },
                { "{}", "seq" },
                { HEAD(0, "unban") "}", "seq" },
                { HEAD(-1, "unban") "}", "seq" },
                { HEAD(1.0, "unban") "}", "seq" },
                { HEAD(9007199254740992, "unban") "}", "seq" },
                { HEAD("1", "unban") "}", "seq" },
                { HEAD(1, "") "}", "kind" },
                { HEAD(1, "a\\nb") "}", "kind" },
                { HEAD(1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx") "}", "kind" },
                { "{\"seq\":1,\"kind\":\"unban\"}", "id" },
                { "{\"seq\":1,\"id\":\"0B3E2C1A-5D4F-4E6A-8B7C-9D0E1F2A3B4C\",\"kind\":\"unban\","
                  "\"username\":\"al\",\"user_type\":\"GUEST\",\"time\":\"" TIME "\"}",
                  "id" },
                { "{\"seq\":1,\"id\":\"" UUID "\",\"kind\":\"unban\",\"username\":\"Alice\","
                  "\"user_type\":\"GUEST\",\"time\":\"" TIME "\"}",
                  "username" },
                { "{\"seq\":1,\"id\":\"" UUID "\",\"kind\":\"unban\",\"username\":\"al\","
                  "\"user_type\":\"guest\",\"time\":\"" TIME "\"}",
                  "user_type" },
                { "{\"seq\":1,\"id\":\"" UUID "\",\"kind\":\"unban\",\"username\":\"al\","
                  "\"user_type\":\"GUEST\",\"time\":\"2023-11-14 22:13:20\"}",
                  "time" },
                { "{\"seq\":1,\"id\":\"" UUID "\",\"kind\":\"unban\",\"username\":\"al\","
                  "\"user_type\":\"GUEST\",\"time\":1700000000}",
                  "time" },
                { HEAD(1, "message") "}", "message_content" },
                { HEAD(1, "message") ",\"message_content\":\"\"}", "message_content" },
                { HEAD(1, "message") ",\"message_content\":null}", "message_content" },
                { HEAD(1, "message") ",\"message_content\":[\"x\"]}", "message_content" },
                { HEAD(1, "message") ",\"redacted\":true}", "message_content" },
                { HEAD(1, "message") ",\"message_content\":\"x\",\"meta\":[]}", "meta" },
                { HEAD(1, "message") ",\"message_content\":\"x\",\"meta\":\"{}\"}", "meta" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(entry_done) Entry e = {};
                const char *bad = NULL;

                if (read_text(rows[i].text, &e, &bad) != -EBADMSG)
                        fail_msg("accepted: %s", rows[i].text);
                assert_string_equal(bad, rows[i].bad);
                assert_null(e.extra);
        }
}

/* An entry that ends in prefix, n times unit, suffix. */
static char *entry_with(const char *kind, const char *prefix, const char *unit, size_t n,
                        const char *suffix) {
        _cleanup_(writer_done) Writer w = {};
        char *text = NULL;

        writer_begin_object(&w, NULL);
        writer_uint(&w, "seq", 1);
        writer_string(&w, "id", UUID);
        writer_string(&w, "kind", kind);
        writer_string(&w, "username", "alice");
        writer_string(&w, "user_type", "REGISTERED");
        writer_string(&w, "time", TIME);
        writer_bytes(&w, prefix, strlen(prefix));
        for (size_t i = 0; i < n; i++)
                writer_bytes(&w, unit, strlen(unit));
        writer_bytes(&w, suffix, strlen(suffix));
        assert_int_equal(writer_take(&w, &text, NULL), 0);
        return text;
}

static void test_bounds(void **state) {
        static const struct {
                const char *kind, *prefix, *unit;
                size_t n_good; /* one more is refused */
                const char *suffix, *bad;
        } rows[] = {
                { "message", ",\"message_content\":\"", "x", MESSAGE_BYTES_MAX, "\"}",
                  "message_content" },
                { "message", ",\"message_content\":\"", "\\\"", MESSAGE_BYTES_MAX, "\"}",
                  "message_content" },
                { "message", ",\"message_content\":\"", "\\u0001", MESSAGE_BYTES_MAX / 3, "\"}",
                  "message_content" },
                { "message", ",\"message_content\":\"x\",\"meta\":{\"k\":\"", "x",
                  META_BYTES_MAX - strlen("{\"k\":\"\"}"), "\"}}", "meta" },
                { "later", ",\"k\":\"", "x", ENTRY_EXTRA_BYTES_MAX - strlen("\"k\":\"\""), "\"}",
                  "entry" },
                { "message", ",\"message_content\":\"x\",\"k\":\"", "x",
                  ENTRY_EXTRA_BYTES_MAX - strlen(",\"k\":\"\""), "\"}", "entry" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *good = NULL, *over = NULL;
                _cleanup_(entry_done) Entry e = {}, none = {};
                const char *bad = NULL;

                good = entry_with(rows[i].kind, rows[i].prefix, rows[i].unit, rows[i].n_good,
                                  rows[i].suffix);
                over = entry_with(rows[i].kind, rows[i].prefix, rows[i].unit, rows[i].n_good + 1,
                                  rows[i].suffix);
                if (read_text(good, &e, &bad) != 0)
                        fail_msg("row %zu refused for %s", i, bad);
                if (read_text(over, &none, &bad) != -EBADMSG)
                        fail_msg("row %zu accepted", i);
                assert_string_equal(bad, rows[i].bad);
        }
}

/* What a host should not have sent: U+FFFD takes its place, and the entry stays. */
static void test_sanitized(void **state) {
        static const struct {
                const char *text, *extra;
        } rows[] = {
                { HEAD(1, "message") ",\"message_content\":\"a\\u0007b\\tc\"}",
                  "{\"message_content\":\"a" FFFD "b\\tc\"}" },
                { HEAD(1, "message") ",\"message_content\":\"\\uFFFE\\u0085\\uFDD0\"}",
                  "{\"message_content\":\"" FFFD FFFD FFFD "\"}" },
                { HEAD(1, "topic") ",\"topic\":\"a\\tb\\nc\"}",
                  "{\"topic\":\"a" FFFD "b" FFFD "c\"}" },
                { HEAD(1, "kick") ",\"target\":\"bob\",\"reason\":\"x\\ny\"}",
                  "{\"target\":\"bob\",\"reason\":\"x" FFFD "y\"}" },
                { HEAD(1,
                       "message") ",\"message_content\":\"x\",\"meta\":{\"k\":[\"\\u001b[31m\"]}}",
                  "{\"message_content\":\"x\",\"meta\":{\"k\":[\"" FFFD "[31m\"]}}" },
                { HEAD(1, "later") ",\"k\":{\"l\":\"\x7f\"}}", "{\"k\":{\"l\":\"" FFFD "\"}}" },
                /* keys: left out, else two could become one */
                { HEAD(1, "later") ",\"\\uFFFE\":1,\"\\uFFFF\":2,\"k\":[{\"\x7f\":{}}]}",
                  "{\"k\":[{}]}" },
                { HEAD(1, "message") ",\"message_content\":\"x\",\"meta\":{\"\\u001b[31m\":1}}",
                  "{\"message_content\":\"x\",\"meta\":{}}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(entry_done) Entry e = {};
                const char *bad = NULL;

                assert_int_equal(read_text(rows[i].text, &e, &bad), 0);
                assert_string_equal(e.extra, rows[i].extra);
        }
}

static void test_extra_message(void **state) {
        _cleanup_free_ char *longest = malloc(MESSAGE_BYTES_MAX + 2);
        const struct {
                const char *text, *meta;
                const char *extra; /* NULL: -EINVAL */
        } rows[] = {
                { "hi", NULL, "{\"message_content\":\"hi\"}" },
                { "a\n\tb", "{}", "{\"message_content\":\"a\\n\\tb\",\"meta\":{}}" },
                { "x", " { \"b\" : 1 , \"a\" : \"/\" } ",
                  "{\"message_content\":\"x\",\"meta\":{\"b\":1,\"a\":\"/\"}}" },
                { "x", "{\"1\":{\"2\":{\"3\":[]}}}",
                  "{\"message_content\":\"x\",\"meta\":{\"1\":{\"2\":{\"3\":[]}}}}" },
                { "x", "{\"1\":{\"2\":{\"3\":[{}]}}}", NULL },
                { "x", "[]", NULL },
                { "x", "", NULL },
                { "x", "null", NULL },
                { "x", "{\"a\":1,\"a\":2}", NULL },
                { "x", "{\"a\":[null,{\"b\":\"\\uFFFE\"}]}", NULL },
                { "x", "{\"a\":[{\"\\u001b\":1}]}", NULL },
                { "", NULL, NULL },
                { "a\x01", NULL, NULL },
                { "\xff", NULL, NULL },
                { "\xef\xbf\xbe", NULL, NULL },
                { longest, NULL, NULL },
        };

        memset(longest, 'x', MESSAGE_BYTES_MAX + 1);
        longest[MESSAGE_BYTES_MAX + 1] = 0;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_free_ char *extra = NULL;
                size_t n = 0;
                int r = entry_extra_message(rows[i].text, rows[i].meta, &extra, &n);

                if (!rows[i].extra) {
                        assert_int_equal(r, -EINVAL);
                        assert_null(extra);
                        continue;
                }
                assert_int_equal(r, 0);
                assert_string_equal(extra, rows[i].extra);
                assert_int_equal(n, strlen(extra));
        }
}

/* The deepest meta and the longest text that are let in make an entry that fits a frame. */
static void test_extra_fits_a_frame(void **state) {
        _cleanup_(value_unrefp) Value *v = NULL;
        _cleanup_(writer_done) Writer w = {};
        _cleanup_(entry_done)
                Entry e = { .seq = 1, .kind = ENTRY_MESSAGE, .id = UUID, .username = "al" };
        _cleanup_free_ char *text = malloc(MESSAGE_BYTES_MAX + 1);

        memset(text, '"', MESSAGE_BYTES_MAX);
        text[MESSAGE_BYTES_MAX] = 0;
        assert_int_equal(
                entry_extra_message(text, "{\"1\":{\"2\":{\"3\":[]}}}", &e.extra, &e.n_extra), 0);
        writer_begin_object(&w, NULL);
        writer_begin_object(&w, "payload");
        writer_begin_array(&w, "entries");
        entry_write(&w, NULL, &e);
        writer_end_array(&w);
        writer_end_object(&w);
        writer_end_object(&w);
        assert_int_equal(w.error, 0);
        assert_in_range(w.size, 2 * MESSAGE_BYTES_MAX, FRAME_BYTES_MAX - 1024);
        assert_int_equal(value_parse(w.data, w.size, &v), 0);
}

static void test_names(void **state) {
        for (UserType t = 0; t < USER_TYPE_MAX; t++)
                assert_int_equal(user_type_from_string(user_type_to_string(t)), t);
        for (EntryKind k = 0; k < ENTRY_KIND_MAX; k++)
                assert_int_equal(entry_kind_from_string(entry_kind_to_string(k)), k);
        for (Role r = 0; r < ROLE_MAX; r++)
                assert_int_equal(role_from_string(role_to_string(r)), r);
        assert_int_equal(user_type_from_string("registered"), USER_TYPE_INVALID);
        assert_int_equal(user_type_from_string(NULL), USER_TYPE_INVALID);
        assert_int_equal(entry_kind_from_string("MESSAGE"), ENTRY_OTHER);
        assert_int_equal(entry_kind_from_string(NULL), ENTRY_OTHER);
        assert_int_equal(role_from_string("admin"), ROLE_INVALID);
        assert_null(role_to_string(ROLE_INVALID));
        assert_null(entries_free(NULL, 3));
}

#define CHANNEL_HEAD                                                                               \
        "{\"channel_name\":\"lobby\",\"channel_id\":\"" UUID                                       \
        "\",\"owner\":\"alice\",\"host\":\"alice\","
#define CHANNEL_TAIL                                                                               \
        "\"view_permission\":\"restricted\",\"topic\":\"t\",\"members\":3,\"last_seq\":12,"        \
        "\"epoch\":2,\"online\":true,\"since\":\"" TIME "\"}"

static void test_directory_both_ways(void **state) {
        static const char text[] = CHANNEL_HEAD
                "\"addresses\":[\"192.0.2.1:22237\",\"[2001:db8::1]:5\"],"
                "\"peer_server_ip\":\"192.0.2.1\",\"peer_server_port\":22237," CHANNEL_TAIL;
        static const char without[] = CHANNEL_HEAD "\"addresses\":[]," CHANNEL_TAIL;
        _cleanup_(directory_entry_done) DirectoryEntry e = {}, none = {};
        _cleanup_(value_unrefp) Value *v = NULL, *v_without = NULL;
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *again = NULL, *again_without = NULL;
        const char *bad = NULL;

        assert_int_equal(value_parse(text, strlen(text), &v), 0);
        assert_int_equal(directory_entry_read(v, &e, &bad), 0);
        assert_int_equal(e.n_addresses, 2);
        assert_int_equal(address_port(&e.addresses[1]), 5);
        assert_true(e.restricted);
        assert_string_equal(e.topic, "t");
        directory_entry_write(&w, NULL, &e, true);
        assert_int_equal(writer_take(&w, &again, NULL), 0);
        assert_string_equal(again, text);

        directory_entry_write(&w, NULL, &e, false);
        assert_int_equal(writer_take(&w, &again_without, NULL), 0);
        assert_string_equal(again_without, without);
        assert_int_equal(value_parse(without, strlen(without), &v_without), 0);
        assert_int_equal(directory_entry_read(v_without, &none, &bad), 0);
        assert_int_equal(none.n_addresses, 0);
}

static void test_directory_rows(void **state) {
        static const struct {
                const char *text, *bad; /* NULL: good */
                size_t n_addresses;
        } rows[] = {
                { CHANNEL_HEAD "\"addresses\":[\"1.2.3.4:1\",\"host.example:2\",\"1.2.3.5:0\","
                               "\"1.2.3.6:3\"]," CHANNEL_TAIL,
                  NULL, 2 },
                { CHANNEL_HEAD
                  "\"addresses\":[\"1.1.1.1:1\",\"1.1.1.1:2\",\"1.1.1.1:3\",\"1.1.1.1:4\","
                  "\"1.1.1.1:5\",\"1.1.1.1:6\",\"1.1.1.1:7\",\"1.1.1.1:8\","
                  "\"1.1.1.1:9\"]," CHANNEL_TAIL,
                  NULL, ADDRESSES_MAX },
                { CHANNEL_HEAD "\"addresses\":[7]," CHANNEL_TAIL, "addresses", 0 },
                { CHANNEL_HEAD "\"addresses\":null," CHANNEL_TAIL, "addresses", 0 },
                { "[]", "channel", 0 },
                { "{\"channel_name\":\"Lobby\",\"channel_id\":\"" UUID
                  "\",\"owner\":\"al\",\"host\":\"al\",\"addresses\":[]," CHANNEL_TAIL,
                  "channel_name", 0 },
                { "{\"channel_name\":\"lobby\",\"channel_id\":\"x\",\"owner\":\"al\",\"host\":"
                  "\"al\","
                  "\"addresses\":[]," CHANNEL_TAIL,
                  "channel_id", 0 },
                { "{\"channel_name\":\"lobby\",\"channel_id\":\"" UUID
                  "\",\"owner\":\"a/l\",\"host\":\"al\",\"addresses\":[]," CHANNEL_TAIL,
                  "owner", 0 },
                { CHANNEL_HEAD "\"addresses\":[],\"view_permission\":\"secret\",\"topic\":\"\","
                               "\"members\":0,\"last_seq\":0,\"epoch\":1,\"online\":false,"
                               "\"since\":\"" TIME "\"}",
                  "view_permission", 0 },
                { CHANNEL_HEAD "\"addresses\":[],\"view_permission\":\"public\",\"topic\":\"\","
                               "\"members\":0,\"last_seq\":0,\"epoch\":1,\"online\":false,"
                               "\"since\":\"now\"}",
                  "since", 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(directory_entry_done) DirectoryEntry e = {};
                _cleanup_(value_unrefp) Value *v = NULL;
                const char *bad = NULL;
                int r;

                assert_int_equal(value_parse(rows[i].text, strlen(rows[i].text), &v), 0);
                r = directory_entry_read(v, &e, &bad);
                assert_int_equal(r, rows[i].bad ? -EBADMSG : 0);
                if (rows[i].bad)
                        assert_string_equal(bad, rows[i].bad);
                assert_int_equal(e.n_addresses, rows[i].n_addresses);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_read_and_written),
                cmocka_unit_test(test_redacted),
                cmocka_unit_test(test_redacted_why),
                cmocka_unit_test(test_any_order),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_bounds),
                cmocka_unit_test(test_sanitized),
                cmocka_unit_test(test_extra_message),
                cmocka_unit_test(test_extra_fits_a_frame),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_directory_both_ways),
                cmocka_unit_test(test_directory_rows),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
