/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how frames wait in one piece of memory and can be taken back out of it; leaves when they go
 * to conn-turn.c. */
#include "net/conn-output.h"

#define OUTPUT_BYTES_FIRST 1024
#define SEGMENTS_FIRST 8

void output_done(Output *o) {
        free(o->data);
        free(o->segments);
        *o = (Output){};
}

static int output_make_room(Output *o, size_t n) {
        size_t allocated = MAX(o->allocated, (size_t) OUTPUT_BYTES_FIRST);
        char *data;

        if (o->start + o->size + n <= o->allocated)
                return 0;
        while (allocated < o->size + n)
                allocated *= 2;
        data = malloc(allocated);
        if (!data)
                return -ENOMEM;
        if (o->size > 0)
                memcpy(data, o->data + o->start, o->size);
        free(o->data);
        o->data = data;
        o->allocated = allocated;
        o->start = 0;
        return 0;
}

static int output_make_segment(Output *o) {
        OutputSegment *segments;
        size_t allocated;

        if (o->first_segment + o->n_segments < o->segments_allocated)
                return 0;
        if (o->first_segment > o->n_segments) {
                memmove(o->segments, o->segments + o->first_segment,
                        o->n_segments * sizeof(OutputSegment));
                o->first_segment = 0;
                return 0;
        }
        allocated = MAX(2 * o->segments_allocated, (size_t) SEGMENTS_FIRST);
        segments = reallocarray(o->segments, allocated, sizeof(OutputSegment));
        if (!segments)
                return -ENOMEM;
        o->segments = segments;
        o->segments_allocated = allocated;
        return 0;
}

int output_append(Output *o, const void *owner, const char *bytes, size_t n) {
        OutputSegment *last;
        int r;

        if (n == 0)
                return 0;
        r = output_make_room(o, n);
        if (r < 0)
                return r;
        last = o->n_segments > 0 ? &o->segments[o->first_segment + o->n_segments - 1] : NULL;
        if (last && !last->owner && !owner) {
                last->size += n;
        } else {
                r = output_make_segment(o);
                if (r < 0)
                        return r;
                o->segments[o->first_segment + o->n_segments++] =
                        (OutputSegment){ .owner = owner, .size = n };
        }
        memcpy(o->data + o->start + o->size, bytes, n);
        o->size += n;
        if (!owner)
                o->n_control += n;
        return 0;
}

void output_consume(Output *o, size_t n) {
        assert(n <= o->size);
        o->start += n;
        o->size -= n;
        o->sealed = 0;
        o->started += n;
        while (o->n_segments > 0 && o->started >= o->segments[o->first_segment].size) {
                o->started -= o->segments[o->first_segment].size;
                if (!o->segments[o->first_segment].owner)
                        o->n_control -= o->segments[o->first_segment].size;
                o->first_segment++;
                o->n_segments--;
        }
        if (o->size == 0)
                output_done(o);
}

void output_drop(Output *o, const void *owner) {
        size_t from = 0, to = 0, kept = 0;
        char *data;

        if (o->n_segments == 0)
                return;
        data = o->data + o->start;
        for (size_t i = 0; i < o->n_segments; i++) {
                OutputSegment s = o->segments[o->first_segment + i];
                size_t n = s.size - (i == 0 ? o->started : 0);
                bool begun = (i == 0 && o->started > 0) || from < o->sealed;

                if (s.owner != owner || begun) {
                        memmove(data + to, data + from, n);
                        to += n;
                        o->segments[o->first_segment + kept++] = s;
                }
                from += n;
        }
        o->size = to;
        o->n_segments = kept;
        if (o->size == 0)
                output_done(o);
}
