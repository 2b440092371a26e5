/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the scan against RFC 8259 and the bounds of protocol §2, and value_parse() on the same
 * rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/fields.h"
#include "wire/json-scan.h"
#include "wire/limits.h"

/* The bytes are given with their length, since some hold a NUL. */
#define TEXT(s) (s), sizeof(s) - 1

static void test_accepted(void **state) {
        static const struct {
                const char *s;
                size_t n;
        } rows[] = {
                { TEXT("{}") },
                { TEXT("[]") },
                { TEXT(" \t\r\n{ } \r") },
                { TEXT("null") },
                { TEXT("true") },
                { TEXT("false") },
                { TEXT("0") },
                { TEXT("-0") },
                { TEXT("10") },
                { TEXT("-1.5e+10") },
                { TEXT("1e3") },
                { TEXT("1E-3") },
                { TEXT("0.0") },
                { TEXT("1e999") },
                { TEXT("9007199254740991") },
                { TEXT("9007199254740992") },
                { TEXT("9223372036854775808") },
                { TEXT("99999999999999999999999999") },
                { TEXT("\"\"") },
                { TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"") },
                { TEXT("\"\\uD83D\\uDE00\"") },
                { TEXT("\"\\ud83d\\ude00x\"") },
                { TEXT("\"\\uD7FF\\uE000\\uFFFF\"") },
                { TEXT("\"\x7f\"") },
                { TEXT("\"\xc2\x80 \xdf\xbf \xe0\xa0\x80 \xed\x9f\xbf \xee\x80\x80 "
                       "\xef\xbf\xbf\"") },
                { TEXT("\"\xf0\x90\x80\x80 \xf4\x8f\xbf\xbf\"") },
                { TEXT("[1,\"a\",null,{\"b\":[]}]") },
                { TEXT("{\"a\":1,\"A\":2,\"a \":3,\"\":4}") },
                { TEXT("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}") },
                { TEXT("[{\"a\":1},{\"a\":1}]") },
                { TEXT("[[[[[[[[]]]]]]]]") },
                { TEXT("[[[[[[[[1,\"x\"]]]]]]]]") },
                { TEXT("{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":0}}}}}}}}") },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(value_unrefp) Value *v = NULL;
                _cleanup_free_ char *exact = malloc(rows[i].n);
                size_t offset = 0;

                /* A copy without room behind it: reading on would show under ASan. */
                memcpy(exact, rows[i].s, rows[i].n);
                if (json_scan(exact, rows[i].n, NULL, &offset) != 0)
                        fail_msg("refused at %zu: %s", offset, rows[i].s);
                assert_int_equal(offset, rows[i].n);
                if (value_parse(exact, rows[i].n, &v) != 0)
                        fail_msg("scanned but not parsed: %s", rows[i].s);
        }
}

static void test_refused(void **state) {
        static const struct {
                const char *s;
                size_t n;
                size_t offset;
        } rows[] = {
                { TEXT(""), 0 },
                { TEXT("  "), 2 },
                { TEXT("\0"), 0 },
                { TEXT("{}\0"), 2 },
                { TEXT("{\"a\":\"\0\"}"), 6 },
                { TEXT("\xef\xbb\xbf{}"), 0 },
                { TEXT("{} {}"), 3 },
                { TEXT("1 2"), 2 },
                { TEXT("[],"), 2 },
                { TEXT("{"), 1 },
                { TEXT("[1"), 2 },
                { TEXT("[1,]"), 3 },
                { TEXT("[,1]"), 1 },
                { TEXT("{\"a\"}"), 4 },
                { TEXT("{\"a\":}"), 5 },
                { TEXT("{\"a\":1,}"), 7 },
                { TEXT("{a:1}"), 1 },
                { TEXT("{1:1}"), 1 },
                { TEXT("{\"a\" 1}"), 5 },
                { TEXT("{]"), 1 },
                { TEXT("[}"), 1 },
                { TEXT("{\"a\":1]"), 6 },
                /* what json-c takes beside JSON */
                { TEXT("NaN"), 0 },
                { TEXT("-NaN"), 1 },
                { TEXT("Infinity"), 0 },
                { TEXT("-Infinity"), 1 },
                { TEXT("nan"), 1 },
                { TEXT("NULL"), 0 },
                { TEXT("True"), 0 },
                { TEXT("truex"), 4 },
                { TEXT("tru"), 3 },
                { TEXT("'a'"), 0 },
                { TEXT("{'a':1}"), 1 },
                { TEXT("/* */ 1"), 0 },
                { TEXT("1 // x"), 2 },
                /* numbers */
                { TEXT("01"), 1 },
                { TEXT("-01"), 2 },
                { TEXT("00"), 1 },
                { TEXT("+1"), 0 },
                { TEXT("-"), 1 },
                { TEXT(".5"), 0 },
                { TEXT("1."), 2 },
                { TEXT("1.e3"), 2 },
                { TEXT("1e"), 2 },
                { TEXT("1e+"), 3 },
                { TEXT("1e+-3"), 3 },
                { TEXT("0x10"), 1 },
                { TEXT("1_000"), 1 },
                /* strings */
                { TEXT("\""), 1 },
                { TEXT("\"a"), 2 },
                { TEXT("\"\\\""), 3 },
                { TEXT("\"\n\""), 1 },
                { TEXT("\"\t\""), 1 },
                { TEXT("\"\x1f\""), 1 },
                { TEXT("\"\\x41\""), 2 },
                { TEXT("\"\\'\""), 2 },
                { TEXT("\"\\\0\""), 2 },
                { TEXT("\"\\u12\""), 5 },
                { TEXT("\"\\u12G4\""), 5 },
                { TEXT("\"\\U0041\""), 2 },
                { TEXT("\"a\\u0000\""), 2 },
                { TEXT("{\"\\u0000\":1}"), 2 },
                { TEXT("\"\\ud800\""), 7 },
                { TEXT("\"\\udc00\""), 1 },
                { TEXT("\"\\udfff\\ud800\""), 1 },
                { TEXT("\"\\ud800x\""), 7 },
                { TEXT("\"\\ud800\\n\""), 8 },
                { TEXT("\"\\ud800\\u0041\""), 1 },
                { TEXT("\"\\ud800\\ud800\""), 1 },
                { TEXT("\"\\uDBFF\\uE000\""), 1 },
                /* bytes that are no UTF-8 */
                { TEXT("\"\x80\""), 1 },
                { TEXT("\"\xbf\""), 1 },
                { TEXT("\"\xc0\x80\""), 1 },
                { TEXT("\"\xc1\xbf\""), 1 },
                { TEXT("\"\xc3\""), 2 },
                { TEXT("\"\xc3\xc3\""), 2 },
                { TEXT("\"\xe0\x80\x80\""), 2 },
                { TEXT("\"\xe0\x9f\xbf\""), 2 },
                { TEXT("\"\xe2\x82\""), 3 },
                { TEXT("\"\xed\xa0\x80\""), 2 },
                { TEXT("\"\xed\xbf\xbf\""), 2 },
                { TEXT("\"\xf0\x80\x80\x80\""), 2 },
                { TEXT("\"\xf0\x8f\xbf\xbf\""), 2 },
                { TEXT("\"\xf0\x9f\x98\""), 4 },
                { TEXT("\"\xf4\x90\x80\x80\""), 2 },
                { TEXT("\"\xf5\x80\x80\x80\""), 1 },
                { TEXT("\"\xff\""), 1 },
                { TEXT("\"\xc3"), 2 },
                { TEXT("{\"\xc3\x28\":1}"), 3 },
                { TEXT("\xc2\xa0{}"), 0 },
                /* depth: nine brackets */
                { TEXT("[[[[[[[[[]]]]]]]]]"), 8 },
                { TEXT("[[[[[[[[{}]]]]]]]]"), 8 },
                { TEXT("{\"1\":[{\"3\":[{\"5\":[{\"7\":[[0]]}]}]}]}"), 24 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(value_unrefp) Value *v = NULL;
                _cleanup_free_ char *exact = malloc(rows[i].n + !rows[i].n);
                size_t offset = SIZE_MAX;

                memcpy(exact, rows[i].s, rows[i].n);
                if (json_scan(exact, rows[i].n, NULL, &offset) != -EBADMSG)
                        fail_msg("accepted (row %zu): %s", i, rows[i].s);
                if (offset != rows[i].offset)
                        fail_msg("offset %zu for %zu (row %zu): %s", offset, rows[i].offset, i,
                                 rows[i].s);
                assert_int_equal(value_parse(exact, rows[i].n, &v), -EBADMSG);
                assert_null(v);
        }
}

static void test_a_key_twice(void **state) {
        static const char *const rows[] = {
                "{\"a\":1,\"a\":1}",
                "{\"a\":1,\"b\":2,\"a\":null}",
                "{\"a\":null,\"a\":null}",
                "{\"\":1,\"\":2}",
                "{\"a\":1,\"\\u0061\":2}",
                "{\"\\u0061\":1,\"\\u0061\":2}",
                "{\"/\":1,\"\\/\":2}",
                "{\"\xf0\x9f\x98\x80\":1,\"\\uD83D\\uDE00\":2}",
                "[[{\"x\":{\"id\":1,\"ID\":2,\"\\u0069d\":3}}]]",
                "{\"id\":null,\"payload\":{},\"id\":null}",
                "{\"a\":{\"k\":1,\"k\":2},\"a\":3}",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(value_unrefp) Value *v = NULL;

                if (value_parse(rows[i], strlen(rows[i]), &v) != -EBADMSG)
                        fail_msg("accepted: %s", rows[i]);
                assert_null(v);
        }
}

static void test_members_are_counted(void **state) {
        static const char text[] = "{\"a\":{\"b\":[{\"c\":1},{\"c\":\"d:e\"}]},\"f\":{}}";
        size_t n = 0;

        assert_int_equal(json_scan(text, sizeof(text) - 1, &n, NULL), 0);
        assert_int_equal(n, 5);
}

/* As many keys as a frame can carry: PING's heads has one a channel. The last one twice is seen. */
static void test_many_keys(void **state) {
        for (int twice = 0; twice < 2; twice++) {
                _cleanup_(writer_done) Writer w = {};
                _cleanup_(value_unrefp) Value *v = NULL;
                char key[16];

                writer_begin_object(&w, NULL);
                for (unsigned i = 0; i < 5000; i++) {
                        snprintf(key, sizeof(key), "c%u", i);
                        writer_uint(&w, key, i);
                }
                if (twice)
                        writer_uint(&w, "c4999", 0);
                writer_end_object(&w);
                assert_int_equal(w.error, 0);
                assert_in_range(w.size, 5000, FRAME_BYTES_MAX);
                assert_int_equal(value_parse(w.data, w.size, &v), twice ? -EBADMSG : 0);
        }
}

/* Every prefix of a text is refused, and none is read beyond its end. */
static void test_prefixes(void **state) {
        static const char text[] =
                "{\"k\\u00e9\xc3\xa9\":[-1.5e+7,true,null,\"\\ud83d\\ude00\"],\"l\":{}}";

        for (size_t n = 0; n < sizeof(text) - 1; n++) {
                _cleanup_free_ char *exact = malloc(n + 1);
                size_t offset;

                memcpy(exact, text, n);
                assert_int_equal(json_scan(exact, n, NULL, &offset), -EBADMSG);
                assert_in_range(offset, 0, n);
        }
        assert_int_equal(json_scan(text, sizeof(text) - 1, NULL, NULL), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_accepted),    cmocka_unit_test(test_refused),
                cmocka_unit_test(test_a_key_twice), cmocka_unit_test(test_members_are_counted),
                cmocka_unit_test(test_many_keys),   cmocka_unit_test(test_prefixes),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
