/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how entries become a page on the bus, a(tssssta{sv}) within its bounds; leaves what they
 * say to entry-view.h. */
#pragma once

#include <systemd/sd-bus.h>

#include "wire/entry.h"

/* Which of the entries, the nearest to where the page begins first. */
typedef struct EntryPageFilter {
        bool before; /* it begins with the last one */
        uint32_t limit;
        bool (*is_wanted)(const Entry *e, const void *userdata); /* NULL: all are */
        const void *userdata;
        bool (*is_hidden)(const Entry *e, const void *member); /* marked: extra.hidden */
        const void *member;
} EntryPageFilter;

/* *ret_n of the entries were looked at, the rest had no room; *ret_next (NULL: none was) is the
 * last of these. */
int entry_page_append(sd_bus_message *reply, const Entry *entries, size_t n,
                      const EntryPageFilter *filter, const Entry **ret_next, size_t *ret_n);
/* How many bytes of JSON so many entries may have, that most pages need no second look. */
size_t entry_page_text_max(uint32_t limit);
