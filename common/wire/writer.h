/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how JSON text is made, byte after byte; leaves what it says to its callers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define WRITER_BYTES_MAX (64 * 1024 * 1024) /* a caller ran away: nothing of ours comes near */

/* JSON text in the making: bytes are appended, nothing is built. Errors stick (-ENOMEM, -E2BIG
 * beyond WRITER_BYTES_MAX) and come out at the end. All zero is an empty one. key is NULL inside
 * arrays and at the top. Strings must be valid UTF-8 (callers have checked); slashes are not
 * escaped, non-ASCII is written as it is. data is not NUL-terminated. */
typedef struct Writer {
        char *data;
        size_t size;
        size_t allocated;
        int error;
        bool needs_comma;
} Writer;

void writer_done(Writer *w); /* frees; for _cleanup_(writer_done) */
/* Hands the text over with a NUL behind it (not counted in *ret_n), or the error that stuck; the
 * writer is empty afterwards. */
int writer_take(Writer *w, char **ret, size_t *ret_n);

void writer_begin_object(Writer *w, const char *key);
void writer_end_object(Writer *w);
void writer_begin_array(Writer *w, const char *key);
void writer_end_array(Writer *w);
void writer_string(Writer *w, const char *key, const char *s); /* NULL: nothing is written */
void writer_string_n(Writer *w, const char *key, const char *s, size_t n);
void writer_uint(Writer *w, const char *key, uint64_t u);
void writer_int(Writer *w, const char *key, int64_t i);
void writer_bool(Writer *w, const char *key, bool b);
void writer_null(Writer *w, const char *key);
void writer_time(Writer *w, const char *key, uint64_t realtime_usec); /* RFC 3339 */
void writer_raw(Writer *w, const char *key, const char *json,
                size_t n); /* n bytes that are JSON already */
/* The members of an object's text ({"a":1} without white space around it) into the open object. */
void writer_members(Writer *w, const char *object, size_t n);
void writer_key(Writer *w, const char *key); /* comma and key; the value follows with key NULL */
void writer_bytes(Writer *w, const char *bytes, size_t n); /* outside JSON: a frame's header, LF */
/* Cuts back to an earlier size (for "as many elements as fit"); needs_comma as given. */
void writer_truncate(Writer *w, size_t size, bool needs_comma);
