/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel is hosted: the single writer of its log, and the cursors of those who read
 * it. Leaves rules to channel.h, disk to store.h, connections to peer.h. */
#pragma once

#include "base/near-names.h"
#include "daemon/channel/channel.h"
#include "net/rpc.h"

/* Requests are taken one batch at a time: while a commit is in flight further ones wait, and each
 * is judged by the state of the moment in which its batch is made; a governance change ends its
 * batch. So the log holds nothing that its own state forbade, and batches grow with load. */
typedef struct ChannelHost ChannelHost;
typedef struct HostSession HostSession; /* one connection's membership here: cursor, presence */

typedef struct ChannelHostHandlers {
        /* The state is read from disk (r 0), or could not be: the channel cannot serve. */
        void (*on_loaded)(ChannelHost *h, int r, void *userdata);
        /* On disk, and being sent to members. Governance among them is applied already. */
        void (*on_entries)(ChannelHost *h, const Entry *entries, size_t n, void *userdata);
        void (*on_members)(ChannelHost *h, uint64_t generation, void *userdata);
        /* A role or a ban is for somebody who never was here: the owner asks the tracker (WHOIS)
         * and answers, now or later but once, by channel_host_user_looked_up(). At most
         * LOOKUPS_AT_ONCE_MAX at a time, no name twice. */
        void (*lookup_user)(ChannelHost *h, const char *username, uint64_t ticket, void *userdata);
        /* A commit failed (disk full …) or works again (r 0). */
        void (*on_disk)(ChannelHost *h, int r, void *userdata);
        /* After channel_host_end(): free it now. */
        void (*on_ended)(ChannelHost *h, void *userdata);
} ChannelHostHandlers;

/* row: a hosted channel of the store. me: who we are. A log that is empty gets its `create` entry
 * first, with channel_id and epoch; an epoch above the log's is logged as `host` before anyone is
 * served. */
int channel_host_new(const Runtime *rt /* weak */, Store *store /* weak */, uint64_t row,
                     const char *name, const char *channel_id, uint64_t epoch, const Actor *me,
                     const ChannelHostHandlers *handlers, void *userdata /* weak */,
                     ChannelHost **ret);
/* Right after channel_host_new(): a log that is empty follows that channel's ("": none). */
void channel_host_set_previous(ChannelHost *h, const char *channel_id);

typedef enum HostEnding {
        HOST_GOES_ON,
        HOST_MOVES,  /* its log goes on elsewhere */
        HOST_STOPS,  /* with this process */
        HOST_CLOSES, /* a person wishes it: within three seconds, whatever the disk does */
} HostEnding;
/* From now on whatever would write gets `busy`, what is at the disk is stored and answered, and
 * members have a second to take all of it, our other devices four where the log moves. Then
 * on_ended, from a later turn; once, whatever else is asked for meanwhile, of which HOST_CLOSES
 * only sets its bound. Errors: there is nothing to wait for, or nothing to wait with; free it at
 * once. */
int channel_host_end(ChannelHost *h, HostEnding how);
bool channel_host_is_ending(const ChannelHost *h);
/* Sessions get CLOSED with the reason ("unhosted", "moved"; NULL: nothing is said, GOING_AWAY was).
 */
ChannelHost *channel_host_free(ChannelHost *h, const char *closed_reason);

/* f NULL: a registered user of that name exists. ERROR_NO_SUCH_USER and ERROR_GUESTS_NOT_ALLOWED
 * say that none does; anything else, that it is not known, which fails all that waits to be asked.
 * near (may be NULL): who may be meant instead. A ticket that is not known any more is ignored. */
void channel_host_user_looked_up(ChannelHost *h, uint64_t ticket, const Failure *f,
                                 const NearNames *near);

const Channel *channel_host_get_channel(const ChannelHost *h);
const char *channel_host_get_name(const ChannelHost *h);
bool channel_host_is_loaded(const ChannelHost *h);
uint64_t channel_host_get_generation(const ChannelHost *h); /* of the roster */
size_t channel_host_get_n_sessions(const ChannelHost *h);
/* Distinct users that are seen, the local one among them unless invisible. */
size_t channel_host_get_n_online(const ChannelHost *h);

bool channel_host_knows_command(const char *name);
/* A §5 request of a remote peer; payload is checked here. Consumes q. */
void channel_host_request(ChannelHost *h, const Actor *actor, RpcRequest *q, HostSession **session);
/* Nothing is said over it any more. */
void channel_host_peer_gone(ChannelHost *h, const Rpc *rpc);
/* The connection is gone, or DISCONNECT. */
HostSession *host_session_free(HostSession *s);
/* CLOSED with this reason is the last thing that follows of the channel. */
HostSession *host_session_close(HostSession *s, const char *reason, const char *message);
bool host_session_is_connected(const HostSession *s); /* CONNECT was accepted; false for NULL */
/* CONNECT was refused, or the right to view taken: it is told when that ends. */
bool host_session_is_refused(const HostSession *s);
bool host_session_is_seen(const HostSession *s); /* … and others may know; false for NULL */

/* The local user, by the same queue and the same rules, before on_loaded too. done (may be NULL)
 * runs once, from a later turn of the loop, with the result of each or a failure for all; what is
 * not answered when the host is freed gets `busy` before channel_host_free() returns. Errors:
 * -EINVAL for what no rule admits (ids, texts, names), -ENOBUFS, -ENOMEM; then done does not run.
 */
typedef struct LocalMessage {
        char id[UUID_STRING_SIZE];
        const char *text; /* copied */
        const char *meta;
} LocalMessage;
typedef struct LocalResult {
        const char *id;
        Failure failure; /* code ERROR_NONE: stored */
        uint64_t seq;
        bool duplicate; /* … before */
} LocalResult;
typedef void (*channel_host_sent_fn)(const LocalResult *results, size_t n, const Failure *f,
                                     void *userdata);
int channel_host_send(ChannelHost *h, const Actor *actor, const LocalMessage *messages, size_t n,
                      channel_host_sent_fn done, void *userdata);
typedef void (*channel_host_done_fn)(const Failure *f, void *userdata);
int channel_host_set_permissions(ChannelHost *h, const Actor *actor, const Permissions *p,
                                 channel_host_done_fn done, void *userdata);
int channel_host_set_topic(ChannelHost *h, const Actor *actor, const char *topic,
                           channel_host_done_fn done, void *userdata);
int channel_host_authorize(ChannelHost *h, const Actor *actor, const char *target, Role role,
                           const char *reason /* NULL: none */, channel_host_done_fn done,
                           void *userdata);
/* -EINVAL: the reason is no line of text. */
int channel_host_redact(ChannelHost *h, const Actor *actor, uint64_t seq,
                        const char *reason /* NULL: none */, channel_host_done_fn done,
                        void *userdata);

typedef enum SanctionKind {
        SANCTION_KICK,
        SANCTION_BAN,
        SANCTION_UNBAN,
} SanctionKind;
typedef struct Sanction {
        SanctionKind kind;
        const char *target;
        const char *reason; /* NULL: none; at most REASON_BYTES_MAX, one line */
        uint64_t until;     /* of a ban, µs since the epoch; 0: no end */
} Sanction;
int channel_host_sanction(ChannelHost *h, const Actor *actor, const Sanction *s,
                          channel_host_done_fn done, void *userdata);
/* Messages of the log lost their content otherwise (by age): nobody is sent it from now on. */
void channel_host_content_removed(ChannelHost *h);

/* How the local user is seen, who is here as long as the channel is hosted: online until this is
 * called. At any time, the first before on_loaded to be invisible from the beginning; to become so
 * looks like leaving, half a minute later. away counts while no other device of the user is online.
 * -ENOMEM: it is as before, and may be tried again. */
int channel_host_set_presence(ChannelHost *h, bool invisible, bool away);

/* A page of who has a role, or who is banned: the answer to RET_INFO with a list, of at most so
 * many bytes, {authorized or banned, next?}. Negative with *f: not for that one. */
typedef enum ListKind {
        LIST_AUTHORIZED,
        LIST_BANNED,
} ListKind;
int channel_host_list(const ChannelHost *h, const Actor *actor, ListKind kind,
                      const char *after /* NULL: from the first */, uint64_t limit,
                      size_t max_bytes, Writer *w, Failure *f);

/* The roster: who is here now and seen (the local user like others), by name. */
typedef struct RosterEntry {
        char username[NAME_SIZE];
        UserType user_type;
        Role role;
        Presence status;
        uint64_t since; /* µs since the epoch */
} RosterEntry;
typedef int (*channel_host_each_member_fn)(const RosterEntry *m, void *userdata);
int channel_host_each_member(const ChannelHost *h, const char *after /* exclusive, NULL = first */,
                             channel_host_each_member_fn fn, void *userdata);

/* The latest key that is news (NULL: none was since the start): somebody with a role came with one
 * that was not seen before. on_members follows where that one is shown. */
const StoredRoleKey *channel_host_get_key_news(const ChannelHost *h);

/* What DEBUG tells of the connections that are in the channel, those of the invisible among them
 * (protocol §5): by name, then key. */
typedef struct SessionDebug {
        char username[NAME_SIZE];
        UserType user_type;
        char key_id[KEY_ID_SIZE];
        bool is_invisible;
        uint64_t cursor; /* the last entry that the connection was given */
        uint64_t lag;    /* entries behind it */
        uint64_t queued_bytes;
} SessionDebug;
/* Where a page ends: "NAME/KEY", of its last row. */
#define SESSION_PLACE_SIZE (NAME_SIZE + KEY_ID_SIZE)
void session_debug_place(const SessionDebug *s, char ret[static SESSION_PLACE_SIZE]);
int session_place_compare(const char *a, const char *b);
typedef int (*channel_host_each_session_fn)(const SessionDebug *s, void *userdata);
int channel_host_each_session(const ChannelHost *h, const char *after /* exclusive; NULL: first */,
                              channel_host_each_session_fn fn, void *userdata);

typedef struct HostDebug {
        uint64_t n_connections;
        StoreStatistics store;
} HostDebug;
void channel_host_get_debug(const ChannelHost *h, HostDebug *ret);
