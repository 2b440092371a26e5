/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a state directory is made, checked and locked; leaves its files to the store. */
#include "daemon/state-directory.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>

struct StateDirectory {
        char *path;
        int lock_fd;
};

static int sync_folder(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* With its name on disk: all that will be in it would be lost with that. */
static int make_one(const char *path) {
        _cleanup_free_ char *copy = strdup(path);
        int r;

        if (!copy)
                return -ENOMEM;
        if (mkdir(path, 0700) < 0)
                return errno == EEXIST ? 0 : -errno;
        r = sync_folder(dirname(copy));
        if (r < 0)
                (void) rmdir(path);
        return r;
}

static int make_parents(const char *path) {
        _cleanup_free_ char *copy = strdup(path);

        if (!copy)
                return -ENOMEM;
        for (char *p = copy + 1; *p; p++) {
                int r;

                if (*p != '/')
                        continue;
                *p = 0;
                r = make_one(copy);
                if (r < 0)
                        return r;
                *p = '/';
        }
        return 0;
}

/* By descriptor, so that what is checked is what is used. */
static int open_private(const char *path) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        r = make_parents(path);
        if (r >= 0)
                r = make_one(path);
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid())
                return -EPERM;
        if ((st.st_mode & 077) != 0 && fchmod(fd, 0700) < 0)
                return -errno;
        return TAKE_FD(fd);
}

/* Who has the lock says so in it: the kernel tells only of locks of the other kind. */
static pid_t read_holder(int fd) {
        char text[16] = "";
        ssize_t n;
        long pid;

        n = pread(fd, text, sizeof(text) - 1, 0);
        pid = n > 0 ? strtol(text, NULL, 10) : 0;
        return pid > 0 && pid <= INT_MAX ? (pid_t) pid : 0;
}

/* Not being able to is no reason not to begin: the lock counts. */
static void write_holder(int fd) {
        char text[16];
        int n = snprintf(text, sizeof(text), "%d\n", (int) getpid());

        if (ftruncate(fd, 0) >= 0)
                (void) !pwrite(fd, text, (size_t) n, 0);
}

int state_directory_new(const char *path, pid_t *ret_holder, StateDirectory **ret) {
        _cleanup_(state_directory_freep) StateDirectory *d = NULL;
        _cleanup_close_ int fd = -EBADF;

        d = new0(StateDirectory, 1);
        if (!d)
                return -ENOMEM;
        *d = (StateDirectory){ .path = strdup(path), .lock_fd = -EBADF };
        if (!d->path)
                return -ENOMEM;

        fd = open_private(path);
        if (fd < 0)
                return fd;
        d->lock_fd = openat(fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (d->lock_fd < 0)
                return -errno;
        if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno != EWOULDBLOCK)
                        return -errno;
                if (ret_holder)
                        *ret_holder = read_holder(d->lock_fd);
                return -EBUSY;
        }
        write_holder(d->lock_fd);

        *ret = TAKE_PTR(d);
        return 0;
}

StateDirectory *state_directory_free(StateDirectory *d) {
        if (!d)
                return NULL;
        /* The file stays: removing it would let two daemons lock two files of one name. */
        close_fd(d->lock_fd);
        free(d->path);
        free(d);
        return NULL;
}

int state_directory_path(const StateDirectory *d, const char *name, char **ret) {
        return asprintf(ret, "%s/%s", d->path, name) < 0 ? -ENOMEM : 0;
}
