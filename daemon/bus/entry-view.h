/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an entry's extra says, as a flat list without JSON, under the names that clients see;
 * leaves how that is sent to others. */
#pragma once

#include "wire/entry.h"

typedef enum EntryItemType {
        ENTRY_ITEM_STRING,
        ENTRY_ITEM_UINT,
        ENTRY_ITEM_INT,
        ENTRY_ITEM_DOUBLE,
        ENTRY_ITEM_BOOL,
        ENTRY_ITEM_OBJECT, /* its members follow, then ENTRY_ITEM_END */
        ENTRY_ITEM_ARRAY,  /* its elements follow, then ENTRY_ITEM_END */
        ENTRY_ITEM_END,
} EntryItemType;

typedef struct EntryItem {
        EntryItemType type;
        const char *key; /* NULL: an array's element, or an end */
        union {
                const char *s;
                uint64_t u;
                int64_t i;
                double d;
                bool b;
        };
} EntryItem;

/* message_content is called text; times (until, redacted's time) are µs since the epoch; null is
 * left out. -EBADMSG: extra is no object. */
typedef struct EntryView EntryView;
int entry_view_new(const Entry *e, EntryView **ret);
EntryView *entry_view_free(EntryView *v);
DEFINE_CLEANUP(EntryView *, entry_view_free);
/* The members of extra, in the order of its text. Borrowed. */
const EntryItem *entry_view_get_items(const EntryView *v, size_t *ret_n);
