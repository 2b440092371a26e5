/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person's disk remembers: trackers, identities, channels, logs, outboxes.
 * Asynchronous throughout; the only SQLite of the daemon. Leaves rules to channel.h and order to
 * its callers. */
#pragma once

#include "base/address.h"
#include "base/runtime.h"
#include "daemon/notify/notify-level.h"
#include "net/identity.h"
#include "wire/entry.h"
#include "wire/error.h"
#include "wire/limits.h"

/* done always runs from a later turn of the loop, after the commit and its fsync, with 0 or
 * negative errno (-ENOSPC, -EROFS, -EIO, -EBADMSG …; -ENOBUFS: too much waits, answer `busy`),
 * unless the returned job was freed first. What a callback is given is borrowed for its duration
 * unless it says otherwise. Calls with `Job **ret_job` accept NULL. Returned errors mean that done
 * will not run. Writes take effect in the order of submission; a read sees every write whose done
 * has run. */
typedef struct Store Store;
typedef void (*store_done_fn)(int r, void *userdata);

int store_new(const Runtime *rt /* weak */, const char *path, Store **ret);
Store *store_free(Store *s); /* finishes what was submitted */
DEFINE_CLEANUP(Store *, store_free);

/* Since the store was made, which is when the daemon began. */
typedef struct StoreStatistics {
        uint64_t n_commits;
        uint64_t commit_usec_p99; /* what 99 of 100 of the latest thousand stayed within; 0: none */
        uint64_t uptime_usec;
} StoreStatistics;
void store_get_statistics(const Store *s, StoreStatistics *ret);

/* ---- trouble with the disk (store-trouble.c) ---- */

typedef enum StoreState {
        STORE_OK,
        STORE_FULL,
        STORE_READ_ONLY,
        STORE_FAILING, /* it cannot be read, or be opened, or whatever else */
        STORE_DAMAGED, /* nothing is read or written until it is set aside */
        STORE_STATE_MAX,
        STORE_STATE_INVALID = -EINVAL
} StoreState;
const char *store_state_to_string(StoreState s);
StoreState store_state_of(int trouble);

/* 0, or what the last requests failed by. It ends by itself: a try goes first, after a second and
 * then ever more rarely (30 s at most), in which some room must be found. */
int store_get_trouble(const Store *s);
typedef void (*store_trouble_fn)(int trouble, void *userdata);
void store_watch(Store *s, store_trouble_fn fn, void *userdata /* weak */); /* each change */
/* A failure that is part of the trouble, of which the journal says enough already. */
bool store_is_in_trouble(const Store *s, int r);
/* Of a channel that cannot go on by it: "disk-full" or "disk-error". */
const char *store_get_reason(const Store *s);
int store_log_level(const Store *s, int r); /* of a line about a failure: LOG_ERR otherwise */
#define STORE_RETRY_MSEC 1000
/* What a request is told that failed by r: ERROR_BUSY where it is the disk's fault, with what to do
 * and when to try again; else ERROR_INTERNAL. what: "Cannot …", without an end. */
int store_fail(const Store *s, Failure *f, int r, const char *what);
/* Of a damaged one. Done with 1: it lies at `aside` (path) with its WAL, and an empty one is at
 * work. 0: it can be read to its end, and is at work again. Else it is where it was. */
int store_set_aside(Store *s, const char *aside, store_done_fn done, void *userdata, Job **ret_job);

/* ---- who we are (store-identity.c) ---- */

/* A key that counts no more (protocol §1), as the tracker told it. */
typedef struct StoredRevocation {
        uint64_t version; /* the tracker's count of them */
        char key_id[KEY_ID_SIZE];
        uint64_t until; /* µs since the epoch: no certificate of the key is good after it */
} StoredRevocation;

/* Who a sign-in was asked for as, and the key that it was asked with: to that key the tracker gives
 * the same again for ten minutes (protocol §4 SIGNUP, RECOVER). No password. */
#define ATTEMPT_KEPT_USEC (10 * USEC_PER_MINUTE)
typedef struct StoredAttempt {
        char username[NAME_SIZE]; /* as asked for */
        UserType user_type;
        uint64_t since;      /* µs since the epoch */
        const char *key_pem; /* NULL: there is none */
} StoredAttempt;

typedef struct StoredTracker {
        char tracker_id[TRACKER_ID_SIZE];
        char pin[PIN_SIZE];
        const char *address; /* host:port as the person gave it */
        const char *ca_pem;
        /* Read-only for callers: */
        uint64_t identity;               /* row of who is signed in; 0 = nobody */
        uint64_t revocations_version;    /* up to which the tracker has told us */
        const StoredRevocation *revoked; /* in the order of their versions */
        size_t n_revoked;
        StoredAttempt attempt;
} StoredTracker;

/* Identities are for ever: their rows keep channels and outboxes of who signed out. */
typedef struct StoredIdentity {
        uint64_t row;
        char tracker_id[TRACKER_ID_SIZE];
        UserType user_type;
        char username[NAME_SIZE];
        const char *key_pem; /* NULL once signed out: the key is destroyed with it */
        const char *certificate_pem;
} StoredIdentity;

/* tracker NULL: none was ever set. identity NULL: nobody is signed in. */
typedef void (*store_load_fn)(int r, const StoredTracker *tracker, const StoredIdentity *identity,
                              void *userdata);
int store_load(Store *s, store_load_fn done, void *userdata, Job **ret_job);
/* Inserts or updates by tracker_id and makes it the current one. -EKEYREJECTED: its pin is known
 * here, and is another one, which is not in ca_pem. Who is signed in there, and which
 * keys are revoked, stays so. */
int store_save_tracker(Store *s, const StoredTracker *t, store_done_fn done, void *userdata,
                       Job **ret_job);
/* Of the tracker of that id, if it is still known: another pin and chain, all else as it is. */
int store_save_authorities(Store *s, const char *tracker_id, const char *pin, const char *ca_pem,
                           store_done_fn done, void *userdata, Job **ret_job);

/* Inserts or updates by (tracker_id, user_type, username), makes it the signed-in one of its
 * tracker, gives the row. The same for a guest who comes back. Somebody else who was signed in
 * there is signed out with it. -ENOENT: no such tracker. */
typedef void (*store_row_fn)(int r, uint64_t row, void *userdata);
int store_sign_in(Store *s, const StoredIdentity *i, store_row_fn done, void *userdata,
                  Job **ret_job);
/* As store_sign_in(), by a guest of that tracker who signed up: channels, copies and outboxes of
 * that row are the user's from then on, in the same transaction (but channels that the user has
 * already). What was not stored yet is failed (`expired`). -ENOENT: no such guest. */
int store_sign_up(Store *s, const StoredIdentity *i, uint64_t guest, store_row_fn done,
                  void *userdata, Job **ret_job);
/* Erases key and certificate, and that of an attempt, from every file, nobody is signed in at that
 * tracker any more. A guest's queued outbox rows become failed (`expired`). -ENOENT: no such
 * identity. */
int store_sign_out(Store *s, uint64_t identity, store_done_fn done, void *userdata, Job **ret_job);

/* The same for one who can never come back: with its channels, their logs and outboxes, and its own
 * row. */
int store_delete_identity(Store *s, uint64_t identity, store_done_fn done, void *userdata,
                          Job **ret_job);

/* Nobody is to see that this user is there (store-presence.c); false for a new identity, and kept
 * when it signs out. Who is asked for first is written first. -ENOENT: no such identity. */
int store_set_invisible(Store *s, uint64_t identity, bool invisible, store_done_fn done,
                        void *userdata, Job **ret_job);

/* ---- a sign-in on its way (store-attempt.c) ---- */

/* In the place of an earlier one at that tracker. -EBADMSG: no such tracker. */
int store_save_attempt(Store *s, const char *tracker_id, const StoredAttempt *a, store_done_fn done,
                       void *userdata, Job **ret_job);
/* Erases its key from every file, and those of any tracker whose time is over. */
int store_forget_attempt(Store *s, const char *tracker_id, uint64_t now);

/* ---- keys that count no more (store-revocations.c) ---- */

/* The version moves together with the keys that it covers: added ones are inserted or updated by
 * key, those whose until is at or before ended go, and of more than REVOKED_KEYS_MAX the oldest, in
 * one transaction. -ENOENT: no such tracker. */
int store_save_revocations(Store *s, const char *tracker_id, uint64_t version,
                           const StoredRevocation *added, size_t n_added, uint64_t ended,
                           store_done_fn done, void *userdata, Job **ret_job);

/* ---- channels of an identity (store-channel.c) ---- */

typedef enum ViewPermission {
        VIEW_PUBLIC,
        VIEW_RESTRICTED,
        VIEW_MAX,
        VIEW_INVALID = -EINVAL
} ViewPermission;
typedef enum SendPermission {
        SEND_EVERYONE,
        SEND_REGISTERED,
        SEND_MEMBERS,
        SEND_MAX,
        SEND_INVALID = -EINVAL
} SendPermission;
const char *view_permission_to_string(ViewPermission p);
ViewPermission view_permission_from_string(const char *s);
const char *send_permission_to_string(SendPermission p);
SendPermission send_permission_from_string(const char *s);

typedef struct StoredChannel {
        uint64_t row; /* 0: new */
        uint64_t identity;
        char channel_id[UUID_STRING_SIZE];
        char name[NAME_SIZE];
        char owner[NAME_SIZE];
        char host[NAME_SIZE]; /* username of the host that we remember */
        bool hosted;          /* we are the host: entries are the truth, not a copy */
        bool wanted;          /* come back by itself: not disconnected by the person */
        bool closed; /* for good (unhosted, left with its copy kept, diverged …): reason says why */
        const char *reason; /* may be NULL */
        Role role;          /* ours, as last heard */
        ViewPermission view;
        SendPermission send;
        const char *topic; /* may be NULL */
        uint64_t epoch;
        bool has_backlog; /* a first copy begins with this many of the newest entries … */
        uint64_t backlog; /* … else with the first one */
        /* A copy that holds nothing yet begins behind this entry, as the host's first OK had it:
         * what is said from then on is part of it, whoever was away meanwhile. */
        bool has_begin;
        uint64_t begin_seq;
        char begin_id[UUID_STRING_SIZE]; /* of that entry; "" not known */
        /* Of a hosted one: this log may lack entries that members have seen, so it is never served
         * under its id again. A restored backup is marked so. */
        bool went_back;
        char previous[UUID_STRING_SIZE];  /* the channel that this one goes on for; "" none known */
        char successor[UUID_STRING_SIZE]; /* of a closed one: which its name means now; "" */
        Address addresses[ADDRESSES_MAX]; /* where the host was, as last heard */
        size_t n_addresses;
        uint64_t diverged_seq; /* the first entry known to be another at the host; 0 none */
        /* Read-only for callers, kept by the store itself: */
        uint64_t first_seq;  /* of what is held here; 0 = nothing */
        uint64_t synced_seq; /* end of the contiguous prefix (a host's: the end of the log) */
        char synced_id[UUID_STRING_SIZE]; /* id of that entry, "" when 0 */
        uint64_t last_seq;                /* the host's head as last heard */
        uint64_t read_seq;
        uint64_t n_unread;       /* messages of others above read_seq */
        uint64_t n_mentions;     /* … that speak to us by name */
        uint64_t n_outbox;       /* rows queued */
        uint64_t retention_days; /* by the rule that holds; 0: for ever */
        const char *ignored;     /* names, a space between each; NULL: nobody */
        Notify notify;           /* by store_set_notify() */
} StoredChannel;

/* invisible: of the identity, by store_set_invisible(). Both are read at one moment. */
typedef void (*store_channels_fn)(int r, const StoredChannel *channels, size_t n, bool invisible,
                                  void *userdata);
int store_load_channels(Store *s, uint64_t identity, store_channels_fn done, void *userdata,
                        Job **ret_job);
/* Inserts (row 0) or updates the caller's fields by row. With hosted a copy becomes a log: what
 * was said in it is known again by its ids (of a guest, whose key a copy does not have, by the
 * name). -EEXIST: this identity has that channel_id. -ENOENT: no such row or identity. */
int store_save_channel(Store *s, const StoredChannel *c, store_row_fn done, void *userdata,
                       Job **ret_job);
/* With its outbox; nothing finds its entries any more when done runs, but they go in steps, over a
 * crash as well. */
int store_delete_channel(Store *s, uint64_t row, store_done_fn done, void *userdata, Job **ret_job);
/* Forwards only, unless backwards is set, and never beyond what is held; gives what results. A copy
 * that does not begin at 1 counts as read below its beginning. */
typedef void (*store_read_mark_fn)(int r, uint64_t read_seq, uint64_t n_unread, uint64_t n_mentions,
                                   void *userdata);
int store_mark_read(Store *s, uint64_t row, uint64_t seq, bool backwards, store_read_mark_fn done,
                    void *userdata, Job **ret_job);
/* Drops the entries of a member's copy, which is filled again from the first on; the outbox stays,
 * and what was read below diverged_seq counts as read. -EINVAL: the row is a hosted one. They are
 * seen no more when done runs, but go in steps: store_copy() gives -EAGAIN while there are any. */
int store_drop_copy(Store *s, uint64_t row, store_done_fn done, void *userdata, Job **ret_job);
/* Lazily: with the next write, or the end of the store. */
int store_set_last_seq(Store *s, uint64_t row, uint64_t last_seq);

/* Done when all that was to be written before is on disk, or has failed; what is read then sees
 * it. */
int store_settle(Store *s, store_done_fn done, void *userdata, Job **ret_job);

/* ---- whom the person does not want to read (store-ignored.c) ---- */

/* In a channel of ours, in place of who was. Their messages are kept like all others, and are never
 * unread: the counts that result are given. names: valid ones, each once, at most IGNORED_MAX;
 * copied. -ENOENT: no such row. */
typedef void (*store_ignored_fn)(int r, uint64_t n_unread, uint64_t n_mentions, void *userdata);
int store_save_ignored(Store *s, uint64_t row, char *const *names, size_t n, store_ignored_fn done,
                       void *userdata, Job **ret_job);

/* ---- who is spoken to (store-mention.c) ---- */

/* How many messages of others, who are not ignored, speak to us by name and are unread: as it is
 * when all that was to be written before is. -ENOENT: no such row. */
typedef void (*store_count_fn)(int r, uint64_t n, void *userdata);
int store_count_mentions(Store *s, uint64_t row, store_count_fn done, void *userdata,
                         Job **ret_job);
/* What the person wants to be told of in a channel of ours. -ENOENT: no such row. */
int store_set_notify(Store *s, uint64_t row, Notify notify, store_done_fn done, void *userdata,
                     Job **ret_job);

/* ---- who was in a channel of ours (store-roster.c) ---- */

typedef struct StoredPresence {
        char username[NAME_SIZE];
        UserType user_type;
        uint64_t since; /* µs since the epoch */
        bool is_away;
        bool is_gone; /* for saving: not any more */
} StoredPresence;

/* saved: when it was known to be so, µs since the epoch; 0: nothing was ever saved. At most
 * CONNECTIONS_MAX rows. */
typedef void (*store_roster_fn)(int r, uint64_t saved, uint64_t generation,
                                const StoredPresence *rows, size_t n, void *userdata);
int store_load_roster(Store *s, uint64_t row, store_roster_fn done, void *userdata, Job **ret_job);
/* Changes of what is saved, or (anew) all of it; copied. A channel that is gone: nothing. */
int store_save_roster(Store *s, uint64_t row, uint64_t saved, uint64_t generation, bool anew,
                      const StoredPresence *changes, size_t n, store_done_fn done, void *userdata,
                      Job **ret_job);

/* ---- with which keys who has a role came (store-role-keys.c) ---- */

typedef struct StoredRoleKey {
        char username[NAME_SIZE];
        char key_id[KEY_ID_SIZE];
        uint64_t since; /* µs since the epoch */
} StoredRoleKey;
/* By name, then time; at most ROLE_KEYS_MAX. */
typedef void (*store_role_keys_fn)(int r, const StoredRoleKey *keys, size_t n, void *userdata);
int store_load_role_keys(Store *s, uint64_t row, store_role_keys_fn done, void *userdata,
                         Job **ret_job);
/* Of more than ROLE_KEYS_PER_USER_MAX of a user the oldest goes. A channel that is gone: nothing.
 */
int store_save_role_key(Store *s, uint64_t row, const StoredRoleKey *key);

/* ---- logs (store-log.c) ---- */

/* What a host is asked to add. seq is given by the store: log order is commit order. */
typedef struct Proposal {
        char id[UUID_STRING_SIZE];
        EntryKind kind;
        char username[NAME_SIZE]; /* the actor, from the certificate */
        UserType user_type;
        char key_id[KEY_ID_SIZE]; /* who a guest is: the sender of a guest is the key */
        const char *extra;        /* JSON object, as Entry.extra; copied */
        size_t n_extra;
        bool only_repeat; /* not to be added: is it in the log already? */
} Proposal;

typedef struct Appended {
        int r; /* 0 stored now; 1 duplicate: seq and time are those of the first; -EEXIST: this
                * sender used the id for other content (`conflict`); -ENOENT: only_repeat, and it is
                * none. Of what was removed nobody knows the content: whatever comes under its id is
                * a duplicate. */
        uint64_t seq;
        uint64_t time;
} Appended;

/* One transaction for all proposals of the call (and for what else waited). results[i] belongs to
 * proposals[i]; entries are those newly stored, ascending, contiguous, ready to be shown to
 * members. Deduplicates by (channel, sender, id) for ever, sender = username for users and key_id
 * for guests (the name, for entries of the time when this log was a copy). The time of entries is
 * the caller's clock in whole milliseconds (every copy of the log says the same), never below the
 * entry before. A queued outbox row of the channel with the same id and the actor's identity is
 * finished (stored, seq) in the same transaction, for a duplicate too. -EINVAL: the row is not a
 * hosted one. */
typedef void (*store_appended_fn)(int r, const Appended *results, size_t n_results,
                                  const Entry *entries, size_t n_entries, void *userdata);
int store_append(Store *s, uint64_t row, const Proposal *proposals, size_t n,
                 store_appended_fn done, void *userdata, Job **ret_job);

/* A member's copy: entries must continue synced_seq (or, when nothing is held, begin_seq, or start
 * anywhere where that is not known); -EILSEQ otherwise, nothing stored. Moves the cursor and
 * finishes the outbox rows (username = me, id) in the same transaction; those that were queued
 * until now are counted. Rows that become unread are counted in n_unread. -EINVAL: the row is a
 * hosted one. With r < 0 result is NULL. */
typedef struct Copied {
        uint64_t synced_seq, n_unread, n_mentions;
        size_t n_outbox_finished;
        const Entry *entries; /* those that were given, with what is said of `mentions` */
        size_t n;
} Copied;
typedef void (*store_copied_fn)(int r, const Copied *result, void *userdata);
int store_copy(Store *s, uint64_t row, const Entry *entries, size_t n, const char *me,
               UserType my_type, store_copied_fn done, void *userdata, Job **ret_job);
/* Older history below first_seq: must end at first_seq − 1. */
int store_copy_older(Store *s, uint64_t row, const Entry *entries, size_t n, store_done_fn done,
                     void *userdata, Job **ret_job);

/* A page, ascending. anchor exclusive; after 0 = from the oldest, before 0 = the newest. At most
 * limit entries (≥ 1) and max_bytes of extra (at least one entry; 0 = no bound). more: there is
 * more in that direction here. */
typedef struct PageQuery {
        uint64_t anchor;
        bool before;
        unsigned limit;
        size_t max_bytes;
        bool governance_only;  /* everything but messages: for replay */
        uint64_t since, until; /* µs since the epoch, both inclusive; until 0 = no end */
} PageQuery;
typedef void (*store_page_fn)(int r, const Entry *entries, size_t n, bool more, void *userdata);
int store_read_page(Store *s, uint64_t row, const PageQuery *query, store_page_fn done,
                    void *userdata, Job **ret_job);
/* r 0 with id "" when there is no such entry. For CONNECT's since_id. */
typedef void (*store_entry_id_fn)(int r, const char *id, void *userdata);
int store_read_entry_id(Store *s, uint64_t row, uint64_t seq, store_entry_id_fn done,
                        void *userdata, Job **ret_job);

/* Of these the first that is another entry here; 0: none is. What is not held is not another. */
typedef struct EntryId {
        uint64_t seq;
        char id[UUID_STRING_SIZE];
} EntryId;
typedef void (*store_seq_fn)(int r, uint64_t seq, void *userdata);
int store_find_other(Store *s, uint64_t row, const EntryId *ids, size_t n, store_seq_fn done,
                     void *userdata, Job **ret_job);

/* ---- removal (store-removal.c, store-retention.c, store-purge.c) ---- */

/* Messages lose their content and keep their place: by a `redact` entry in the transaction in which
 * it comes into the log, and by age, by the rule of the `view` entry of that time. Within seconds
 * after the commit no file of the store holds what was removed, deleted or cancelled; a crash
 * between the two is made good for with the next start. Files that were set aside are left alone.
 */

/* The rule that holds, where the entry that made it is not in the copy. */
typedef struct RetentionRule {
        uint64_t days;            /* 0: none */
        uint64_t seq;             /* of the entry that set it, … */
        uint64_t time;            /* µs since the epoch, … */
        char username[NAME_SIZE]; /* and by whom */
} RetentionRule;
int store_set_retention(Store *s, uint64_t row, const RetentionRule *rule);

/* One bounded step over all logs and copies, closed ones too: what is too old by now, on the clock
 * of hosts that we are and on that of copies, loses its content. touched: which rows did; of more
 * than SWEPT_CHANNELS_MAX the rest comes with the next step. more: at once, please; else due_usec
 * says after how long, UINT64_MAX never as far as is known. */
#define SWEPT_CHANNELS_MAX 16
typedef void (*store_swept_fn)(int r, const uint64_t *touched, size_t n, bool more,
                               uint64_t due_usec, void *userdata);
int store_sweep_retention(Store *s, uint64_t now_hosted, uint64_t now_copied, store_swept_fn done,
                          void *userdata, Job **ret_job);

/* ---- who said what (store-author.c) ---- */

/* Who wrote entry seq, for REDACT. r 0 with is_message false: there is no such message. */
typedef struct EntryAuthor {
        bool is_message, is_stub;
        char username[NAME_SIZE];
        UserType user_type;
        char sender[KEY_ID_SIZE]; /* of a guest: the key, where it is known; a user's: the name */
} EntryAuthor;
typedef void (*store_author_fn)(int r, const EntryAuthor *author, void *userdata);
int store_read_author(Store *s, uint64_t row, uint64_t seq, store_author_fn done, void *userdata,
                      Job **ret_job);

/* Whose key it is that said something last as that guest, for BAN; "": nobody's. Gives no key that
 * is not known, of what was said while this log was a copy. */
typedef void (*store_guest_fn)(int r, const char *key_id, void *userdata);
int store_read_guest(Store *s, uint64_t row, const char *username, store_guest_fn done,
                     void *userdata, Job **ret_job);

/* ---- search (store-search.c) ---- */

/* Messages of one log that have all of the words: parts of words, in any case; "several words" in
 * quotes as one. Nothing else in them means anything. A page is ascending; before: the newest below
 * anchor (0: of all), else the oldest above it. limit and max_bytes as in PageQuery. */
typedef struct SearchQuery {
        const char *words; /* UTF-8 */
        uint64_t anchor;
        bool before;
        unsigned limit;
        size_t max_bytes;
} SearchQuery;
/* One look is bounded (SEARCH_STEP_MAX), so a page may be short, even empty, with more set:
 * next_anchor tells where to go on. -ENOMSG: no letter, number or picture is in the words; -E2BIG:
 * they are longer than SEARCH_BYTES_MAX, or more than SEARCH_WORDS_MAX. */
typedef void (*store_found_fn)(int r, const Entry *entries, size_t n, bool more,
                               uint64_t next_anchor, void *userdata);
int store_search(Store *s, uint64_t row, const SearchQuery *query, store_found_fn done,
                 void *userdata, Job **ret_job);

/* ---- outboxes (store-outbox.c) ---- */

typedef enum OutboxState {
        OUTBOX_QUEUED,
        OUTBOX_STORED,
        OUTBOX_FAILED,
        OUTBOX_STATE_MAX,
        OUTBOX_STATE_INVALID = -EINVAL
} OutboxState;
const char *outbox_state_to_string(OutboxState s);
OutboxState outbox_state_from_string(const char *s);

typedef struct OutboxRow {
        uint64_t order; /* grows with each row of a channel */
        char id[UUID_STRING_SIZE];
        const char *text;
        const char *meta; /* JSON object or NULL */
        uint64_t queued;  /* µs since the epoch */
        uint64_t attempts;
        OutboxState state;
        ErrorCode error; /* of a failed one */
        uint64_t seq;    /* of a stored one */
        bool is_damaged; /* by the disk: text is what is left, and nothing to be sent */
} OutboxRow;

/* add->{id,text,meta,queued}. r 0: new and on disk. 1: the id is here already with the same text
 * and meta, and existing tells its state (NULL otherwise). -EEXIST: with others. -EDQUOT: QueueFull
 * (OUTBOX_ROWS_MAX, OUTBOX_BYTES_MAX), in which failed rows count as well: they hold text too. */
typedef void (*store_outbox_added_fn)(int r, const OutboxRow *existing, void *userdata);
int store_outbox_add(Store *s, uint64_t row, const OutboxRow *add, store_outbox_added_fn done,
                     void *userdata, Job **ret_job);
/* after: exclusive order, 0 = from the first. only_queued: for the sender; else all, stored ones
 * for 10 min, failed ones until somebody decides. limit and max_bytes as in PageQuery. */
typedef void (*store_outbox_page_fn)(int r, const OutboxRow *rows, size_t n, bool more,
                                     void *userdata);
int store_outbox_read(Store *s, uint64_t row, uint64_t after, bool only_queued, unsigned limit,
                      size_t max_bytes, store_outbox_page_fn done, void *userdata, Job **ret_job);
/* What became of rows that were sent, in one transaction; each counts an attempt, and a state of
 * queued does nothing else. Rows that are gone, or stored already, stay as they are. Done with the
 * number of rows of the channel that are queued then. A member's row becomes stored by store_copy()
 * too, whichever comes first: "gone from the queue and in the log" is one step for readers, since a
 * stored row is only shown as finished. */
typedef struct OutboxUpdate {
        char id[UUID_STRING_SIZE];
        OutboxState state;
        ErrorCode error;
        uint64_t seq;
} OutboxUpdate;
int store_outbox_update(Store *s, uint64_t row, const OutboxUpdate *updates, size_t n,
                        store_done_fn done, void *userdata, Job **ret_job);
/* cancel: a queued or failed row goes away; -EEXIST: it is stored already; -ENOENT. retry: failed →
 * queued at the end of the queue under the same id; stored: -EEXIST. r 1 where the number of queued
 * rows changed, 0 where it did not (a failed one cancelled, a queued one retried). What was written
 * as a guest, before signing up, may be in the log under the guest's name: -EAGAIN unless the copy
 * has caught up with the host since, and begins with the first entry. */
int store_outbox_cancel(Store *s, uint64_t row, const char *id, store_done_fn done, void *userdata,
                        Job **ret_job);
int store_outbox_retry(Store *s, uint64_t row, const char *id, bool caught_up, store_done_fn done,
                       void *userdata, Job **ret_job);
