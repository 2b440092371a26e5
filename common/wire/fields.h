/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how values are read out of JSON and written into it; the only door to json-c. Leaves meaning
 * to who names the fields. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* A parsed value: opaque, read-only, reference-counted as a whole tree. Borrowed parts live as long
 * as the tree. */
typedef struct Value Value;
typedef enum ValueKind { VALUE_NULL, VALUE_BOOL, VALUE_NUMBER, VALUE_STRING, VALUE_OBJECT, VALUE_ARRAY } ValueKind;

/* json_scan() first, then one parse. -EBADMSG, -ENOMEM. */
int value_parse(const char *s, size_t n, Value **ret);
Value *value_ref(Value *v);
Value *value_unref(Value *v);
DEFINE_CLEANUP(Value *, value_unref);

ValueKind value_kind(const Value *v); /* NULL is VALUE_NULL */
size_t value_length(const Value *array);
const Value *value_at(const Value *array, size_t i);
const Value *value_get(const Value *object, const char *key); /* NULL: absent (or JSON null) */
const char *value_string(const Value *v, size_t *ret_n); /* NULL: no string; never an embedded NUL */
int value_uint(const Value *v, uint64_t *ret); /* an integer 0…2^53−1 written as one, else -EINVAL */
int value_bool(const Value *v, bool *ret);
/* Every member of an object, in the order of the text. */
typedef int (*value_each_fn)(const char *key, const Value *value, void *userdata);
int value_each(const Value *object, value_each_fn fn, void *userdata);

/* A table says what an object must hold. Targets are left alone where a field is absent, so the caller
 * sets defaults first. Unknown keys are ignored. */
typedef enum FieldType {
        FIELD_STRING,  /* const char *, borrowed from the tree; min…max bytes */
        FIELD_UINT,    /* uint64_t; min…max, max 0 = 2^53−1 */
        FIELD_BOOL,    /* bool */
        FIELD_OBJECT,  /* const Value * */
        FIELD_ARRAY,   /* const Value *; min…max elements, max 0 = no limit */
        FIELD_ANY,     /* const Value * */
} FieldType;

typedef struct Field {
        const char *name; /* NULL ends the table */
        FieldType type;
        size_t offset;    /* of the target in the caller's struct */
        bool required;
        uint64_t min, max; /* a string's max 0 = no limit */
} Field;

/* 0, or -EINVAL with *ret_bad (the name of the first field at fault; object itself no object: "payload"). */
int fields_read(const Value *object, const Field *table, void *target, const char **ret_bad);

/* JSON text in the making: bytes are appended, nothing is built. Errors stick (-ENOMEM, -E2BIG) and
 * come out at the end. key is NULL inside arrays and at the top. Strings must be valid UTF-8 (callers
 * have checked); slashes are not escaped, non-ASCII is written as it is. */
typedef struct Writer {
        char *data;
        size_t size;
        size_t allocated;
        int error;
        bool needs_comma;
} Writer;

void writer_done(Writer *w); /* frees; for _cleanup_(writer_done) */
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
void writer_value(Writer *w, const char *key, const Value *v);        /* a parsed subtree again */
void writer_raw(Writer *w, const char *key, const char *json, size_t n); /* n bytes that are JSON already */
void writer_bytes(Writer *w, const char *bytes, size_t n); /* outside JSON: a frame's header, LF */
/* Cuts back to an earlier size (for "as many elements as fit"); needs_comma as given. */
void writer_truncate(Writer *w, size_t size, bool needs_comma);
