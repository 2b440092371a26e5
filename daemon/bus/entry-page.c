/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how entries become a page on the bus, within its bounds; leaves what they say to
 * entry-view.h. */
#include "daemon/bus/entry-page.h"

#include "daemon/bus/channel-bus-internal.h"
#include "daemon/bus/entry-view.h"

/* What an entry needs on the bus beside its text, generously; so a page of short entries stays
 * below its bound, too. */
#define ENTRY_OVERHEAD_BYTES 320
/* … and each item of its extra: length, padding and the signature of a variant. */
#define ITEM_OVERHEAD_BYTES 32

size_t entry_page_text_max(uint32_t limit) {
        return P2PCHAT_PAGE_BYTES_MAX - (size_t) limit * ENTRY_OVERHEAD_BYTES;
}

/* The items from *i on up to the end of their container, each as a variant; as members of an object
 * or as elements of an array. */
static int append_items(sd_bus_message *reply, const EntryItem *items, size_t n, size_t *i) {
        int r = 0;

        for (; r >= 0 && *i < n && items[*i].type != ENTRY_ITEM_END; (*i)++) {
                const EntryItem *item = &items[*i];
                const bool is_object = item->type == ENTRY_ITEM_OBJECT;

                if (item->key) {
                        r = sd_bus_message_open_container(reply, 'e', "sv");
                        if (r >= 0)
                                r = sd_bus_message_append_basic(reply, 's', item->key);
                        if (r < 0)
                                return r;
                }
                switch (item->type) {
                case ENTRY_ITEM_STRING:
                        r = sd_bus_message_append(reply, "v", "s", item->s);
                        break;
                case ENTRY_ITEM_UINT:
                        r = sd_bus_message_append(reply, "v", "t", item->u);
                        break;
                case ENTRY_ITEM_INT:
                        r = sd_bus_message_append(reply, "v", "x", item->i);
                        break;
                case ENTRY_ITEM_DOUBLE:
                        r = sd_bus_message_append(reply, "v", "d", item->d);
                        break;
                case ENTRY_ITEM_BOOL:
                        r = sd_bus_message_append(reply, "v", "b", (int) item->b);
                        break;
                case ENTRY_ITEM_OBJECT:
                case ENTRY_ITEM_ARRAY:
                        r = sd_bus_message_open_container(reply, 'v', is_object ? "a{sv}" : "av");
                        if (r >= 0)
                                r = sd_bus_message_open_container(reply, 'a',
                                                                  is_object ? "{sv}" : "v");
                        (*i)++;
                        if (r >= 0)
                                r = append_items(reply, items, n, i);
                        if (r >= 0)
                                r = sd_bus_message_close_container(reply);
                        if (r >= 0)
                                r = sd_bus_message_close_container(reply);
                        break;
                case ENTRY_ITEM_END:
                        break;
                }
                if (r >= 0 && item->key)
                        r = sd_bus_message_close_container(reply);
        }
        return r;
}

static size_t get_size(const EntryView *view) {
        size_t n, size = ENTRY_OVERHEAD_BYTES;
        const EntryItem *items = entry_view_get_items(view, &n);

        for (size_t i = 0; i < n; i++) {
                size += ITEM_OVERHEAD_BYTES + (items[i].key ? strlen(items[i].key) : 0);
                if (items[i].type == ENTRY_ITEM_STRING)
                        size += strlen(items[i].s);
        }
        return size;
}

static int append_entry(sd_bus_message *reply, const Entry *e, const EntryView *view,
                        bool is_hidden) {
        const EntryItem *items;
        size_t n, i = 0;
        int r;

        items = entry_view_get_items(view, &n);
        r = sd_bus_message_open_container(reply, 'r', "tssssta{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "tsssst", e->seq, e->id, e->kind_name, e->username,
                                          user_type_to_bus(e->user_type), e->time);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_items(reply, items, n, &i);
        if (r >= 0 && is_hidden)
                r = sd_bus_message_append(reply, "{sv}", "hidden", "b", 1);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* Those that the bus has room for: JSON can be a small part of what it becomes there. views[i]
 * stays NULL for what is not wanted. */
static int choose(const EntryPageFilter *filter, const Entry *entries, size_t n, EntryView **views,
                  size_t *ret_n) {
        size_t size = 0, n_wanted = 0;
        int r;

        for (*ret_n = 0; *ret_n < n; (*ret_n)++) {
                size_t i = filter->before ? n - 1 - *ret_n : *ret_n;

                if (filter->is_wanted && !filter->is_wanted(&entries[i], filter->userdata))
                        continue;
                if (n_wanted++ == filter->limit)
                        break;
                r = entry_view_new(&entries[i], &views[i]);
                if (r < 0)
                        return r;
                size += get_size(views[i]);
                if (size > P2PCHAT_PAGE_BYTES_MAX && *ret_n > 0)
                        break;
        }
        return 0;
}

int entry_page_append(sd_bus_message *reply, const Entry *entries, size_t n,
                      const EntryPageFilter *filter, const Entry **ret_next, size_t *ret_n) {
        _cleanup_free_ EntryView **views = new0(EntryView *, n + 1);
        size_t first = 0;
        int r;

        if (!views)
                return -ENOMEM;
        r = choose(filter, entries, n, views, ret_n);
        if (filter->before)
                first = n - *ret_n;
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(tssssta{sv})");
        for (size_t i = first; r >= 0 && i < first + *ret_n; i++)
                if (views[i])
                        r = append_entry(reply, &entries[i], views[i],
                                         filter->is_hidden &&
                                                 filter->is_hidden(&entries[i], filter->member));
        for (size_t i = 0; i < n; i++)
                entry_view_free(views[i]);
        *ret_next = *ret_n == 0 ? NULL : filter->before ? &entries[first] : &entries[*ret_n - 1];
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
