/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the directory's own files share; nobody else includes it. */
#pragma once

#include <uthash.h>

#include "tracker/directory.h"

struct DirectoryNode {
        char name[NAME_SIZE];
        uint64_t generation;
        uint64_t lease_until; /* boottime; 0: none lives */
        bool removed;         /* a tombstone: only the name and the generation mean anything */
        bool counts_changed;
        uint64_t stored_seq; /* entry.last_seq as far as it is on disk */
        ChannelRecord record;

        UT_hash_handle by_name, by_id;
        DirectoryNode *change_prev, *change_next; /* by generation */
        DirectoryNode *lease_prev, *lease_next;   /* by lease_until; tombstones by age */
        DirectoryNode *dirty_prev, *dirty_next;   /* counts that have no generation yet */
};

typedef struct DirectoryRetired DirectoryRetired;
typedef struct DirectoryOwner {
        char name[NAME_SIZE];
        size_t n_channels, n_retired;
        UT_hash_handle hh;
} DirectoryOwner;

struct Directory {
        uint64_t generation;
        uint64_t floor; /* what was removed up to here is forgotten */
        uint64_t lease_usec;
        DirectoryNode *by_name, *by_id; /* hashes */
        DirectoryNode **order;          /* those not removed, in byte order of name */
        size_t n_order, n_order_allocated;
        DirectoryOwner *owners; /* those of at least one channel, or retired id */
        DirectoryRetired *retired;
        DirectoryNode *changes;
        DirectoryNode *leases; /* all leases are equally long: renewed last, lapses last */
        size_t n_leases;
        DirectoryNode *dirty;
        DirectoryNode *tombstones;
        size_t n_tombstones;
};

DirectoryNode *directory_find(const Directory *d, const char *name);
DirectoryNode *directory_find_id(const Directory *d, const char *id);
/* The caller fills record and calls directory_index_id() and directory_touch(). */
int directory_add(Directory *d, const char *name, DirectoryNode **ret);
void directory_index_id(Directory *d, DirectoryNode *n);
/* How many names are bound to that user. */
size_t directory_count_owned(const Directory *d, const char *owner);
size_t directory_count_retired(const Directory *d, const char *owner);
/* One more, and one less. */
int directory_own(Directory *d, const char *owner);
void directory_disown(Directory *d, const char *owner);
int directory_own_retired(Directory *d, const char *owner); /* for ever */
void directory_free_retired(Directory *d);
void directory_touch(Directory *d, DirectoryNode *n);
void directory_touch_counts(Directory *d, DirectoryNode *n);
void directory_set_lease(Directory *d, DirectoryNode *n, bool lives, uint64_t now_boottime);
