/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows batches, savepoints and the two threads; leaves statements to statement.c and the file to
 * open.c. */
#include "sql/sql-internal.h"

/* What SQLite or the opening said, and thereby r. */
static int noted(Sql *s, int r) {
        health_note(s->health, r);
        return r;
}

/* Of what work returned: only what it was told by SQLite is about the disk. */
static void note_work(Sql *s, const SqlTx *tx, int r) {
        int code = sqlite3_extended_errcode(tx->db);

        /* A search index can be made anew: it is no damage of what it was made from. */
        if (r < 0 && code != SQLITE_CORRUPT_VTAB && sql_errno(tx->db, code) == r)
                health_note(s->health, r);
}

static int ensure_open(Sql *s) {
        int r = 0;

        if (health_get(s->health) == -EBADMSG)
                return -EBADMSG;
        pthread_mutex_lock(&s->open_lock);
        if (!s->writer.db) {
                r = sql_open_writer(&s->writer, s->path, s->migrations, &s->lock_fd);
                if (r >= 0)
                        sql_wal_watch(s);
        }
        pthread_mutex_unlock(&s->open_lock);
        return noted(s, r);
}

void sql_batch_begin(Sql *s) {
        s->batch_error = ensure_open(s);
        s->batch = NULL;
        if (s->batch_error >= 0)
                s->batch_error = noted(s, sql_tx_exec(&s->writer, "BEGIN IMMEDIATE"));
        if (s->batch_error >= 0)
                sql_wal_begin(s);
}

/* Never fails: what cannot begin fails its requests, all but those that mend it. */
static int begin_batch(void *userdata) {
        sql_batch_begin(userdata);
        return 0;
}

void sql_forget(SqlTx *tx) {
        tx->must_forget = true;
}

/* secure_delete is for the pages; their earlier state is in the WAL until it is cut. */
static void forget(Sql *s) {
        if (sql_wal_cut(s) == SQLITE_OK)
                s->writer.must_forget = false;
}

int sql_batch_end(Sql *s) {
        uint64_t begin, usec;
        int r = s->batch_error;

        if (r >= 0 && health_get(s->health) == -EBADMSG)
                r = -EBADMSG; /* a read has found it meanwhile */
        begin = clock_boottime(s->clock);
        if (r >= 0)
                r = noted(s, sql_tx_exec(&s->writer, "COMMIT"));
        if (r < 0) {
                if (s->writer.db && !sqlite3_get_autocommit(s->writer.db))
                        (void) sql_tx_exec(&s->writer, "ROLLBACK");
                return r;
        }
        for (; s->batch; s->batch = s->batch->next)
                s->batch->has_result = true;
        usec = clock_boottime(s->clock) - begin;
        sql_note_commit(s, usec);
        if (s->writer.must_forget)
                forget(s);
        else
                sql_wal_keep(s);
        return 0;
}

static int end_batch(void *userdata) {
        return sql_batch_end(userdata);
}

static int run_write(void *userdata) {
        SqlRequest *q = userdata;
        Sql *s = q->sql;
        SqlTx *tx = &s->writer;
        int r, k;

        if (s->batch_error >= 0 && sql_wal_is_due(s)) {
                r = sql_batch_end(s);
                if (r >= 0)
                        sql_batch_begin(s);
                else
                        s->batch_error = r;
        }
        if (s->batch_error < 0)
                return s->batch_error;
        k = noted(s, sql_tx_exec(tx, "SAVEPOINT request"));
        if (k < 0) {
                s->batch_error = k;
                return k;
        }
        r = q->work(tx, q->request);
        note_work(s, tx, r);
        sql_tx_reset(tx);
        s->n_requests++;
        /* A full disk, a failed read or memory that is not there make SQLite roll the whole
         * transaction back by itself: then nothing of this batch may be called stored. */
        if (sqlite3_get_autocommit(tx->db))
                k = r < 0 ? r : -EIO;
        else if (r < 0)
                k = sql_tx_exec(tx, "ROLLBACK TO request; RELEASE request");
        else
                k = sql_tx_exec(tx, "RELEASE request");
        if (k < 0)
                s->batch_error = k;
        q->result = r;
        q->next = s->batch;
        s->batch = q;
        return r;
}

static int read_locked(SqlRequest *q) {
        Sql *s = q->sql;
        bool in_memory = sql_is_memory(s->path);
        SqlTx *tx = in_memory ? &s->writer : &s->reader;
        int r, k;

        r = ensure_open(s);
        if (r < 0)
                return r;
        if (!tx->db) {
                r = noted(s, sql_open_reader(tx, s->path));
                if (r < 0)
                        return r;
        }
        r = noted(s, sql_tx_exec(tx, "BEGIN"));
        if (r < 0)
                return r;
        if (in_memory)
                (void) sql_tx_exec(tx, "PRAGMA query_only=ON");
        r = q->work(tx, q->request);
        note_work(s, tx, r);
        sql_tx_reset(tx);
        s->n_requests++;
        if (in_memory)
                (void) sql_tx_exec(tx, "PRAGMA query_only=OFF");
        k = sqlite3_get_autocommit(tx->db) ? 0 : sql_tx_exec(tx, "ROLLBACK");
        return r < 0 || k >= 0 ? r : k;
}

static int run_read(void *userdata) {
        SqlRequest *q = userdata;
        int r;

        pthread_mutex_lock(&q->sql->reader_turn);
        pthread_mutex_lock(&q->sql->reader_lock);
        pthread_mutex_unlock(&q->sql->reader_turn);
        r = read_locked(q);
        pthread_mutex_unlock(&q->sql->reader_lock);
        return r;
}

static void on_done(int r, void *request, void *userdata) {
        SqlRequest *q = request;

        if (q->done)
                q->done(q->has_result ? q->result : r, q->request, q->userdata);
}

/* Every request ends here, on the loop, whether somebody waited for it or not. */
void sql_request_free(void *userdata) {
        SqlRequest *q = userdata;

        health_look(q->sql->health);
        if (q->free_request)
                q->free_request(q->request);
        free(q->with);
        free(q->aside);
        free(q);
}

SqlRequest *sql_request_new(Sql *s, sql_work_fn work, void *request, job_free_fn free_request,
                            job_done_fn done, void *userdata) {
        SqlRequest *q;

        q = new0(SqlRequest, 1);
        if (!q) {
                if (free_request)
                        free_request(request);
                return NULL;
        }
        *q = (SqlRequest){
                .sql = s,
                .work = work,
                .request = request,
                .free_request = free_request,
                .done = done,
                .userdata = userdata,
        };
        return q;
}

int sql_request_submit(SqlRequest *q, Lane *lane, job_run_fn run, Job **ret_job) {
        if (!q)
                return -ENOMEM;
        return lane_submit(lane, run, q, sql_request_free, on_done, NULL, ret_job);
}

int sql_write(Sql *s, sql_work_fn work, void *request, job_free_fn free_request, job_done_fn done,
              void *userdata, Job **ret_job) {
        assert(work);
        return sql_request_submit(sql_request_new(s, work, request, free_request, done, userdata),
                                  s->write_lane, run_write, ret_job);
}

int sql_read(Sql *s, sql_work_fn work, void *request, job_free_fn free_request, job_done_fn done,
             void *userdata, Job **ret_job) {
        assert(work);
        return sql_request_submit(sql_request_new(s, work, request, free_request, done, userdata),
                                  s->read_lane, run_read, ret_job);
}

int sql_get_trouble(const Sql *s) {
        return health_get(s->health);
}

void sql_watch(Sql *s, sql_trouble_fn fn, void *userdata) {
        health_watch(s->health, fn, userdata);
}

int sql_new(const Runtime *rt, const char *path, const char *const *migrations, Sql **ret) {
        static const LaneHooks write_hooks = { .begin = begin_batch, .end = end_batch };
        _cleanup_(sql_freep) Sql *s = NULL;
        SqlTx connection = {
                .is_inline = workers_are_inline(rt->workers),
                .loop_thread = pthread_self(),
        };
        int r;

        if (sql_is_memory(path) && !connection.is_inline)
                return -EINVAL; /* two connections would be two databases */
        s = new0(Sql, 1);
        if (!s)
                return -ENOMEM;
        *s = (Sql){
                .clock = rt->clock,
                .migrations = migrations,
                .lock_fd = -EBADF,
                .writer = connection,
                .reader = connection,
        };
        pthread_mutex_init(&s->open_lock, NULL);
        pthread_mutex_init(&s->reader_turn, NULL);
        pthread_mutex_init(&s->reader_lock, NULL);
        s->path = strdup(path);
        if (!s->path)
                return -ENOMEM;
        r = health_new(rt, sql_try_again, s, &s->health);
        if (r < 0)
                return r;
        r = lane_new(rt->workers, "sql-write", &write_hooks, s, &s->write_lane);
        if (r < 0)
                return r;
        r = lane_new(rt->workers, "sql-read", NULL, NULL, &s->read_lane);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

Sql *sql_free(Sql *s) {
        if (!s)
                return NULL;
        lane_free(s->write_lane);
        lane_free(s->read_lane);
        if (s->health && health_get(s->health) == -EBADMSG) {
                sql_leave_wal(&s->reader);
                sql_leave_wal(&s->writer);
        }
        sql_tx_close(&s->reader);
        sql_tx_close(&s->writer); /* last: it leaves no WAL behind */
        health_free(s->health);
        close_fd(s->lock_fd);
        pthread_mutex_destroy(&s->open_lock);
        pthread_mutex_destroy(&s->reader_lock);
        pthread_mutex_destroy(&s->reader_turn);
        free(s->path);
        free(s);
        return NULL;
}
