/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one database file takes another's place so that at every moment one of the two is
 * there, whole, and how a damaged one leaves it; leaves closing and opening them to exchange.c. */
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/timestamp.h"
#include "sql/sql-internal.h"

int sql_sync_folder_of(const char *path) {
        _cleanup_free_ char *copy = strdup(path);
        _cleanup_close_ int fd = -EBADF;

        if (!copy)
                return -ENOMEM;
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* A WAL that stayed behind would be played into the file that comes. */
static int check_no_wal(const char *path) {
        _cleanup_free_ char *wal = NULL;

        if (asprintf(&wal, "%s-wal", path) < 0) {
                wal = NULL;
                return -ENOMEM;
        }
        if (access(wal, F_OK) == 0)
                return -EBUSY;
        return errno == ENOENT ? 0 : -errno;
}

int sql_swap_files(const char *path, const char *with, const char *aside) {
        int r;

        r = check_no_wal(path);
        if (r < 0)
                return r;
        r = sql_sync_folder_of(path); /* … nor may its end be undone by a power failure */
        if (r < 0)
                return r;
        if (aside && link(path, aside) < 0)
                return -errno;
        if (rename(with, path) < 0) {
                r = -errno;
                if (aside)
                        (void) unlink(aside);
                return r;
        }
        return sql_sync_folder_of(path);
}

/* ---- setting aside ---- */

int sql_check_file(const char *path) {
        SqlTx tx = { .is_inline = true, .loop_thread = pthread_self() };
        int r;

        r = sqlite3_open_v2(path, &tx.db,
                            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                            NULL);
        r = tx.db ? sql_errno(tx.db, r) : -ENOMEM;
        sql_leave_wal(&tx);
        if (r >= 0)
                r = sql_check_pages(&tx);
        if (tx.db)
                sql_tx_close(&tx);
        return r;
}

/* 0 as well where there is no such file. */
static int move_one(const char *path, const char *aside, const char *suffix) {
        _cleanup_free_ char *from = NULL, *to = NULL;

        if (asprintf(&from, "%s%s", path, suffix) < 0) {
                from = NULL;
                return -ENOMEM;
        }
        if (asprintf(&to, "%s%s", aside, suffix) < 0) {
                to = NULL;
                return -ENOMEM;
        }
        if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) >= 0 || errno == ENOENT)
                return 0;
        if (errno != EINVAL)
                return -errno;
        /* A file system that cannot look and rename in one: nobody else gives such names. */
        if (access(to, F_OK) == 0)
                return -EEXIST;
        return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

/* The file first: without its WAL it would be an older state of itself, and look whole. */
int sql_move_aside(const char *path, const char *aside) {
        static const char *const suffixes[] = { "", "-wal", "-shm" };
        _cleanup_free_ char *wal = NULL;
        int r = 0;

        if (asprintf(&wal, "%s-wal", aside) < 0) {
                wal = NULL;
                return -ENOMEM;
        }
        if (access(wal, F_OK) == 0)
                return -EEXIST;
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(suffixes); i++) {
                r = move_one(path, aside, suffixes[i]);
                if (r >= 0)
                        r = sql_sync_folder_of(path);
        }
        return r;
}

int sql_keep_stray_wal(const char *path) {
        _cleanup_free_ char *wal = NULL, *aside = NULL;
        char time[TIME_STRING_SIZE];
        struct stat st;

        if (asprintf(&wal, "%s-wal", path) < 0) {
                wal = NULL;
                return -ENOMEM;
        }
        if (access(path, F_OK) == 0 || stat(wal, &st) < 0 || st.st_size == 0)
                return 0;
        time_print_name((uint64_t) st.st_mtim.tv_sec * USEC_PER_SEC +
                                (uint64_t) st.st_mtim.tv_nsec / 1000,
                        time);
        if (asprintf(&aside, "%s" SQL_DAMAGED "%s", path, time) < 0) {
                aside = NULL;
                return -ENOMEM;
        }
        return move_one(path, aside, "-wal");
}
