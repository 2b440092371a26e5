/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channels an identity has, what was last heard of them and how far they were read;
 * leaves their entries to store-log.c. */
#include <limits.h>

#include "daemon/store/store-internal.h"

static const char *const view_permission_table[VIEW_MAX] = {
        [VIEW_PUBLIC] = "public",
        [VIEW_RESTRICTED] = "restricted",
};

static const char *const send_permission_table[SEND_MAX] = {
        [SEND_EVERYONE] = "everyone",
        [SEND_REGISTERED] = "registered",
        [SEND_MEMBERS] = "members",
};

static int table_find(const char *const *table, int n, const char *s) {
        for (int i = 0; s && i < n; i++)
                if (streq(table[i], s))
                        return i;
        return -EINVAL;
}

const char *view_permission_to_string(ViewPermission p) {
        return p >= 0 && p < VIEW_MAX ? view_permission_table[p] : NULL;
}

ViewPermission view_permission_from_string(const char *s) {
        return table_find(view_permission_table, VIEW_MAX, s);
}

const char *send_permission_to_string(SendPermission p) {
        return p >= 0 && p < SEND_MAX ? send_permission_table[p] : NULL;
}

SendPermission send_permission_from_string(const char *s) {
        return table_find(send_permission_table, SEND_MAX, s);
}

static void channel_done(StoredChannel *c) {
        free((char *) c->reason);
        free((char *) c->topic);
        free((char *) c->ignored);
}

/* "ip:port [ip6]:port" */
#define ADDRESSES_TEXT_SIZE (ADDRESSES_MAX * (ADDRESS_STRING_SIZE + 1) + 1)

static void print_addresses(const StoredChannel *c, char ret[static ADDRESSES_TEXT_SIZE]) {
        size_t n = 0;

        ret[0] = 0;
        for (size_t i = 0; i < MIN(c->n_addresses, ELEMENTSOF(c->addresses)); i++) {
                char address[ADDRESS_STRING_SIZE];

                address_print(&c->addresses[i], address);
                n += (size_t) sprintf(ret + n, "%s%s", i > 0 ? " " : "", address);
        }
}

/* One that cannot be read is none: the directory has others. */
static int parse_addresses(const char *text, StoredChannel *c) {
        _cleanup_free_ char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        for (char *rest = copy, *word;
             c->n_addresses < ELEMENTSOF(c->addresses) && (word = strsep(&rest, " "));)
                if (address_parse(word, false, &c->addresses[c->n_addresses]) >= 0)
                        c->n_addresses++;
        return 0;
}

/* ---- load ---- */

typedef struct LoadRequest {
        uint64_t identity;
        StoredChannel *channels;
        size_t n;
        bool invisible;
        store_channels_fn done;
} LoadRequest;

static void load_request_free(void *request) {
        LoadRequest *q = request;

        for (size_t i = 0; i < q->n; i++)
                channel_done(&q->channels[i]);
        free(q->channels);
        free(q);
}

static int read_channel(sqlite3_stmt *stmt, StoredChannel *ret) {
        struct {
                char *text;
                size_t size;
        } texts[] = {
                { ret->channel_id, sizeof(ret->channel_id) },
                { ret->name, sizeof(ret->name) },
                { ret->owner, sizeof(ret->owner) },
                { ret->host, sizeof(ret->host) },
                { ret->synced_id, sizeof(ret->synced_id) },
                { ret->previous, sizeof(ret->previous) },
                { ret->successor, sizeof(ret->successor) },
                { ret->begin_id, sizeof(ret->begin_id) },
        };
        int column = 0, r, error = 0;

        ret->row = sql_column_u64(stmt, column++);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                r = store_column_copy(stmt, column++, texts[i].text, texts[i].size);
                if (r < 0)
                        return r;
        }
        ret->went_back = sqlite3_column_int(stmt, column++);
        ret->diverged_seq = sql_column_u64(stmt, column++);
        ret->hosted = sqlite3_column_int(stmt, column++);
        ret->wanted = sqlite3_column_int(stmt, column++);
        ret->closed = sqlite3_column_int(stmt, column++);
        ret->role = role_from_string(sql_column_text(stmt, column++));
        ret->view = view_permission_from_string(sql_column_text(stmt, column++));
        ret->send = send_permission_from_string(sql_column_text(stmt, column++));
        if (ret->role < 0 || ret->view < 0 || ret->send < 0)
                return -EBADMSG;
        ret->epoch = sql_column_u64(stmt, column++);
        ret->has_backlog = sqlite3_column_type(stmt, column) != SQLITE_NULL;
        ret->backlog = sql_column_u64(stmt, column++);
        ret->has_begin = sqlite3_column_type(stmt, column) != SQLITE_NULL;
        ret->begin_seq = sql_column_u64(stmt, column++);
        ret->first_seq = sql_column_u64(stmt, column++);
        ret->synced_seq = sql_column_u64(stmt, column++);
        ret->last_seq = sql_column_u64(stmt, column++);
        ret->read_seq = sql_column_u64(stmt, column++);
        ret->n_unread = sql_column_u64(stmt, column++);
        ret->n_outbox = sql_column_u64(stmt, column++);
        ret->reason = store_column_dup(stmt, column++, &error);
        ret->topic = store_column_dup(stmt, column++, &error);
        r = parse_addresses(sql_column_text(stmt, column++), ret);
        ret->retention_days = sql_column_u64(stmt, column++);
        ret->ignored = store_column_dup(stmt, column++, &error);
        ret->n_mentions = sql_column_u64(stmt, column++);
        ret->notify = MAX(notify_from_string(sql_column_text(stmt, column++)), NOTIFY_UNSET);
        return r < 0 ? r : error;
}

static int count_channels(SqlTx *tx, uint64_t identity, size_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT count(*) FROM channel WHERE identity = ?", "t", &stmt,
                        identity);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r < 0)
                return r;
        *ret = sql_column_u64(stmt, 0);
        return 0;
}

static int work_load(SqlTx *tx, void *request) {
        LoadRequest *q = request;
        sqlite3_stmt *stmt;
        size_t n;
        int r;

        r = store_invisible_load(tx, q->identity, &q->invisible);
        if (r >= 0)
                r = count_channels(tx, q->identity, &n);
        if (r < 0 || n == 0)
                return r;
        q->channels = new0(StoredChannel, n);
        if (!q->channels)
                return -ENOMEM;
        r = sql_prepare(
                tx,
                "SELECT c.id, c.channel_id, c.name, c.owner, c.host, coalesce(e.id, ''),"
                " c.previous, c.successor, c.begin_id, c.went_back, c.diverged_seq, c.hosted,"
                " c.wanted, c.closed, c.role, c.view_permission, c.send_permission, c.epoch,"
                " c.backlog, c.begin_seq, c.first_seq, c.synced_seq, c.last_seq,"
                " c.read_seq, c.n_unread, c.n_queued, c.reason, c.topic, c.addresses,"
                " coalesce((SELECT days FROM retention t WHERE t.channel = c.id AND t.ends = 0"
                "  ORDER BY t.seq DESC LIMIT 1), 0),"
                " (SELECT group_concat(g.username, ' ') FROM ignored g WHERE g.channel = c.id),"
                " c.n_mentions, coalesce(c.notify, '')"
                " FROM channel c LEFT JOIN entry e"
                " ON e.channel = c.id AND e.seq = c.synced_seq"
                " WHERE c.identity = ? ORDER BY c.name, c.id",
                "t", &stmt, q->identity);
        if (r < 0)
                return r;
        while (q->n < n && (r = sql_step(stmt)) > 0) {
                StoredChannel *c = &q->channels[q->n++];

                c->identity = q->identity;
                r = read_channel(stmt, c);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : 0;
}

static void on_loaded(int r, void *request, void *userdata) {
        LoadRequest *q = request;

        if (q->done)
                q->done(r, r < 0 ? NULL : q->channels, r < 0 ? 0 : q->n, q->invisible, userdata);
}

/* On the writer, where it comes behind heads that are written lazily. */
int store_load_channels(Store *s, uint64_t identity, store_channels_fn done, void *userdata,
                        Job **ret_job) {
        LoadRequest *q;

        q = new0(LoadRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (LoadRequest){ .identity = identity, .done = done };
        return store_write(s, work_load, q, load_request_free, on_loaded, userdata, ret_job);
}

/* ---- save ---- */

typedef struct SaveRequest {
        StoredChannel channel; /* its strings are ours */
        store_row_fn done;
} SaveRequest;

static void save_request_free(void *request) {
        SaveRequest *q = request;

        channel_done(&q->channel);
        free(q);
}
DEFINE_REQUEST_CLEANUP(SaveRequest, save_request_free);

static int identity_exists(SqlTx *tx, uint64_t row) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT 1 FROM identity WHERE id = ?", "t", &stmt, row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        return r == 0 ? -ENOENT : r;
}

/* −1 stands for NULL. A backlog of more than fits is all there can be. */
static int backlog_column(const StoredChannel *c) {
        return c->has_backlog ? (int) MIN(c->backlog, (uint64_t) INT_MAX) : -1;
}

static int insert_channel(SqlTx *tx, StoredChannel *c) {
        char addresses[ADDRESSES_TEXT_SIZE];
        int r;

        print_addresses(c, addresses);
        r = sql_run(tx,
                    "INSERT INTO channel (identity, channel_id, name, owner, host, hosted, wanted,"
                    " closed, reason, role, view_permission, send_permission, topic, epoch,"
                    " backlog, begin_seq, begin_id, went_back, previous, successor, diverged_seq,"
                    " addresses)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, nullif(?, -1),"
                    " iif(?, ?, NULL), ?, ?, ?, ?, ?, ?)",
                    "tssssiiissssstiitsissts", c->identity, c->channel_id, c->name, c->owner,
                    c->host, c->hosted, c->wanted, c->closed, c->reason, role_to_string(c->role),
                    view_permission_to_string(c->view), send_permission_to_string(c->send),
                    c->topic, c->epoch, backlog_column(c), c->has_begin, c->begin_seq, c->begin_id,
                    c->went_back, c->previous, c->successor, c->diverged_seq, addresses);
        if (r < 0)
                return r;
        c->row = (uint64_t) sql_last_insert_id(tx);
        return 0;
}

/* What a log that is ours says of its channel comes with the entries (store-truth.c): who saves may
 * not have heard of the latest. */
static int update_channel(SqlTx *tx, const StoredChannel *c) {
        char addresses[ADDRESSES_TEXT_SIZE];
        int r;

        print_addresses(c, addresses);
        r = sql_run(tx,
                    "UPDATE channel SET identity = ?, channel_id = ?, name = ?, owner = ?,"
                    " host = ?, hosted = ?, wanted = ?, closed = ?, reason = ?, role = ?,"
                    " view_permission = iif(hosted AND ?6, view_permission, ?),"
                    " send_permission = iif(hosted AND ?6, send_permission, ?),"
                    " topic = iif(hosted AND ?6, topic, ?), epoch = ?,"
                    " backlog = nullif(?, -1), begin_seq = iif(?, ?, NULL), begin_id = ?, "
                    "went_back = ?, previous = ?, successor = ?,"
                    " diverged_seq = ?, addresses = ? WHERE id = ?",
                    "tssssiiissssstiitsisstst", c->identity, c->channel_id, c->name, c->owner,
                    c->host, c->hosted, c->wanted, c->closed, c->reason, role_to_string(c->role),
                    view_permission_to_string(c->view), send_permission_to_string(c->send),
                    c->topic, c->epoch, backlog_column(c), c->has_begin, c->begin_seq, c->begin_id,
                    c->went_back, c->previous, c->successor, c->diverged_seq, addresses, c->row);
        if (r < 0)
                return r;
        return sql_changes(tx) > 0 ? 0 : -ENOENT;
}

/* Else a member who asks again, because the answer of the host before was lost, would be stored
 * twice. Where that one stored an id twice the first counts. */
static int name_senders(SqlTx *tx, const StoredChannel *c) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT 1 FROM channel WHERE id = ? AND NOT hosted", "t", &stmt,
                        c->row);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r <= 0)
                return r;
        return sql_run(tx,
                       "UPDATE OR IGNORE entry SET sender = username WHERE channel = ?1"
                       " AND sender IS NULL",
                       "t", c->row);
}

static int work_save(SqlTx *tx, void *request) {
        SaveRequest *q = request;
        int r;

        r = identity_exists(tx, q->channel.identity);
        if (r >= 0 && q->channel.row != 0 && q->channel.hosted)
                r = name_senders(tx, &q->channel);
        if (r < 0)
                return r;
        return q->channel.row == 0 ? insert_channel(tx, &q->channel)
                                   : update_channel(tx, &q->channel);
}

static void on_saved(int r, void *request, void *userdata) {
        SaveRequest *q = request;

        if (q->done)
                q->done(r, r < 0 ? 0 : q->channel.row, userdata);
}

int store_save_channel(Store *s, const StoredChannel *c, store_row_fn done, void *userdata,
                       Job **ret_job) {
        _cleanup_(save_request_freep) SaveRequest *q = NULL;

        if (!role_to_string(c->role) || !view_permission_to_string(c->view) ||
            !send_permission_to_string(c->send))
                return -EINVAL;
        q = new0(SaveRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (SaveRequest){ .channel = *c, .done = done };
        q->channel.reason = q->channel.topic = q->channel.ignored = NULL;
        if (free_and_strdup((char **) &q->channel.reason, c->reason) < 0 ||
            free_and_strdup((char **) &q->channel.topic, c->topic) < 0)
                return -ENOMEM;
        return store_write(s, work_save, TAKE_PTR(q), save_request_free, on_saved, userdata,
                           ret_job);
}

/* ---- delete ---- */

static int work_delete(SqlTx *tx, void *request) {
        const RowRequest *q = request;
        int r;

        r = sql_run(tx, "DELETE FROM channel WHERE id = ?", "t", q->row);
        if (r >= 0 && sql_changes(tx) == 0)
                r = -ENOENT;
        if (r >= 0)
                r = store_owe_purge(tx);
        if (r >= 0)
                r = store_remains_clear(tx);
        return MIN(r, 0);
}

int store_delete_channel(Store *s, uint64_t row, store_done_fn done, void *userdata,
                         Job **ret_job) {
        store_purge_soon(s);
        store_index_forget(s, row);
        return store_write_row(s, work_delete, row, done, userdata, ret_job);
}

/* ---- the read mark ---- */

typedef struct ReadMarkRequest {
        uint64_t row, seq;
        bool backwards;
        uint64_t read_seq, n_unread, n_mentions;
        store_read_mark_fn done;
} ReadMarkRequest;

static int move_read_mark(SqlTx *tx, ReadMarkRequest *q, StoreLog *log, uint64_t seq) {
        bool forwards = seq > log->read_seq;
        uint64_t n;
        int r;

        r = store_log_count_messages(tx, q->row, MIN(seq, log->read_seq), MAX(seq, log->read_seq),
                                     &log->self, &n);
        if (r < 0)
                return r;
        log->n_unread = forwards ? log->n_unread - MIN(n, log->n_unread) : log->n_unread + n;
        log->read_seq = seq;
        r = store_mention_count(tx, q->row, seq);
        return r < 0 ? r : store_log_save(tx, q->row, log);
}

static int work_mark_read(SqlTx *tx, void *request) {
        ReadMarkRequest *q = request;
        StoreLog log;
        uint64_t seq;
        int r;

        r = store_log_load(tx, q->row, &log);
        if (r < 0)
                return r;
        /* What is not here was not read. */
        seq = MIN(q->seq, log.synced_seq);
        if (seq > log.read_seq || (seq < log.read_seq && q->backwards)) {
                r = move_read_mark(tx, q, &log, seq);
                if (r < 0)
                        return r;
        }
        q->read_seq = log.read_seq;
        q->n_unread = log.n_unread;
        return store_mention_load(tx, q->row, &q->n_mentions);
}

static void on_marked(int r, void *request, void *userdata) {
        ReadMarkRequest *q = request;

        if (!q->done)
                return;
        if (r < 0)
                q->done(r, 0, 0, 0, userdata);
        else
                q->done(0, q->read_seq, q->n_unread, q->n_mentions, userdata);
}

int store_mark_read(Store *s, uint64_t row, uint64_t seq, bool backwards, store_read_mark_fn done,
                    void *userdata, Job **ret_job) {
        ReadMarkRequest *q;

        q = new0(ReadMarkRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (ReadMarkRequest){ .row = row, .seq = seq, .backwards = backwards, .done = done };
        return store_write(s, work_mark_read, q, free, on_marked, userdata, ret_job);
}
