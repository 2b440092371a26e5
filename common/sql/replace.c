/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one database file takes another's place so that at every moment one of the two is
 * there, whole; leaves closing and opening them to sql.c. */
#include <fcntl.h>
#include <libgen.h>

#include "sql/sql-internal.h"

static int sync_folder_of(const char *path) {
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
        r = sync_folder_of(path); /* … nor may its end be undone by a power failure */
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
        return sync_folder_of(path);
}
