/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how bytes go into and come out of a descriptor that somebody else gave us, whatever is
 * behind it; leaves what they say to who wants them. */
#include "daemon/transfer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct Transfer {
        int fd;
        bool is_socket;
};

static int check(int fd, bool writes, mode_t *ret_type, Failure *f) {
        int flags = fcntl(fd, F_GETFL), kind = 0;
        socklen_t n = sizeof(kind);
        struct stat st;

        if (flags < 0 || fstat(fd, &st) < 0)
                return failure_set(f, ERROR_BAD_REQUEST, "The descriptor cannot be used: %s.",
                                   strerror(errno));
        *ret_type = st.st_mode & S_IFMT;
        if (*ret_type == S_IFSOCK &&
            (getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &n) < 0 || kind != SOCK_STREAM))
                *ret_type = 0;
        if (*ret_type != S_IFREG && *ret_type != S_IFIFO && *ret_type != S_IFSOCK)
                return failure_set(f, ERROR_BAD_REQUEST,
                                   "This is neither a file nor a pipe; give one of these.");
        if ((flags & O_PATH) || (flags & O_ACCMODE) == (writes ? O_RDONLY : O_WRONLY))
                return failure_set(f, ERROR_BAD_REQUEST,
                                   "The descriptor is not open for %s; open it so.",
                                   writes ? "writing" : "reading");
        return 0;
}

/* Not to wait in the kernel needs O_NONBLOCK, which would be the caller's too in a duplicate. */
static int open_again(int fd, bool writes) {
        char path[64];

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        fd = open(path, (writes ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

int transfer_new(int fd, bool writes, Transfer **ret, Failure *f) {
        _cleanup_close_ int ours = -EBADF;
        mode_t type = 0;
        Transfer *t;
        int r;

        r = check(fd, writes, &type, f);
        if (r < 0)
                return r;
        ours = type == S_IFIFO ? open_again(fd, writes) : fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (ours == -ENXIO)
                return failure_set(f, ERROR_BAD_REQUEST, "Nobody reads this pipe.");
        t = ours < 0 ? NULL : new0(Transfer, 1);
        if (!t)
                return failure_set(f, ERROR_BAD_REQUEST, "The descriptor cannot be used: %s.",
                                   strerror(errno));
        *t = (Transfer){ .fd = TAKE_FD(ours), .is_socket = type == S_IFSOCK };
        *ret = t;
        return 0;
}

Transfer *transfer_free(Transfer *t) {
        if (!t)
                return NULL;
        close_fd(t->fd);
        free(t);
        return NULL;
}

int transfer_get_fd(const Transfer *t) {
        return t->fd;
}

int transfer_try_write(Transfer *t, const void *data, size_t n, size_t *ret_n) {
        const char *s = data;

        *ret_n = 0;
        while (*ret_n < n) {
                ssize_t k = t->is_socket ? send(t->fd, s + *ret_n, n - *ret_n,
                                                MSG_DONTWAIT | MSG_NOSIGNAL)
                                         : write(t->fd, s + *ret_n, n - *ret_n);

                if (k >= 0)
                        *ret_n += (size_t) k;
                else if (errno != EINTR)
                        return -errno;
        }
        return 0;
}

int transfer_write(Transfer *t, const void *data, size_t n, Pulse *p) {
        const char *s = data;

        while (n > 0) {
                size_t k;
                int r;

                r = transfer_try_write(t, s, n, &k);
                s += k;
                n -= k;
                pulse_advance(p, (uint64_t) k);
                if (r == -EAGAIN)
                        r = pulse_wait(p, t->fd, POLLOUT);
                if (r < 0)
                        return r;
                if (!pulse_goes_on(p))
                        return -ECANCELED;
        }
        return 0;
}

int transfer_read(Transfer *t, void *ret, size_t n, size_t *ret_n, Pulse *p) {
        char *s = ret;

        *ret_n = 0;
        while (*ret_n < n) {
                ssize_t k = t->is_socket ? recv(t->fd, s + *ret_n, n - *ret_n, MSG_DONTWAIT)
                                         : read(t->fd, s + *ret_n, n - *ret_n);
                int r = 0;

                if (k == 0)
                        return 0;
                if (k > 0) {
                        *ret_n += (size_t) k;
                        pulse_advance(p, (uint64_t) k);
                        r = pulse_goes_on(p) ? 0 : -ECANCELED;
                } else if (errno == EAGAIN)
                        r = pulse_wait(p, t->fd, POLLIN);
                else if (errno != EINTR)
                        r = -errno;
                if (r < 0)
                        return r;
        }
        return 0;
}
