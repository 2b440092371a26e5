/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds frames to protocol §2: which lines are one, what is in them, how a refusal is spelt. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/envelope.h"

#define TEXT(s) (s), sizeof(s) - 1
#define X8 "xxxxxxxx"
#define X64 X8 X8 X8 X8 X8 X8 X8 X8

static void test_accepted(void **state) {
        static const struct {
                const char *line;
                size_t n;
                const char *header, *id;
                WireStatus status;
                ValueKind payload;
        } rows[] = {
                { TEXT("LIST-{\"id\":\"1\",\"payload\":{}}"), "LIST", "1", STATUS_INVALID,
                  VALUE_OBJECT },
                { TEXT("OK-{\"id\":\"1\",\"payload\":[]}"), "OK", "1", STATUS_OK, VALUE_ARRAY },
                { TEXT("SERVER_ERROR-{\"id\":\"1\",\"payload\":{}}"), "SERVER_ERROR", "1",
                  STATUS_SERVER_ERROR, VALUE_OBJECT },
                { TEXT("UNAUTHORIZED-{\"id\":\"1\",\"payload\":{}}"), "UNAUTHORIZED", "1",
                  STATUS_UNAUTHORIZED, VALUE_OBJECT },
                { TEXT("REQUEST_ERROR-{\"id\":null,\"payload\":{}}"), "REQUEST_ERROR", "",
                  STATUS_REQUEST_ERROR, VALUE_OBJECT },
                { TEXT("CLOSED-{\"id\":null,\"payload\":{\"reason\":\"kicked\"}}"), "CLOSED", "",
                  STATUS_INVALID, VALUE_OBJECT },
                { TEXT("AB-{\"payload\":{},\"id\":\"1\"}"), "AB", "1", STATUS_INVALID,
                  VALUE_OBJECT },
                { TEXT("AB-{\"id\":\"1\",\"payload\":{}}\r"), "AB", "1", STATUS_INVALID,
                  VALUE_OBJECT },
                { TEXT("AB- { \"id\" : \"1\" , \"payload\" : { } } "), "AB", "1", STATUS_INVALID,
                  VALUE_OBJECT },
                { TEXT("AB-{\"x\":1e3,\"id\":\"1\",\"y\":[{}],\"payload\":{}}"), "AB", "1",
                  STATUS_INVALID, VALUE_OBJECT },
                { TEXT("__-{\"id\":\"!~\",\"payload\":{}}"), "__", "!~", STATUS_INVALID,
                  VALUE_OBJECT },
                { TEXT("AB-{\"id\":\"\\u0021\\\"\",\"payload\":{}}"), "AB", "!\"", STATUS_INVALID,
                  VALUE_OBJECT },
                { TEXT("ABCDEFGHIJKLMNOPQRSTUVWX-{\"id\":\"" X64 "\",\"payload\":{}}"),
                  "ABCDEFGHIJKLMNOPQRSTUVWX", X64, STATUS_INVALID, VALUE_OBJECT },
                { TEXT("AB-{\"id\":\"1\",\"payload\":[[[[[[[]]]]]]]}"), "AB", "1", STATUS_INVALID,
                  VALUE_ARRAY },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(envelope_done) Envelope e = {};

                if (envelope_parse(rows[i].line, rows[i].n, &e) != 0)
                        fail_msg("refused: %s", rows[i].line);
                assert_string_equal(e.header, rows[i].header);
                assert_string_equal(e.id, rows[i].id);
                assert_int_equal(e.status, rows[i].status);
                assert_int_equal(value_kind(e.payload), rows[i].payload);
        }
}

static void test_refused(void **state) {
        static const struct {
                const char *line;
                size_t n;
                int r;
        } rows[] = {
                { TEXT(""), -EBADMSG },
                { TEXT("\r"), -EBADMSG },
                { TEXT("-"), -EBADMSG },
                { TEXT("LIST"), -EBADMSG },
                { TEXT("LIST-"), -EBADMSG },
                { TEXT("{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("A-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("ABCDEFGHIJKLMNOPQRSTUVWXY-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("list-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("LIST2-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT(" LIST-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("LIST -{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("LIST:{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("LI\0ST-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("LI\xc3\x84-{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("LIST-[]"), -EBADMSG },
                { TEXT("LIST-null"), -EBADMSG },
                { TEXT("LIST-\"x\""), -EBADMSG },
                { TEXT("LIST-{}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\"}"), -EBADMSG },
                { TEXT("LIST-{\"payload\":{}}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":null}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":\"x\"}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":1}"), -EBADMSG },
                { TEXT("LIST-{\"id\":7,\"payload\":true}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":{}} {}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":{}}\0"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":{},\"\\u0070ayload\":{}}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":{\"a\":NaN}}"), -EBADMSG },
                { TEXT("LIST-{'id':'1','payload':{}}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":{\"a\":\"\\ud800\"}}"), -EBADMSG },
                { TEXT("LIST-{\"id\":\"1\",\"payload\":{\"a\":\"\xff\"}}"), -EBADMSG },
                { TEXT("LIST-\xef\xbb\xbf{\"id\":\"1\",\"payload\":{}}"), -EBADMSG },
                { TEXT("AB-{\"id\":\"1\",\"payload\":[[[[[[[[]]]]]]]]}"), -EBADMSG },
                /* a frame, but no id of ours */
                { TEXT("LIST-{\"id\":7,\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":true,\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":[],\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":\"\",\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":\" \",\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":\"a b\",\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":\"\\n\",\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":\"\x7f\",\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":\"\xc3\xa9\",\"payload\":{}}"), -EPROTO },
                { TEXT("LIST-{\"id\":\"" X64 "x\",\"payload\":{}}"), -EPROTO },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                Envelope e = {};
                int r = envelope_parse(rows[i].line, rows[i].n, &e);

                if (r != rows[i].r)
                        fail_msg("%d for %d: %s", r, rows[i].r, rows[i].line);
                assert_null(e.body);
        }
}

static void test_written(void **state) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *text = NULL;

        envelope_begin(&w, "LIST", "q1");
        writer_begin_object(&w, NULL);
        writer_uint(&w, "limit", 5);
        writer_end_object(&w);
        envelope_end(&w);
        envelope_begin(&w, "OK", NULL);
        writer_begin_array(&w, NULL);
        writer_end_array(&w);
        envelope_end(&w);

        assert_int_equal(writer_take(&w, &text, NULL), 0);
        assert_string_equal(text, "LIST-{\"id\":\"q1\",\"payload\":{\"limit\":5}}\n"
                                  "OK-{\"id\":null,\"payload\":[]}\n");
}

static void test_failures_both_ways(void **state) {
        /* Every code that may cross the wire comes out as it went in. */
        for (ErrorCode c = ERROR_NONE + 1; c < ERROR_MAX; c++) {
                _cleanup_(writer_done) Writer w = {};
                _cleanup_(envelope_done) Envelope e = {};
                bool local = error_info(c)->status == STATUS_LOCAL;
                Failure f, got;

                failure_set(&f, c, "Say \"%s\".", "why");
                f.retry_after_ms = 1500;
                f.last_seq = 9;
                f.epoch = 2;
                strcpy(f.field, "limit");
                envelope_write_failure(&w, "r1", &f);
                assert_int_equal(w.error, 0);
                assert_int_equal(w.data[w.size - 1], '\n');
                assert_int_equal(envelope_parse(w.data, w.size - 1, &e), 0);
                assert_string_equal(e.id, "r1");
                assert_int_equal(e.status, local ? STATUS_SERVER_ERROR : error_info(c)->status);

                envelope_read_failure(&e, &got);
                assert_int_equal(got.code, local ? ERROR_INTERNAL : c);
                assert_string_equal(got.message, "Say \"why\".");
                assert_int_equal(got.retry_after_ms, 1500);
                assert_int_equal(got.last_seq, 9);
                assert_int_equal(got.epoch, 2);
                assert_string_equal(got.field, "limit");
        }
}

static void test_a_plain_failure_says_no_more(void **state) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *text = NULL;
        Failure f;

        failure_set(&f, ERROR_BAD_FRAME, "That was no frame.");
        envelope_write_failure(&w, NULL, &f);
        assert_int_equal(writer_take(&w, &text, NULL), 0);
        assert_string_equal(text, "REQUEST_ERROR-{\"id\":null,\"payload\":{\"error\":\"bad-frame\","
                                  "\"message\":\"That was no frame.\"}}\n");
}

static void test_strange_failures(void **state) {
        static const struct {
                const char *payload;
                ErrorCode code;
                const char *message;
                uint64_t retry_after_ms;
        } rows[] = {
                { "{}", ERROR_INTERNAL, "The other side gave no reason.", 0 },
                { "[]", ERROR_INTERNAL, "The other side gave no reason.", 0 },
                { "{\"error\":\"of-a-later-version\",\"message\":\"New.\"}", ERROR_INTERNAL, "New.",
                  0 },
                { "{\"error\":\"timeout\",\"message\":\"m\"}", ERROR_INTERNAL, "m", 0 },
                { "{\"error\":7,\"message\":[]}", ERROR_INTERNAL, "The other side gave no reason.",
                  0 },
                { "{\"error\":\"banned\",\"message\":\"m\"}", ERROR_INTERNAL, "m", 0 },
                { "{\"error\":\"busy\",\"message\":\"a\\u0007b\",\"retry_after_ms\":9}", ERROR_BUSY,
                  "a\xef\xbf\xbd"
                  "b",
                  9 },
                { "{\"error\":\"busy\",\"message\":\"%s\",\"retry_after_ms\":-1,\"field\":\"\\n\"}",
                  ERROR_BUSY, "%s", 0 },
                { "{\"error\":\"busy\",\"message\":\"m\",\"field\":\"" X64 "\"}", ERROR_BUSY, "m",
                  0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                _cleanup_(envelope_done) Envelope e = {};
                char line[512];
                Failure f;
                int n = snprintf(line, sizeof(line), "SERVER_ERROR-{\"id\":\"1\",\"payload\":%s}",
                                 rows[i].payload);

                assert_int_equal(envelope_parse(line, (size_t) n, &e), 0);
                envelope_read_failure(&e, &f);
                assert_int_equal(f.code, rows[i].code);
                assert_string_equal(f.message, rows[i].message);
                assert_int_equal(f.retry_after_ms, rows[i].retry_after_ms);
                assert_string_equal(f.field, "");
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_accepted),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_written),
                cmocka_unit_test(test_failures_both_ways),
                cmocka_unit_test(test_a_plain_failure_says_no_more),
                cmocka_unit_test(test_strange_failures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
