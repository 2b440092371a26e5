/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a small file that an operator put somewhere is read; leaves what it means to others. */
#include "tracker/small-file.h"

#include <fcntl.h>

#include "base/cleanup.h"

ssize_t small_file_read(int dir_fd, const char *name, char *ret, size_t size) {
        _cleanup_close_ int fd = -EBADF;
        size_t n = 0;

        fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        for (;;) {
                ssize_t k = read(fd, ret + n, size - n);

                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
                if (n == size)
                        return -E2BIG;
        }
        ret[n] = '\0';
        return (ssize_t) n;
}
