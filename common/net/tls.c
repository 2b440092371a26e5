/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one TLS session: its handshake, reading and writing, and what went wrong in words; leaves
 * who is accepted to tls-config.c. */
#include "net/tls.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <sys/epoll.h>

#include "net/identity-openssl.h"
#include "net/tls-internal.h"

/* One read gives one record at most; the rest is for those without data (KeyUpdate), of which
 * OpenSSL would swallow any number before it returns. */
#define READ_BYTES_PER_CALL (4 * 16384)

#define ALERT_BASE 1000 /* SSL_AD_REASON_OFFSET of OpenSSL, which does not export it */

int tls_refuse(Tls *t, int error, const char *format, ...) {
        va_list ap;

        t->error = error;
        va_start(ap, format);
        vsnprintf(t->message, sizeof(t->message), format, ap);
        va_end(ap);
        return error;
}

/* TLS 1.3 lets the dialler finish before the other side has looked at its certificate: a refusal of
 * ours may come as an alert on the first read. */
static int error_from_alert(Tls *t, int alert) {
        switch (alert) {
        case SSL_AD_CERTIFICATE_EXPIRED:
                return tls_refuse(t, -EKEYEXPIRED, "the other side says our certificate has ended");
        case SSL_AD_CERTIFICATE_REVOKED:
                return tls_refuse(t, -EKEYREVOKED, "the other side says our key is revoked");
        case SSL_AD_CERTIFICATE_REQUIRED:
                return tls_refuse(t, -EACCES, "the other side wants a certificate: sign in first");
        case SSL_AD_BAD_CERTIFICATE:
        case SSL_AD_UNSUPPORTED_CERTIFICATE:
        case SSL_AD_CERTIFICATE_UNKNOWN:
        case SSL_AD_UNKNOWN_CA:
        case SSL_AD_ACCESS_DENIED:
                return tls_refuse(t, -EACCES, "the other side does not accept our certificate (%s)",
                                  SSL_alert_desc_string_long(alert));
        }
        return tls_refuse(t, -EPROTO, "the other side refused the connection (%s)",
                          SSL_alert_desc_string_long(alert));
}

static int error_from_queue(Tls *t) {
        unsigned long e = ERR_peek_last_error();
        int reason = ERR_GET_REASON(e);

        if (ERR_GET_LIB(e) != ERR_LIB_SSL)
                return tls_refuse(t, -EPROTO, "the encryption failed (%s)",
                                  ERR_reason_error_string(e) ?: "no reason given");
        if (reason >= ALERT_BASE && reason < ALERT_BASE + 256)
                return error_from_alert(t, reason - ALERT_BASE);

        switch (reason) {
        case SSL_R_UNEXPECTED_EOF_WHILE_READING:
                return tls_refuse(t, -ECONNRESET, "the other side went away");
        case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
                return tls_refuse(t, -EACCES, "the other side showed no certificate");
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_HTTP_REQUEST:
                return tls_refuse(t, -EPROTO, "the other side does not speak TLS 1.3");
        }
        return tls_refuse(t, -EPROTO, "the other side does not speak TLS 1.3 as we do (%s)",
                          ERR_reason_error_string(e) ?: "no reason given");
}

/* What an SSL call that did not succeed means; saved_errno is of right after it. */
static int tls_error(Tls *t, int result, int saved_errno, bool is_write, uint32_t *ret_events) {
        int r;

        switch (SSL_get_error(t->ssl, result)) {
        case SSL_ERROR_WANT_READ:
                *ret_events = EPOLLIN;
                return -EAGAIN;
        case SSL_ERROR_WANT_WRITE:
                *ret_events = EPOLLOUT;
                return -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
                return 0;
        case SSL_ERROR_SYSCALL:
                r = tls_refuse(t, -ECONNRESET, "the connection was lost (%s)",
                               saved_errno > 0 ? strerrordesc_np(saved_errno) : "end of stream");
                t->broken = !is_write; /* what they said before may still be read */
                return openssl_error(r);
        default:
                /* Our own refusal queued an error too: the first reason is the one that tells. */
                r = t->error < 0 ? t->error : error_from_queue(t);
        }
        t->broken = true;
        return openssl_error(r);
}

int tls_new(TlsConfig *config, int fd, bool accepting, Tls **ret) {
        _cleanup_(tls_freep) Tls *t = NULL;
        BIO *bio;

        t = new0(Tls, 1);
        if (!t)
                return -ENOMEM;
        *t = (Tls){
                .config = tls_config_ref(config),
                .ssl = SSL_new(config->ctx),
                .bio = { .fd = fd },
                .accepting = accepting,
        };
        if (!t->ssl || SSL_set_app_data(t->ssl, t) != 1)
                return openssl_error(-ENOMEM);
        bio = tls_bio_new(config->bio_method, &t->bio);
        if (!bio)
                return openssl_error(-ENOMEM);
        SSL_set_bio(t->ssl, bio, bio);
        if (accepting)
                SSL_set_accept_state(t->ssl);
        else
                SSL_set_connect_state(t->ssl);

        *ret = TAKE_PTR(t);
        return 0;
}

Tls *tls_free(Tls *t) {
        if (!t)
                return NULL;
        SSL_free(t->ssl);
        chain_free(t->offered_chain);
        tls_config_free(t->config);
        free(t);
        return NULL;
}

int tls_handshake(Tls *t, uint32_t *ret_events) {
        int r, saved_errno;

        if (t->broken)
                return t->error;
        ERR_clear_error();
        t->bio.read_budget = READ_BYTES_PER_CALL;
        errno = 0;
        r = SSL_do_handshake(t->ssl);
        saved_errno = errno;
        if (r == 1)
                return 0;
        r = tls_error(t, r, saved_errno, false, ret_events);
        return r == 0 ? tls_refuse(t, -ECONNRESET, "the other side went away") : r;
}

ssize_t tls_read(Tls *t, void *buffer, size_t n, uint32_t *ret_events) {
        size_t n_read;
        int r, saved_errno;

        if (t->broken)
                return t->error;
        ERR_clear_error();
        t->bio.read_budget = READ_BYTES_PER_CALL;
        errno = 0;
        r = SSL_read_ex(t->ssl, buffer, n, &n_read);
        saved_errno = errno;
        if (r == 1)
                return (ssize_t) n_read;
        return tls_error(t, r, saved_errno, false, ret_events);
}

ssize_t tls_write(Tls *t, const void *buffer, size_t n, uint32_t *ret_events) {
        size_t n_written;
        int r, saved_errno;

        if (t->broken)
                return t->error;
        ERR_clear_error();
        errno = 0;
        r = SSL_write_ex(t->ssl, buffer, n, &n_written);
        saved_errno = errno;
        if (r == 1)
                return (ssize_t) n_written;
        r = tls_error(t, r, saved_errno, true, ret_events);
        return r == 0 ? tls_refuse(t, -ECONNRESET, "the other side went away") : r;
}

void tls_shutdown(Tls *t) {
        if (t->broken || !SSL_is_init_finished(t->ssl))
                return;
        (void) SSL_shutdown(t->ssl);
        ERR_clear_error();
}

uint64_t tls_now(const Tls *t) {
        return remote_time_now(t->config->time);
}

bool tls_has_pending(const Tls *t) {
        return SSL_pending(t->ssl) > 0;
}

const Subject *tls_get_peer(const Tls *t) {
        return t->has_peer ? &t->peer : NULL;
}

const char *tls_get_offered_pin(const Tls *t) {
        return t->offered_pin;
}

const Chain *tls_get_offered_chain(const Tls *t) {
        return t->offered_chain;
}

const char *tls_get_message(const Tls *t) {
        return t->message;
}

uint64_t tls_get_n_received(const Tls *t) {
        return t->bio.n_received;
}
