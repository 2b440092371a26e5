/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows json-c, and is the only file that does; leaves the grammar to json-scan.h. */
#include "wire/fields.h"

#include <json-c/json.h>
#include <limits.h>

#include "wire/json-scan.h"
#include "wire/limits.h"

static struct json_object *object_of(const Value *v) {
        return (struct json_object *) v;
}

static struct json_tokener *tokener_free(struct json_tokener *t) {
        json_tokener_free(t);
        return NULL;
}
DEFINE_CLEANUP(struct json_tokener *, tokener_free);

/* The members of all objects in the tree; recursion is bounded by JSON_DEPTH_MAX. */
static size_t count_members(struct json_object *o) {
        size_t n = 0;

        switch (json_object_get_type(o)) {
        case json_type_object:
                n = (size_t) json_object_object_length(o);
                json_object_object_foreach(o, key, child) {
                        (void) key;
                        n += count_members(child);
                }
                return n;
        case json_type_array:
                for (size_t i = 0; i < json_object_array_length(o); i++)
                        n += count_members(json_object_array_get_idx(o, i));
                return n;
        case json_type_null:
        case json_type_boolean:
        case json_type_double:
        case json_type_int:
        case json_type_string:
                return 0;
        }
        return 0;
}

int value_parse(const char *s, size_t n, Value **ret) {
        _cleanup_(value_unrefp) Value *v = NULL;
        _cleanup_(tokener_freep) struct json_tokener *t = NULL;
        size_t n_members;
        int r;

        if (n > INT_MAX) /* json-c counts in int */
                return -EBADMSG;
        r = json_scan(s, n, &n_members, NULL);
        if (r < 0)
                return r;

        t = json_tokener_new();
        if (!t)
                return -ENOMEM;
        v = (Value *) json_tokener_parse_ex(t, s, (int) n);
        if (!v && json_tokener_get_error(t) == json_tokener_continue)
                /* A number at the end of the text could go on, for all that json-c knows. */
                v = (Value *) json_tokener_parse_ex(t, "", 1);
        if (json_tokener_get_error(t) != json_tokener_success)
                return -EBADMSG;
        if (count_members(object_of(v)) != n_members)
                return -EBADMSG; /* the later of two equal keys replaced the earlier one */

        *ret = TAKE_PTR(v);
        return 0;
}

Value *value_ref(Value *v) {
        return (Value *) json_object_get(object_of(v));
}

Value *value_unref(Value *v) {
        json_object_put(object_of(v));
        return NULL;
}

ValueKind value_kind(const Value *v) {
        switch (json_object_get_type(object_of(v))) {
        case json_type_null:
                return VALUE_NULL;
        case json_type_boolean:
                return VALUE_BOOL;
        case json_type_double:
        case json_type_int:
                return VALUE_NUMBER;
        case json_type_string:
                return VALUE_STRING;
        case json_type_object:
                return VALUE_OBJECT;
        case json_type_array:
                return VALUE_ARRAY;
        }
        return VALUE_NULL;
}

size_t value_length(const Value *array) {
        return value_kind(array) == VALUE_ARRAY ? json_object_array_length(object_of(array)) : 0;
}

const Value *value_at(const Value *array, size_t i) {
        if (i >= value_length(array))
                return NULL;
        return (const Value *) json_object_array_get_idx(object_of(array), i);
}

const Value *value_get(const Value *object, const char *key) {
        struct json_object *member = NULL;

        if (value_kind(object) == VALUE_OBJECT)
                (void) json_object_object_get_ex(object_of(object), key, &member);
        return (const Value *) member;
}

bool value_has(const Value *object, const char *key) {
        return value_kind(object) == VALUE_OBJECT &&
               json_object_object_get_ex(object_of(object), key, NULL);
}

const char *value_string(const Value *v, size_t *ret_n) {
        if (value_kind(v) != VALUE_STRING)
                return NULL;
        if (ret_n)
                *ret_n = (size_t) json_object_get_string_len(object_of(v));
        return json_object_get_string(object_of(v));
}

int value_uint(const Value *v, uint64_t *ret) {
        int64_t i;

        if (json_object_get_type(object_of(v)) != json_type_int)
                return -EINVAL;
        i = json_object_get_int64(object_of(v)); /* saturates, far outside of what is allowed */
        if (i < 0 || (uint64_t) i > NUMBER_MAX)
                return -EINVAL;
        *ret = (uint64_t) i;
        return 0;
}

int value_bool(const Value *v, bool *ret) {
        if (value_kind(v) != VALUE_BOOL)
                return -EINVAL;
        *ret = json_object_get_boolean(object_of(v));
        return 0;
}

int value_each(const Value *object, value_each_fn fn, void *userdata) {
        if (value_kind(object) != VALUE_OBJECT)
                return -EINVAL;
        json_object_object_foreach(object_of(object), key, child) {
                int r = fn(key, (const Value *) child, userdata);

                if (r != 0)
                        return r;
        }
        return 0;
}

static bool in_range(uint64_t n, uint64_t min, uint64_t max) {
        return n >= min && n <= max;
}

static int field_read(const Field *f, const Value *v, void *target) {
        uint64_t limit = f->max == 0 ? UINT64_MAX : f->max, u;
        const char *s;
        size_t n;
        bool b;

        switch (f->type) {
        case FIELD_STRING:
                s = value_string(v, &n);
                if (!s || !in_range(n, f->min, limit))
                        return -EINVAL;
                *(const char **) target = s;
                return 0;
        case FIELD_UINT:
                if (value_uint(v, &u) < 0 || !in_range(u, f->min, limit))
                        return -EINVAL;
                *(uint64_t *) target = u;
                return 0;
        case FIELD_BOOL:
                if (value_bool(v, &b) < 0)
                        return -EINVAL;
                *(bool *) target = b;
                return 0;
        case FIELD_OBJECT:
                if (value_kind(v) != VALUE_OBJECT)
                        return -EINVAL;
                *(const Value **) target = v;
                return 0;
        case FIELD_ARRAY:
                if (value_kind(v) != VALUE_ARRAY || !in_range(value_length(v), f->min, limit))
                        return -EINVAL;
                *(const Value **) target = v;
                return 0;
        case FIELD_ANY:
                *(const Value **) target = v;
                return 0;
        }
        return -EINVAL;
}

int fields_read(const Value *object, const Field *table, void *target, const char **ret_bad) {
        if (value_kind(object) != VALUE_OBJECT) {
                *ret_bad = "payload";
                return -EINVAL;
        }

        for (const Field *f = table; f->name; f++) {
                const Value *v = value_get(object, f->name);

                if (!v && !f->required)
                        continue;
                if (!v || field_read(f, v, (char *) target + f->offset) < 0) {
                        *ret_bad = f->name;
                        return -EINVAL;
                }
        }
        return 0;
}

void writer_value(Writer *w, const char *key, const Value *v) {
        size_t n = 0;
        const char *s;

        if (!v) {
                writer_null(w, key);
                return;
        }
        s = json_object_to_json_string_length(
                object_of(v), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);
        if (s)
                writer_raw(w, key, s, n);
        else if (w->error == 0)
                w->error = -ENOMEM;
}
