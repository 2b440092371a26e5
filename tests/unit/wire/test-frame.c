/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the decoder to the same lines for every split, to its bound and to its memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/writer.h"

/* Each line into the log as <line>. The last result of frame_decoder_next(): 0 or -EMSGSIZE. */
static int drain(FrameDecoder *d, Writer *log) {
        const char *line;
        size_t n;
        int r;

        while ((r = frame_decoder_next(d, &line, &n)) > 0) {
                writer_bytes(log, "<", 1);
                writer_bytes(log, line, n);
                writer_bytes(log, ">", 1);
        }
        return r;
}

/* In pieces of at most `piece` bytes, until the end or the first error. */
static int feed(FrameDecoder *d, const char *s, size_t n, size_t piece, Writer *log) {
        int r = 0;

        while (n > 0 && r == 0) {
                size_t room, take;
                char *p;

                assert_int_equal(frame_decoder_reserve(d, &p, &room), 0);
                assert_true(room >= 1);
                take = MIN(n, piece);
                take = MIN(take, room);
                memcpy(p, s, take);
                frame_decoder_commit(d, take);
                s += take;
                n -= take;
                r = drain(d, log);
                assert_true(d->allocated <= d->max_bytes);
        }
        return r;
}

static void assert_log(const Writer *log, const char *expected) {
        assert_int_equal(log->size, strlen(expected));
        if (log->size > 0)
                assert_memory_equal(log->data, expected, log->size);
}

static void test_every_split(void **state) {
        static const char stream[] = "AB-1\nC\n\n\nlonger line\r\nhalf";
        static const char lines[] = "<AB-1><C><><><longer line\r>";
        size_t n = sizeof(stream) - 1;

        for (size_t piece = 1; piece <= n; piece++) {
                _cleanup_(frame_decoder_done) FrameDecoder d;
                _cleanup_(writer_done) Writer log = {};

                frame_decoder_init(&d, 64);
                assert_int_equal(feed(&d, stream, n, piece, &log), 0);
                assert_log(&log, lines);
                assert_int_equal(d.size, 4);
        }
        /* Each pair of cuts. */
        for (size_t a = 0; a <= n; a++)
                for (size_t b = a; b <= n; b++) {
                        _cleanup_(frame_decoder_done) FrameDecoder d;
                        _cleanup_(writer_done) Writer log = {};

                        frame_decoder_init(&d, 64);
                        assert_int_equal(feed(&d, stream, a, n, &log), 0);
                        assert_int_equal(feed(&d, stream + a, b - a, n, &log), 0);
                        assert_int_equal(feed(&d, stream + b, n - b, n, &log), 0);
                        assert_log(&log, lines);
                }
}

/* max_bytes counts the LF: a line of exactly so many is one, a byte more is none, however it comes.
 */
static void test_the_bound(void **state) {
        static const size_t bounds[] = { 1, 2, 10, FRAME_BYTES_ANONYMOUS_MAX, FRAME_BYTES_MAX };
        static const size_t pieces[] = { 1, 3, 4096, SIZE_MAX };

        for (size_t i = 0; i < ELEMENTSOF(bounds); i++)
                for (size_t j = 0; j < ELEMENTSOF(pieces); j++) {
                        _cleanup_(frame_decoder_done) FrameDecoder exact, over, open;
                        _cleanup_(writer_done) Writer log = {}, none = {};
                        _cleanup_free_ char *s = malloc(bounds[i] + 1);
                        char *p;
                        size_t n;

                        memset(s, 'x', bounds[i]);
                        s[bounds[i] - 1] = '\n';
                        frame_decoder_init(&exact, bounds[i]);
                        assert_int_equal(feed(&exact, s, bounds[i], pieces[j], &log), 0);
                        assert_int_equal(log.size, bounds[i] - 1 + 2);
                        assert_int_equal(feed(&exact, s, bounds[i], pieces[j], &log), 0);
                        assert_int_equal(log.size, 2 * (bounds[i] - 1 + 2));

                        s[bounds[i] - 1] = 'x';
                        s[bounds[i]] = '\n';
                        frame_decoder_init(&over, bounds[i]);
                        assert_int_equal(feed(&over, s, bounds[i] + 1, pieces[j], &none),
                                         -EMSGSIZE);
                        assert_int_equal(drain(&over, &none), -EMSGSIZE);
                        assert_int_equal(frame_decoder_reserve(&over, &p, &n), -ENOBUFS);

                        frame_decoder_init(&open, bounds[i]);
                        assert_int_equal(feed(&open, s, bounds[i], pieces[j], &none), -EMSGSIZE);
                        assert_int_equal(none.size, 0);
                }
}

/* Lines before the long one are still given. */
static void test_long_after_short(void **state) {
        for (size_t piece = 1; piece < 20; piece++) {
                _cleanup_(frame_decoder_done) FrameDecoder d;
                _cleanup_(writer_done) Writer log = {};

                frame_decoder_init(&d, 8);
                assert_int_equal(feed(&d, "a\nbb\n1234567\n12345678\nc\n", 23, piece, &log),
                                 -EMSGSIZE);
                assert_log(&log, "<a><bb><1234567>");
        }
}

/* The bound may fall while longer lines wait, and rise while one is half here. */
static void test_bound_changes(void **state) {
        _cleanup_(frame_decoder_done) FrameDecoder d;
        _cleanup_(writer_done) Writer log = {};
        const char *line;
        char *p;
        size_t n;

        frame_decoder_init(&d, 64);
        assert_int_equal(frame_decoder_reserve(&d, &p, &n), 0);
        memcpy(p, "HELLO\nlonger than ten\n", 22);
        frame_decoder_commit(&d, 22);
        assert_int_equal(frame_decoder_next(&d, &line, &n), 1);
        assert_int_equal(n, 5);
        frame_decoder_set_max(&d, 15);
        assert_int_equal(frame_decoder_next(&d, &line, &n), -EMSGSIZE);
        assert_int_equal(frame_decoder_reserve(&d, &p, &n), -ENOBUFS);
        frame_decoder_set_max(&d, 16);
        assert_int_equal(frame_decoder_next(&d, &line, &n), 1);
        assert_int_equal(n, 15);
        assert_int_equal(frame_decoder_next(&d, &line, &n), 0);

        frame_decoder_set_max(&d, 4);
        assert_int_equal(feed(&d, "123", 3, 1, &log), 0);
        frame_decoder_set_max(&d, 8);
        assert_int_equal(feed(&d, "4567\n", 5, 1, &log), 0);
        assert_log(&log, "<1234567>");
}

static void test_memory(void **state) {
        _cleanup_(frame_decoder_done) FrameDecoder d;
        _cleanup_(writer_done) Writer log = {};
        _cleanup_free_ char *s = malloc(FRAME_BYTES_MAX);
        char *p;
        size_t n;

        memset(s, 'x', FRAME_BYTES_MAX);
        s[FRAME_BYTES_MAX - 1] = '\n';
        frame_decoder_init(&d, FRAME_BYTES_MAX);
        assert_int_equal(d.allocated, 0);

        assert_int_equal(feed(&d, s, FRAME_BYTES_MAX - 1, 1000, &log), 0);
        assert_true(d.allocated >= FRAME_BYTES_MAX - 1);
        assert_int_equal(feed(&d, "\n", 1, 1, &log), 0);
        assert_int_equal(d.allocated, 0);
        assert_null(d.data);

        /* A read that gave nothing. */
        assert_int_equal(frame_decoder_reserve(&d, &p, &n), 0);
        assert_true(d.allocated > 0);
        frame_decoder_commit(&d, 0);
        assert_int_equal(d.allocated, 0);

        /* A small frame does not cost a large one's memory. */
        assert_int_equal(feed(&d, "small", 5, 5, &log), 0);
        assert_in_range(d.allocated, 5, 4096);
}

/* Each round leaves a partial line behind: bytes move, none is lost or given twice. */
static void test_partial_lines_for_ever(void **state) {
        _cleanup_(frame_decoder_done) FrameDecoder d;
        unsigned next_in = 0, next_out = 0, seed = 1;
        char line[16];
        size_t n_line = 0, at = 0;

        frame_decoder_init(&d, 10);
        while (next_out < 20000) {
                const char *got;
                size_t room, n = 0;
                char *p;
                int r;

                assert_int_equal(frame_decoder_reserve(&d, &p, &room), 0);
                seed = seed * 1103515245 + 12345;
                room = MIN(room, (size_t) 1 + (seed >> 16) % 10);
                for (; n < room; n++) {
                        if (at == n_line) {
                                n_line = (size_t) snprintf(line, sizeof(line), "%u\n", next_in++);
                                at = 0;
                        }
                        p[n] = line[at++];
                }
                frame_decoder_commit(&d, n);
                while ((r = frame_decoder_next(&d, &got, &n)) > 0) {
                        char expected[16];

                        snprintf(expected, sizeof(expected), "%u", next_out++);
                        assert_int_equal(n, strlen(expected));
                        assert_memory_equal(got, expected, n);
                }
                assert_int_equal(r, 0);
                assert_true(d.allocated <= 10);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_split),
                cmocka_unit_test(test_the_bound),
                cmocka_unit_test(test_long_after_short),
                cmocka_unit_test(test_bound_changes),
                cmocka_unit_test(test_memory),
                cmocka_unit_test(test_partial_lines_for_ever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
