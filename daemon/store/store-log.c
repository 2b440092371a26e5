/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how entries come into a log, the host's own or a copy, in one order without holes; leaves
 * reading them to store-page.c and what they mean to channel.h. */
#include "daemon/store/store-internal.h"

int store_log_load(SqlTx *tx, uint64_t row, StoreLog *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT c.hosted, c.first_seq, c.synced_seq, c.last_seq, c.read_seq,"
                        " c.n_unread, coalesce(e.time, 0), i.username, i.user_type, c.begin_seq,"
                        " EXISTS (SELECT 1 FROM ignored g WHERE g.channel = c.id)"
                        " FROM channel c JOIN identity i ON i.id = c.identity"
                        " LEFT JOIN entry e ON e.channel = c.id AND e.seq = c.synced_seq"
                        " WHERE c.id = ?",
                        "t", &stmt, row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        *ret = (StoreLog){
                .hosted = sqlite3_column_int(stmt, 0),
                .first_seq = sql_column_u64(stmt, 1),
                .synced_seq = sql_column_u64(stmt, 2),
                .last_seq = sql_column_u64(stmt, 3),
                .read_seq = sql_column_u64(stmt, 4),
                .n_unread = sql_column_u64(stmt, 5),
                .last_time = sql_column_u64(stmt, 6),
                .self.user_type = user_type_from_string(sql_column_text(stmt, 8)),
                .has_begin = sqlite3_column_type(stmt, 9) != SQLITE_NULL,
                .begin_seq = sql_column_u64(stmt, 9),
                .ignores = sqlite3_column_int(stmt, 10),
        };
        return store_column_copy(stmt, 7, ret->self.username, sizeof(ret->self.username));
}

int store_log_is_whole(SqlTx *tx, uint64_t row) {
        StoreLog log;
        int r;

        r = store_log_load(tx, row, &log);
        return r < 0 ? r : log.first_seq == 1 ? 0 : -EAGAIN;
}

int store_log_save(SqlTx *tx, uint64_t row, const StoreLog *log) {
        return sql_run(tx,
                       "UPDATE channel SET first_seq = ?, synced_seq = ?, last_seq = ?,"
                       " read_seq = ?, n_unread = ? WHERE id = ?",
                       "tttttt", log->first_seq, log->synced_seq, log->last_seq, log->read_seq,
                       log->n_unread, row);
}

int store_log_count_messages(SqlTx *tx, uint64_t row, uint64_t after, uint64_t upto,
                             const StoreSelf *self, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT count(*) FROM entry WHERE channel = ? AND seq > ? AND seq <= ?"
                        " AND kind = 'message' AND NOT (username = ? AND user_type = ?)"
                        " AND NOT EXISTS (SELECT 1 FROM ignored g"
                        "  WHERE g.channel = entry.channel AND g.username = entry.username)",
                        "tttss", &stmt, row, after, upto, self->username,
                        user_type_to_string(self->user_type));
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r < 0)
                return r;
        *ret = sql_column_u64(stmt, 0);
        return 0;
}

static const char *entry_kind_name(const Entry *e) {
        return e->kind_name[0] ? e->kind_name : entry_kind_to_string(e->kind);
}

/* … where it is. */
static int count_unread(SqlTx *tx, uint64_t row, const Entry *e, const StoreSelf *self,
                        StoreLog *log) {
        int r = 0;

        if (e->kind != ENTRY_MESSAGE || e->seq <= log->read_seq ||
            store_self_is(self, e->username, e->user_type))
                return 0;
        if (log->ignores)
                r = store_ignored_find(tx, row, e->username);
        if (r == 0)
                log->n_unread++;
        return MIN(r, 0);
}

/* ---- append: the host's own log ---- */

typedef struct AppendRequest {
        uint64_t row, now;
        Proposal *proposals; /* extra is ours, until it is an entry's */
        size_t n;
        Appended *results;
        Entry *entries;
        size_t n_entries;
        store_appended_fn done;
} AppendRequest;

static void append_request_free(void *request) {
        AppendRequest *q = request;

        for (size_t i = 0; q->proposals && i < q->n; i++)
                free((char *) q->proposals[i].extra);
        free(q->proposals);
        free(q->results);
        entries_free(q->entries, q->n_entries);
        free(q);
}
DEFINE_REQUEST_CLEANUP(AppendRequest, append_request_free);

/* A guest's name may be somebody else's tomorrow. */
static const char *proposal_sender(const Proposal *p) {
        return p->user_type == USER_GUEST ? p->key_id : p->username;
}

/* 1: stored. 0: this sender used the id before. */
static int insert_proposal(SqlTx *tx, uint64_t row, const Proposal *p, uint64_t seq, uint64_t time,
                           bool mentions) {
        int r;

        r = sql_run(
                tx,
                "INSERT INTO entry (channel, seq, mention, kind, id, username, user_type, sender,"
                " time, extra) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (channel, sender, id) WHERE sender IS NOT NULL DO NOTHING",
                "ttisssssts", row, seq, (int) mentions, entry_kind_to_string(p->kind), p->id,
                p->username, user_type_to_string(p->user_type), proposal_sender(p), time, p->extra);
        if (r < 0)
                return r;
        return sql_changes(tx) > 0;
}

static bool is_stub(const char *extra) {
        return strncmp(extra, ENTRY_STUB_PREFIX, strlen(ENTRY_STUB_PREFIX)) == 0;
}

/* 1: *ret tells what became of it. 0: this sender never used the id. */
static int find_first(SqlTx *tx, uint64_t row, const char *sender, const Proposal *p,
                      Appended *ret) {
        sqlite3_stmt *stmt;
        bool is_same;
        int r;

        r = sql_prepare(tx,
                        "SELECT seq, time, kind, extra FROM entry INDEXED BY entry_by_sender"
                        " WHERE channel = ? AND sender = ? AND id = ?",
                        "tss", &stmt, row, sender, p->id);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        is_same = streq(sql_column_text(stmt, 2), entry_kind_to_string(p->kind)) &&
                  (streq(sql_column_text(stmt, 3), p->extra) ||
                   (p->kind == ENTRY_MESSAGE && is_stub(sql_column_text(stmt, 3))));
        *ret = (Appended){
                .r = is_same ? 1 : -EEXIST,
                .seq = sql_column_u64(stmt, 0),
                .time = sql_column_u64(stmt, 1),
        };
        return 1;
}

static int append_one(SqlTx *tx, AppendRequest *q, StoreLog *log, Proposal *p, Appended *ret) {
        uint64_t seq = log->synced_seq + 1, time = MAX(q->now, log->last_time);
        bool is_known = false, mentions;
        Entry *e;
        int r;

        /* What was a member's copy once has names where it never learned the keys of guests. */
        if (p->user_type == USER_GUEST) {
                r = find_first(tx, q->row, p->username, p, ret);
                if (r < 0)
                        return r;
                is_known = r > 0;
        }
        mentions = store_mention_is(p->kind, p->username, p->user_type, p->extra, p->n_extra,
                                    &log->self);
        r = is_known || p->only_repeat ? 0 : insert_proposal(tx, q->row, p, seq, time, mentions);
        if (r < 0)
                return r;
        if (r == 0 && !is_known) {
                r = find_first(tx, q->row, proposal_sender(p), p, ret);
                if (r == 0 && p->only_repeat)
                        *ret = (Appended){ .r = -ENOENT };
                else if (r == 0)
                        r = -EBADMSG;
        } else if (r > 0) {
                *ret = (Appended){ .seq = seq, .time = time };
                e = &q->entries[q->n_entries++];
                *e = (Entry){
                        .seq = seq,
                        .time = time,
                        .kind = p->kind,
                        .user_type = p->user_type,
                        .extra = (char *) TAKE_PTR(p->extra),
                        .n_extra = p->n_extra,
                        .mentions = mentions,
                };
                memcpy(e->id, p->id, sizeof(e->id));
                memcpy(e->username, p->username, sizeof(e->username));
                snprintf(e->kind_name, sizeof(e->kind_name), "%s", entry_kind_to_string(p->kind));
                log->synced_seq = seq;
                log->last_time = time;
                r = count_unread(tx, q->row, e, &log->self, log);
                if (r >= 0 && mentions)
                        r = store_mention_added(tx, q->row, seq, seq, log->read_seq);
                if (r >= 0)
                        r = store_removal_apply(tx, q->row, 1, e);
                if (r >= 0)
                        r = store_truth_apply(tx, q->row, e);
        }
        if (r < 0 || ret->r < 0)
                return r;
        if (p->kind == ENTRY_MESSAGE && store_self_is(&log->self, p->username, p->user_type))
                r = store_outbox_finish(tx, q->row, p->id, ret->seq, q->now);
        return r < 0 ? r : 0;
}

static int work_append(SqlTx *tx, void *request) {
        AppendRequest *q = request;
        StoreLog log;
        int r;

        r = store_log_load(tx, q->row, &log);
        if (r < 0)
                return r;
        if (!log.hosted)
                return -EINVAL;
        if (log.first_seq == 0) {
                r = store_remains_are_of(tx, q->row);
                if (r != 0)
                        return r < 0 ? r : -EAGAIN;
        }
        for (size_t i = 0; i < q->n; i++) {
                r = append_one(tx, q, &log, &q->proposals[i], &q->results[i]);
                if (r < 0)
                        return r;
        }
        if (q->n_entries == 0)
                return 0;
        if (log.first_seq == 0)
                log.first_seq = q->entries[0].seq;
        log.last_seq = log.synced_seq;
        return store_log_save(tx, q->row, &log);
}

static void on_appended(int r, void *request, void *userdata) {
        AppendRequest *q = request;

        if (!q->done)
                return;
        if (r < 0)
                q->done(r, NULL, 0, NULL, 0, userdata);
        else
                q->done(0, q->results, q->n, q->entries, q->n_entries, userdata);
}

static int append_request_fill(AppendRequest *q, const Proposal *proposals, size_t n) {
        q->proposals = new0(Proposal, n);
        q->results = new0(Appended, n);
        q->entries = new0(Entry, n);
        if (!q->proposals || !q->results || !q->entries)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                Proposal *p = &q->proposals[q->n++];

                *p = proposals[i];
                p->extra = strndup(proposals[i].extra, proposals[i].n_extra);
                if (!p->extra)
                        return -ENOMEM;
        }
        return 0;
}

int store_append(Store *s, uint64_t row, const Proposal *proposals, size_t n,
                 store_appended_fn done, void *userdata, Job **ret_job) {
        _cleanup_(append_request_freep) AppendRequest *q = NULL;
        int r;

        if (n == 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (!proposals[i].extra || !entry_kind_to_string(proposals[i].kind) ||
                    !user_type_to_string(proposals[i].user_type) ||
                    proposal_sender(&proposals[i])[0] == '\0')
                        return -EINVAL;
        q = new0(AppendRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (AppendRequest){ .row = row, .now = clock_realtime(s->rt->clock), .done = done };
        q->now -= q->now % USEC_PER_MSEC; /* what the wire carries: every copy says the same */
        r = append_request_fill(q, proposals, n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n; i++)
                if (proposals[i].kind == ENTRY_REDACT)
                        store_purge_soon(s);
        store_index_note(s, row, n);
        return store_write(s, work_append, TAKE_PTR(q), append_request_free, on_appended, userdata,
                           ret_job);
}

/* ---- copy: what a host sent ---- */

typedef struct CopyRequest {
        uint64_t row, now;
        Entry *entries;
        size_t n;
        StoreSelf self; /* nobody for what lies below the copy */
        uint64_t synced_seq, n_unread, n_mentions;
        size_t n_finished;
        store_copied_fn done;
        store_done_fn done_older;
} CopyRequest;

static void copy_request_free(void *request) {
        CopyRequest *q = request;

        entries_free(q->entries, q->n);
        free(q);
}
DEFINE_REQUEST_CLEANUP(CopyRequest, copy_request_free);

static int insert_copies(SqlTx *tx, CopyRequest *q, const StoreLog *log) {
        const StoreSelf *self = &log->self;
        int r = 0;

        for (size_t i = 0; i < q->n && r >= 0; i++) {
                Entry *e = &q->entries[i];

                e->mentions = store_mention_is(e->kind, e->username, e->user_type, e->extra,
                                               e->n_extra, self);
                r = sql_run(tx,
                            "INSERT INTO entry (channel, seq, kind, id, username, user_type, time,"
                            " extra, mention) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                            "ttsssstsi", q->row, e->seq, entry_kind_name(e), e->id, e->username,
                            user_type_to_string(e->user_type), e->time, e->extra,
                            (int) e->mentions);
        }
        return r;
}

static bool is_contiguous(const CopyRequest *q) {
        for (size_t i = 0; i < q->n; i++)
                if (q->entries[i].seq == 0 || q->entries[i].seq != q->entries[0].seq + i)
                        return false;
        return true;
}

/* 1: fit to be inserted; negative: not, or the log could not be read. */
static int begin_copy(SqlTx *tx, const CopyRequest *q, StoreLog *ret) {
        int r;

        r = store_log_load(tx, q->row, ret);
        if (r < 0)
                return r;
        if (ret->hosted)
                return -EINVAL;
        return is_contiguous(q) ? 1 : -EILSEQ;
}

/* Our own below the copy were known when they were said; what we said as a guest may not be. */
static int finish_own(SqlTx *tx, CopyRequest *q) {
        for (size_t i = 0; i < q->n; i++) {
                const Entry *e = &q->entries[i];
                int r;

                if (e->kind != ENTRY_MESSAGE)
                        continue;
                if (store_self_is(&q->self, e->username, e->user_type))
                        r = store_outbox_finish(tx, q->row, e->id, e->seq, q->now);
                else if (e->user_type == USER_GUEST)
                        r = store_outbox_finish_carried(tx, q->row, e->id, e->username, e->seq,
                                                        q->now);
                else
                        continue;
                if (r < 0)
                        return r;
                q->n_finished += (size_t) r;
                if (entry_is_stub(e))
                        r = store_remove_sent(tx, q->row, e->seq);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int work_copy(SqlTx *tx, void *request) {
        CopyRequest *q = request;
        StoreLog log;
        int r;

        r = begin_copy(tx, q, &log);
        if (r < 0)
                return r;
        if (log.first_seq == 0) {
                r = store_remains_are_of(tx, q->row);
                if (r != 0)
                        return r < 0 ? r : -EAGAIN;
                if (log.has_begin && q->entries[0].seq != log.begin_seq + 1)
                        return -EILSEQ;
                log.first_seq = q->entries[0].seq;
                /* Nobody owes reading what was before he came. */
                log.read_seq = MAX(log.read_seq, log.first_seq - 1);
        } else if (q->entries[0].seq != log.synced_seq + 1)
                return -EILSEQ;
        r = insert_copies(tx, q, &log);
        if (r < 0)
                return r;
        r = finish_own(tx, q);
        if (r < 0)
                return r;
        for (size_t i = 0; i < q->n; i++) {
                r = count_unread(tx, q->row, &q->entries[i], &q->self, &log);
                if (r >= 0 && q->entries[i].mentions)
                        r = store_mention_added(tx, q->row, q->entries[i].seq, q->entries[i].seq,
                                                log.read_seq);
                if (r >= 0)
                        r = store_removal_apply(tx, q->row, log.first_seq, &q->entries[i]);
                if (r < 0)
                        return r;
        }
        log.synced_seq = q->entries[q->n - 1].seq;
        log.last_seq = MAX(log.last_seq, log.synced_seq);
        q->synced_seq = log.synced_seq;
        q->n_unread = log.n_unread;
        r = store_mention_load(tx, q->row, &q->n_mentions);
        return r < 0 ? r : store_log_save(tx, q->row, &log);
}

static void on_copied(int r, void *request, void *userdata) {
        CopyRequest *q = request;

        if (!q->done)
                return;
        if (r < 0)
                q->done(r, NULL, userdata);
        else
                q->done(0,
                        &(Copied){ .synced_seq = q->synced_seq,
                                   .n_unread = q->n_unread,
                                   .n_mentions = q->n_mentions,
                                   .n_outbox_finished = q->n_finished,
                                   .entries = q->entries,
                                   .n = q->n },
                        userdata);
}

static int work_copy_older(SqlTx *tx, void *request) {
        CopyRequest *q = request;
        StoreLog log;
        int r;

        r = begin_copy(tx, q, &log);
        if (r < 0)
                return r;
        if (log.first_seq == 0 || q->entries[q->n - 1].seq != log.first_seq - 1)
                return -EILSEQ;
        r = insert_copies(tx, q, &log);
        if (r < 0)
                return r;
        r = store_mention_added(tx, q->row, q->entries[0].seq, q->entries[q->n - 1].seq,
                                log.read_seq);
        if (r >= 0)
                r = finish_own(tx, q);
        if (r >= 0)
                r = store_removal_apply_older(tx, q->row, q->entries, q->n);
        if (r < 0)
                return r;
        for (size_t i = 0; i < q->n && r >= 0; i++)
                r = count_unread(tx, q->row, &q->entries[i], &log.self, &log);
        if (r < 0)
                return r;
        log.first_seq = q->entries[0].seq;
        return store_log_save(tx, q->row, &log);
}

static void on_copied_older(int r, void *request, void *userdata) {
        CopyRequest *q = request;

        if (q->done_older)
                q->done_older(r, userdata);
}

static int copy_request_new(Store *s, uint64_t row, const Entry *entries, size_t n,
                            CopyRequest **ret) {
        _cleanup_(copy_request_freep) CopyRequest *q = NULL;

        if (n == 0)
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (!entries[i].extra || !entry_kind_name(&entries[i]) ||
                    !user_type_to_string(entries[i].user_type))
                        return -EINVAL;
        q = new0(CopyRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (CopyRequest){ .row = row, .now = clock_realtime(s->rt->clock) };
        q->entries = new0(Entry, n);
        if (!q->entries)
                return -ENOMEM;
        for (; q->n < n; q->n++)
                if (entry_copy(&entries[q->n], &q->entries[q->n]) < 0)
                        return -ENOMEM;
        *ret = TAKE_PTR(q);
        return 0;
}

int store_copy(Store *s, uint64_t row, const Entry *entries, size_t n, const char *me,
               UserType my_type, store_copied_fn done, void *userdata, Job **ret_job) {
        CopyRequest *q;
        int r;

        if (strlen(me) >= sizeof(q->self.username))
                return -EINVAL;
        r = copy_request_new(s, row, entries, n, &q);
        if (r < 0)
                return r;
        store_index_note(s, row, n);
        q->self.user_type = my_type;
        memcpy(q->self.username, me, strlen(me) + 1);
        q->done = done;
        if (store_removal_is_among(entries, n))
                store_purge_soon(s);
        return store_write(s, work_copy, q, copy_request_free, on_copied, userdata, ret_job);
}

int store_copy_older(Store *s, uint64_t row, const Entry *entries, size_t n, store_done_fn done,
                     void *userdata, Job **ret_job) {
        CopyRequest *q;
        int r;

        r = copy_request_new(s, row, entries, n, &q);
        if (r < 0)
                return r;
        store_index_note(s, row, n);
        q->done_older = done;
        store_purge_soon(s); /* it may be redacted by what is held */
        return store_write(s, work_copy_older, q, copy_request_free, on_copied_older, userdata,
                           ret_job);
}
