/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds the decoder one stream in splits that the input chooses, and each line to envelope_parse().
 * Holds: the lines are those of the stream however it is split, the bound is kept, an envelope that
 * is written again is read alike. Input: 4 bytes of seed for the splits, 1 for the bound, the
 * stream. */
#include "fuzz/fuzz.h"

#include "base/cleanup.h"
#include "wire/envelope.h"
#include "wire/frame.h"

#define PREFIX_BYTES 5

typedef struct Stream {
        const char *s;
        size_t n, at;
        size_t max_bytes;
} Stream;

/* The oracle: the next line of the whole stream as frame_decoder_next() would give it at its end.
 */
static int stream_next(Stream *stream, const char **ret_line, size_t *ret_n) {
        const char *start = stream->s + stream->at;
        size_t n = stream->n - stream->at;
        const char *lf = n > 0 ? memchr(start, '\n', n) : NULL;

        if (!lf)
                return n >= stream->max_bytes ? -EMSGSIZE : 0;
        if ((size_t) (lf - start) + 1 > stream->max_bytes)
                return -EMSGSIZE;
        *ret_line = start;
        *ret_n = (size_t) (lf - start);
        stream->at += *ret_n + 1;
        return 1;
}

static void check_envelope(const char *line, size_t n) {
        _cleanup_(envelope_done) Envelope e = {}, again = {};
        _cleanup_(writer_done) Writer w = {};
        Failure f;
        int r = envelope_parse(line, n, &e);

        if (r < 0) {
                require(r == -EBADMSG || r == -EPROTO);
                require(!e.body);
                return;
        }
        require(value_kind(e.payload) == VALUE_OBJECT || value_kind(e.payload) == VALUE_ARRAY);
        envelope_begin(&w, e.header, e.id[0] ? e.id : NULL);
        writer_value(&w, NULL, e.payload);
        envelope_end(&w);
        require(w.error == 0 && w.data[w.size - 1] == '\n');
        require(!memchr(w.data, '\n', w.size - 1));
        require(envelope_parse(w.data, w.size - 1, &again) == 0);
        require(streq(e.header, again.header) && streq(e.id, again.id));
        require(e.status == again.status);

        envelope_read_failure(&e, &f);
        require(f.code > ERROR_NONE && f.code < ERROR_MAX);
        require(memchr(f.message, 0, sizeof(f.message)) && memchr(f.field, 0, sizeof(f.field)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(frame_decoder_done) FrameDecoder d = {};
        Stream oracle = {};
        uint32_t seed;
        size_t fed = 0;
        int r = 0;

        if (size < PREFIX_BYTES)
                return 0;
        memcpy(&seed, data, sizeof(seed));
        oracle.s = (const char *) data + PREFIX_BYTES;
        oracle.n = size - PREFIX_BYTES;
        oracle.max_bytes = data[4] == 0 ? 65536 : data[4] < 128 ? data[4] : 64 * (size_t) data[4];
        frame_decoder_init(&d, oracle.max_bytes);

        while (r == 0 && fed < oracle.n) {
                size_t room, n;
                char *p;

                require(frame_decoder_reserve(&d, &p, &room) == 0);
                require(room >= 1 && d.allocated <= oracle.max_bytes);
                seed = seed * 1664525 + 1013904223;
                n = seed % 3 == 0 ? 1 : (seed >> 8) % 4096;
                n = MIN(n, room);
                n = MIN(n, oracle.n - fed);
                memcpy(p, oracle.s + fed, n);
                frame_decoder_commit(&d, n);
                fed += n;

                for (;;) {
                        const char *line = NULL, *expected = NULL;
                        size_t n_line = 0, n_expected = 0;

                        r = frame_decoder_next(&d, &line, &n_line);
                        if (r <= 0)
                                break;
                        require(stream_next(&oracle, &expected, &n_expected) == 1);
                        require(n_line == n_expected && memcmp(line, expected, n_line) == 0);
                        check_envelope(line, n_line);
                }
                require(r == 0 || r == -EMSGSIZE);
        }

        if (oracle.n > 0) {
                const char *line;
                size_t n;

                require(stream_next(&oracle, &line, &n) == r);
                require(r < 0 || d.size == oracle.n - oracle.at);
        }
        return 0;
}
