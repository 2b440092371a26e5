/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a CHANNEL of the tracker's directory (protocol §4) as a struct and as JSON; leaves who may
 * see what of it to the tracker. */
#pragma once

#include "base/names.h"
#include "base/random.h"
#include "wire/fields.h"
#include "wire/limits.h"

/* What a CHANNEL object of the directory says (protocol §4). Owned strings. */
typedef struct DirectoryEntry {
        char channel_name[NAME_SIZE];
        char channel_id[UUID_STRING_SIZE];
        char owner[NAME_SIZE];
        char host[NAME_SIZE];
        Address addresses[ADDRESSES_MAX];
        size_t n_addresses;
        bool restricted;
        bool online;
        char *topic; /* owned, never NULL */
        uint64_t members, last_seq, epoch;
        uint64_t since; /* µs since the epoch */
} DirectoryEntry;

void directory_entry_done(DirectoryEntry *e);
void directory_entry_write(Writer *w, const char *key, const DirectoryEntry *e,
                           bool with_addresses);
/* -EBADMSG with *ret_bad. Addresses of a form that this version does not know, and those beyond
 * ADDRESSES_MAX, are left out. */
int directory_entry_read(const Value *v, DirectoryEntry *ret, const char **ret_bad);
