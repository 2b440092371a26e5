/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the bytes that wait for a connection's socket, and whose they are; for conn*.c only. */
#pragma once

#include "base/cleanup.h"

typedef struct OutputSegment {
        const void *owner; /* NULL: control; else the source that can take it back */
        size_t size;
} OutputSegment;

/* A queue of whole frames. All zero is an empty one; an empty one holds no memory. */
typedef struct Output {
        char *data;
        size_t start, size, allocated;
        OutputSegment *segments;
        size_t first_segment, n_segments, segments_allocated;
        size_t started;   /* bytes of the first segment that are gone */
        size_t sealed;    /* TLS has encrypted these already and must be offered them again */
        size_t n_control; /* bytes without an owner, gone ones of the first segment included */
} Output;

void output_done(Output *o);
int output_append(Output *o, const void *owner, const char *bytes, size_t n);
/* What is first to go: output_data(o), o->size bytes. */
static inline const char *output_data(const Output *o) {
        return o->data + o->start;
}
void output_consume(Output *o, size_t n);
/* Takes back every frame of owner that has not been begun or sealed. */
void output_drop(Output *o, const void *owner);
