/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows recv(2) and send(2) as a BIO; leaves what the bytes are to OpenSSL. */
#include "net/tls-bio.h"

#include <sys/socket.h>

#include "base/cleanup.h"

static int on_read(BIO *bio, char *buffer, int n) {
        TlsBioState *s = BIO_get_data(bio);
        ssize_t k;

        BIO_clear_retry_flags(bio);
        if (s->read_budget == 0) {
                BIO_set_retry_read(bio);
                return -1;
        }
        do
                k = recv(s->fd, buffer, (size_t) n, 0);
        while (k < 0 && errno == EINTR);
        if (k > 0) {
                s->n_received += (uint64_t) k;
                s->read_budget -= MIN(s->read_budget, (size_t) k);
        }
        if (k < 0 && errno == EAGAIN)
                BIO_set_retry_read(bio);
        if (k == 0)
                BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
        return (int) k;
}

static int on_write(BIO *bio, const char *buffer, int n) {
        TlsBioState *s = BIO_get_data(bio);
        ssize_t k;

        BIO_clear_retry_flags(bio);
        do
                k = send(s->fd, buffer, (size_t) n, MSG_NOSIGNAL);
        while (k < 0 && errno == EINTR);
        if (k < 0 && errno == EAGAIN)
                BIO_set_retry_write(bio);
        return (int) k;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer) {
        switch (command) {
        case BIO_CTRL_FLUSH:
                return 1;
        case BIO_CTRL_EOF:
                return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
        }
        return 0;
}

static int on_create(BIO *bio) {
        BIO_set_init(bio, 1);
        return 1;
}

BIO_METHOD *tls_bio_method_new(void) {
        BIO_METHOD *m;

        m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "descriptor without SIGPIPE");
        if (!m)
                return NULL;
        BIO_meth_set_read(m, on_read);
        BIO_meth_set_write(m, on_write);
        BIO_meth_set_ctrl(m, on_ctrl);
        BIO_meth_set_create(m, on_create);
        return m;
}

BIO *tls_bio_new(BIO_METHOD *method, TlsBioState *state) {
        BIO *bio;

        bio = BIO_new(method);
        if (bio)
                BIO_set_data(bio, state);
        return bio;
}
