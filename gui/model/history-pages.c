/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the pages of a log that are held, entry by entry; leaves which are wanted, and where they
 * come from, to history.c. */
#include "gui/model/history-pages.h"

typedef struct Page {
        guint64 index;
        GVariant *entries[CHAT_HISTORY_PAGE + 1]; /* [i]: entry index · CHAT_HISTORY_PAGE + i */
} Page;

struct ChatPages {
        GPtrArray *pages;
};

guint64 chat_pages_index_of(guint64 seq) {
        return (seq - 1) / CHAT_HISTORY_PAGE;
}

static guint64 first_of(guint64 index) {
        return index * CHAT_HISTORY_PAGE;
}

static void page_free(gpointer data) {
        Page *page = data;

        for (guint i = 0; i <= CHAT_HISTORY_PAGE; i++)
                g_clear_pointer(&page->entries[i], g_variant_unref);
        g_free(page);
}

static Page *find(const ChatPages *self, guint64 index) {
        for (guint i = 0; i < self->pages->len; i++) {
                Page *page = self->pages->pdata[i];
                if (page->index == index)
                        return page;
        }
        return NULL;
}

guint chat_pages_get_n(const ChatPages *self) {
        return self->pages->len;
}

guint64 chat_pages_get_index(const ChatPages *self, guint i) {
        return ((const Page *) self->pages->pdata[i])->index;
}

gboolean chat_pages_has(const ChatPages *self, guint64 index) {
        return find(self, index) != NULL;
}

static void page_set(Page *page, guint i, GVariant *entry) {
        GVariant *before = page->entries[i];

        page->entries[i] = g_variant_ref(entry);
        g_clear_pointer(&before, g_variant_unref);
}

void chat_pages_hold(ChatPages *self, guint64 index) {
        GVariant *before = index > 0 ? chat_pages_get(self, first_of(index)) : NULL;
        Page *page;

        if (find(self, index))
                return;
        g_assert(self->pages->len < CHAT_HISTORY_PAGES_MAX);
        page = g_new0(Page, 1);
        page->index = index;
        if (before)
                page_set(page, 0, before);
        g_ptr_array_add(self->pages, page);
}

void chat_pages_drop(ChatPages *self, guint64 index) {
        Page *page = find(self, index);

        if (page)
                g_ptr_array_remove_fast(self->pages, page);
}

void chat_pages_clear(ChatPages *self) {
        g_ptr_array_set_size(self->pages, 0);
}

GVariant *chat_pages_get(const ChatPages *self, guint64 seq) {
        guint64 index = chat_pages_index_of(seq);
        Page *page = find(self, index), *next;

        if (page && page->entries[seq - first_of(index)])
                return page->entries[seq - first_of(index)];
        next = seq == first_of(index + 1) ? find(self, index + 1) : NULL;
        return next ? next->entries[0] : NULL;
}

void chat_pages_put(ChatPages *self, guint64 seq, GVariant *entry) {
        guint64 index = chat_pages_index_of(seq);
        Page *page = find(self, index);
        Page *next = seq == first_of(index + 1) ? find(self, index + 1) : NULL;

        if (page)
                page_set(page, (guint) (seq - first_of(index)), entry);
        if (next)
                page_set(next, 0, entry);
}

gboolean chat_pages_missing(const ChatPages *self, guint64 index, guint64 end, guint64 *ret_first,
                            guint64 *ret_last) {
        guint64 first = MAX(first_of(index), G_GUINT64_CONSTANT(1)),
                last = MIN(first_of(index + 1), end);
        Page *page = find(self, index);

        while (page && first <= last && page->entries[first - first_of(index)])
                first++;
        while (page && first <= last && page->entries[last - first_of(index)])
                last--;
        *ret_first = first;
        *ret_last = last;
        return first <= last;
}

void chat_pages_free(ChatPages *self) {
        g_ptr_array_unref(self->pages);
        g_free(self);
}

ChatPages *chat_pages_new(void) {
        ChatPages *self = g_new0(ChatPages, 1);

        self->pages = g_ptr_array_new_with_free_func(page_free);
        return self;
}
