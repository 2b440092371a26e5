/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the store's files share: the way to the database, and steps inside a transaction that
 * belong to one table but are taken for another. Nobody else sees it. */
#pragma once

#include "daemon/store/store.h"
#include "sql/sql.h"

#define OUTBOX_FINISHED_USEC (10 * USEC_PER_MINUTE) /* dbus.md: finished rows stay 10 min */

/* For _cleanup_: a request until it is submitted. */
#define DEFINE_REQUEST_CLEANUP(type, name)                                                         \
        static inline void name##p(type **q) {                                                     \
                if (*q)                                                                            \
                        name(*q);                                                                  \
        }                                                                                          \
        struct cleanup_##name##_needs_semicolon

typedef struct StoreHead StoreHead;
typedef struct Purge Purge;
typedef struct StoreLag StoreLag;

struct Store {
        const Runtime *rt; /* weak */
        Sql *sql;
        uint64_t made;    /* boottime */
        StoreHead *heads; /* store_set_last_seq() that wait for the next write, by row */
        Purge *purge;
        StoreLag *lags; /* logs that the index has to follow (store-index-run.c), by row */
        ClockTimer *index_timer;
        Job *index_step;
        uint64_t n_writes, n_writes_seen; /* submitted; when the timer fired last */
        unsigned n_postponed;
};

extern const char *const store_migrations[]; /* ends with NULL */

/* As sql_write() and sql_read(). What waits lazily goes first, so that order is kept. */
int store_write(Store *s, sql_work_fn work, void *request, job_free_fn free_request,
                job_done_fn done, void *userdata, Job **ret_job);
int store_read(Store *s, sql_work_fn work, void *request, job_free_fn free_request,
               job_done_fn done, void *userdata, Job **ret_job);

/* A write of which nothing is asked but one row (or 0), nor told but how it went. work gets: */
typedef struct RowRequest {
        uint64_t row;
        store_done_fn done; /* may be NULL */
} RowRequest;
int store_write_row(Store *s, sql_work_fn work, uint64_t row, store_done_fn done, void *userdata,
                    Job **ret_job);

void store_forget_heads(Store *s);

/* NULL for SQL NULL (and for want of memory: *error then says so). */
char *store_column_dup(sqlite3_stmt *stmt, int column, int *error);
/* -EBADMSG when it does not fit: nothing of ours wrote it. */
int store_column_copy(sqlite3_stmt *stmt, int column, char *ret, size_t size);

/* Who a channel's messages of our own are from. */
typedef struct StoreSelf {
        char username[NAME_SIZE];
        UserType user_type;
} StoreSelf;
bool store_self_is(const StoreSelf *self, const char *username, UserType user_type);

/* ---- what a tracker is loaded with (store-revocations.c, store-attempt.c) ---- */

int store_revocations_load(SqlTx *tx, const char *tracker_id, StoredRevocation **ret,
                           size_t *ret_n);
int store_attempt_load(SqlTx *tx, const char *tracker_id, StoredAttempt *ret);

/* ---- what an identity is loaded with (store-presence.c) ---- */

int store_invisible_load(SqlTx *tx, uint64_t identity, bool *ret); /* false: no such row */

/* ---- what a log knows of itself (store-log.c) ---- */

typedef struct StoreLog {
        bool hosted;
        uint64_t first_seq, synced_seq, last_seq, read_seq, n_unread;
        bool has_begin;
        uint64_t begin_seq;
        uint64_t last_time; /* of entry synced_seq, 0 when nothing is held */
        bool ignores;       /* somebody, here */
        StoreSelf self;
} StoreLog;
int store_log_load(SqlTx *tx, uint64_t row, StoreLog *ret); /* -ENOENT */
int store_log_save(SqlTx *tx, uint64_t row, const StoreLog *log);
/* -EAGAIN: a copy that does not begin at 1 may lack what was said while it was empty. */
int store_log_is_whole(SqlTx *tx, uint64_t row);
/* Messages in (after, upto] of others who are not ignored. */
int store_log_count_messages(SqlTx *tx, uint64_t row, uint64_t after, uint64_t upto,
                             const StoreSelf *self, uint64_t *ret);

/* ---- messages that speak to who has the channel (store-mention.c) ---- */

/* Is that entry, which comes into a log of self, one of them? Whether it is read or not. */
bool store_mention_is(EntryKind kind, const char *username, UserType user_type, const char *extra,
                      size_t n_extra, const StoreSelf *self);
/* In the transaction that adds entries first to last, once they are there: what is unread counts.
 */
int store_mention_added(SqlTx *tx, uint64_t row, uint64_t first, uint64_t last, uint64_t read_seq);
/* Ahead of removing what that entry says. */
int store_mention_removed(SqlTx *tx, uint64_t row, uint64_t seq);
/* Anew, for another read mark or others who are ignored. */
int store_mention_count(SqlTx *tx, uint64_t row, uint64_t read_seq);
int store_mention_load(SqlTx *tx, uint64_t row, uint64_t *ret);

/* 1: this person is ignored in that channel. */
int store_ignored_find(SqlTx *tx, uint64_t row, const char *username);

/* ---- what reads entries (store-page.c) ---- */

#define ENTRY_COLUMNS "seq, kind, id, username, user_type, time, extra"
int store_read_entry(sqlite3_stmt *stmt, Entry *ret);

/* What a page is made of. */
typedef struct EntryList {
        Entry *entries;
        size_t n, n_allocated;
} EntryList;
int entry_list_reserve(EntryList *l); /* room for one more */
void entry_list_reverse(EntryList *l);
void entry_list_done(EntryList *l);

/* ---- what logs and identities do to outboxes (store-outbox.c) ---- */

/* The log has the row's text. 1: it was queued until now; 0: it was not, or is unknown. */
int store_outbox_finish(SqlTx *tx, uint64_t row, const char *id, uint64_t seq, uint64_t now);
/* The same for a row that this guest wrote before signing up. */
int store_outbox_finish_carried(SqlTx *tx, uint64_t row, const char *id, const char *guest,
                                uint64_t seq, uint64_t now);
/* Of the channels of an identity: whatever is not stored was written by this guest, and failed. */
int store_outbox_carry(SqlTx *tx, uint64_t identity, const char *guest, ErrorCode error);
int store_outbox_fail_all(SqlTx *tx, uint64_t identity, ErrorCode error);
/* Finished rows whose time is over. */
int store_outbox_prune(SqlTx *tx, uint64_t now);
/* *ret is OUTBOX_STATE_INVALID when there is no such row. */
int store_outbox_read_state(SqlTx *tx, uint64_t row, const char *id, OutboxState *ret);
/* 1: written as a guest (NULL: as any) who signed up since. */
int store_outbox_is_carried(SqlTx *tx, uint64_t row, const char *id, const char *guest);
/* The end of the queue: an order that no row had before. */
int store_outbox_take_position(SqlTx *tx, uint64_t row, uint64_t *ret);

/* ---- what entries do to the channel's row (store-truth.c) ---- */

/* In the transaction that appends e to a log of ours. */
int store_truth_apply(SqlTx *tx, uint64_t row, const Entry *e);

/* ---- what entries do to messages (store-removal.c) ---- */

/* Of an entry that has come into the log, whose copy begins at first_seq: `view` sets how long is
 * kept, `redact` removes. */
int store_removal_apply(SqlTx *tx, uint64_t row, uint64_t first_seq, const Entry *e);
/* Of a page that was put below the copy: what was redacted meanwhile. */
int store_removal_apply_older(SqlTx *tx, uint64_t row, const Entry *entries, size_t n);
/* The message loses its content, here and in our outbox. 1: it did; 0: it was a stub already.
 * reason: see entry_extra_redacted(). */
int store_remove_content(SqlTx *tx, uint64_t row, uint64_t seq, const char *by, uint64_t by_seq,
                         uint64_t time, const char *reason);
/* The same for one that store_index_remove() was called for. */
int store_remove_unindexed(SqlTx *tx, uint64_t row, uint64_t seq, const char *by, uint64_t by_seq,
                           uint64_t time, const char *reason);
/* The finished outbox row of that entry goes with its text. */
int store_remove_sent(SqlTx *tx, uint64_t row, uint64_t seq);
/* … at once where that entry was removed before the row was known to be finished. 1: it went. */
int store_remove_sent_if_gone(SqlTx *tx, uint64_t row, uint64_t seq);
/* Does what is written with these entries remove something? Then the files are to be purged. */
bool store_removal_is_among(const Entry *entries, size_t n);

/* The first rule by which a message of that time lost its content up to now: 1, else 0. */
int store_retention_find(SqlTx *tx, uint64_t row, uint64_t time, uint64_t now, RetentionRule *ret);

/* ---- what is left of logs that went (store-remains.c) ---- */

/* A bounded step, in the transaction that makes them go, and then in a transaction each until it
 * gives 0 (the purge sees to that). 1: there is more to do. */
int store_remains_clear(SqlTx *tx);
/* Of the index of that row, which has no row of search_index: *n_left blocks at most. */
#define INDEX_DROP_BLOCKS 256
int store_remains_clear_index(SqlTx *tx, uint64_t row, unsigned *n_left);
/* 1: of a log without entries there are some all the same, so that none may be added yet. */
int store_remains_are_of(SqlTx *tx, uint64_t row);

/* ---- what removed content leaves in files (store-purge.c) ---- */

int purge_new(Store *s, Purge **ret);
Purge *purge_free(Purge *p);
/* In the transaction that removes … */
int store_owe_purge(SqlTx *tx);
/* … and on the loop, with its submission. */
void store_purge_soon(Store *s);
void store_purge_now(Store *s); /* somebody waits for what it clears */

/* ---- the index of a search (store-index.c) ---- */

/* Of each log that is long enough a table of its own, search_terms_ROW. It is behind the log, never
 * needed for what search finds, and may be dropped at any time: it is made again. Hashes of grams
 * are in it, no text. */
#define INDEX_TABLES "search_terms_*" /* a GLOB */

typedef struct StoreIndex {
        uint64_t first_seq, last_seq; /* 0, 0: there is none, or one that is of no use any more */
        bool exists;
        bool must_purge;
} StoreIndex;
int store_index_load(SqlTx *tx, uint64_t row, StoreIndex *ret);
/* Is there a step's worth of the log that the index does not have? */
bool store_index_is_behind(const StoreIndex *index, uint64_t first_seq, uint64_t synced_seq);
/* One step, in the transaction of its cursor. 1: there is more to do. -ENOENT: no such row. */
int store_index_step(SqlTx *tx, uint64_t row);

/* In the transaction that takes the text out of entries, before it does: their postings go. Until
 * store_index_purge() has ended, the segments of FTS5 may have them all the same. */
int store_index_remove(SqlTx *tx, uint64_t row, const uint64_t *seqs, size_t n);
/* A bounded step of writing anew what lost entries: call it, in a transaction each, until it gives
 * 0. 1: there is more to do. */
int store_index_purge(SqlTx *tx);
/* It is none any more; its tables go in steps. */
int store_index_drop(SqlTx *tx, uint64_t row);
/* For who made them nearly empty. Statements that the request reads from are at their end then. */
int store_index_drop_table(SqlTx *tx, uint64_t row);

/* ---- when the index is brought further (store-index-run.c) ---- */

void store_index_note(Store *s, uint64_t row, size_t n_entries); /* that were submitted */
/* It is behind, or of no use at all. */
void store_index_want(Store *s, uint64_t row, bool is_damaged);
void store_index_forget(Store *s, uint64_t row); /* 0: all */
