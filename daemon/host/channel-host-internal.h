/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the parts of a channel host share; only daemon/host sees it. */
#pragma once

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/token-bucket.h"
#include "daemon/host/channel-host.h"

/* A request of a peer. */
typedef struct HostCall {
        ChannelHost *host;
        const Actor *actor;
        RpcRequest *q; /* to be consumed */
        HostSession **session;
} HostCall;

/* ---- recent entries, encoded once (channel-host-recent.c) ---- */

/* The newest entries of the log as the JSON text that members get, so that a batch costs one
 * encoding and then one memcpy a member. Behind it members read from the store. */
#define RECENT_ENTRIES_MAX 1024
#define RECENT_BYTES_MAX (256 * 1024)

typedef struct Recent {
        uint64_t first_seq; /* of the oldest that is held; meaningful with n > 0 */
        size_t n;
        char *data; /* entry, comma, entry …; base is the absolute offset of data[0] */
        size_t size, allocated;
        uint64_t base;
        uint64_t ends[RECENT_ENTRIES_MAX]; /* absolute, by seq modulo, the comma behind excluded */
        uint64_t start;                    /* absolute offset of the oldest */
} Recent;

int recent_append(Recent *recent, const Entry *entries, size_t n);
void recent_clear(Recent *recent);
bool recent_has(const Recent *recent, uint64_t seq);
/* The text of as many entries from seq on as fit into max bytes, at least one; borrowed. */
void recent_get(const Recent *recent, uint64_t seq, size_t max, const char **ret, size_t *ret_n,
                uint64_t *ret_last);

/* ---- who is here (channel-host-roster.c; after a restart: channel-host-roster-save.c) ---- */

#define PRESENCE_INTERVAL_USEC USEC_PER_SEC
#define PRESENCE_GRACE_USEC (30 * USEC_PER_SEC)

/* One user. Rows stand in the order of their latest change, so what changed since a generation is a
 * tail of the list: presence is a cursor as well, and so is what was saved of it. A row of who has
 * left stays until every session was told, and the disk. Nobody is in it who must not be seen: all
 * of it is shown to members, and kept on disk. */
typedef struct RosterRow {
        char username[NAME_SIZE];
        UserType user_type;
        char key_id[KEY_ID_SIZE]; /* of who joined last; "": not known (a restart) */
        size_t n_sessions;        /* those that are seen … */
        size_t n_online;          /* … and of them, those that are not away */
        Presence shown;           /* less than that only after the grace */
        uint64_t since;
        uint64_t generation;
        uint64_t everybodys; /* of the latest change that is not for moderators only */
        uint64_t leave_at;   /* boottime; 0: what is shown is so */
        UT_hash_handle hh;
        struct RosterRow *prev, *next;             /* roster->rows */
        struct RosterRow *leave_prev, *leave_next; /* roster->leaving */
} RosterRow;

typedef struct Roster {
        ChannelHost *host; /* weak */
        RosterRow *by_name;
        RosterRow *rows;
        RosterRow *leaving; /* in the order of leave_at */
        size_t n_online;    /* rows that are not shown as offline */
        uint64_t generation;
        uint64_t published; /* the generation up to which sessions may be told */
        size_t n_published; /* who were online in it */
        uint64_t next_publication;
        ClockTimer *publish_timer, *leave_timer;

        uint64_t saved; /* the generation that is on disk */
        uint64_t saving;
        bool save_anew; /* what is on disk is not known, or of another time */
        ClockTimer *save_timer;
        Job *save_job;
} Roster;

int roster_init(Roster *roster, ChannelHost *h);
void roster_done(Roster *roster);
/* Who was here when the process before this one ended: here still, until the grace is over. saved,
 * generation and rows as store_load_roster() gives them. */
void roster_hold(Roster *roster, uint64_t saved, uint64_t generation, const StoredPresence *rows,
                 size_t n);
void roster_save_soon(Roster *roster); /* something has changed */
void roster_save_now(Roster *roster);  /* this process ends */
void roster_save_nobody(Roster *roster);
void roster_save_done(Roster *roster);
int roster_save_init(Roster *roster);
/* Rows that nobody waits for any more are freed. */
void roster_forget_told(Roster *roster);
RosterRow *roster_row_new(Roster *roster, const char *username, UserType type);
/* Counted from now on, when nobody has a session for it. */
void roster_row_leaves(Roster *roster, RosterRow *row);
/* One session more, one less, one that says something else of itself. */
int roster_join(Roster *roster, const Actor *actor, Presence status);
void roster_leave(Roster *roster, const char *username, Presence status, bool at_once);
void roster_change(Roster *roster, const char *username, Presence from, Presence to);
/* Who is shown though no session is left is so no more. */
void roster_expel(Roster *roster, const char *username);
/* Something that the roster shows of this user is another now. */
void roster_touch(Roster *roster, const char *username);
/* The same of what only those are shown who see keys. */
void roster_touch_key(Roster *roster, const char *username);
const RosterRow *roster_find(const Roster *roster, const char *username);
/* As a member who is here now, or was a moment ago. */
bool roster_shows(const Roster *roster, const char *username);
bool roster_has_news(const Roster *roster, const HostSession *s);
/* A PRESENCE frame with what s was not told yet: 1; nothing but s itself has changed: 0. */
int roster_pull(Roster *roster, HostSession *s, Writer *out);
void roster_write_row(const Roster *roster, Writer *w, const char *key, const RosterEntry *m);

/* ---- what people say of themselves (channel-host-presence.c) ---- */

/* Of one session, or of the local user. Who is invisible is nowhere in the roster, nor in anything
 * else that is told to others. */
typedef struct Appearance {
        bool is_seen;    /* the roster counts it */
        Presence status; /* online or away; kept while it is not seen */
} Appearance;

/* -ENOMEM: nothing has changed. */
int appearance_set(ChannelHost *h, const Actor *actor, Appearance *a, bool invisible,
                   Presence status);
void appearance_end(ChannelHost *h, const Actor *actor, Appearance *a, bool at_once);
/* Who wishes it must be registered. */
int appearance_may_hide(const Actor *actor, bool invisible, Failure *f);
#define STATUS_RULE "online or away."
/* Of a CONNECT or STATUS; NULL: unsaid, which is online. */
Presence presence_said(const char *s);
void presence_request_invisible(const HostCall *c);
void presence_request_status(const HostCall *c);

/* ---- how much each may say (channel-host-rate.c) ---- */

typedef struct RateRow RateRow;

/* A bucket a sender, over all of its connections, while it is not full. */
typedef struct Rates {
        RateRow *by_sender; /* hash */
        RateRow *rows;      /* the same, in the order in which they spoke last */
        uint64_t rate, burst;
} Rates;

void rates_done(Rates *rates);
void rates_follow(ChannelHost *h); /* the channel's may be others now */
/* Of n messages in a row the first *ret_n may be said now, and are counted; *ret_wait_usec: until
 * the next may. -ENOMEM. */
int rates_take(ChannelHost *h, const Actor *a, size_t n, size_t *ret_n, uint64_t *ret_wait_usec);
/* n of those counted were no new ones. */
void rates_give_back(ChannelHost *h, const Actor *a, size_t n);

/* ---- sessions (channel-host-session.c) ---- */

struct HostSession {
        ChannelHost *host;  /* weak */
        HostSession **slot; /* weak; the peer's, NULL once this is gone */
        Rpc *rpc;           /* weak */
        Actor actor;
        bool connected; /* CONNECT was answered with OK, pushes flow */
        bool refused;   /* it may not view, and hears when it may: what there is of it then */
        Appearance appearance;
        bool told_view, told_send; /* by CONNECT's answer, CLOSED, ACCESS */
        bool access_due;           /* … and may be otherwise now */

        /* CONNECT while the log is asked for since_id. */
        RpcRequest *connect;
        Job *connect_job;
        uint64_t connect_since;
        char connect_id[UUID_STRING_SIZE];
        bool connect_invisible;
        Presence connect_status;

        ConnSource *source;
        uint64_t cursor;          /* what was given to the connection so far */
        uint64_t presence_cursor; /* a generation */
        size_t n_told;            /* how many were online, as told last */
        Job *page_job;
        Writer page; /* entries behind `recent`, encoded, not yet given */
        uint64_t page_last;
        bool stalled; /* the store did not answer; asked again soon */

        struct Work *in_flight; /* weak; the MESSAGE that is not answered */
        HostSession *prev, *next;
};

void session_connect(ChannelHost *h, const Actor *actor, RpcRequest *q, HostSession **slot);
/* CLOSED {reason} is the last thing that follows; frees. */
void session_close(HostSession *s, const char *reason, const char *message);
void sessions_wake(ChannelHost *h);
/* Somebody is here whom the roster counts. */
bool sessions_are_seen(const ChannelHost *h);
/* CLOSED for want of the right to view is the last of the channel; s stays as one that is refused.
 */
void session_refuse(HostSession *s, const Failure *f);
void sessions_retry(void *host); /* a clock_timer_fn */
/* What was prepared for them is read again. */
void sessions_reread(ChannelHost *h);

/* ---- what somebody may, asked and told (channel-host-access.c) ---- */

void access_request(const HostCall *c);
/* After whatever may have changed it: those who may not view any more are out, in this turn, and
 * who may more or less than was told hears that, as soon as it reads. */
void access_changed(ChannelHost *h);
void access_on_timer(void *host); /* a clock_timer_fn */
/* What holds now is said otherwise. */
void access_told(HostSession *s);
/* An ACCESS frame: 1; it is as it was told: 0. */
int access_pull(HostSession *s, Writer *out);
/* -EINVAL: that refusal is not of the kind that ends by itself, or too many wait already. */
int access_keep_refused(HostSession *s, ErrorCode why);
void access_forget_refused(HostSession *s);

/* ---- requests that write (channel-host-work.c) ---- */

typedef enum WorkKind {
        WORK_MESSAGES,
        WORK_VIEW,
        WORK_TOPIC,
        WORK_ROLE,
        WORK_REDACT,
        WORK_KICK,
        WORK_BAN,
        WORK_UNBAN,
} WorkKind;

typedef struct WorkMessage {
        char id[UUID_STRING_SIZE];
        char *extra;
        size_t n_extra;
        Appended result;
} WorkMessage;

/* One request that writes, from its arrival to its answer. */
typedef struct Work {
        ChannelHost *host; /* weak */
        WorkKind kind;
        Actor actor;
        Failure failure; /* the answer; ERROR_NONE: done */

        /* Whose it is: a peer's (q) or the local user's. */
        RpcRequest *q;
        HostSession *session; /* weak */
        channel_host_sent_fn sent;
        channel_host_done_fn done;
        void *userdata; /* weak */

        WorkMessage *messages; /* governance: one, whose extra is made when it is judged */
        size_t n_messages;
        size_t n_counted;        /* messages that may be stored; those behind only if they are */
        uint64_t retry_after_ms; /* of the first that may not */
        size_t n_bytes;
        size_t first; /* index of its first proposal in the batch */

        Permissions permissions;
        char *topic;
        char target[NAME_SIZE];
        Role role;
        bool target_exists;

        /* KICK, BAN */
        uint64_t until;           /* µs since the epoch; 0: no end */
        char key_id[KEY_ID_SIZE]; /* of a guest */
        bool has_key;             /* the log was asked for it */

        /* REDACT: whose message it is, as read before that many removals */
        uint64_t target_seq;
        char *reason; /* NULL: none; of KICK and BAN too */
        EntryAuthor author;
        bool has_author;
        uint64_t n_removals;
        Job *author_job;
        struct Work *prev, *next;
} Work;

int work_new(WorkKind kind, const Actor *actor, size_t n_messages, Work **ret);
Work *work_free(Work *w);
DEFINE_CLEANUP(Work *, work_free);
void work_log_progress(const ChannelHost *h, const Work *w, const char *what);
/* With w->failure, or what became of it. */
void work_answer(const ChannelHost *h, Work *w);

/* ---- the queue of the one writer (channel-host-queue.c) ---- */

#define BATCH_ENTRIES_MAX 1024
#define BATCH_BYTES_MAX (1024 * 1024) /* a commit stays short, what follows waits less */
#define HOST_BACKLOG_BYTES_MAX (16 * 1024 * 1024) /* of texts a channel parks; `busy` beyond */

/* Room for n_bytes more, or `busy`. */
int queue_admit(const ChannelHost *h, size_t n_bytes, Failure *f);
/* Takes w. */
void queue_push(ChannelHost *h, Work *w);
/* Judges and submits from a turn of its own, so that all that this turn reads is one batch. */
void queue_pump_soon(ChannelHost *h);
int queue_on_pump(sd_event_source *source, void *host);
/* Everything that waits is answered with this, or all but what is at the store. */
void queue_fail_all(ChannelHost *h, const Failure *f);
void queue_fail_waiting(ChannelHost *h, const Failure *f);

/* ---- who is not known here (channel-host-lookup.c) ---- */

/* A question that the tracker was asked; ticket 0: none. */
typedef struct HostLookup {
        uint64_t ticket;
        char target[NAME_SIZE];
} HostLookup;

bool lookup_is_needed(const ChannelHost *h, const Work *w);
/* Takes w, which is in no list; negative with w->failure, and w is not taken. */
int lookup_wait(ChannelHost *h, Work *w);
void lookup_ask(ChannelHost *h);

/* ---- removal (channel-host-removal.c) ---- */

/* 0: propose it; 1: nothing would change; negative with w->failure. */
int removal_judge(ChannelHost *h, Work *w);
bool removal_has_author(const ChannelHost *h, const Work *w);
/* Those that wait for it: h->authors. */
void removal_ask_for_authors(ChannelHost *h);
void removal_request(const HostCall *c);

/* ---- KICK, BAN, UNBAN (channel-host-sanction.c) ---- */

/* Negative with w->failure: not by that one, not then. */
int sanction_check(const ChannelHost *h, Work *w);
/* False: the log has to say who that guest is. */
bool sanction_has_key(const ChannelHost *h, Work *w);
/* Those that wait for it: h->keys. */
void sanction_ask_for_keys(ChannelHost *h);
/* As removal_judge(). */
int sanction_judge(ChannelHost *h, Work *w);
/* It is in the log: live sessions end. */
void sanction_done(ChannelHost *h, const Work *w);
void sanction_request_kick(const HostCall *c);
void sanction_request_ban(const HostCall *c);
void sanction_request_unban(const HostCall *c);

/* ---- the local user (channel-host-local.c) ---- */

int local_new_change(ChannelHost *h, WorkKind kind, const Actor *actor, channel_host_done_fn done,
                     void *userdata, Work **ret);
int local_push(ChannelHost *h, Work *w);

/* ---- requests (channel-host-request.c; those that read: channel-host-read.c) ---- */

/* The session of who asks and has joined; NULL when that is answered already. */
HostSession *request_joined(const HostCall *c);
/* Hands q to the queue as w, which is taken, or answers why not. */
void request_enqueue(const HostCall *c, Work *w);
int request_new_change(const HostCall *c, WorkKind kind, Work **ret);
void read_history(const HostCall *c);
void read_info(const HostCall *c);
void read_members(const HostCall *c);
/* Bytes of an answer's payload: who has not joined gets no frame above what strangers get. */
size_t read_payload_max(const HostCall *c);
void debug_request(const HostCall *c); /* channel-host-debug.c */

typedef struct HostRead HostRead; /* one that waits for the store */
HostRead *host_read_free(HostRead *read);

/* `bad-request` that names the member of the payload. Consumes q. */
void request_fail_field(RpcRequest *q, const char *field, const char *message);
void request_fail_busy(RpcRequest *q, const char *message);

/* ---- lists of people (channel-host-lists.c) ---- */

/* Rows behind `after` (NULL: from the first), as many as leave w at max_size bytes at most. The end
 * is reached: 0, ret_next "". Else 1, ret_next is what to give as `after`. */
#define LIST_NEXT_SIZE (NAME_SIZE + KEY_ID_SIZE)
/* What a list needs behind its rows. */
#define LIST_RESERVE (sizeof("],\"authorized_more\":true,\"next\":\"\"}") + LIST_NEXT_SIZE)
int lists_write(const ChannelHost *h, const Actor *actor /* who asks */, ListKind kind, Writer *w,
                const char *after, uint64_t limit, size_t max_size,
                char ret_next[static LIST_NEXT_SIZE]);

/* ---- answers that end with the rights of who asked (channel-host-answer.c) ---- */

typedef struct HostAnswer HostAnswer;
typedef int (*channel_may_fn)(const Channel *c, const Actor *a, uint64_t now, Failure *f);
/* OK with that payload, which is taken, or what `may` says when it is its turn. Consumes q. */
void answer_give(ChannelHost *h, const Actor *actor, RpcRequest *q, channel_may_fn may,
                 Writer *payload);
void answers_free(ChannelHost *h); /* what waits gets `busy` */

/* ---- the keys of who has a role (channel-host-keys.c) ---- */

typedef struct RoleKeys RoleKeys;

int keys_load(ChannelHost *h, const StoredRoleKey *keys, size_t n);
void keys_done(ChannelHost *h);
/* Somebody is shown here with this key, or did something. The first key of a user is no news; a new
 * one is, for the journal and for moderators. What nobody may see is not told of: who is invisible
 * is not seen before that. */
void keys_seen(ChannelHost *h, const Actor *actor);
void keys_role_given(ChannelHost *h, const char *username);
/* key, key_since, keys: the latest, and how many there were, of a row about that user. */
void keys_write(const ChannelHost *h, Writer *w, const char *username);
/* Was it news since this generation of the roster? */
bool keys_are_news(const ChannelHost *h, const char *username, uint64_t generation);

/* ---- the host ---- */

struct ChannelHost {
        const Runtime *rt; /* weak */
        Store *store;      /* weak */
        uint64_t row;
        char name[NAME_SIZE];
        char channel_id[UUID_STRING_SIZE];
        char previous[UUID_STRING_SIZE]; /* "": a log that is empty follows none */
        uint64_t epoch;
        Actor me;
        bool invisible; /* me; before the log is read, too */
        Appearance appearance;
        ChannelHostHandlers handlers;
        void *userdata; /* weak */

        Channel *channel;
        bool loaded;
        Job *load_job;
        bool closing;
        HostEnding ending;     /* takes nothing in any more */
        bool waits_for_next;   /* … and one of our devices does not have all of it yet */
        ClockTimer *end_timer; /* while it waits for its end */
        unsigned n_inside;     /* turns of the loop in which the memory must stay */

        sd_event_source *pump;
        Work *queue;   /* Work: waiting for a batch */
        Work *batch;   /* Work: at the store */
        Work *lookups; /* Work: waiting for the tracker's word on their target */
        HostLookup asked[LOOKUPS_AT_ONCE_MAX];
        Work *authors;  /* Work: waiting for who wrote what they would remove */
        Work *keys;     /* Work: waiting for whose key that guest's name stands */
        Work *answered; /* Work: judged or stored, to be answered */
        size_t n_works, n_work_bytes;
        Job *append_job;
        uint64_t last_ticket;
        uint64_t n_removals; /* what was read before the latest may hold what is gone */
        int disk_error;

        HostSession *sessions;
        size_t n_sessions; /* connected ones */
        size_t n_refused;
        bool rights_due;    /* somebody connected may not be */
        bool knows_ban_end; /* access_timer is set as the bans are */
        ClockTimer *access_timer;
        Recent recent;
        char *push_head; /* a MESSAGE push up to its first entry, and what follows its last */
        size_t n_push_head;
        const char *push_tail;
        size_t n_push_tail;
        ClockTimer *retry_timer;

        Roster roster;
        Rates rates;
        HostRead *reads;
        HostAnswer *answers;
        size_t n_answers;
        struct RoleKeys *role_keys; /* by name */
        StoredRoleKey key_news;     /* the latest; since 0: none */
};

/* Around everything that runs callbacks of others: one of them may free the host, which then is
 * empty (no handlers, nothing waits) and stays until the turn is over. */
ChannelHost *host_enter(ChannelHost *h);
ChannelHost *host_leave(ChannelHost *h);
DEFINE_CLEANUP(ChannelHost *, host_leave);

/* While it ends: something that it waits for may have happened; looks at it, in a turn that is
 * inside and uses nothing of the host afterwards. */
void host_end_soon(ChannelHost *h);
void host_end_check(ChannelHost *h);

/* µs since the epoch, for what ends by itself. */
uint64_t host_now(const ChannelHost *h);

/* `busy`, and when to try again; negative. */
int host_fail_busy(Failure *f, const char *message);

/* {channel_name, channel_id, …: every push begins so. */
void host_begin_push(const ChannelHost *h, Writer *w, const char *command);
void host_end_push(Writer *w);
/* The members of CONNECT's OK. */
void host_write_state(const ChannelHost *h, const Actor *actor, Writer *w);
