/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows commas, quotes and growth; leaves the order of calls to its callers. */
#include "wire/writer.h"

#include <inttypes.h>

#include "base/names.h"

#define WRITER_BYTES_FIRST 256

void writer_done(Writer *w) {
        free(w->data);
        *w = (Writer){};
}

/* n more bytes at the end of data, or NULL with the error set. */
static char *writer_extend(Writer *w, size_t n) {
        size_t allocated = MAX(w->allocated, (size_t) WRITER_BYTES_FIRST);
        char *p;

        if (w->error < 0)
                return NULL;
        if (n > WRITER_BYTES_MAX - w->size) {
                w->error = -E2BIG;
                return NULL;
        }
        if (w->size + n > w->allocated) {
                while (allocated < w->size + n)
                        allocated *= 2;
                p = realloc(w->data, allocated);
                if (!p) {
                        w->error = -ENOMEM;
                        return NULL;
                }
                w->data = p;
                w->allocated = allocated;
        }
        p = w->data + w->size;
        w->size += n;
        return p;
}

int writer_take(Writer *w, char **ret, size_t *ret_n) {
        char *end = writer_extend(w, 1);
        int r = w->error;

        if (end) {
                *end = 0;
                *ret = TAKE_PTR(w->data);
                if (ret_n)
                        *ret_n = w->size - 1;
        }
        writer_done(w);
        return r;
}

void writer_bytes(Writer *w, const char *bytes, size_t n) {
        char *p;

        if (n == 0)
                return;
        p = writer_extend(w, n);
        if (p)
                memcpy(p, bytes, n);
}

static void writer_quoted(Writer *w, const char *s, size_t n) {
        static const char shorts[0x20] = {
                ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r',
        };
        static const char hex[] = "0123456789abcdef";
        size_t start = 0;

        writer_bytes(w, "\"", 1);
        for (size_t i = 0; i < n; i++) {
                unsigned char c = (unsigned char) s[i];

                if (c >= 0x20 && c != '"' && c != '\\')
                        continue;
                writer_bytes(w, s + start, i - start);
                start = i + 1;
                if (c >= 0x20)
                        writer_bytes(w, (char[]){ '\\', (char) c }, 2);
                else if (shorts[c])
                        writer_bytes(w, (char[]){ '\\', shorts[c] }, 2);
                else
                        writer_bytes(w, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] },
                                     6);
        }
        writer_bytes(w, s + start, n - start);
        writer_bytes(w, "\"", 1);
}

static void writer_separate(Writer *w, const char *key) {
        if (w->needs_comma)
                writer_bytes(w, ",", 1);
        w->needs_comma = true;
        if (key) {
                writer_quoted(w, key, strlen(key));
                writer_bytes(w, ":", 1);
        }
}

void writer_key(Writer *w, const char *key) {
        writer_separate(w, key);
        w->needs_comma = false;
}

static void writer_begin(Writer *w, const char *key, const char *bracket) {
        writer_separate(w, key);
        writer_bytes(w, bracket, 1);
        w->needs_comma = false;
}

static void writer_end(Writer *w, const char *bracket) {
        writer_bytes(w, bracket, 1);
        w->needs_comma = true;
}

void writer_begin_object(Writer *w, const char *key) {
        writer_begin(w, key, "{");
}

void writer_end_object(Writer *w) {
        writer_end(w, "}");
}

void writer_begin_array(Writer *w, const char *key) {
        writer_begin(w, key, "[");
}

void writer_end_array(Writer *w) {
        writer_end(w, "]");
}

void writer_string(Writer *w, const char *key, const char *s) {
        if (s)
                writer_string_n(w, key, s, strlen(s));
}

void writer_string_n(Writer *w, const char *key, const char *s, size_t n) {
        writer_separate(w, key);
        writer_quoted(w, s, n);
}

void writer_uint(Writer *w, const char *key, uint64_t u) {
        char digits[24];
        int n = snprintf(digits, sizeof(digits), "%" PRIu64, u);

        writer_raw(w, key, digits, (size_t) n);
}

void writer_int(Writer *w, const char *key, int64_t i) {
        char digits[24];
        int n = snprintf(digits, sizeof(digits), "%" PRId64, i);

        writer_raw(w, key, digits, (size_t) n);
}

void writer_bool(Writer *w, const char *key, bool b) {
        if (b)
                writer_raw(w, key, "true", 4);
        else
                writer_raw(w, key, "false", 5);
}

void writer_null(Writer *w, const char *key) {
        writer_raw(w, key, "null", 4);
}

void writer_time(Writer *w, const char *key, uint64_t realtime_usec) {
        char text[TIME_STRING_SIZE];

        time_print(realtime_usec, text);
        writer_string(w, key, text);
}

void writer_raw(Writer *w, const char *key, const char *json, size_t n) {
        writer_separate(w, key);
        writer_bytes(w, json, n);
}

void writer_members(Writer *w, const char *object, size_t n) {
        assert(n >= 2 && object[0] == '{' && object[n - 1] == '}');
        if (n > 2)
                writer_raw(w, NULL, object + 1, n - 2);
}

void writer_truncate(Writer *w, size_t size, bool needs_comma) {
        assert(size <= w->size);
        w->size = size;
        w->needs_comma = needs_comma;
}
