/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the tables of a person's store and how requests reach them; leaves what a request does to
 * store-*.c. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "daemon/store/store-internal.h"

/* Enums are kept by name: a number would bind the file to the order of a header.
 *
 * A key has its own table: its rows are few and small, so their page never splits, and a split is
 * what leaves copies that secure_delete does not reach.
 *
 * channel.id is never used again, so that a late request for a deleted row finds nothing. The
 * counters of an outbox are kept by triggers: rows change in many ways, by cascade too.
 *
 * entry.sender is who the host deduplicates by: the username of a user, the key of a guest (the
 * name where this log was a copy, which has no keys of guests); NULL in copies, whose host did it.
 */
const char *const store_migrations[] = {
        "CREATE TABLE tracker ("
        "        tracker_id TEXT NOT NULL PRIMARY KEY,"
        "        pin TEXT NOT NULL,"
        "        address TEXT NOT NULL,"
        "        ca_pem TEXT NOT NULL,"
        "        is_current INTEGER NOT NULL DEFAULT 0,"
        "        identity INTEGER REFERENCES identity (id)"
        ") STRICT, WITHOUT ROWID;"

        "CREATE TABLE identity ("
        "        id INTEGER NOT NULL PRIMARY KEY,"
        "        tracker_id TEXT NOT NULL REFERENCES tracker (tracker_id),"
        "        user_type TEXT NOT NULL,"
        "        username TEXT NOT NULL,"
        "        certificate_pem TEXT,"
        "        UNIQUE (tracker_id, user_type, username)"
        ") STRICT;"

        "CREATE TABLE secret ("
        "        identity INTEGER NOT NULL PRIMARY KEY REFERENCES identity (id),"
        "        key_pem TEXT NOT NULL"
        ") STRICT;"

        "CREATE TABLE channel ("
        "        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,"
        "        identity INTEGER NOT NULL REFERENCES identity (id),"
        "        channel_id TEXT NOT NULL,"
        "        name TEXT NOT NULL,"
        "        owner TEXT NOT NULL,"
        "        host TEXT NOT NULL,"
        "        hosted INTEGER NOT NULL,"
        "        wanted INTEGER NOT NULL,"
        "        closed INTEGER NOT NULL,"
        "        reason TEXT,"
        "        role TEXT NOT NULL,"
        "        view_permission TEXT NOT NULL,"
        "        send_permission TEXT NOT NULL,"
        "        topic TEXT,"
        "        epoch INTEGER NOT NULL,"
        "        backlog INTEGER," /* NULL: all */
        "        first_seq INTEGER NOT NULL DEFAULT 0,"
        "        synced_seq INTEGER NOT NULL DEFAULT 0,"
        "        last_seq INTEGER NOT NULL DEFAULT 0,"
        "        read_seq INTEGER NOT NULL DEFAULT 0,"
        "        n_unread INTEGER NOT NULL DEFAULT 0,"
        "        outbox_position INTEGER NOT NULL DEFAULT 0," /* given last */
        "        n_queued INTEGER NOT NULL DEFAULT 0,"
        "        n_unsent INTEGER NOT NULL DEFAULT 0," /* queued or failed */
        "        n_unsent_bytes INTEGER NOT NULL DEFAULT 0,"
        "        UNIQUE (identity, channel_id)"
        ") STRICT;"

        /* extra comes last: what is before it is read without the pages that it fills. */
        "CREATE TABLE entry ("
        "        channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,"
        "        seq INTEGER NOT NULL,"
        "        kind TEXT NOT NULL,"
        "        id TEXT NOT NULL,"
        "        username TEXT NOT NULL,"
        "        user_type TEXT NOT NULL,"
        "        sender TEXT,"
        "        time INTEGER NOT NULL,"
        "        extra TEXT NOT NULL,"
        "        PRIMARY KEY (channel, seq)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE UNIQUE INDEX entry_by_sender ON entry (channel, sender, id)"
        "        WHERE sender IS NOT NULL;"
        "CREATE INDEX entry_governance ON entry (channel, seq) WHERE kind <> 'message';"

        "CREATE TABLE outbox ("
        "        channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,"
        "        position INTEGER NOT NULL,"
        "        id TEXT NOT NULL,"
        "        state TEXT NOT NULL,"
        "        error TEXT,"
        "        seq INTEGER NOT NULL DEFAULT 0,"
        "        queued INTEGER NOT NULL,"
        "        finished INTEGER," /* when it became stored */
        "        attempts INTEGER NOT NULL DEFAULT 0,"
        "        n_bytes INTEGER NOT NULL,"
        "        meta TEXT,"
        "        text TEXT NOT NULL,"
        "        PRIMARY KEY (channel, position),"
        "        UNIQUE (channel, id)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE INDEX outbox_queued ON outbox (channel, position) WHERE state = 'queued';"
        "CREATE INDEX outbox_finished ON outbox (finished) WHERE state = 'stored';"

        "CREATE TRIGGER outbox_inserted AFTER INSERT ON outbox BEGIN"
        "        UPDATE channel SET n_queued = n_queued + (NEW.state = 'queued'),"
        "                n_unsent = n_unsent + (NEW.state <> 'stored'),"
        "                n_unsent_bytes = n_unsent_bytes + (NEW.state <> 'stored') * NEW.n_bytes"
        "        WHERE id = NEW.channel;"
        "END;"
        "CREATE TRIGGER outbox_deleted AFTER DELETE ON outbox BEGIN"
        "        UPDATE channel SET n_queued = n_queued - (OLD.state = 'queued'),"
        "                n_unsent = n_unsent - (OLD.state <> 'stored'),"
        "                n_unsent_bytes = n_unsent_bytes - (OLD.state <> 'stored') * OLD.n_bytes"
        "        WHERE id = OLD.channel;"
        "END;"
        "CREATE TRIGGER outbox_changed AFTER UPDATE OF state ON outbox BEGIN"
        "        UPDATE channel SET"
        "                n_queued = n_queued + (NEW.state = 'queued') - (OLD.state = 'queued'),"
        "                n_unsent = n_unsent + (NEW.state <> 'stored') - (OLD.state <> 'stored'),"
        "                n_unsent_bytes = n_unsent_bytes + NEW.n_bytes *"
        "                        ((NEW.state <> 'stored') - (OLD.state <> 'stored'))"
        "        WHERE id = NEW.channel;"
        "END;",

        "ALTER TABLE channel ADD COLUMN went_back INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE channel ADD COLUMN previous TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE channel ADD COLUMN successor TEXT NOT NULL DEFAULT '';"
        "ALTER TABLE channel ADD COLUMN diverged_seq INTEGER NOT NULL DEFAULT 0;",

        /* Keys that count no more, and how far a tracker has told us of them. */
        "ALTER TABLE tracker ADD COLUMN revocations INTEGER NOT NULL DEFAULT 0;"
        "CREATE TABLE revocation ("
        "        tracker_id TEXT NOT NULL REFERENCES tracker (tracker_id),"
        "        key TEXT NOT NULL,"
        "        version INTEGER NOT NULL,"
        "        until INTEGER NOT NULL,"
        "        PRIMARY KEY (tracker_id, key)"
        ") STRICT, WITHOUT ROWID;",

        "ALTER TABLE channel ADD COLUMN addresses TEXT NOT NULL DEFAULT '';",

        /* The guest who wrote a row of who signed up since; '': who has the channel. */
        "ALTER TABLE outbox ADD COLUMN writer TEXT NOT NULL DEFAULT '';",

        /* The key that a sign-in is asked for with, ahead of the asking. */
        "CREATE TABLE attempt ("
        "        tracker_id TEXT NOT NULL PRIMARY KEY REFERENCES tracker (tracker_id),"
        "        user_type TEXT NOT NULL,"
        "        username TEXT NOT NULL,"
        "        since INTEGER NOT NULL,"
        "        key_pem TEXT NOT NULL"
        ") STRICT, WITHOUT ROWID;",

        /* NULL: not known. */
        "ALTER TABLE channel ADD COLUMN begin_seq INTEGER;"
        "ALTER TABLE channel ADD COLUMN begin_id TEXT NOT NULL DEFAULT '';",

        /* What a copy was told to remove. A rule of retention holds for messages that reach their
         * age between its beginning and its end (0: it has none yet); up to swept_seq that is done.
         * redaction: of what is below the copy, should it come. */
        "CREATE TABLE retention ("
        "        channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,"
        "        seq INTEGER NOT NULL,"
        "        username TEXT NOT NULL,"
        "        days INTEGER NOT NULL,"
        "        begins INTEGER NOT NULL,"
        "        ends INTEGER NOT NULL DEFAULT 0,"
        "        swept_seq INTEGER NOT NULL DEFAULT 0,"
        "        PRIMARY KEY (channel, seq)"
        ") STRICT, WITHOUT ROWID;"
        "CREATE TABLE redaction ("
        "        channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,"
        "        target INTEGER NOT NULL,"
        "        seq INTEGER NOT NULL,"
        "        username TEXT NOT NULL,"
        "        time INTEGER NOT NULL,"
        "        PRIMARY KEY (channel, target)"
        ") STRICT, WITHOUT ROWID;"
        /* One row while what was removed may still be in the file: how often, in all. */
        "CREATE TABLE owed (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL) STRICT;",

        /* How far search_terms_CHANNEL goes (store-index.c): entries first_seq to last_seq, by the
         * rules of version. must_purge: what was removed may still be in it. */
        "CREATE TABLE search_index ("
        "        channel INTEGER NOT NULL PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,"
        "        version INTEGER NOT NULL,"
        "        first_seq INTEGER NOT NULL,"
        "        last_seq INTEGER NOT NULL,"
        "        must_purge INTEGER NOT NULL DEFAULT 0"
        ") STRICT;"
        "CREATE INDEX search_index_purge ON search_index (channel) WHERE must_purge <> 0;",

        /* Who is in a channel of ours, for the next process. */
        "CREATE TABLE roster ("
        "        channel INTEGER NOT NULL PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,"
        "        generation INTEGER NOT NULL,"
        "        saved INTEGER NOT NULL"
        ") STRICT;"
        "CREATE TABLE roster_member ("
        "        channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,"
        "        username TEXT NOT NULL,"
        "        user_type TEXT NOT NULL,"
        "        since INTEGER NOT NULL,"
        "        PRIMARY KEY (channel, username)"
        ") STRICT, WITHOUT ROWID;",

        /* A channel goes at once and its entries in steps (store-remains.c), so they refer to none:
         * a change of words that SQLite allows without writing the table anew. */
        "PRAGMA writable_schema=ON;"
        "UPDATE sqlite_schema SET"
        "        sql = replace(sql, ' REFERENCES channel (id) ON DELETE CASCADE', '')"
        "        WHERE type = 'table' AND name = 'entry';"
        "PRAGMA writable_schema=RESET;",

        /* Whose messages the person does not want to read in this channel. */
        "CREATE TABLE ignored ("
        "        channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,"
        "        username TEXT NOT NULL,"
        "        PRIMARY KEY (channel, username)"
        ") STRICT, WITHOUT ROWID;",

        "ALTER TABLE roster_member ADD COLUMN away INTEGER NOT NULL DEFAULT 0;",
        /* Whose key a guest's name stands for, in any log. */
        "CREATE INDEX entry_by_guest ON entry (channel, username, seq)"
        "        WHERE user_type = 'GUEST';",

        "ALTER TABLE identity ADD COLUMN invisible INTEGER NOT NULL DEFAULT 0;",

        /* With which keys who has a role came to a channel of ours. */
        "CREATE TABLE role_key ("
        "        channel INTEGER NOT NULL REFERENCES channel (id) ON DELETE CASCADE,"
        "        username TEXT NOT NULL,"
        "        key TEXT NOT NULL,"
        "        since INTEGER NOT NULL,"
        "        PRIMARY KEY (channel, username, key)"
        ") STRICT, WITHOUT ROWID;",

        /* Which messages of others speak to who has the channel, and how many of those are unread,
         * by who is not ignored. notify NULL: as the settings say. */
        "ALTER TABLE entry ADD COLUMN mention INTEGER NOT NULL DEFAULT 0;"
        "CREATE INDEX entry_mention ON entry (channel, seq, username) WHERE mention <> 0;"
        "ALTER TABLE channel ADD COLUMN n_mentions INTEGER NOT NULL DEFAULT 0;"
        "ALTER TABLE channel ADD COLUMN notify TEXT;",

        NULL,
};

struct StoreHead {
        uint64_t row;
        uint64_t last_seq;
        UT_hash_handle hh;
};

typedef struct HeadsRequest {
        size_t n;
        struct {
                uint64_t row, last_seq;
        } heads[];
} HeadsRequest;

static int work_heads(SqlTx *tx, void *request) {
        HeadsRequest *q = request;
        int r = 0;

        for (size_t i = 0; i < q->n && r >= 0; i++)
                r = sql_run(tx, "UPDATE channel SET last_seq = ?2 WHERE id = ?1", "tt",
                            q->heads[i].row, q->heads[i].last_seq);
        return r;
}

void store_forget_heads(Store *s) {
        StoreHead *h, *next;

        HASH_ITER(hh, s->heads, h, next) {
                HASH_DEL(s->heads, h);
                free(h);
        }
}

static int flush_heads(Store *s) {
        HeadsRequest *q;
        StoreHead *h, *next;
        int r;

        if (!s->heads)
                return 0;
        q = calloc(1, sizeof(HeadsRequest) + HASH_COUNT(s->heads) * sizeof(q->heads[0]));
        if (!q)
                return -ENOMEM;
        HASH_ITER(hh, s->heads, h, next) {
                q->heads[q->n].row = h->row;
                q->heads[q->n++].last_seq = h->last_seq;
        }
        r = sql_write(s->sql, work_heads, q, free, NULL, NULL, NULL);
        if (r < 0)
                return r;
        store_forget_heads(s);
        return 0;
}

int store_set_last_seq(Store *s, uint64_t row, uint64_t last_seq) {
        StoreHead *h;

        HASH_FIND(hh, s->heads, &row, sizeof(row), h);
        if (!h) {
                h = new0(StoreHead, 1);
                if (!h)
                        return -ENOMEM;
                h->row = row;
                HASH_ADD(hh, s->heads, row, sizeof(row), h);
                if (!h->hh.tbl) {
                        free(h);
                        return -ENOMEM;
                }
        }
        h->last_seq = last_seq;
        return 0;
}

int store_write(Store *s, sql_work_fn work, void *request, job_free_fn free_request,
                job_done_fn done, void *userdata, Job **ret_job) {
        int r;

        r = flush_heads(s);
        if (r < 0) {
                free_request(request);
                return r;
        }
        s->n_writes++;
        return sql_write(s->sql, work, request, free_request, done, userdata, ret_job);
}

int store_read(Store *s, sql_work_fn work, void *request, job_free_fn free_request,
               job_done_fn done, void *userdata, Job **ret_job) {
        return sql_read(s->sql, work, request, free_request, done, userdata, ret_job);
}

static void on_row_written(int r, void *request, void *userdata) {
        const RowRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

int store_write_row(Store *s, sql_work_fn work, uint64_t row, store_done_fn done, void *userdata,
                    Job **ret_job) {
        RowRequest *q = new0(RowRequest, 1);

        if (!q)
                return -ENOMEM;
        *q = (RowRequest){ .row = row, .done = done };
        return store_write(s, work, q, free, on_row_written, userdata, ret_job);
}

static int work_nothing(SqlTx *tx, void *request) {
        return 0;
}

int store_settle(Store *s, store_done_fn done, void *userdata, Job **ret_job) {
        return store_write_row(s, work_nothing, 0, done, userdata, ret_job);
}

char *store_column_dup(sqlite3_stmt *stmt, int column, int *error) {
        char *copy;

        if (sqlite3_column_type(stmt, column) == SQLITE_NULL)
                return NULL;
        copy = strdup(sql_column_text(stmt, column));
        if (!copy)
                *error = -ENOMEM;
        return copy;
}

int store_column_copy(sqlite3_stmt *stmt, int column, char *ret, size_t size) {
        const char *text = sql_column_text(stmt, column);
        size_t n = strlen(text);

        if (n >= size)
                return -EBADMSG;
        memcpy(ret, text, n + 1);
        return 0;
}

bool store_self_is(const StoreSelf *self, const char *username, UserType user_type) {
        return self->user_type == user_type && streq(self->username, username);
}

void store_get_statistics(const Store *s, StoreStatistics *ret) {
        SqlStatistics statistics;

        sql_get_statistics(s->sql, &statistics);
        *ret = (StoreStatistics){
                .n_commits = statistics.n_commits,
                .commit_usec_p99 = statistics.commit_usec_p99,
                .uptime_usec = clock_boottime(s->rt->clock) - s->made,
        };
}

int store_new(const Runtime *rt, const char *path, Store **ret) {
        _cleanup_(store_freep) Store *s = NULL;
        int r;

        s = new0(Store, 1);
        if (!s)
                return -ENOMEM;
        *s = (Store){ .rt = rt, .made = clock_boottime(rt->clock) };
        r = sql_new(rt, path, store_migrations, &s->sql);
        if (r >= 0)
                r = purge_new(s, &s->purge);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;
        purge_free(s->purge);
        if (s->sql)
                (void) flush_heads(s); /* lost, a head is heard again */
        store_forget_heads(s);
        store_index_forget(s, 0);
        job_free(s->index_step);
        clock_timer_free(s->index_timer);
        sql_free(s->sql);
        free(s);
        return NULL;
}
