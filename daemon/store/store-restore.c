/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a backup becomes a store: taken in, believed in nothing, put in place of the one
 * before. Leaves what a row may say to store-restore-check.c. */
#include <fcntl.h>
#include <inttypes.h>

#include "daemon/store/store-archive-internal.h"

/* ---- is there room for it? ---- */

static int may_replace(SqlTx *tx, bool set_aside) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT EXISTS (SELECT 1 FROM tracker WHERE identity IS NOT NULL)"
                        " OR EXISTS (SELECT 1 FROM secret),"
                        " EXISTS (SELECT 1 FROM channel)",
                        "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        if (r < 0)
                return r;
        if (sqlite3_column_int(stmt, 0))
                return -EISCONN;
        return sqlite3_column_int(stmt, 1) && !set_aside ? -ENOTUNIQ : 0;
}

int store_check_replaceable(const char *directory, bool set_aside, Pulse *p, Failure *f) {
        _cleanup_(sql_file_freep) SqlFile *store = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = archive_path(directory, STORE_FILE, &path);
        if (r >= 0)
                r = sql_file_open(path, pulse_goes_on, p, &store);
        if (r >= 0)
                r = may_replace(sql_file_get_tx(store), set_aside);
        if (r == -EISCONN)
                return failure_set(f, ERROR_ALREADY_SIGNED_IN,
                                   "Somebody is signed in here; sign out first (p2pchatctl "
                                   "signout).");
        if (r == -ENOTUNIQ)
                return failure_set(f, ERROR_CONFLICT,
                                   "There are channels here already. Restore into an empty state "
                                   "directory, or say that what is here is to be set aside "
                                   "(p2pchatctl restore --set-aside FILE).");
        return r < 0 ? archive_fail(f, r, "read the store") : 0;
}

typedef struct ReplaceRequest {
        bool set_aside;
        store_done_fn done;
} ReplaceRequest;

static int work_may_replace(SqlTx *tx, void *request) {
        ReplaceRequest *q = request;

        return may_replace(tx, q->set_aside);
}

static void on_replaced(int r, void *request, void *userdata) {
        ReplaceRequest *q = request;

        if (q->done)
                q->done(r, userdata);
}

int store_replace(Store *s, const char *directory, const char *aside, store_done_fn done,
                  void *userdata, Job **ret_job) {
        _cleanup_free_ char *with = NULL;
        ReplaceRequest *q;
        int r;

        r = archive_path(directory, RESTORE_FILE, &with);
        if (r < 0)
                return r;
        q = new0(ReplaceRequest, 1);
        if (!q)
                return -ENOMEM;
        *q = (ReplaceRequest){ .set_aside = aside, .done = done };
        store_forget_heads(s); /* they are of rows that go */
        store_index_forget(s, 0);
        return sql_replace(s->sql, with, aside, work_may_replace, q, free, on_replaced, userdata,
                           ret_job);
}

/* ---- taking it in ---- */

static int not_a_backup(Failure *f, const char *why) {
        (void) failure_set(f, ERROR_BAD_REQUEST,
                           "This is no backup of p2pchat, or it is damaged (%s); give a file that "
                           "p2pchatctl backup wrote.",
                           why);
        return -EBADMSG;
}

static int newer(Failure *f) {
        (void) failure_set(f, ERROR_UNSUPPORTED,
                           "This backup was written by a newer p2pchat; install that version here, "
                           "and restore again.");
        return -EPROTONOSUPPORT;
}

static int check_header(const uint8_t *bytes, size_t n, SqlHeader *ret, Failure *f) {
        size_t n_known = 0;

        while (store_migrations[n_known])
                n_known++;
        if (n < SQL_HEADER_BYTES || sql_header_read(bytes, ret) < 0)
                return not_a_backup(f, "it does not begin as one");
        if (ret->application_id != BACKUP_APPLICATION_ID)
                return not_a_backup(f, "it is a database of something else");
        if (ret->user_version > n_known)
                return newer(f);
        if (ret->n_bytes > BACKUP_BYTES_MAX) {
                (void) failure_set(f, ERROR_TOO_LARGE, "A backup has at most %" PRIu64 " GiB.",
                                   BACKUP_BYTES_MAX >> 30);
                return -EMSGSIZE;
        }
        return 0;
}

static int write_all(int fd, const char *s, size_t n) {
        while (n > 0) {
                ssize_t k = write(fd, s, n);

                if (k < 0 && errno != EINTR)
                        return -errno;
                if (k > 0) {
                        s += k;
                        n -= (size_t) k;
                }
        }
        return 0;
}

#define CHUNK (1 << 18)

/* Exactly what its header says, to the end. */
static int take_in(int fd, Transfer *t, Pulse *p, BackupSummary *ret, Failure *f) {
        _cleanup_free_ char *buffer = malloc(CHUNK);
        SqlHeader header;
        size_t n;
        int r;

        r = buffer ? transfer_read(t, buffer, SQL_HEADER_BYTES, &n, p) : -ENOMEM;
        if (r < 0)
                return archive_fail(f, r, "read the backup");
        r = check_header((const uint8_t *) buffer, n, &header, f);
        if (r < 0)
                return r;
        pulse_begin(p, "receiving", header.n_bytes);
        while (n > 0) {
                ret->n_bytes += n;
                if (ret->n_bytes > header.n_bytes)
                        return not_a_backup(f, "it is longer than it says");
                r = write_all(fd, buffer, n);
                if (r < 0)
                        return archive_fail(f, r, "keep the backup");
                /* One more than there may be, so that the end is seen. */
                r = transfer_read(t, buffer,
                                  (size_t) MIN((uint64_t) CHUNK, header.n_bytes - ret->n_bytes + 1),
                                  &n, p);
                if (r < 0)
                        return archive_fail(f, r, "read the backup");
        }
        return ret->n_bytes < header.n_bytes ? not_a_backup(f, "its end is missing") : 0;
}

static int receive(const char *path, Transfer *t, Pulse *p, BackupSummary *ret, Failure *f) {
        _cleanup_close_ int fd = -EBADF;

        pulse_begin(p, "receiving", 0);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return archive_fail(f, -errno, "keep the backup");
        return take_in(fd, t, p, ret, f);
}

/* ---- making a store of it ---- */

static int build(const char *received, const char *path, Pulse *p, BackupSummary *ret, Failure *f) {
        _cleanup_(sql_file_freep) SqlFile *from = NULL, *to = NULL;
        const char *what = "its tables";
        int r;

        pulse_begin(p, "checking", 0);
        r = sql_file_open_foreign(received, store_migrations, pulse_goes_on, p, &from);
        if (r == -EPROTONOSUPPORT)
                return newer(f);
        if (r >= 0)
                r = sql_file_create(path, store_migrations, sql_file_get_version(from),
                                    pulse_goes_on, p, &to);
        if (r >= 0)
                r = archive_copy(from, to, false);
        if (r >= 0)
                r = sql_file_migrate(to, store_migrations);
        if (r >= 0)
                r = archive_check(to, &what);
        if (r >= 0)
                r = archive_settle(to);
        if (r >= 0)
                r = archive_summarize(sql_file_get_tx(to), ret);
        if (r >= 0)
                r = sql_file_finish(TAKE_PTR(to), 0);
        if (r == -EBADMSG || r == -EEXIST || r == -E2BIG)
                return not_a_backup(f, what);
        return r < 0 ? archive_fail(f, r, "restore the backup") : 0;
}

int store_receive(const char *directory, Transfer *t, Pulse *p, BackupSummary *ret, Failure *f) {
        _cleanup_free_ char *received = NULL, *path = NULL;
        int r;

        *ret = (BackupSummary){};
        r = archive_path(directory, RESTORE_RECEIVED, &received);
        if (r >= 0)
                r = archive_path(directory, RESTORE_FILE, &path);
        if (r < 0)
                return archive_fail(f, r, "restore the backup");
        (void) unlink(received);
        (void) unlink(path);
        r = receive(received, t, p, ret, f);
        if (r >= 0)
                r = build(received, path, p, ret, f);
        (void) unlink(received);
        if (r < 0)
                (void) unlink(path);
        return r;
}
