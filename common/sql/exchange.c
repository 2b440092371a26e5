/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is done to the file itself between two requests: another takes its place, it is set
 * aside, or opened and tried anew. Leaves names on the disk to replace.c. */
#include <fcntl.h>
#include <libgen.h>

#include "sql/sql-internal.h"

#define TRY_ROOM_BYTES (1024 * 1024) /* with less, a disk that was full is full still */

/* Nobody reads from here on until release(). */
static void take_over(Sql *s) {
        sql_hold_reader(s);
        pthread_mutex_lock(&s->open_lock);
}

static void release(Sql *s) {
        pthread_mutex_unlock(&s->open_lock);
        sql_release_reader(s);
}

static void close_both(Sql *s) {
        if (s->reader.db)
                sql_tx_close(&s->reader);
        if (s->writer.db)
                sql_tx_close(&s->writer); /* last: it leaves no WAL behind */
        s->writer.must_forget = false;
}

/* ---- another takes its place ---- */

static int swap_closed(Sql *s, const char *with, const char *aside) {
        int r;

        take_over(s);
        close_both(s);
        r = sql_swap_files(s->path, with, aside);
        release(s);
        return r;
}

/* Between what came before it in the batch, which is committed, and what comes behind. */
static int run_replace(void *userdata) {
        SqlRequest *q = userdata;
        Sql *s = q->sql;
        int r, k;

        if (s->batch_error < 0)
                return s->batch_error;
        k = sql_batch_end(s);
        if (k >= 0)
                k = sql_tx_exec(&s->writer, "BEGIN");
        if (k < 0) {
                s->batch_error = k;
                return k;
        }
        r = q->work ? q->work(&s->writer, q->request) : 0;
        sql_tx_reset(&s->writer);
        k = sql_tx_exec(&s->writer, "ROLLBACK");
        if (r >= 0)
                r = k;
        if (r >= 0)
                r = swap_closed(s, q->with, q->aside);
        sql_batch_begin(s);
        return r;
}

static int submit(Sql *s, SqlRequest *q, const char *with, const char *aside, job_run_fn run,
                  Job **ret_job) {
        int r = 0;

        if (!q)
                return -ENOMEM;
        if (sql_is_memory(s->path))
                r = -EOPNOTSUPP;
        else if (free_and_strdup(&q->with, with) < 0 || free_and_strdup(&q->aside, aside) < 0)
                r = -ENOMEM;
        if (r < 0) {
                sql_request_free(q);
                return r;
        }
        return sql_request_submit(q, s->write_lane, run, ret_job);
}

int sql_replace(Sql *s, const char *with, const char *aside, sql_work_fn may, void *request,
                job_free_fn free_request, job_done_fn done, void *userdata, Job **ret_job) {
        return submit(s, sql_request_new(s, may, request, free_request, done, userdata), with,
                      aside, run_replace, ret_job);
}

/* ---- it is set aside ---- */

static int run_set_aside(void *userdata) {
        SqlRequest *q = userdata;
        Sql *s = q->sql;
        int r;

        q->has_result = true;
        if (health_get(s->health) != -EBADMSG)
                return 0; /* by another request before this one */
        s->batch_error = -EBADMSG;
        (void) sql_batch_end(s);
        take_over(s);
        sql_leave_wal(&s->reader);
        sql_leave_wal(&s->writer);
        close_both(s);
        r = sql_check_file(s->path);
        if (r == -EBADMSG) {
                r = sql_move_aside(s->path, q->aside);
                if (r >= 0)
                        r = 1;
        } else if (r == -ENOENT)
                r = 0; /* a person was faster */
        release(s);
        q->result = r;
        if (r >= 0) {
                health_mended(s->health);
                sql_batch_begin(s);
        }
        return r;
}

int sql_set_aside(Sql *s, const char *aside, void *request, job_free_fn free_request,
                  job_done_fn done, void *userdata, Job **ret_job) {
        return submit(s, sql_request_new(s, NULL, request, free_request, done, userdata), NULL,
                      aside, run_set_aside, ret_job);
}

/* ---- it is tried ---- */

/* Without a name, so that nothing is left behind whatever comes. */
static int find_room(const char *path) {
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_close_ int fd = -EBADF;

        if (!copy)
                return -ENOMEM;
        fd = open(dirname(copy), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (fd < 0)
                return errno == EOPNOTSUPP || errno == EISDIR ? 0 : -errno;
        return -posix_fallocate(fd, 0, TRY_ROOM_BYTES);
}

/* A write that means nothing, and goes all the way. */
static int write_version(Sql *s) {
        char text[64];
        unsigned n = 0;

        while (s->migrations[n])
                n++;
        snprintf(text, sizeof(text), "PRAGMA user_version=%u", n);
        return sql_tx_exec(&s->writer, text);
}

/* Before the ones that are open are closed: a commit that failed may be whole in the WAL, and who
 * opens it as the first one takes it for done. Those who asked were told that it was not. */
static int open_anew(Sql *s) {
        SqlTx anew = {
                .is_inline = s->writer.is_inline,
                .loop_thread = s->writer.loop_thread,
                .must_forget = s->writer.must_forget,
        };
        int r;

        take_over(s);
        r = sql_open_writer(&anew, s->path, s->migrations, &s->lock_fd);
        if (r >= 0) {
                close_both(s);
                s->writer = anew;
        }
        release(s);
        return r;
}

/* A full disk leaves what is open in order, and the WAL may have room to give back. After anything
 * else the file may be another one: on a disk that went and came back. */
static void begin_anew(Sql *s, bool is_full) {
        int r = 0;

        if (is_full)
                sql_shrink_wal(&s->writer);
        else
                r = open_anew(s);
        if (r < 0)
                s->batch_error = r;
        else
                sql_batch_begin(s);
}

static int run_try(void *userdata) {
        SqlRequest *q = userdata;
        Sql *s = q->sql;
        bool is_full = health_get(s->health) == -ENOSPC;
        int r = 0;

        if (s->writer.db && !sql_is_memory(s->path)) {
                r = sql_batch_end(s);
                if (r < 0 && s->batch_error >= 0) {
                        s->batch_error = r; /* what came before it is not stored */
                        return r;
                }
                begin_anew(s, is_full);
        }
        if (s->batch_error < 0)
                return s->batch_error;
        r = is_full && !sql_is_memory(s->path) ? find_room(s->path) : 0;
        if (r >= 0) {
                r = write_version(s);
                if (r < 0)
                        s->batch_error = r;
        }
        return r;
}

static void on_tried(int r, void *request, void *userdata) {
        Sql *s = userdata;

        health_tried(s->health, r);
}

void sql_try_again(void *userdata) {
        Sql *s = userdata;
        int r;

        r = sql_request_submit(sql_request_new(s, NULL, NULL, NULL, on_tried, s), s->write_lane,
                               run_try, NULL);
        if (r < 0)
                health_tried(s->health, r);
}
