/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channels there are, who holds the lease of each and what changed when; leaves time,
 * disk and network to others: every call is a function of its arguments. */
#pragma once

#include "wire/directory-entry.h"
#include "wire/error.h"

/* One channel with what is kept of its lease (protocol §4 "Leases"). */
typedef struct ChannelRecord {
        DirectoryEntry entry;  /* online: a lease lives */
        char key[KEY_ID_SIZE]; /* the device that holds the lease, or held it last */
        uint64_t granted_seq;  /* last_seq as the epoch began */
        bool unhosted;         /* it was given back: no heartbeat revives it, only HOST */
        bool over_loopback;    /* the host came over loopback; its loopback addresses are kept */
        /* Of a plan: the channel that the name meant so far and that this one follows; else "". */
        char previous[UUID_STRING_SIZE];
        uint64_t delisted; /* when an operator took it out of the directory (realtime); 0: it is in
                            */
        char *reason;      /* for that; owned, NULL or "": none was given */
} ChannelRecord;
void channel_record_done(ChannelRecord *c);
int channel_record_copy(const ChannelRecord *c, ChannelRecord *ret);

/* The id of a channel whose name means another one now: no log is served under it again. */
typedef struct RetiredId {
        char channel_id[UUID_STRING_SIZE];
        char channel_name[NAME_SIZE];
        char owner[NAME_SIZE];
        char successor[UUID_STRING_SIZE];
        uint64_t epoch, last_seq; /* the last ones */
} RetiredId;

/* All borrowed; by form correct already. */
typedef struct HostRequest {
        const char *owner, *key;
        const char *channel_name, *channel_id, *topic;
        const char *previous;     /* NULL: none */
        const Address *addresses; /* what may be shown, the observed one among them */
        size_t n_addresses;
        bool restricted, over_loopback, take_over;
        uint64_t epoch, last_seq, members;
} HostRequest;

typedef struct Directory Directory;
typedef struct DirectoryNode DirectoryNode; /* one name in the order of changes */

/* generation: where counting starts, above all that earlier runs have told. */
int directory_new(uint64_t generation, uint64_t lease_usec, Directory **ret);
Directory *directory_free(Directory *d);
DEFINE_CLEANUP(Directory *, directory_free);

/* Deciding and doing are two steps, the disk is between them. Plans change nothing: they return 0
 * with what is to be stored, or -errno with the refusal. */
int directory_plan_host(const Directory *d, const HostRequest *q, uint64_t now_boottime,
                        uint64_t now_realtime, ChannelRecord *ret, Failure *failure);
/* The owner may change it: 0; else no-such-channel or not-owner. */
int directory_plan_owner(const Directory *d, const char *name, const char *user, Failure *failure);
/* … and has the lease by that key, or had it last; else conflict, too. */
int directory_plan_unhost(const Directory *d, const char *name, const char *user, const char *key,
                          Failure *failure);

/* … and may give up the name. One that was taken out of the directory stays bound, else it would be
 * back under the same name. */
int directory_plan_forget(const Directory *d, const char *name, const char *user, Failure *failure);
/* For an operator: it is there. */
int directory_plan_known(const Directory *d, const char *name, Failure *failure);

/* Takes record. Where it is online its lease lives from now on for one period. last_seq never goes
 * back, but where the record follows a previous channel, whose id is retired. Used at start as
 * well. */
int directory_put(Directory *d, ChannelRecord *record, uint64_t now_boottime);
/* Used at start; one that is known already is left alone. */
int directory_retire(Directory *d, const RetiredId *id);
const RetiredId *directory_get_retired(const Directory *d, const char *channel_id);
/* NULL leaves a member alone. */
int directory_set_view(Directory *d, const char *name, const bool *restricted, const char *topic);
void directory_unhost(Directory *d, const char *name, uint64_t now_realtime);
void directory_remove(Directory *d, const char *name);
/* Its lease ends, nobody is shown it, and nobody may host it. Once more: another reason. */
int directory_delist(Directory *d, const char *name, const char *reason, uint64_t now_realtime);
void directory_relist(Directory *d, const char *name);
/* Ends one live lease of that owner's key and returns its channel, offline now; NULL when there is
 * none. A heartbeat of the key would revive it: whose key it was must not come back. */
const ChannelRecord *directory_end_lease(Directory *d, const char *owner, const char *key,
                                         uint64_t now_realtime);

/* One element of HEARTBEAT: ERROR_NONE renews the lease, also one that had lapsed (*ret_revived);
 * else what `lost` says. *ret_progress: last_seq is above what is stored, in this beat or since an
 * earlier one. */
ErrorCode directory_heartbeat(Directory *d, const HostRequest *q, uint64_t now_boottime,
                              uint64_t now_realtime, bool *ret_revived, bool *ret_progress);
/* last_seq of the channel is on disk so far, if that key and epoch still hold it. What
 * directory_put() is given is stored already. */
void directory_set_stored(Directory *d, const char *name, const char *key, uint64_t epoch,
                          uint64_t last_seq);

/* When the next lease lapses (boottime); UINT64_MAX: none lives. */
uint64_t directory_next_lapse(const Directory *d);
/* Takes one lease that is over and returns its channel, offline now; NULL when there is none. */
const ChannelRecord *directory_lapse(Directory *d, uint64_t now_boottime, uint64_t now_realtime);

/* When that channel's lease ends unless it is renewed (boottime); 0: none lives. */
uint64_t directory_get_lease_end(const Directory *d, const char *name);

/* Those that were taken out are among what these three give, and count. */
const ChannelRecord *directory_get(const Directory *d, const char *name);
size_t directory_count(const Directory *d);
size_t directory_count_online(const Directory *d);
/* The first channel after this name in byte order ("": the very first), or NULL. */
const ChannelRecord *directory_after(const Directory *d, const char *name);
/* Does LIST's query find it? Never by a topic that the asker may not see. */
bool channel_record_matches(const ChannelRecord *c, const char *query, bool only_online);

/* What an operator is shown, in byte order of names; those that were taken out too. Up to
 * q->limit of them (borrowed until d changes); next: NULL at the end, else to be given as `after`:
 * one call looks at CHANNELS_SCAN_MAX, so that a page may be empty and have next. Case does not
 * matter in ASCII. */
typedef struct ChannelsQuery {
        const char *after;    /* "": from the first on */
        const char *query;    /* NULL, or part of name, owner or topic */
        int online, delisted; /* 1, 0, or -1: no matter */
        size_t limit;
} ChannelsQuery;
size_t directory_list(const Directory *d, const ChannelsQuery *q, const ChannelRecord **ret,
                      const char **ret_next);
/* The first channel of that owner after this name, or NULL. */
const ChannelRecord *directory_next_owned(const Directory *d, const char *owner, const char *after);

/* Every important change gets a generation at once; members and last_seq get theirs with
 * directory_publish_counts() (true when there were any). */
uint64_t directory_get_generation(const Directory *d);
bool directory_publish_counts(Directory *d);
/* What changed after a generation can be told only while the removals since then are known. */
bool directory_knows_since(const Directory *d, uint64_t generation);
/* Each name once, in the order of its last change; borrowed until the next call that changes d. */
const DirectoryNode *directory_first_change(const Directory *d, uint64_t after_generation);
const DirectoryNode *directory_next_change(const DirectoryNode *n);
uint64_t directory_node_get_generation(const DirectoryNode *n);
const char *directory_node_get_name(const DirectoryNode *n);
const ChannelRecord *directory_node_get_record(
        const DirectoryNode *n); /* NULL: removed, or taken out */
