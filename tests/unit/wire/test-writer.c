/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the writer to its commas, escapes and sticking errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/fields.h"
#include "wire/writer.h"

static void check(Writer *w, const char *expected) {
        _cleanup_free_ char *text = NULL;
        size_t n = 0;

        assert_int_equal(writer_take(w, &text, &n), 0);
        assert_string_equal(text, expected);
        assert_int_equal(n, strlen(expected));
        assert_null(w->data);
}

static void test_structure(void **state) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "s", "x");
        writer_string(&w, "absent", NULL);
        writer_string_n(&w, "n", "abc", 2);
        writer_uint(&w, "u", UINT64_MAX);
        writer_int(&w, "i", INT64_MIN);
        writer_bool(&w, "t", true);
        writer_bool(&w, "f", false);
        writer_null(&w, "0");
        writer_time(&w, "time", UINT64_C(1700000000123456));
        writer_begin_array(&w, "a");
        writer_uint(&w, NULL, 1);
        writer_begin_object(&w, NULL);
        writer_end_object(&w);
        writer_begin_array(&w, NULL);
        writer_end_array(&w);
        writer_string(&w, NULL, "");
        writer_end_array(&w);
        writer_key(&w, "k");
        writer_begin_object(&w, NULL);
        writer_members(&w, "{}", 2);
        writer_members(&w, "{\"p\":1,\"q\":2}", 13);
        writer_members(&w, "{\"r\":3}", 7);
        writer_end_object(&w);
        writer_raw(&w, "raw", "[1,2]xx", 5);
        writer_end_object(&w);

        check(&w, "{\"s\":\"x\",\"n\":\"ab\",\"u\":18446744073709551615,"
                  "\"i\":-9223372036854775808,\"t\":true,\"f\":false,\"0\":null,"
                  "\"time\":\"2023-11-14T22:13:20.123Z\",\"a\":[1,{},[],\"\"],"
                  "\"k\":{\"p\":1,\"q\":2,\"r\":3},\"raw\":[1,2]}");
}

static void test_escapes(void **state) {
        static const struct {
                const char *text, *json;
        } rows[] = {
                { "", "\"\"" },
                { "\"", "\"\\\"\"" },
                { "\\", "\"\\\\\"" },
                { "a/b", "\"a/b\"" },
                { "\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"" },
                { "\x01\x1f", "\"\\u0001\\u001f\"" },
                { "\x7f", "\"\x7f\"" },
                { "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
                { "\xe2\x80\xa8", "\"\xe2\x80\xa8\"" },
                { "a\"b\"c", "\"a\\\"b\\\"c\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(writer_done) Writer w = {};
                _cleanup_(value_unrefp) Value *v = NULL;

                writer_string(&w, NULL, rows[i].text);
                assert_int_equal(value_parse(w.data, w.size, &v), 0);
                assert_string_equal(value_string(v, NULL), rows[i].text);
                check(&w, rows[i].json);
        }
}

static void test_keys_are_escaped(void **state) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_uint(&w, "a\"\n", 1);
        writer_end_object(&w);
        check(&w, "{\"a\\\"\\n\":1}");
}

static void test_truncate(void **state) {
        _cleanup_(writer_done) Writer w = {};
        size_t size;
        bool comma;

        writer_begin_array(&w, NULL);
        writer_uint(&w, NULL, 1);
        size = w.size;
        comma = w.needs_comma;
        writer_begin_object(&w, NULL);
        writer_string(&w, "a", "b");
        writer_truncate(&w, size, comma);
        writer_uint(&w, NULL, 2);
        writer_end_array(&w);
        check(&w, "[1,2]");
}

static void test_growth(void **state) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_(value_unrefp) Value *v = NULL;

        writer_begin_array(&w, NULL);
        for (unsigned i = 0; i < 20000; i++)
                writer_uint(&w, NULL, i);
        writer_end_array(&w);
        assert_int_equal(w.error, 0);
        assert_int_equal(value_parse(w.data, w.size, &v), 0);
        assert_int_equal(value_length(v), 20000);
}

static void test_errors_stick(void **state) {
        _cleanup_free_ char *block = calloc(1, 1024 * 1024), *text = NULL;
        _cleanup_(writer_done) Writer w = {};
        size_t n_blocks = 0;

        while (w.error == 0 && n_blocks < 1000) {
                writer_bytes(&w, block, 1024 * 1024);
                n_blocks++;
        }
        assert_int_equal(w.error, -E2BIG);
        assert_int_equal(n_blocks, WRITER_BYTES_MAX / 1024 / 1024 + 1);
        writer_truncate(&w, 0, false);
        writer_null(&w, NULL);
        assert_int_equal(w.size, 0);
        assert_int_equal(writer_take(&w, &text, NULL), -E2BIG);
        assert_null(text);
        assert_null(w.data);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_structure),        cmocka_unit_test(test_escapes),
                cmocka_unit_test(test_keys_are_escaped), cmocka_unit_test(test_truncate),
                cmocka_unit_test(test_growth),           cmocka_unit_test(test_errors_stick),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
