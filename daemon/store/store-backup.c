/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a store becomes a backup: which rows, and what is true of a copy; leaves reading one to
 * store-restore.c. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "daemon/store/store-archive-internal.h"

/* In an order that foreign keys allow. A table that is in neither list stops every backup: whoever
 * adds one decides what it is. Which keys count no more the tracker tells anew: a file could leave
 * some out. Who was in a channel then is not there now. The index of a search is made again from
 * the entries, and its tables have the names that INDEX_TABLES says. */
static const char *const kept[] = { "tracker",   "identity",  "channel", "entry",   "outbox",
                                    "retention", "redaction", "ignored", "role_key" };
static const char *const left_out[] = { "secret",       "revocation", "attempt",      "owed",
                                        "search_index", "roster",     "roster_member" };
static const char *const columns_left_out[] = { "certificate_pem", NULL };
static const char *const tracker_left_out[] = { "identity", "revocations", NULL };

static bool is_in(const char *name, const char *const *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(name, list[i]))
                        return true;
        return false;
}

static int check_tables(SqlTx *tx) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx,
                        "SELECT name FROM sqlite_schema WHERE type = 'table'"
                        " AND name NOT GLOB 'sqlite_*' AND name NOT GLOB '" INDEX_TABLES "'",
                        "", &stmt);
        if (r < 0)
                return r;
        while ((r = sql_step(stmt)) > 0) {
                const char *name = sql_column_text(stmt, 0);

                if (!is_in(name, kept, ELEMENTSOF(kept)) &&
                    !is_in(name, left_out, ELEMENTSOF(left_out)))
                        return -EOPNOTSUPP;
        }
        return r;
}

/* A backup of an earlier version lacks what came since. */
static int has_table(SqlTx *tx, const char *name) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", "s",
                        &stmt, name);
        return r < 0 ? r : sql_step(stmt);
}

/* What is left of a log that went is nobody's (store-remains.c). */
static const char held[] = "channel IN (SELECT id FROM channel WHERE first_seq > 0)";

int archive_copy(SqlFile *from, SqlFile *to, bool is_at_work) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(kept); i++) {
                r = has_table(sql_file_get_tx(from), kept[i]);
                if (r > 0)
                        r = sql_file_copy(from, to, kept[i],
                                          streq(kept[i], "tracker")    ? tracker_left_out
                                          : streq(kept[i], "identity") ? columns_left_out
                                                                       : NULL,
                                          is_at_work && streq(kept[i], "entry") ? held : NULL,
                                          NULL);
        }
        return r;
}

static int fail_guests(SqlTx *tx) {
        uint64_t rows[BACKUP_NAMES_MAX];
        uint64_t after = 0;
        sqlite3_stmt *stmt;
        size_t n;
        int r;

        do {
                r = sql_prepare(tx,
                                "SELECT id FROM identity WHERE user_type = 'GUEST' AND id > ?"
                                " ORDER BY id",
                                "t", &stmt, after);
                for (n = 0; r >= 0 && n < ELEMENTSOF(rows) && (r = sql_step(stmt)) > 0; n++)
                        rows[n] = sql_column_u64(stmt, 0);
                for (size_t i = 0; r >= 0 && i < n; i++)
                        r = store_outbox_fail_all(tx, rows[i], ERROR_EXPIRED);
                if (n > 0)
                        after = rows[n - 1];
        } while (r >= 0 && n == ELEMENTSOF(rows));
        return r;
}

int archive_settle(SqlFile *f) {
        SqlTx *tx = sql_file_get_tx(f);
        int r;

        /* One whose name was asked for and never granted is no channel yet. */
        r = sql_run(tx,
                    "DELETE FROM channel WHERE hosted AND epoch = 0 AND synced_seq = 0"
                    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.channel = channel.id)",
                    "");
        if (r >= 0)
                r = sql_run(tx,
                            "UPDATE channel SET went_back = 1,"
                            " reason = CASE WHEN closed THEN reason ELSE 'restored' END, closed = 1"
                            " WHERE hosted",
                            "");
        if (r >= 0)
                r = sql_run(tx, "DELETE FROM outbox WHERE state = 'stored'", "");
        /* The triggers were off while rows came in; from here on they count. */
        if (r >= 0)
                r = sql_run(tx,
                            "UPDATE outbox SET n_bytes = length(CAST(text AS BLOB))"
                            " + coalesce(length(CAST(meta AS BLOB)), 0)",
                            "");
        if (r >= 0)
                r = sql_run(tx,
                            "UPDATE channel SET"
                            " n_queued = (SELECT count(*) FROM outbox"
                            "  WHERE channel = channel.id AND state = 'queued'),"
                            " n_unsent = (SELECT count(*) FROM outbox WHERE channel = channel.id),"
                            " n_unsent_bytes = (SELECT coalesce(sum(n_bytes), 0) FROM outbox"
                            "  WHERE channel = channel.id)",
                            "");
        if (r >= 0)
                r = sql_file_set_triggers(f, true);
        return r < 0 ? r : fail_guests(tx);
}

static int count(SqlTx *tx, const char *text, uint64_t *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, text, "", &stmt);
        if (r < 0)
                return r;
        r = sql_step(stmt);
        *ret = r > 0 ? sql_column_u64(stmt, 0) : 0;
        return r < 0 ? r : 0;
}

static int summarize_tracker(SqlTx *tx, BackupSummary *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = sql_prepare(tx, "SELECT address, pin FROM tracker WHERE is_current", "", &stmt);
        if (r >= 0)
                r = sql_step(stmt);
        if (r <= 0)
                return r;
        r = store_column_copy(stmt, 0, ret->tracker, sizeof(ret->tracker));
        return r < 0 ? r : store_column_copy(stmt, 1, ret->pin, sizeof(ret->pin));
}

int archive_summarize(SqlTx *tx, BackupSummary *ret) {
        sqlite3_stmt *stmt;
        int r;

        r = count(tx, "SELECT count(*) FROM channel", &ret->n_channels);
        if (r >= 0)
                r = count(tx, "SELECT count(*) FROM channel WHERE hosted", &ret->n_hosted);
        if (r >= 0)
                r = count(tx, "SELECT count(*) FROM entry", &ret->n_entries);
        if (r >= 0)
                r = count(tx, "SELECT count(*) FROM outbox WHERE state = 'queued'", &ret->n_outbox);
        if (r >= 0)
                r = sql_prepare(tx,
                                "SELECT DISTINCT username FROM identity"
                                " WHERE user_type = 'REGISTERED' ORDER BY username",
                                "", &stmt);
        while (r >= 0 && ret->n_users < BACKUP_NAMES_MAX && (r = sql_step(stmt)) > 0)
                r = store_column_copy(stmt, 0, ret->users[ret->n_users++], NAME_SIZE);
        return r < 0 ? r : summarize_tracker(tx, ret);
}

int archive_path(const char *directory, const char *name, char **ret) {
        if (asprintf(ret, "%s/%s", directory, name) >= 0)
                return 0;
        *ret = NULL;
        return -ENOMEM;
}

int archive_fail(Failure *f, int r, const char *doing) {
        if (r == -ECANCELED)
                (void) failure_set(f, ERROR_CANCELLED, "It was stopped before its end.");
        else if (r == -EPIPE || r == -ECONNRESET)
                (void) failure_set(f, ERROR_CANCELLED, "Who reads the backup has gone.");
        else
                (void) failure_set(f, ERROR_INTERNAL, "Cannot %s: %s.%s", doing, strerror(-r),
                                   r == -ENOSPC || r == -EDQUOT ? " Make room and try again." : "");
        return r;
}

/* ---- backup ---- */

static int make_backup(const char *directory, const char *path, Pulse *p, BackupSummary *ret) {
        _cleanup_(sql_file_freep) SqlFile *from = NULL, *to = NULL;
        _cleanup_free_ char *store = NULL;
        int r;

        r = archive_path(directory, STORE_FILE, &store);
        if (r >= 0)
                r = sql_file_open(store, pulse_goes_on, p, &from);
        if (r >= 0)
                r = check_tables(sql_file_get_tx(from));
        if (r >= 0)
                r = sql_file_create(path, store_migrations, sql_file_get_version(from),
                                    pulse_goes_on, p, &to);
        if (r >= 0)
                r = archive_copy(from, to, true);
        from = sql_file_free(from); /* the store's WAL may be cut again */
        if (r >= 0)
                r = archive_settle(to);
        if (r >= 0)
                r = archive_summarize(sql_file_get_tx(to), ret);
        return r < 0 ? r : sql_file_finish(TAKE_PTR(to), BACKUP_APPLICATION_ID);
}

static int send_file(int fd, Transfer *t, uint64_t n, Pulse *p, Failure *f) {
        _cleanup_free_ char *buffer = malloc(1 << 18);
        ssize_t k;
        int r;

        if (!buffer)
                return archive_fail(f, -ENOMEM, "write the backup");
        pulse_begin(p, "writing", n);
        while ((k = read(fd, buffer, 1 << 18)) != 0) {
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return archive_fail(f, -errno, "read the backup");
                r = transfer_write(t, buffer, (size_t) k, p);
                if (r < 0)
                        return archive_fail(f, r, "write the backup");
        }
        return 0;
}

int store_back_up(const char *directory, Transfer *t, Pulse *p, BackupSummary *ret, Failure *f) {
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        *ret = (BackupSummary){};
        pulse_begin(p, "reading", 0);
        r = archive_path(directory, BACKUP_FILE, &path);
        if (r >= 0) {
                (void) unlink(path);
                r = make_backup(directory, path, p, ret);
                if (r >= 0 && (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
                        r = -errno;
                (void) unlink(path); /* however slowly it is taken: nothing stays */
                if (r >= 0 && fstat(fd, &st) < 0)
                        r = -errno;
        }
        if (r < 0)
                return archive_fail(f, r, "make the backup");
        ret->n_bytes = (uint64_t) st.st_size;
        return send_file(fd, t, ret->n_bytes, p, f);
}

/* ---- leftovers ---- */

/* A crash between the two names of one file: it is the store, and was not set aside. */
static void sweep_aside(int dir_fd, const char *name) {
        struct stat store, aside;

        if (fstatat(dir_fd, STORE_FILE, &store, AT_SYMLINK_NOFOLLOW) >= 0 &&
            fstatat(dir_fd, name, &aside, AT_SYMLINK_NOFOLLOW) >= 0 &&
            store.st_dev == aside.st_dev && store.st_ino == aside.st_ino)
                (void) unlinkat(dir_fd, name, 0);
}

void store_sweep(const char *directory) {
        static const char *const parts[] = { BACKUP_FILE, RESTORE_RECEIVED, RESTORE_FILE };
        DIR *d = opendir(directory);
        struct dirent *entry;

        if (!d)
                return;
        for (size_t i = 0; i < ELEMENTSOF(parts); i++)
                (void) unlinkat(dirfd(d), parts[i], 0);
        while ((entry = readdir(d)))
                if (strncmp(entry->d_name, STORE_ASIDE, strlen(STORE_ASIDE)) == 0)
                        sweep_aside(dirfd(d), entry->d_name);
        (void) closedir(d);
}
