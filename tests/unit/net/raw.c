/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the other end of a conn is driven by hand, a turn at a time; leaves the loop to its
 * users. */
#include "unit/net/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

const Address nowhere = { .size = sizeof(nowhere.in), .in = { .sin_family = AF_INET } };

void make_pair(int fds[static 2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
}

void raw_start(Raw *r, int fd, TlsConfig *tls, size_t in_max) {
        *r = (Raw){ .fd = fd, .in = malloc(in_max), .size = in_max };
        assert_non_null(r->in);
        assert_int_equal(tls_new(tls, fd, false, &r->tls), 0);
}

void raw_stop(Raw *r) {
        r->tls = tls_free(r->tls);
        r->fd = close_fd(r->fd);
        free(r->in);
        r->in = NULL;
        r->n_in = 0;
}

size_t raw_say(Raw *r, const char *bytes, size_t n) {
        uint32_t events;
        size_t n_said = 0;

        while (n_said < n) {
                ssize_t k = tls_write(r->tls, bytes + n_said, n - n_said, &events);

                if (k == -EAGAIN)
                        break;
                assert_true(k > 0);
                n_said += (size_t) k;
        }
        return n_said;
}

bool raw_is_open(void *userdata) {
        Raw *r = userdata;
        uint32_t events;

        return tls_handshake(r->tls, &events) == 0;
}

bool raw_is_ended(void *userdata) {
        Raw *r = userdata;
        uint32_t events;

        while (!r->is_stopped && !r->is_ended && r->n_in < r->size) {
                ssize_t n = tls_read(r->tls, r->in + r->n_in, r->size - r->n_in, &events);

                if (n == -EAGAIN)
                        break;
                if (n <= 0)
                        r->is_ended = true;
                else
                        r->n_in += (size_t) n;
        }
        return r->is_ended;
}
