/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a database file is locked, opened, set up and brought to its version; leaves what is in
 * it to the stores. */
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "sql/sql-internal.h"

#define SETTINGS                                                                                   \
        "PRAGMA synchronous=FULL;"                                                                 \
        "PRAGMA foreign_keys=ON;"                                                                  \
        "PRAGMA secure_delete=ON;"                                                                 \
        "PRAGMA temp_store=MEMORY;" /* what a savepoint may undo: no texts in /var/tmp */          \
        "PRAGMA journal_size_limit=67108864;" /* WAL_BYTES_MAX: what a long one leaves is cut */

bool sql_is_memory(const char *path) {
        return streq(path, ":memory:");
}

/* SQLite's own locks are shared with our reader, so a file beside the database keeps a second
 * process out. It stays: to remove it would let two hold "the" lock. */
static int lock_beside(const char *path, int *ret_fd) {
        _cleanup_free_ char *lock_path = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (asprintf(&lock_path, "%s.lock", path) < 0) {
                lock_path = NULL;
                return -ENOMEM;
        }
        fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        *ret_fd = TAKE_FD(fd);
        return 0;
}

/* The WAL takes its mode from the database. */
static int create_private(const char *path) {
        _cleanup_close_ int fd = -EBADF;

        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
        return fd < 0 ? -errno : 0;
}

static int open_file(SqlTx *tx, const char *path, int flags) {
        int r;

        /* A connection is one thread's at a time. */
        r = sqlite3_open_v2(path, &tx->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                            NULL);
        return tx->db ? sql_errno(tx->db, r) : -ENOMEM;
}

/* To its end: what it changes is committed behind its row. */
static int query_one(SqlTx *tx, const char *text, char **ret_text) {
        _cleanup_free_ char *found = NULL;
        sqlite3_stmt *stmt = NULL;
        int r;

        r = sqlite3_prepare_v2(tx->db, text, -1, &stmt, NULL);
        r = r == SQLITE_OK ? sql_step(stmt) : sql_errno(tx->db, r);
        if (r > 0) {
                found = strdup(sql_column_text(stmt, 0));
                r = found ? sql_step(stmt) : -ENOMEM;
        } else if (r == 0)
                r = -ENODATA;
        sqlite3_finalize(stmt);
        if (r < 0)
                return r;
        *ret_text = TAKE_PTR(found);
        return 0;
}

static int set_up(SqlTx *tx, bool in_memory) {
        _cleanup_free_ char *mode = NULL;
        int r;

        r = query_one(tx, "PRAGMA journal_mode=WAL", &mode);
        if (r < 0)
                return r;
        if (!in_memory && !streq(mode, "wal"))
                return -EOPNOTSUPP;
        return sql_tx_exec(tx, SETTINGS);
}

static int migrate_one(SqlTx *tx, const char *migration, unsigned version) {
        char set_version[64];
        int r;

        snprintf(set_version, sizeof(set_version), "PRAGMA user_version=%u", version);
        r = sql_tx_exec(tx, "BEGIN IMMEDIATE");
        if (r < 0)
                return r;
        r = sql_tx_exec(tx, migration);
        if (r >= 0)
                r = sql_tx_exec(tx, set_version);
        if (r >= 0)
                r = sql_tx_exec(tx, "COMMIT");
        if (r < 0)
                (void) sql_tx_exec(tx, "ROLLBACK");
        return r;
}

int sql_migrate(SqlTx *tx, const char *const *migrations, unsigned upto) {
        _cleanup_free_ char *text = NULL;
        unsigned version, n = 0;
        int r;

        while (migrations[n] && n < upto)
                n++;
        r = query_one(tx, "PRAGMA user_version", &text);
        if (r < 0)
                return r;
        version = (unsigned) strtoul(text, NULL, 10);
        if (version > n)
                return -EPROTONOSUPPORT;
        for (; version < n; version++) {
                r = migrate_one(tx, migrations[version], version + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A process that was killed leaves its WAL as long as it was, and the next write makes it longer.
 * On a full disk that write fails, unless the WAL is emptied first: its pages mostly have their
 * place in the database already. Where they have not, the write fails and is told. */
void sql_shrink_wal(SqlTx *tx) {
        (void) sqlite3_wal_checkpoint_v2(tx->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

void sql_leave_wal(SqlTx *tx) {
        if (tx->db)
                (void) sqlite3_db_config(tx->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

int sql_open_writer(SqlTx *tx, const char *path, const char *const *migrations, int *lock) {
        _cleanup_close_ int lock_fd = -EBADF;
        int r = 0;

        if (!sql_is_memory(path)) {
                if (*lock < 0)
                        r = lock_beside(path, &lock_fd);
                if (r >= 0)
                        r = sql_keep_stray_wal(path);
                if (r >= 0)
                        r = create_private(path);
        }
        if (r >= 0)
                r = open_file(tx, path, SQLITE_OPEN_READWRITE);
        if (r >= 0)
                r = set_up(tx, sql_is_memory(path));
        if (r >= 0)
                sql_shrink_wal(tx);
        if (r >= 0)
                r = sql_migrate(tx, migrations, UINT_MAX);
        /* The WAL is there by now. SQLite syncs its name, too, but does not tell when that fails.
         */
        if (r >= 0 && !sql_is_memory(path))
                r = sql_sync_folder_of(path);
        if (r < 0) {
                sql_leave_wal(tx);
                sql_tx_close(tx);
                return r;
        }
        if (*lock < 0)
                *lock = TAKE_FD(lock_fd);
        return 0;
}

int sql_open_reader(SqlTx *tx, const char *path) {
        int r;

        r = open_file(tx, path, SQLITE_OPEN_READONLY);
        if (r < 0)
                sql_tx_close(tx);
        return r;
}
