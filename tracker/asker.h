/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what one client may see of the directory and how much of it fits a frame; leaves the
 * directory to directory.h. */
#pragma once

#include "net/conn.h"
#include "tracker/directory.h"

typedef struct Asker {
        bool signed_in;
        bool over_loopback;
} Asker;

void asker_init(Asker *a, const Conn *c);

/* Bytes that a list may fill; what remains of the frame is for all that stands around it. */
size_t asker_list_bytes(const Asker *a);

/* Restricted channels without topic and members, addresses by protocol §4. */
void asker_write_channel(const Asker *a, Writer *w, const ChannelRecord *c);

/* `channels` and `next` of LIST. Returns how many were written: none with a `next` where nothing
 * that was looked at matches. */
size_t asker_write_list(const Asker *a, Writer *w, const Directory *d, const char *query,
                        bool only_online, const char *after, size_t limit);

/* A CHANNELS push with what changed after *cursor, as much as fits, in the order of the changes;
 * *cursor moves along. false: nothing had changed, nothing was written. */
bool asker_write_changes(const Asker *a, Writer *w, const Directory *d, uint64_t *cursor);
/* The push that says LIST again. */
void asker_write_reset(Writer *w, const Directory *d);

/* What a host may be reached at: the usable ones of those given (loopback only where it came over
 * loopback), and the observed one with the port of the first given. *ret_observed is "" where
 * there is none. */
void asker_filter_addresses(const Asker *a, const Address *given, size_t n, const Address *observed,
                            Address ret[static ADDRESSES_MAX], size_t *ret_n,
                            char ret_observed[static ADDRESS_STRING_SIZE]);
