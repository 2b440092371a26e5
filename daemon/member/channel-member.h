/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows our part in one channel, hosted here or elsewhere: cursor, copy, outbox, state. What a
 * channel object on the bus shows is this. Leaves connections to host-link.h, truth to the host. */
#pragma once

#include "daemon/channel/channel.h"
#include "daemon/host/channel-host.h"
#include "daemon/member/export.h"

typedef struct ChannelMember ChannelMember;
typedef struct MemberOp MemberOp; /* one operation that somebody waits for */

typedef enum MemberState {
        MEMBER_OFFLINE,
        MEMBER_CONNECTING,
        MEMBER_SYNCING,
        MEMBER_LIVE,
        MEMBER_DENIED,
        MEMBER_DIVERGED,
        MEMBER_CLOSED,
        MEMBER_STATE_MAX,
        MEMBER_STATE_INVALID = -EINVAL
} MemberState;
const char *member_state_to_string(MemberState s);

const char *channel_member_get_id(const ChannelMember *c);
const char *channel_member_get_name(const ChannelMember *c);
const char *channel_member_get_tracker_id(const ChannelMember *c);
const char *channel_member_get_topic(const ChannelMember *c);
const char *channel_member_get_owner(const ChannelMember *c);
const char *channel_member_get_host(const ChannelMember *c);
Role channel_member_get_role(const ChannelMember *c);
ViewPermission channel_member_get_view(const ChannelMember *c);
SendPermission channel_member_get_send(const ChannelMember *c);
uint64_t channel_member_get_retention_days(const ChannelMember *c); /* 0: for ever */
/* Messages a second and at once that each may send there; 0: no limit, or the host was never heard.
 */
void channel_member_get_rates(const ChannelMember *c, uint64_t *ret_rate, uint64_t *ret_burst);
MemberState channel_member_get_state(const ChannelMember *c);
const char *channel_member_get_state_reason(const ChannelMember *c); /* "" */
/* The same as a sentence or two: what happened, what is kept, what a person can do. "" where
 * nothing is out of the ordinary. */
const char *channel_member_get_state_text(const ChannelMember *c);
const char *channel_member_get_previous(const ChannelMember *c);  /* "" */
const char *channel_member_get_successor(const ChannelMember *c); /* "" */
uint64_t channel_member_get_diverged_seq(const ChannelMember *c); /* 0 */
uint64_t channel_member_get_next_retry(const ChannelMember *c);   /* µs since the epoch; 0 */
uint64_t channel_member_get_first_seq(const ChannelMember *c);
uint64_t channel_member_get_synced_seq(const ChannelMember *c);
uint64_t channel_member_get_last_seq(const ChannelMember *c);
uint64_t channel_member_get_read_seq(const ChannelMember *c);
uint64_t channel_member_get_n_unread(const ChannelMember *c);
/* Of the unread ones, those that speak to us by name. */
uint64_t channel_member_get_n_mentions(const ChannelMember *c);
/* What the person wants to be told of: as set here, else as the settings say. */
Notify channel_member_get_notify(const ChannelMember *c);
/* An unread message of somebody else who is not ignored. */
bool channel_member_is_news(const ChannelMember *c, const Entry *e);
uint64_t channel_member_get_n_outbox(const ChannelMember *c);
uint64_t channel_member_get_n_online(const ChannelMember *c);
/* For moderators: who of those with a role came last with a key that was not seen before, while we
 * were here; on_members says so. NULL: nobody. */
const StoredRoleKey *channel_member_get_key_news(const ChannelMember *c);
/* Whose messages the person does not want to read here; in byte order, ends with NULL. */
char *const *channel_member_get_ignored(const ChannelMember *c);
uint64_t channel_member_get_ignored_generation(const ChannelMember *c); /* counts its changes */
bool channel_member_is_ignored(const ChannelMember *c, const char *username);
/* A message of theirs: it is held and given like all others, and hidden by who shows a log. */
bool channel_member_is_hidden(const ChannelMember *c, const Entry *e);
/* NULL: hosted elsewhere. */
ChannelHost *channel_member_get_local_host(const ChannelMember *c);
uint64_t channel_member_get_lease_until(
        const ChannelMember *c); /* boottime µs; 0: none or not the host */

MemberOp *member_op_free(MemberOp *op); /* ends the waiting only */
DEFINE_CLEANUP(MemberOp *, member_op_free);

/* id NULL: one is minted. Done when the row is on disk (seq 0), or with wait_usec > 0 when the host
 * has it; when the time ends first: done with seq 0 and no failure. A refusal while waiting is the
 * failure. */
typedef void (*member_sent_fn)(const Failure *f, const char *id, uint64_t seq, void *userdata);
int channel_member_send(ChannelMember *c, const char *id, const char *text, const char *meta_json,
                        uint64_t wait_usec, member_sent_fn done, void *userdata, MemberOp **ret_op);

/* A page of the log: from here, or, below first_seq, asked of the host; kept where it joins what is
 * held. What comes from the host is of all kinds, and may be more than the limit with
 * governance_only. */
typedef void (*member_page_fn)(const Failure *f, const Entry *entries, size_t n, bool more,
                               bool from_host, void *userdata);
int channel_member_read(ChannelMember *c, const PageQuery *q, member_page_fn done, void *userdata,
                        MemberOp **ret_op);

/* A page of what is found in what is held here; query->limit as it is. */
typedef void (*member_found_fn)(const Failure *f, const Entry *entries, size_t n, bool more,
                                uint64_t next_anchor, void *userdata);
int channel_member_search(ChannelMember *c, const SearchQuery *q, member_found_fn done,
                          void *userdata, MemberOp **ret_op);

typedef void (*member_outbox_fn)(const Failure *f, const OutboxRow *rows, size_t n, bool more,
                                 void *userdata);
int channel_member_read_outbox(ChannelMember *c, uint64_t after, unsigned limit,
                               member_outbox_fn done, void *userdata, MemberOp **ret_op);

typedef void (*member_done_fn)(const Failure *f, void *userdata);
int channel_member_cancel(ChannelMember *c, const char *id, member_done_fn done, void *userdata,
                          MemberOp **ret_op);
int channel_member_retry(ChannelMember *c, const char *id, member_done_fn done, void *userdata,
                         MemberOp **ret_op);
int channel_member_mark_read(ChannelMember *c, uint64_t seq, bool unread, member_done_fn done,
                             void *userdata, MemberOp **ret_op);
/* In place of who was; names fold, and may come twice. Nobody else hears of it. `bad-request`:
 * oneself, or more than IGNORED_MAX; `invalid-name`. */
int channel_member_set_ignored(ChannelMember *c, char *const *names, member_done_fn done,
                               void *userdata, MemberOp **ret_op);
/* "all", "mentions", "none", on disk when done; else `bad-request`. */
int channel_member_set_notify(ChannelMember *c, const char *text, member_done_fn done,
                              void *userdata, MemberOp **ret_op);
/* What is held now goes into fd, which stays the caller's (export.h). */
int channel_member_export(ChannelMember *c, int fd, ExportFormat format, member_done_fn done,
                          void *userdata, MemberOp **ret_op);
/* Off and on with membership kept. */
int channel_member_connect(ChannelMember *c, member_done_fn done, void *userdata,
                           MemberOp **ret_op);
int channel_member_disconnect(ChannelMember *c, member_done_fn done, void *userdata,
                              MemberOp **ret_op);

/* The roster, by name; next NULL: the end. */
typedef void (*member_roster_fn)(const Failure *f, const RosterEntry *members, size_t n,
                                 const char *next, void *userdata);
int channel_member_get_members(ChannelMember *c, const char *after, unsigned limit,
                               member_roster_fn done, void *userdata, MemberOp **ret_op);
/* Who has a role, or who is banned, as the host tells it. */
typedef struct ListedPerson {
        char username[NAME_SIZE];
        char key_id[KEY_ID_SIZE];   /* of a banned guest; that who has a role came with last, for
                                     * moderators; else "" */
        uint64_t key_since, n_keys; /* since when, of how many; 0 without */
        Role role;                  /* of who has one */
        char by[NAME_SIZE];         /* "": the host does not say */
        uint64_t since, until;      /* µs since the epoch; 0: not said, no end */
        char reason[3 * REASON_BYTES_MAX + 1]; /* what is no text in it takes three bytes */
} ListedPerson;
/* next: what to give as `after` for the next page; NULL: the end. */
typedef void (*member_people_fn)(const Failure *f, const ListedPerson *people, size_t n,
                                 const char *next, void *userdata);
int channel_member_list_people(ChannelMember *c, ListKind kind, const char *after, unsigned limit,
                               member_people_fn done, void *userdata, MemberOp **ret_op);

/* RET_INFO, from the host: what is not a property already. Of long lists the beginning. */
typedef struct MemberInfo {
        uint64_t epoch, message_rate, message_burst, generation;
        const ListedPerson *authorized, *banned;
        size_t n_authorized, n_banned;
        bool sees_banned; /* they are told to us */
} MemberInfo;
typedef void (*member_info_fn)(const Failure *f, const MemberInfo *info, void *userdata);
int channel_member_get_info(ChannelMember *c, member_info_fn done, void *userdata,
                            MemberOp **ret_op);
/* DEBUG, from the host; for the owner. */
typedef struct MemberDebug {
        uint64_t n_connections, n_commits, commit_msec_p99, uptime_sec;
        const char *version; /* of the host's program, text */
        const SessionDebug *sessions;
        size_t n;
        const char *next; /* the place to go on after; NULL: the end */
} MemberDebug;
typedef void (*member_debug_fn)(const Failure *f, const MemberDebug *d, void *userdata);
int channel_member_get_debug(ChannelMember *c, const char *after /* NULL: from the first */,
                             unsigned limit, member_debug_fn done, void *userdata,
                             MemberOp **ret_op);
/* ACCESS, likewise: what that user or guest may do here, and why. username NULL: who we are. */
typedef struct MemberAccess {
        const char *username;
        Access access;
        const char *why[WHY_MAX];
        size_t n_why;
} MemberAccess;
typedef void (*member_access_fn)(const Failure *f, const MemberAccess *access, void *userdata);
int channel_member_explain_access(ChannelMember *c, const char *username, member_access_fn done,
                                  void *userdata, MemberOp **ret_op);
/* Moderation, here or at the host. */
int channel_member_set_permissions(ChannelMember *c, const Permissions *p, member_done_fn done,
                                   void *userdata, MemberOp **ret_op);
int channel_member_set_topic(ChannelMember *c, const char *topic, member_done_fn done,
                             void *userdata, MemberOp **ret_op);
int channel_member_authorize(ChannelMember *c, const char *target, Role role,
                             const char *reason /* NULL: none */, member_done_fn done,
                             void *userdata, MemberOp **ret_op);
int channel_member_redact(ChannelMember *c, uint64_t seq, const char *reason /* NULL: none */,
                          member_done_fn done, void *userdata, MemberOp **ret_op);
/* -EINVAL: the target is no name, the reason no line of text. */
int channel_member_sanction(ChannelMember *c, const Sanction *s, member_done_fn done,
                            void *userdata, MemberOp **ret_op);
