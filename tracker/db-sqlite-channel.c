/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the channels' table; leaves accounts and calls to db-sqlite.c. */
#include <stdio.h>

#include "tracker/db-sqlite-internal.h"

/* More changes a second than there can be, and seconds up to the year 2106 (NUMBER_MAX). */
#define CHANGES_BITS 21
#define RUN_MAX ((NUMBER_MAX >> CHANGES_BITS) - 1)

/* Addresses are kept as the wire has them, one after the other with a blank between. */
static void addresses_print(const DirectoryEntry *e,
                            char ret[static ADDRESSES_MAX * ADDRESS_STRING_SIZE]) {
        char *p = ret;

        *p = '\0';
        for (size_t i = 0; i < e->n_addresses; i++) {
                if (i > 0)
                        *p++ = ' ';
                address_print(&e->addresses[i], p);
                p += strlen(p);
        }
}

static int addresses_parse(const char *text, DirectoryEntry *e) {
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *one;

        if (!copy)
                return -ENOMEM;
        while ((one = strsep(&rest, " ")) && e->n_addresses < ADDRESSES_MAX)
                if (address_parse(one, false, &e->addresses[e->n_addresses]) >= 0)
                        e->n_addresses++;
        return 0;
}

static int read_record(sqlite3_stmt *s, ChannelRecord *ret) {
        ChannelRecord c = { 0 };
        DirectoryEntry *e = &c.entry;

        snprintf(e->channel_name, sizeof(e->channel_name), "%s", sql_column_text(s, 0));
        snprintf(e->channel_id, sizeof(e->channel_id), "%s", sql_column_text(s, 1));
        snprintf(e->owner, sizeof(e->owner), "%s", sql_column_text(s, 2));
        snprintf(e->host, sizeof(e->host), "%s", sql_column_text(s, 2));
        snprintf(c.key, sizeof(c.key), "%s", sql_column_text(s, 3));
        e->epoch = sql_column_u64(s, 4);
        e->last_seq = sql_column_u64(s, 5);
        e->online = sql_column_u64(s, 6) != 0;
        c.unhosted = sql_column_u64(s, 7) != 0;
        e->since = sql_column_u64(s, 8);
        e->restricted = sql_column_u64(s, 9) != 0;
        c.over_loopback = sql_column_u64(s, 12) != 0;
        c.granted_seq = sql_column_u64(s, 13);
        c.delisted = sql_column_u64(s, 14);
        c.reason = strdup(sql_column_text(s, 15));
        e->topic = strdup(sql_column_text(s, 10));
        if (!e->topic || !c.reason || addresses_parse(sql_column_text(s, 11), e) < 0) {
                channel_record_done(&c);
                return -ENOMEM;
        }
        *ret = c;
        return 0;
}

static int load_retired(SqlTx *tx, DbCall *c) {
        size_t n_allocated = 0;
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx,
                        "SELECT channel_id, name, owner, successor, epoch, last_seq FROM retired",
                        "", &s);
        if (r < 0)
                return r;
        while ((r = sql_step(s)) > 0) {
                RetiredId *id;

                if (c->n_retired == n_allocated) {
                        size_t n = MAX(n_allocated * 2, (size_t) 16);
                        RetiredId *more = reallocarray(c->retired, n, sizeof(*more));

                        if (!more)
                                return -ENOMEM;
                        c->retired = more;
                        n_allocated = n;
                }
                id = &c->retired[c->n_retired++];
                *id = (RetiredId){
                        .epoch = sql_column_u64(s, 4),
                        .last_seq = sql_column_u64(s, 5),
                };
                snprintf(id->channel_id, sizeof(id->channel_id), "%s", sql_column_text(s, 0));
                snprintf(id->channel_name, sizeof(id->channel_name), "%s", sql_column_text(s, 1));
                snprintf(id->owner, sizeof(id->owner), "%s", sql_column_text(s, 2));
                snprintf(id->successor, sizeof(id->successor), "%s", sql_column_text(s, 3));
        }
        return r;
}

static int work_load(SqlTx *tx, void *request) {
        DbCall *c = request;
        size_t n_allocated = 0;
        sqlite3_stmt *s;
        int r;

        /* The upper bits of a generation are the second in which the run began, the lower ones
         * count its changes: none is ever told twice, also where the database is one of a backup,
         * which knows nothing of later runs. */
        r = sql_run(tx, "UPDATE run SET count = max(count + 1, ?)", "t", c->now / USEC_PER_SEC);
        if (r < 0)
                return r;
        r = sql_prepare(tx, "SELECT count FROM run", "", &s);
        if (r < 0)
                return r;
        r = sql_step(s);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        c->generation = MIN(sql_column_u64(s, 0), RUN_MAX) << CHANGES_BITS;

        r = sql_prepare(tx,
                        "SELECT name, channel_id, owner, key, epoch, last_seq, leased, unhosted,"
                        " since, restricted, topic, addresses, over_loopback, granted_seq,"
                        " delisted, reason"
                        " FROM channel"
                        " ORDER BY name",
                        "", &s);
        if (r < 0)
                return r;
        while ((r = sql_step(s)) > 0) {
                if (c->n_records == n_allocated) {
                        size_t n = MAX(n_allocated * 2, (size_t) 16);
                        ChannelRecord *more = reallocarray(c->records, n, sizeof(*more));

                        if (!more)
                                return -ENOMEM;
                        c->records = more;
                        n_allocated = n;
                }
                r = read_record(s, &c->records[c->n_records]);
                if (r < 0)
                        return r;
                c->n_records++;
        }
        return r < 0 ? r : load_retired(tx, c);
}

static void answer_load(DbCall *c, int r) {
        c->done.load(r, c->generation, c->records, c->n_records, c->retired, c->n_retired,
                     c->userdata);
}

int db_load(Db *db, uint64_t now, db_load_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = db_call_new(NULL, NULL);

        if (c) {
                c->now = now;
                c->done.load = done;
        }
        return db_call_submit(db, c, true, work_load, answer_load, userdata, ret_call);
}

static DbCall *channel_call_new(const char *name, db_done_fn done) {
        DbCall *c = db_call_new(name, NULL);

        if (c)
                c->done.done = done;
        return c;
}

/* Where the row is not that of the previous channel the name was changed by nobody but us: its
 * queue holds back what comes after. */
static int retire_previous(SqlTx *tx, const ChannelRecord *record) {
        const DirectoryEntry *e = &record->entry;
        int r;

        r = sql_run(tx,
                    "INSERT INTO retired (channel_id, name, owner, successor, epoch, last_seq)"
                    " SELECT channel_id, name, owner, ?1, epoch, last_seq FROM channel"
                    " WHERE name = ?2 AND channel_id = ?3",
                    "sss", e->channel_id, e->channel_name, record->previous);
        if (r < 0)
                return r;
        if (sql_changes(tx) == 0)
                return -ESTALE;
        return sql_run(tx, "DELETE FROM channel WHERE name = ?", "s", e->channel_name);
}

static int work_put_channel(SqlTx *tx, void *request) {
        DbCall *c = request;
        const ChannelRecord *record = c->records;
        const DirectoryEntry *e = &record->entry;
        char addresses[ADDRESSES_MAX * ADDRESS_STRING_SIZE];
        sqlite3_stmt *s;
        int r;

        r = sql_prepare(tx, "SELECT 1 FROM user WHERE name = ? AND deleted <> 0", "s", &s,
                        e->owner);
        if (r >= 0)
                r = sql_step(s);
        if (r != 0)
                return r < 0 ? r : -EKEYREVOKED;
        if (record->previous[0]) {
                r = retire_previous(tx, record);
                if (r < 0)
                        return r;
        }
        addresses_print(e, addresses);
        return sql_run(tx,
                       "INSERT INTO channel (name, channel_id, owner, key, epoch, last_seq, leased,"
                       " unhosted, since, restricted, topic, addresses, over_loopback, granted_seq)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                       " ON CONFLICT (name) DO UPDATE SET key = excluded.key,"
                       " epoch = excluded.epoch, last_seq = max(last_seq, excluded.last_seq),"
                       " leased = excluded.leased, unhosted = excluded.unhosted,"
                       " since = excluded.since, restricted = excluded.restricted,"
                       " topic = excluded.topic, addresses = excluded.addresses,"
                       " over_loopback = excluded.over_loopback,"
                       " granted_seq = excluded.granted_seq",
                       "ssssttiitissit", e->channel_name, e->channel_id, e->owner, record->key,
                       e->epoch, e->last_seq, (int) e->online, (int) record->unhosted, e->since,
                       (int) e->restricted, e->topic, addresses, (int) record->over_loopback,
                       record->granted_seq);
}

int db_put_channel(Db *db, const ChannelRecord *record, db_done_fn done, void *userdata,
                   DbCall **ret_call) {
        DbCall *c = channel_call_new(record->entry.channel_name, done);

        if (c) {
                c->records = new0(ChannelRecord, 1);
                if (!c->records || channel_record_copy(record, c->records) < 0) {
                        free(c->records);
                        free(c);
                        return -ENOMEM;
                }
                c->n_records = 1;
        }
        return db_call_submit(db, c, true, work_put_channel, db_answer_done, userdata, ret_call);
}

static int work_set_view(SqlTx *tx, void *request) {
        DbCall *c = request;

        return sql_run(tx,
                       "UPDATE channel SET topic = coalesce(?1, topic),"
                       " restricted = CASE ?2 WHEN 0 THEN restricted ELSE ?3 END WHERE name = ?4",
                       "siis", c->topic, (int) c->has_restricted, (int) c->restricted, c->name);
}

int db_set_channel_view(Db *db, const char *name, const bool *restricted, const char *topic,
                        db_done_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = channel_call_new(name, done);

        if (c) {
                c->has_restricted = restricted;
                c->restricted = restricted && *restricted;
                if (free_and_strdup(&c->topic, topic) < 0) {
                        free(c);
                        return -ENOMEM;
                }
        }
        return db_call_submit(db, c, true, work_set_view, db_answer_done, userdata, ret_call);
}

static int work_set_lease(SqlTx *tx, void *request) {
        DbCall *c = request;

        return sql_run(tx, "UPDATE channel SET leased = ?, unhosted = ?, since = ? WHERE name = ?",
                       "iits", (int) c->leased, (int) c->unhosted, c->now, c->name);
}

int db_set_channel_lease(Db *db, const char *name, bool leased, bool unhosted, uint64_t since,
                         db_done_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = channel_call_new(name, done);

        if (c) {
                c->leased = leased;
                c->unhosted = unhosted;
                c->now = since;
        }
        return db_call_submit(db, c, true, work_set_lease, db_answer_done, userdata, ret_call);
}

static int work_set_delisted(SqlTx *tx, void *request) {
        DbCall *c = request;

        if (c->now == 0)
                return sql_run(tx, "UPDATE channel SET delisted = 0, reason = '' WHERE name = ?",
                               "s", c->name);
        return sql_run(tx,
                       "UPDATE channel SET since = CASE leased WHEN 0 THEN since ELSE ?1 END,"
                       " leased = 0, delisted = CASE delisted WHEN 0 THEN ?1 ELSE delisted END,"
                       " reason = ?2 WHERE name = ?3",
                       "tss", c->now, c->reason, c->name);
}

int db_set_channel_delisted(Db *db, const char *name, uint64_t since, const char *reason,
                            db_done_fn done, void *userdata, DbCall **ret_call) {
        DbCall *c = channel_call_new(name, done);

        if (c) {
                c->now = since;
                if (free_and_strdup(&c->reason, reason ?: "") < 0) {
                        free(c);
                        return -ENOMEM;
                }
        }
        return db_call_submit(db, c, true, work_set_delisted, db_answer_done, userdata, ret_call);
}

static int work_remove(SqlTx *tx, void *request) {
        DbCall *c = request;

        return sql_run(tx, "DELETE FROM channel WHERE name = ?", "s", c->name);
}

int db_remove_channel(Db *db, const char *name, db_done_fn done, void *userdata,
                      DbCall **ret_call) {
        return db_call_submit(db, channel_call_new(name, done), true, work_remove, db_answer_done,
                              userdata, ret_call);
}

static int work_put_progress(SqlTx *tx, void *request) {
        DbCall *c = request;
        int r;

        for (size_t i = 0; i < c->n_progress; i++) {
                const DbProgress *p = &c->progress[i];

                r = sql_run(tx,
                            "UPDATE channel SET last_seq = ?1"
                            " WHERE name = ?2 AND key = ?3 AND epoch = ?4 AND last_seq < ?1",
                            "tsst", p->last_seq, p->channel_name, p->key, p->epoch);
                if (r < 0)
                        return r;
        }
        return 0;
}

int db_put_progress(Db *db, const DbProgress *progress, size_t n, db_done_fn done, void *userdata,
                    DbCall **ret_call) {
        DbCall *c = channel_call_new(NULL, done);

        if (c) {
                c->progress = new0(DbProgress, n);
                if (!c->progress) {
                        free(c);
                        return -ENOMEM;
                }
                memcpy(c->progress, progress, n * sizeof(*progress));
                c->n_progress = n;
        }
        return db_call_submit(db, c, true, work_put_progress, db_answer_done, userdata, ret_call);
}
