/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of a channel member share; only channel-member*.c see it. */
#pragma once

#include "base/backoff.h"
#include "base/token-bucket.h"
#include "daemon/member/channel-member-owner.h"
#include "daemon/operation.h"

typedef struct MemberCall MemberCall;

struct MemberOp {
        Operation base;
        ChannelMember *member; /* weak */
        union {
                member_sent_fn sent;
                member_page_fn page;
                member_found_fn found;
                member_outbox_fn outbox;
                member_done_fn done;
                member_roster_fn roster;
                member_info_fn info;
                member_debug_fn debug;
                member_access_fn access;
                member_people_fn people;
        } fn;
        void *userdata; /* weak */
        Job *job;
        MemberCall *call;
};

/* What came from the host and is not in the store yet (channel-member-stream.c). */
typedef struct Stream {
        uint64_t next; /* the seq that must come now */
        Entry *queue;
        size_t n_queue, n_allocated, n_queue_bytes;
        Entry *flying; /* at the store */
        size_t n_flying, n_flying_bytes;
        Job *copy;
        EntryId *known; /* came again: are they still the same entries? */
        size_t n_known, n_known_allocated;
        size_t n_checking; /* of them, at the store */
        Job *check;
        ClockTimer *retry; /* the store could not take it */
        unsigned n_faults; /* since our copy last grew */
        unsigned n_ahead;  /* PINGs in a row that say more than we have */
        unsigned n_absent; /* … that say nothing of this channel */
} Stream;

/* One message that is under way to the host. */
typedef struct Sent {
        char id[UUID_STRING_SIZE];
        bool decided;   /* the host has said what became of it */
        bool duplicate; /* … which it was before */
        uint64_t seq;
        Failure failure; /* code ERROR_NONE: stored */
} Sent;

typedef struct Outbox {
        Job *read, *update;
        RpcCall *call;
        Sent *sent; /* one request at a time */
        size_t n_sent;
        bool local; /* … is at the host that we are */
        ClockTimer *retry;
        Backoff backoff;
        uint64_t retry_usec; /* what follows the update that runs; 0: the next request */
        unsigned batch_max;
        bool uncertain; /* an earlier request on this connection may still be under way */
        bool untimely;  /* it was not the time for MESSAGE; we have joined again since */
        TokenBucket bucket;
        uint64_t generation;
} Outbox;

/* A change that happens whether somebody waits for it or not (channel-member-change.c). */
typedef struct MemberChange {
        ChannelMember *member; /* weak */
        struct MemberChange *prev, *next;
        Job *job;
        Operation *op; /* weak; NULL: nobody waits */
        /* of the outbox: */
        char id[UUID_STRING_SIZE];
        uint64_t wait_usec;
        bool cancels;
        bool deferred; /* until what is under way is decided */
        /* of who is ignored: */
        char **names;
        size_t n_names;
        Notify notify; /* to be */
} MemberChange;

struct ChannelMember {
        const Runtime *rt;  /* weak */
        Store *store;       /* weak */
        HostLinks *links;   /* weak */
        Exporter *exporter; /* weak */
        MemberHandlers handlers;
        void *userdata; /* weak */
        char tracker_id[TRACKER_ID_SIZE];
        Actor me;

        StoredChannel stored; /* its strings are ours */
        char *topic, *closed_reason;
        uint64_t let_in_at;     /* boottime of the latest CONNECT that ACCESS led to; 0: none */
        char *words;            /* the host's, of why it has no place for us; NULL: none */
        StoredRoleKey key_news; /* since 0: none */
        char **ignored;         /* in byte order, ends with NULL */
        size_t n_ignored;
        uint64_t ignored_generation;
        Job *save;
        bool save_again;
        ClockTimer *save_retry; /* armed: the row lacks something */
        Notify notify;          /* where the row has none */
        Job *count;             /* of mentions */
        bool count_again;
        uint64_t history_seq; /* up to it entries are what was said before we came */

        bool is_searching;         /* the directory was asked because a dial failed */
        bool is_listed_restricted; /* as the directory said last */
        MemberState state;
        MemberState journaled; /* what the journal knows of it … */
        bool is_away;          /* … by a host that is away */
        char reason[64];
        char *state_text; /* NULL: nothing to say */
        uint64_t n_online, generation;
        uint64_t message_rate, message_burst; /* as the host has told; 0: none, or never */

        /* the host, elsewhere (channel-member-connect.c) */
        HostSlot *slot;
        RpcCall *connect_call;
        MemberCall *begin_call;
        RpcCall *presence_call;
        MemberCall *calls; /* all, in the order of asking */
        ClockTimer *call_timer;
        MemberPresence presence; /* as it is to be */
        MemberPresence telling;  /* … as the request says that is under way */
        MemberPresence told;     /* … as the host has taken it, while connected */
        bool is_unhosted;        /* its host has said so, and none has answered since */
        bool connected;          /* CONNECT was answered with OK on this connection */
        bool connect_due;        /* as soon as the store has what came */
        uint64_t target_seq;     /* live from here on */
        uint64_t ended_seq; /* where its host said, with `moved`, that its log ends; 0: nowhere */
        uint64_t truth_seq; /* entries above it change what we know */
        uint64_t since;     /* boottime; nothing was sent in our name before */
        RetentionRule rule; /* of before our copy, by CONNECT's OK; days 0: none */
        ClockTimer *retry;
        Backoff backoff;
        Stream stream;

        /* the host, here */
        ChannelHost *host; /* weak */
        uint64_t lease_until;

        Outbox outbox;
        MemberChange *changes; /* MemberChange */
        Operation *ops;        /* MemberOp */
};

/* channel-member.c */
void member_changed(ChannelMember *c);
void member_set_state(ChannelMember *c, MemberState state, const char *reason);
/* … of which the journal is told (channel-member-journal.c). */
void member_tell_state(ChannelMember *c, MemberState state, const char *reason);
#define UNHOSTED "unhosted"
#define KICKED "kicked" /* in the row too, until the host has let us in again */
/* Offline because its host is, or because that has said so. */
void member_set_away(ChannelMember *c);
int member_set_topic(ChannelMember *c, const char *topic);
int member_set_closed_reason(ChannelMember *c, const char *reason);
/* Who waits for the attempt that runs (settle, connect) hears how it ended. */
void member_settled(ChannelMember *c, const Failure *f);
MemberOp *member_op_new(ChannelMember *c, const OperationType *type, void *userdata);
/* The same for one that is zeroed, and part of a larger struct. */
void member_op_init(MemberOp *op, ChannelMember *c, const OperationType *type, void *userdata);
int member_op_return(MemberOp *op, MemberOp **ret_op, const Failure *f);
/* r: of what it waits for. Negative: frees op, returns r. */
int member_op_begun(MemberOp *op, int r, MemberOp **ret_op);
void member_op_release(Operation *o);                      /* frees job and call */
void member_done_complete(Operation *o, const Failure *f); /* calls fn.done */
extern const OperationType member_done_type, member_settle_type;
/* From the next turn: who is told may free the channel. */
void member_tell_all(ChannelMember *c, const OperationType *type, const Failure *f);
void member_fail_store(const ChannelMember *c, Failure *f, int r, const char *what);

/* channel-member-save.c */
int member_save_init(ChannelMember *c);
void member_save_done(ChannelMember *c);
/* The row, as soon as the disk takes it. Operations of member_saved_type are told then. */
void member_save_soon(ChannelMember *c);
/* Before whatever is written to the log next, which the row has to allow: not after the save that
 * is under way. */
void member_save_now(ChannelMember *c);
extern const OperationType member_saved_type;

/* channel-member-ignore.c. text: as StoredChannel.ignored. */
int member_load_ignored(ChannelMember *c, const char *text);
char **member_names_free(char **names, size_t n);

/* channel-member-notify.c */
void member_heard(ChannelMember *c, const Entry *entries, size_t n); /* they are in the log now */
void member_count_done(ChannelMember *c);

/* channel-member-connect.c */
void member_connect_now(ChannelMember *c); /* CONNECT, or again */
void member_detach(ChannelMember *c);      /* off the link; state is the caller's */
void member_go(ChannelMember *c);          /* … having said so */
void member_on_retry(void *userdata);
/* Where the host is, as last heard; kept for a day when nobody can be asked. n 0: nowhere. */
void member_set_addresses(ChannelMember *c, const Address *addresses, size_t n);
/* The host's log is not ours, from entry seq on at the latest. reason: shorter-log, other-entry,
 * broken-log. */
void member_diverge(ChannelMember *c, const char *reason, uint64_t seq);

/* channel-member-presence.c */
#define SEEN_THERE "seen-there" /* state reason: its host cannot keep us invisible */
/* Of CONNECT; then member_presence_told(), or member_leave_visible(). */
void member_write_presence(ChannelMember *c, Writer *w);
void member_presence_told(ChannelMember *c);
void member_leave_visible(ChannelMember *c);

/* {channel_name, channel_id, …: every request to the host begins so. */
void member_begin_request(const ChannelMember *c, Writer *w);

/* channel-member-ask.c. Sends what member_begin_request() began; r: member_op_begun(). A host that
 * is away is a failure from a later turn. */
int member_ask(MemberOp *op, const char *command, Writer *w, rpc_reply_fn reply, MemberOp **ret_op);
void member_ask_failure(Failure *f, int r);

/* channel-member-call.c. As host_slot_call(), and takes w's text; `rate-limited` is the answer only
 * where it would last longer than a request may. */
int member_call(ChannelMember *c, const char *command, Writer *w, rpc_reply_fn reply,
                void *userdata /* weak */, MemberCall **ret);
MemberCall *member_call_free(MemberCall *x);
void member_calls_resume(void *member); /* a clock_timer_fn */
void member_calls_hung_up(ChannelMember *c);

/* channel-member-begin.c */
uint64_t member_since(const ChannelMember *c); /* what is held, or begun, ends here */
/* since, since_id, backlog: of CONNECT. */
void member_write_since(const ChannelMember *c, Writer *w);
/* An OK with this head: the first one says where the copy begins. */
void member_begin(ChannelMember *c, uint64_t last_seq);
/* Asks for the id of the entry before it, where it may take long until one is held. */
void member_learn_begin(ChannelMember *c);

/* channel-member-explain.c */
#define STATE_TEXT_SIZE 1200 /* words of the host's among it */
void member_explain(const ChannelMember *c, char ret[static STATE_TEXT_SIZE]);
/* Nothing more is said or sent there: why not, and what a person can do. */
int member_fail_closed(const ChannelMember *c, Failure *f);

/* channel-member-export.c. What is held is about to be another log. */
void member_end_exports(ChannelMember *c);

/* channel-member-stream.c */
int stream_init(ChannelMember *c);
void stream_done(ChannelMember *c);
void stream_begin(ChannelMember *c, uint64_t next);
void stream_push(ChannelMember *c, const Value *payload);
void stream_head(ChannelMember *c, uint64_t last_seq);
void stream_no_head(ChannelMember *c);          /* the host does not think that we have joined */
void stream_drop(ChannelMember *c);             /* what is not at the store yet */
bool stream_is_storing(const ChannelMember *c); /* … and what is: it goes on, or is about to */

/* channel-member-truth.c */
void member_apply(ChannelMember *c, const Entry *e);
/* CONNECT's `retention`, NULL: none. Behind where the copy begins. */
void member_take_retention(ChannelMember *c, const Value *retention);
void member_keep_rule(ChannelMember *c);

/* channel-member-outbox.c */
int outbox_init(ChannelMember *c);
void outbox_done(ChannelMember *c);
void outbox_pump(ChannelMember *c);
void outbox_changed(ChannelMember *c);
void outbox_connected(ChannelMember *c); /* a new connection: nothing is under way on it */
bool outbox_is_sending(const ChannelMember *c, const char *id);
void outbox_hold(ChannelMember *c); /* what was read and is not sent yet stays here */

/* channel-member-pace.c */
/* How many messages may be sent now; 0: in *ret_wait_usec. */
size_t pace_room(ChannelMember *c, uint64_t *ret_wait_usec);
void pace_sent(ChannelMember *c, size_t n);
/* n of those sent were not to be counted: the host has them already, or will not have them. */
void pace_not_counted(ChannelMember *c, size_t n);
void pace_refused(ChannelMember *c); /* it was too much: there is nothing left */

/* channel-member-send.c */
void sends_stored(ChannelMember *c, const char *id, uint64_t seq);
void sends_failed(ChannelMember *c, const char *id, const Failure *f);
void changes_resume(ChannelMember *c);
bool changes_are_cancelling(const ChannelMember *c); /* the outbox holds a row no longer, soon */

/* channel-member-change.c. id may be NULL. */
int member_change_new(ChannelMember *c, const char *id, MemberOp *op, MemberChange **ret);
MemberChange *member_change_free(MemberChange *x);
/* As member_op_begun(), of who waits for it. x may be NULL where r is negative, which frees it. */
int member_change_begun(MemberChange *x, int r, MemberOp *op, MemberOp **ret_op);
/* Frees x, and tells who waits. */
void member_change_end(MemberChange *x, const Failure *f);
void member_changes_done(ChannelMember *c);
