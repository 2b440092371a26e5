/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an entry's extra says, as a flat list without JSON, under the names that clients see;
 * leaves how that is sent to others. */
#include "daemon/bus/entry-view.h"

#include <float.h>
#include <math.h>

#include "base/timestamp.h"

struct EntryView {
        Value *tree;
        EntryItem *items;
        size_t n, n_allocated;
};

static int add(EntryView *v, EntryItem item) {
        if (v->n == v->n_allocated) {
                size_t n = MAX(v->n_allocated * 2, (size_t) 8);
                EntryItem *items = reallocarray(v->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                v->items = items;
                v->n_allocated = n;
        }
        v->items[v->n++] = item;
        return 0;
}

/* A number that is no unsigned integer: as an integer when it is written as one that fits. */
static int add_number(EntryView *v, const char *key, const Value *value) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *text = NULL;
        char *end;
        int64_t i;
        double d;
        int r;

        writer_value(&w, NULL, value);
        r = writer_take(&w, &text, NULL);
        if (r < 0)
                return r;
        errno = 0;
        i = strtoll(text, &end, 10);
        if (errno == 0 && !*end)
                return add(v, (EntryItem){ .type = ENTRY_ITEM_INT, .key = key, .i = i });
        /* Nobody's JSON has an infinity: what is too large is as large as can be. */
        d = strtod(text, NULL);
        if (!isfinite(d))
                d = d < 0 ? -DBL_MAX : DBL_MAX;
        return add(v, (EntryItem){ .type = ENTRY_ITEM_DOUBLE, .key = key, .d = d });
}

static bool is_time(const char *key) {
        return key && (streq(key, "time") || streq(key, "until"));
}

typedef struct Walk {
        EntryView *view;
        bool has_times; /* the members here are the protocol's, not a sender's meta */
        bool is_top;
} Walk;

static int walk(const char *key, const Value *value, void *userdata) {
        const Walk *parent = userdata;
        EntryView *v = parent->view;
        Walk inner = { .view = v };
        uint64_t u;
        bool b;
        int r;

        if (key && parent->is_top && streq(key, "message_content"))
                key = "text";
        if (key && parent->is_top && streq(key, "hidden"))
                return 0; /* what is hidden here no host says */
        switch (value_kind(value)) {
        case VALUE_NULL:
                return 0;
        case VALUE_BOOL:
                r = value_bool(value, &b);
                return r < 0 ? r : add(v, (EntryItem){ ENTRY_ITEM_BOOL, key, { .b = b } });
        case VALUE_NUMBER:
                if (value_uint(value, &u) < 0)
                        return add_number(v, key, value);
                return add(v, (EntryItem){ ENTRY_ITEM_UINT, key, { .u = u } });
        case VALUE_STRING:
                if (parent->has_times && is_time(key) &&
                    time_parse(value_string(value, NULL), &u) >= 0)
                        return add(v, (EntryItem){ ENTRY_ITEM_UINT, key, { .u = u } });
                return add(v, (EntryItem){
                                      ENTRY_ITEM_STRING, key, { .s = value_string(value, NULL) } });
        case VALUE_OBJECT:
                inner.has_times = parent->is_top && streq(key, "redacted");
                r = add(v, (EntryItem){ .type = ENTRY_ITEM_OBJECT, .key = key });
                if (r >= 0)
                        r = value_each(value, walk, &inner);
                return r < 0 ? r : add(v, (EntryItem){ .type = ENTRY_ITEM_END });
        case VALUE_ARRAY:
                r = add(v, (EntryItem){ .type = ENTRY_ITEM_ARRAY, .key = key });
                for (size_t i = 0; r >= 0 && i < value_length(value); i++)
                        r = walk(NULL, value_at(value, i), &inner);
                return r < 0 ? r : add(v, (EntryItem){ .type = ENTRY_ITEM_END });
        }
        return -EBADMSG;
}

int entry_view_new(const Entry *e, EntryView **ret) {
        _cleanup_(entry_view_freep) EntryView *v = NULL;
        Walk top = { .has_times = true, .is_top = true };
        int r;

        v = new0(EntryView, 1);
        if (!v)
                return -ENOMEM;
        top.view = v;
        r = value_parse(e->extra, e->n_extra, &v->tree);
        if (r < 0)
                return r;
        if (value_kind(v->tree) != VALUE_OBJECT)
                return -EBADMSG;
        r = value_each(v->tree, walk, &top);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

EntryView *entry_view_free(EntryView *v) {
        if (!v)
                return NULL;
        value_unref(v->tree);
        free(v->items);
        free(v);
        return NULL;
}

const EntryItem *entry_view_get_items(const EntryView *v, size_t *ret_n) {
        *ret_n = v->n;
        return v->items;
}
