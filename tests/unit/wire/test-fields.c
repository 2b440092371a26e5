/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the readers of values and field tables to their contract. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/fields.h"
#include "wire/limits.h"

static Value *parse(const char *s) {
        Value *v = NULL;

        assert_int_equal(value_parse(s, strlen(s), &v), 0);
        return v;
}

static void test_uint(void **state) {
        static const struct {
                const char *text;
                int r;
                uint64_t u;
        } rows[] = {
                { "0", 0, 0 },
                { "-0", 0, 0 },
                { "1", 0, 1 },
                { "4294967296", 0, UINT64_C(4294967296) },
                { "9007199254740991", 0, NUMBER_MAX },
                { "9007199254740992", -EINVAL, 0 },
                { "9223372036854775807", -EINVAL, 0 },
                { "9223372036854775808", -EINVAL, 0 },
                { "18446744073709551615", -EINVAL, 0 },
                { "18446744073709551616", -EINVAL, 0 },
                { "18446744073709551617", -EINVAL, 0 },
                { "100000000000000000000000000000000", -EINVAL, 0 },
                { "-1", -EINVAL, 0 },
                { "-9223372036854775809", -EINVAL, 0 },
                { "1.0", -EINVAL, 0 },
                { "1e3", -EINVAL, 0 },
                { "1E0", -EINVAL, 0 },
                { "0.5", -EINVAL, 0 },
                { "\"1\"", -EINVAL, 0 },
                { "true", -EINVAL, 0 },
                { "null", -EINVAL, 0 },
                { "[1]", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(value_unrefp) Value *v = parse(rows[i].text);
                uint64_t u = 0;

                if (value_uint(v, &u) != rows[i].r || u != rows[i].u)
                        fail_msg("wrong: %s", rows[i].text);
        }
}

static void test_kinds(void **state) {
        static const struct {
                const char *text;
                ValueKind kind;
        } rows[] = {
                { "null", VALUE_NULL },        { "true", VALUE_BOOL },    { "12", VALUE_NUMBER },
                { "1.5e3", VALUE_NUMBER },     { "7e0", VALUE_NUMBER },   { "\"s\"", VALUE_STRING },
                { "{\"a\":1}", VALUE_OBJECT }, { "[null]", VALUE_ARRAY },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(value_unrefp) Value *v = parse(rows[i].text);
                bool b;

                assert_int_equal(value_kind(v), rows[i].kind);
                assert_int_equal(value_bool(v, &b), rows[i].kind == VALUE_BOOL ? 0 : -EINVAL);
                assert_int_equal(value_string(v, NULL) != NULL, rows[i].kind == VALUE_STRING);
                assert_int_equal(value_length(v), rows[i].kind == VALUE_ARRAY);
                assert_int_equal(value_has(v, "a"), rows[i].kind == VALUE_OBJECT);
                assert_null(value_get(v, "zzz"));
                assert_null(value_at(v, 1));
        }
        assert_int_equal(value_kind(NULL), VALUE_NULL);
        assert_null(value_unref(NULL));
}

static void test_tree(void **state) {
        _cleanup_(value_unrefp) Value *v = NULL, *second = NULL;
        size_t n;

        v = parse(
                "{\"a\":null,\"s\":\"x\\u00e9\\n\\uD83D\\uDE00\",\"l\":[1,\"two\",{\"k\":false}]}");
        second = value_ref(v);
        v = value_unref(v);

        assert_null(value_get(second, "a"));
        assert_true(value_has(second, "a"));
        assert_false(value_has(second, "b"));
        assert_string_equal(value_string(value_get(second, "s"), &n),
                            "x\xc3\xa9\n\xf0\x9f\x98\x80");
        assert_int_equal(n, 8);
        assert_int_equal(value_length(value_get(second, "l")), 3);
        assert_string_equal(value_string(value_at(value_get(second, "l"), 1), NULL), "two");
}

static int append_key(const char *key, const Value *value, void *userdata) {
        char *keys = userdata;

        strcat(keys, key);
        return streq(key, "stop") ? -ECANCELED : 0;
}

static void test_each(void **state) {
        _cleanup_(value_unrefp) Value *v = parse("{\"z\":1,\"a\":null,\"m\":{\"q\":1},\"b\":2}");
        _cleanup_(value_unrefp) Value *stop = parse("{\"x\":1,\"stop\":1,\"y\":1}");
        char keys[32] = "";

        assert_int_equal(value_each(v, append_key, keys), 0);
        assert_string_equal(keys, "zamb");
        keys[0] = 0;
        assert_int_equal(value_each(stop, append_key, keys), -ECANCELED);
        assert_string_equal(keys, "xstop");
        assert_int_equal(value_each(value_get(v, "z"), append_key, keys), -EINVAL);
}

typedef struct Target {
        const char *name;
        uint64_t count;
        bool on;
        const Value *object, *array, *any;
} Target;

static const Field table[] = {
        { "name", FIELD_STRING, offsetof(Target, name), true, 2, 4 },
        { "count", FIELD_UINT, offsetof(Target, count), false, 1, 200 },
        { "on", FIELD_BOOL, offsetof(Target, on), false },
        { "object", FIELD_OBJECT, offsetof(Target, object), false },
        { "array", FIELD_ARRAY, offsetof(Target, array), false, 1, 2 },
        { "any", FIELD_ANY, offsetof(Target, any), false },
        {},
};

static void test_table_refuses(void **state) {
        static const struct {
                const char *text, *bad;
        } rows[] = {
                { "[]", "payload" },
                { "null", "payload" },
                { "{}", "name" },
                { "{\"name\":null}", "name" },
                { "{\"name\":7}", "name" },
                { "{\"name\":\"a\"}", "name" },
                { "{\"name\":\"abcde\"}", "name" },
                { "{\"name\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", "name" },
                { "{\"name\":\"ab\",\"count\":0}", "count" },
                { "{\"name\":\"ab\",\"count\":201}", "count" },
                { "{\"name\":\"ab\",\"count\":\"1\"}", "count" },
                { "{\"name\":\"ab\",\"count\":1e2}", "count" },
                { "{\"name\":\"ab\",\"count\":-5}", "count" },
                { "{\"name\":\"ab\",\"on\":1}", "on" },
                { "{\"name\":\"ab\",\"on\":\"true\"}", "on" },
                { "{\"name\":\"ab\",\"object\":[]}", "object" },
                { "{\"name\":\"ab\",\"array\":{}}", "array" },
                { "{\"name\":\"ab\",\"array\":[]}", "array" },
                { "{\"name\":\"ab\",\"array\":[1,2,3]}", "array" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(value_unrefp) Value *v = parse(rows[i].text);
                const char *bad = NULL;
                Target t = {};

                assert_int_equal(fields_read(v, table, &t, &bad), -EINVAL);
                assert_string_equal(bad, rows[i].bad);
        }
}

static void test_table_reads(void **state) {
        _cleanup_(value_unrefp) Value *all = parse("{\"name\":\"abcd\",\"count\":200,\"on\":false,"
                                                   "\"object\":{},\"array\":[0],\"any\":1.5,"
                                                   "\"unknown\":9223372036854775808}");
        _cleanup_(value_unrefp) Value *few = parse("{\"name\":\"ab\",\"count\":null}");
        const char *bad = NULL;
        Target t = { .on = true };

        assert_int_equal(fields_read(all, table, &t, &bad), 0);
        assert_string_equal(t.name, "abcd");
        assert_int_equal(t.count, 200);
        assert_false(t.on);
        assert_int_equal(value_kind(t.object), VALUE_OBJECT);
        assert_int_equal(value_length(t.array), 1);
        assert_int_equal(value_kind(t.any), VALUE_NUMBER);

        t = (Target){ .count = 50, .on = true };
        assert_int_equal(fields_read(few, table, &t, &bad), 0);
        assert_int_equal(t.count, 50);
        assert_true(t.on);
        assert_null(t.array);
}

/* A parsed subtree comes out as the same JSON, slashes and characters as they were. */
static void test_writer_value(void **state) {
        static const char *const rows[] = {
                "{\"a\":[1,-2,1.50,1e3,true,false,null],\"b\":{\"c\":\"/\xc3\xa9\"}}",
                "\"\\\"\\\\\\n\\t\"",
                "9007199254740993",
                "[]",
                "{}",
                "null",
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(value_unrefp) Value *v = parse(rows[i]);
                _cleanup_(writer_done) Writer w = {};
                _cleanup_free_ char *text = NULL;

                writer_value(&w, NULL, v);
                assert_int_equal(writer_take(&w, &text, NULL), 0);
                assert_string_equal(text, rows[i]);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_uint),          cmocka_unit_test(test_kinds),
                cmocka_unit_test(test_tree),          cmocka_unit_test(test_each),
                cmocka_unit_test(test_table_refuses), cmocka_unit_test(test_table_reads),
                cmocka_unit_test(test_writer_value),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
