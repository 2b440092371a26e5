/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a channel does for the manager that owns it: where its host is, when to begin, when to
 * end. Leaves what everybody else may do with it to channel-member.h. */
#pragma once

#include "daemon/member/channel-member.h"
#include "daemon/member/host-link.h"

typedef struct MemberHandlers {
        void (*on_changed)(ChannelMember *c, void *userdata); /* any property */
        void (*on_entries)(ChannelMember *c, uint64_t first, uint64_t last, void *userdata);
        /* Entries that have come into the log, told behind on_entries, but for those that were in
         * it before we came to it; borrowed. May be NULL. */
        void (*on_heard)(ChannelMember *c, const Entry *entries, size_t n, void *userdata);
        void (*on_outbox)(ChannelMember *c, uint64_t generation, void *userdata);
        void (*on_members)(ChannelMember *c, uint64_t generation, void *userdata);
        /* It wants to know what the directory says: answer by channel_member_locate(). */
        void (*on_lost)(ChannelMember *c, void *userdata);
} MemberHandlers;

/* How the local user is to be shown to others. */
typedef struct MemberPresence {
        bool invisible, is_away;
} MemberPresence;

typedef struct MemberContext {
        const Runtime *rt;  /* weak */
        Store *store;       /* weak */
        HostLinks *links;   /* weak */
        Exporter *exporter; /* weak */
        const char *tracker_id;
        Actor me;
        MemberPresence presence;
        Notify notify; /* where nothing else is set */
        const MemberHandlers *handlers;
        void *userdata; /* weak */
} MemberContext;

/* stored is copied; row 0: it is saved once the host has accepted us (or by
 * channel_member_save()). */
int channel_member_new(const MemberContext *context, const StoredChannel *stored,
                       ChannelMember **ret);
/* Everybody who waits is told `cancelled`. A local host must be gone before. */
ChannelMember *channel_member_free(ChannelMember *c);
DEFINE_CLEANUP(ChannelMember *, channel_member_free);

/* Borrowed; rows, cursors and counts among it are current. */
const StoredChannel *channel_member_get_stored(const ChannelMember *c);

/* What CONNECT asks for while nothing is held here; −1: from the first entry. */
void channel_member_set_backlog(ChannelMember *c, int64_t backlog);
/* Begins, or begins again, if it is wanted; nothing on one that is hosted or closed. */
void channel_member_start(ChannelMember *c);
/* What the directory says now; NULL: nothing under this name. Another channel or another owner
 * under the name is not followed: this one is closed until the directory says otherwise. */
void channel_member_locate(ChannelMember *c, const DirectoryEntry *entry);
/* A host that it is connected to hears it now, the others with CONNECT. One that knows no invisible
 * members is left: better not there than seen. */
void channel_member_set_presence(ChannelMember *c, const MemberPresence *p);
void channel_member_set_default_notify(ChannelMember *c, Notify notify);
/* Messages may have lost their content: those that spoke to us do not any more. */
void channel_member_count_mentions(ChannelMember *c);
/* Is it this channel that the entry means? */
bool channel_member_is_meant(const ChannelMember *c, const DirectoryEntry *entry);
/* Its name means the channel `successor` now. Closed with its copy and outbox kept, for as long as
 * that is so: nobody has left it. */
void channel_member_displace(ChannelMember *c, const char *successor, bool same_owner);
bool channel_member_is_displaced(const ChannelMember *c);
void channel_member_come_back(ChannelMember *c);          /* its name means it again */
bool channel_member_is_connected(const ChannelMember *c); /* to another device that hosts it */
/* What came from there, and what we know of the channel, is on disk. */
bool channel_member_is_settled(const ChannelMember *c);
/* Settled: of a log that its host has ended, how many of the last entries are not here. */
uint64_t channel_member_get_n_missing(const ChannelMember *c);
/* The outcome of the attempt that runs: NULL accepted, `host-offline`, or the refusal. */
int channel_member_settle(ChannelMember *c, member_done_fn done, void *userdata, MemberOp **ret_op);
/* What is known of it is in its row when done runs; with a failure it will be, as soon as the disk
 * takes it, but for one that has no row yet. */
int channel_member_save(ChannelMember *c, member_done_fn done, void *userdata, MemberOp **ret_op);

/* What its row lacks is written now, ahead of what comes next. */
void channel_member_store_is_back(ChannelMember *c);

/* We serve it ourselves from now on (loaded already), or stopped: then the reason says why. */
void channel_member_set_local_host(ChannelMember *c, ChannelHost *host, const char *reason);
void channel_member_host_entries(ChannelMember *c, const Entry *entries, size_t n);
void channel_member_host_members(ChannelMember *c, uint64_t generation);
void channel_member_set_lease_until(ChannelMember *c, uint64_t boottime_usec);
/* hosted, wanted, name …: what the manager decides; saved. closed_reason NULL: open. */
void channel_member_set_hosted(ChannelMember *c, bool hosted, bool wanted);
/* Of one of ours: another device has the lease. */
void channel_member_show_moved(ChannelMember *c);
bool channel_member_is_moved(const ChannelMember *c);
/* Closed: the tracker has seen this log go on to last_seq. */
void channel_member_show_behind(ChannelMember *c, uint64_t last_seq);
/* Of one of ours that is not hosted now: another device goes on with it. What is held here becomes
 * a copy of that one's log. */
void channel_member_become_copy(ChannelMember *c);
/* Which channel a new one follows. */
void channel_member_set_previous(ChannelMember *c, const char *channel_id);
/* This log lacks what members have seen: it is never served under its id again. */
void channel_member_set_went_back(ChannelMember *c);
/* Drops a copy that has diverged; what the host holds is taken instead, and the outbox stays. */
int channel_member_drop_copy(ChannelMember *c, member_done_fn done, void *userdata,
                             MemberOp **ret_op);
void channel_member_set_state_reason(ChannelMember *c, const char *reason);
/* For good, with its copy kept. */
void channel_member_close(ChannelMember *c, const char *reason);
/* The same until it is begun again: the tracker or the host says so, not the person. */
void channel_member_show_closed(ChannelMember *c, const char *reason);
/* A closed one is joined or hosted again. */
void channel_member_reopen(ChannelMember *c);
