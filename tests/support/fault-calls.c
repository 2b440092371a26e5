/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the calls that our own code makes for files (fsync, rename, link, unlink: the linker
 * gives them another name, see `fault_disk` in tests/meson.build) come to a FaultDisk; leaves what
 * fails to fault-disk.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/fault-disk.h"

int __real_rename(const char *from, const char *to);
int __real_link(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __real_unlinkat(int fd, const char *path, int flags);
int __wrap_fsync(int fd);
int __wrap_rename(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_unlinkat(int fd, const char *path, int flags);

static int end(int error) {
        errno = error;
        return -1;
}

static bool path_of_fd(int fd, char ret[static PATH_MAX]) {
        char link[64];
        ssize_t n;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        n = readlink(link, ret, PATH_MAX - 1);
        if (n < 0)
                return false;
        ret[n] = '\0';
        return true;
}

int __wrap_fsync(int fd) {
        char path[PATH_MAX];
        FaultDisk *d;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0 || !path_of_fd(fd, path))
                return -1;
        d = S_ISDIR(st.st_mode) ? fault_disk_of_folder(path) : fault_disk_of(path);
        if (!d) /* nobody loses power there */
                return 0;
        r = fault_disk_strike(d, FAULT_SYNC, path);
        if (r > 0)
                return end(r);
        if (S_ISDIR(st.st_mode))
                fault_disk_sync_names(d);
        else
                fault_node_sync_all(d, path);
        return 0;
}

int __wrap_rename(const char *from, const char *to) {
        int r = fault_disk_strike(fault_disk_of(to), FAULT_RENAME, to);

        return r > 0 ? end(r) : __real_rename(from, to);
}

int __wrap_link(const char *from, const char *to) {
        int r = fault_disk_strike(fault_disk_of(to), FAULT_RENAME, to);

        return r > 0 ? end(r) : __real_link(from, to);
}

int __wrap_unlink(const char *path) {
        int r = fault_disk_strike(fault_disk_of(path), FAULT_DELETE, path);

        return r > 0 ? end(r) : __real_unlink(path);
}

/* Names are not looked for in the folder that we are in. */
static FaultDisk *disk_of_fd(int fd, const char *name) {
        char path[PATH_MAX];

        if (fd == AT_FDCWD || name[0] == '/')
                return fault_disk_of(name);
        return path_of_fd(fd, path) ? fault_disk_of_folder(path) : NULL;
}

int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to) {
        int r = fault_disk_strike(disk_of_fd(to_fd, to), FAULT_RENAME, to);

        return r > 0 ? end(r) : __real_renameat(from_fd, from, to_fd, to);
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
        int r = fault_disk_strike(disk_of_fd(to_fd, to), FAULT_RENAME, to);

        return r > 0 ? end(r) : __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_unlinkat(int fd, const char *path, int flags) {
        int r = fault_disk_strike(disk_of_fd(fd, path), FAULT_DELETE, path);

        return r > 0 ? end(r) : __real_unlinkat(fd, path, flags);
}
