/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a stream's bytes wait until their LF comes; leaves reading them to who has the fd. */
#include "wire/frame.h"

#define FRAME_BYTES_FIRST 4096

void frame_decoder_init(FrameDecoder *d, size_t max_bytes) {
        *d = (FrameDecoder){ .max_bytes = max_bytes };
}

static void frame_decoder_release(FrameDecoder *d) {
        free(d->data);
        *d = (FrameDecoder){ .max_bytes = d->max_bytes };
}

void frame_decoder_done(FrameDecoder *d) {
        frame_decoder_release(d);
}

void frame_decoder_set_max(FrameDecoder *d, size_t max_bytes) {
        d->max_bytes = max_bytes;
}

int frame_decoder_reserve(FrameDecoder *d, char **ret, size_t *ret_n) {
        size_t allocated, room;
        char *data;

        if (d->size >= d->max_bytes)
                return -ENOBUFS;

        if (d->start + d->size == d->allocated) {
                if (d->allocated >= d->max_bytes) {
                        /* Once a line at most, and never more bytes than it has: linear in all. */
                        memmove(d->data, d->data + d->start, d->size);
                } else {
                        allocated = MIN(MAX(2 * d->allocated, (size_t) FRAME_BYTES_FIRST),
                                        d->max_bytes);
                        data = malloc(allocated);
                        if (!data)
                                return -ENOMEM;
                        if (d->size > 0)
                                memcpy(data, d->data + d->start, d->size);
                        free(d->data);
                        d->data = data;
                        d->allocated = allocated;
                }
                d->start = 0;
        }

        room = d->allocated - d->start - d->size;
        *ret = d->data + d->start + d->size;
        *ret_n = MIN(room, d->max_bytes - d->size);
        return 0;
}

void frame_decoder_commit(FrameDecoder *d, size_t n) {
        assert(n <= d->allocated - d->start - d->size);
        d->size += n;
        if (d->size == 0)
                frame_decoder_release(d);
}

int frame_decoder_next(FrameDecoder *d, const char **ret_line, size_t *ret_n) {
        const char *line, *lf;
        size_t n;

        if (d->size == 0) {
                frame_decoder_release(d);
                return 0;
        }

        line = d->data + d->start;
        lf = memchr(line + d->scanned, '\n', d->size - d->scanned);
        if (!lf) {
                d->scanned = d->size;
                return d->size >= d->max_bytes ? -EMSGSIZE : 0;
        }

        n = (size_t) (lf - line);
        if (n + 1 > d->max_bytes)
                return -EMSGSIZE;
        d->start += n + 1;
        d->size -= n + 1;
        d->scanned = 0;
        *ret_line = line;
        *ret_n = n;
        return 1;
}
