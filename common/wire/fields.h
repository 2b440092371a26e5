/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how values are read out of JSON and written into it; the only door to json-c. Leaves
 * meaning to who names the fields. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "wire/writer.h"

/* A parsed value: opaque, read-only, reference-counted as a whole tree. Borrowed parts live as long
 * as the tree. */
typedef struct Value Value;
typedef enum ValueKind {
        VALUE_NULL,
        VALUE_BOOL,
        VALUE_NUMBER,
        VALUE_STRING,
        VALUE_OBJECT,
        VALUE_ARRAY
} ValueKind;

/* json_scan() first, then one parse; a key twice in one object is refused here. -EBADMSG, -ENOMEM.
 * The text `null` gives NULL and 0. */
int value_parse(const char *s, size_t n, Value **ret);
Value *value_ref(Value *v);
Value *value_unref(Value *v);
DEFINE_CLEANUP(Value *, value_unref);

ValueKind value_kind(const Value *v); /* NULL is VALUE_NULL */
size_t value_length(const Value *array);
const Value *value_at(const Value *array, size_t i);
const Value *value_get(const Value *object, const char *key); /* NULL: absent (or JSON null) */
bool value_has(const Value *object, const char *key);         /* JSON null counts */
/* NULL: no string. Never with a NUL inside. */
const char *value_string(const Value *v, size_t *ret_n);
/* An integer 0…2^53−1 that is written as one, else -EINVAL. */
int value_uint(const Value *v, uint64_t *ret);
int value_bool(const Value *v, bool *ret);
/* Every member of an object, in the order of the text. */
typedef int (*value_each_fn)(const char *key, const Value *value, void *userdata);
int value_each(const Value *object, value_each_fn fn, void *userdata);

/* A table says what an object must hold. Targets are left alone where a field is absent, so the
 * caller sets defaults first. Unknown keys are ignored. */
typedef enum FieldType {
        FIELD_STRING, /* const char *, borrowed from the tree; min…max bytes */
        FIELD_UINT,   /* uint64_t; min…max, max 0 = 2^53−1 */
        FIELD_BOOL,   /* bool */
        FIELD_OBJECT, /* const Value * */
        FIELD_ARRAY,  /* const Value *; min…max elements, max 0 = no limit */
        FIELD_ANY,    /* const Value * */
} FieldType;

typedef struct Field {
        const char *name; /* NULL ends the table */
        FieldType type;
        size_t offset; /* of the target in the caller's struct */
        bool required;
        uint64_t min, max; /* a string's max 0 = no limit */
} Field;

/* 0, or -EINVAL with *ret_bad (the name of the first field at fault; object itself no object:
 * "payload"). */
int fields_read(const Value *object, const Field *table, void *target, const char **ret_bad);

/* A parsed subtree as text again. */
void writer_value(Writer *w, const char *key, const Value *v);
