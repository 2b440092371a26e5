/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where a frame begins and ends in a stream of bytes; leaves what it says to envelope.h. No
 * fd. */
#pragma once

#include <stddef.h>

#include "base/cleanup.h"

/* Takes any split of bytes. Memory: grows to max_bytes and no further, shrinks to nothing when
 * empty. */
typedef struct FrameDecoder {
        char *data;
        size_t start, size; /* where the undecoded bytes begin, and how many wait */
        size_t allocated;
        size_t scanned; /* bytes from start on that hold no LF */
        size_t max_bytes;
} FrameDecoder;

void frame_decoder_init(FrameDecoder *d, size_t max_bytes);
void frame_decoder_done(FrameDecoder *d);
/* Changed when the connection signs in or joins. */
void frame_decoder_set_max(FrameDecoder *d, size_t max_bytes);

/* Room for the next read: at least 1 byte. -ENOMEM; -ENOBUFS when max_bytes wait undecoded. */
int frame_decoder_reserve(FrameDecoder *d, char **ret, size_t *ret_n);
/* n = 0 after a read that gave nothing: an empty decoder gives its memory back. */
void frame_decoder_commit(FrameDecoder *d, size_t n);

/* 1: a line without its LF, borrowed until the next reserve. 0: more bytes are needed. -EMSGSIZE:
 * the line exceeds max_bytes (LF included); the stream is lost and only a close is left. */
int frame_decoder_next(FrameDecoder *d, const char **ret_line, size_t *ret_n);
