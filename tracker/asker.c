/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what one client may see of the directory and how much of it fits a frame; leaves the
 * directory to directory.h. */
#include "tracker/asker.h"

#include "wire/envelope.h"
#include "wire/limits.h"

#define AROUND_LIST_BYTES 512 /* header, id, brackets, `next`, `generation`, LF */

void asker_init(Asker *a, const Conn *c) {
        *a = (Asker){
                .signed_in = conn_get_peer(c),
                .over_loopback = address_is_loopback(conn_get_address(c)),
        };
}

size_t asker_list_bytes(const Asker *a) {
        return (a->signed_in ? FRAME_BYTES_MAX : FRAME_BYTES_ANONYMOUS_MAX) - AROUND_LIST_BYTES;
}

void asker_write_channel(const Asker *a, Writer *w, const ChannelRecord *c) {
        DirectoryEntry e = c->entry;
        char nothing[] = "";

        if (e.restricted) {
                e.topic = nothing;
                e.members = 0;
        }
        if (!a->over_loopback || !c->over_loopback) {
                e.n_addresses = 0;
                for (size_t i = 0; i < c->entry.n_addresses; i++)
                        if (!address_is_loopback(&c->entry.addresses[i]))
                                e.addresses[e.n_addresses++] = c->entry.addresses[i];
        }
        directory_entry_write(w, NULL, &e, a->signed_in || a->over_loopback);
}

size_t asker_write_list(const Asker *a, Writer *w, const Directory *d, const char *query,
                        bool only_online, const char *after, size_t limit) {
        const size_t begin = w->size;
        const ChannelRecord *c;
        const char *last = after, *next = NULL;
        size_t n = 0, n_scanned = 0;

        writer_begin_array(w, "channels");
        for (c = directory_after(d, after); c; c = directory_after(d, last)) {
                size_t size = w->size;
                bool needs_comma = w->needs_comma;

                if (n_scanned++ == LIST_SCAN_MAX) {
                        next = last;
                        break;
                }
                if (channel_record_matches(c, query, only_online)) {
                        if (n == limit) {
                                next = last;
                                break;
                        }
                        asker_write_channel(a, w, c);
                        if (w->size - begin > asker_list_bytes(a)) {
                                writer_truncate(w, size, needs_comma);
                                next = last;
                                break;
                        }
                        n++;
                }
                last = c->entry.channel_name;
        }
        writer_end_array(w);
        writer_string(w, "next", next);
        return n;
}

/* How many bytes a name takes in the list of those removed: quotes and a comma. */
static size_t removed_bytes(const DirectoryNode *n) {
        return strlen(directory_node_get_name(n)) + 3;
}

bool asker_write_changes(const Asker *a, Writer *w, const Directory *d, uint64_t *cursor) {
        const DirectoryNode *first = directory_first_change(d, *cursor), *end;
        const size_t begin = w->size;
        uint64_t told = *cursor;
        size_t n_removed_bytes = 0;

        if (!first)
                return false;
        envelope_begin(w, "CHANNELS", NULL);
        writer_begin_object(w, NULL);
        writer_begin_array(w, "changed");
        for (end = first; end; end = directory_next_change(end)) {
                size_t size = w->size;
                bool needs_comma = w->needs_comma;

                if (directory_node_get_record(end))
                        asker_write_channel(a, w, directory_node_get_record(end));
                else
                        n_removed_bytes += removed_bytes(end);
                if (w->size - begin + n_removed_bytes > asker_list_bytes(a)) {
                        writer_truncate(w, size, needs_comma);
                        break;
                }
                told = directory_node_get_generation(end);
        }
        writer_end_array(w);
        writer_begin_array(w, "removed");
        for (const DirectoryNode *n = first; n != end; n = directory_next_change(n))
                if (!directory_node_get_record(n))
                        writer_string(w, NULL, directory_node_get_name(n));
        writer_end_array(w);
        writer_uint(w, "generation", told);
        writer_end_object(w);
        envelope_end(w);
        *cursor = told;
        return true;
}

void asker_write_reset(Writer *w, const Directory *d) {
        envelope_begin(w, "CHANNELS", NULL);
        writer_begin_object(w, NULL);
        writer_uint(w, "generation", directory_get_generation(d));
        writer_begin_array(w, "changed");
        writer_end_array(w);
        writer_begin_array(w, "removed");
        writer_end_array(w);
        writer_bool(w, "reset", true);
        writer_end_object(w);
        envelope_end(w);
}

static void append_address(Address *addresses, size_t *n, const Address *address) {
        for (size_t i = 0; i < *n; i++)
                if (address_equal(&addresses[i], address))
                        return;
        addresses[(*n)++] = *address;
}

void asker_filter_addresses(const Asker *a, const Address *given, size_t n, const Address *observed,
                            Address ret[static ADDRESSES_MAX], size_t *ret_n,
                            char ret_observed[static ADDRESS_STRING_SIZE]) {
        Address seen = *observed;
        size_t n_kept = 0;

        for (size_t i = 0; i < n && n_kept < ADDRESSES_MAX; i++) {
                Address address = given[i];

                address_unmap(&address);
                if (!address_is_unusable(&address) &&
                    (a->over_loopback || !address_is_loopback(&address)))
                        append_address(ret, &n_kept, &address);
        }
        *ret_n = n_kept;
        ret_observed[0] = '\0';
        if (n == 0)
                return;

        address_unmap(&seen);
        address_set_port(&seen, address_port(&given[0]));
        address_print(&seen, ret_observed);
        if (address_is_unusable(&seen))
                return;
        for (size_t i = 0; i < n_kept; i++)
                if (address_equal(&ret[i], &seen))
                        return;
        /* It is the one that is known to work from outside: it goes before the eighth of its own.
         */
        *ret_n = MIN(n_kept + 1, (size_t) ADDRESSES_MAX);
        ret[*ret_n - 1] = seen;
}
