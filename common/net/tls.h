/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows TLS 1.3 with our certificates over a non-blocking descriptor; leaves frames and time-outs
 * to conn. */
#pragma once

#include "base/remote-time.h"
#include "base/runtime.h"
#include "net/chain.h"

/* Whom the other side must prove to be. */
typedef enum TlsExpect {
        TLS_EXPECT_TRACKER,        /* dialling the tracker */
        TLS_EXPECT_PEER,           /* a user or guest, always */
        TLS_EXPECT_PEER_OR_NOBODY, /* the tracker accepting: a certificate is optional, but if
                                      there, valid */
} TlsExpect;

/* Reference-counted; each connection holds one, so identities may change under live connections. */
typedef struct TlsConfig TlsConfig;

/* Asked last, after signature, time and SAN were good: negative errno refuses (revoked keys,
 * another name than the one dialled). */
typedef int (*tls_check_fn)(const Subject *peer, void *userdata);

typedef struct TlsParameters {
        Clock *clock;           /* weak; verification time … */
        const RemoteTime *time; /* weak; … where this is not NULL */
        TlsExpect expect;
        const Key *key; /* ours; both NULL: no certificate is offered */
        const Certificate *certificate;
        /* Trusted. Sent along after certificate, from the authority that signed it on. For
         * TLS_EXPECT_TRACKER the offered one is held against pin, and its tracker-id against this
         * one's where it is not NULL. */
        const Chain *chain;
        const char *pin;    /* TLS_EXPECT_TRACKER: of any of the authorities in the offered chain.
                             * NULL = none held yet: every handshake ends with -ENOKEY and the
                             * offered pin, before a byte of data */
        tls_check_fn check; /* may be NULL */
        void *userdata;     /* weak */
} TlsParameters;

int tls_config_new(const TlsParameters *p, TlsConfig **ret);
TlsConfig *tls_config_ref(TlsConfig *c);
TlsConfig *tls_config_free(TlsConfig *c); /* drops one reference */
DEFINE_CLEANUP(TlsConfig *, tls_config_free);

typedef struct Tls Tls;
int tls_new(TlsConfig *config, int fd /* weak */, bool accepting, Tls **ret);
Tls *tls_free(Tls *t);
DEFINE_CLEANUP(Tls *, tls_free);

/* All: ≥ 0 done (bytes), -EAGAIN with *ret_events (EPOLLIN/EPOLLOUT: what to wait for),
 * -ECONNRESET, and for the handshake: -ENOKEY (no pin held), -EKEYREJECTED (another pin),
 * -EKEYEXPIRED, -EACCES (not who was expected), -EPROTO (no TLS 1.3, no ALPN p2pchat/1, garbage),
 * or what check() said. -EACCES, -EKEYEXPIRED and -EKEYREVOKED also say that the other side refused
 * *our* certificate: the dialler learns it on its first read. read: 0 = orderly end. No call raises
 * SIGPIPE. */
int tls_handshake(Tls *t, uint32_t *ret_events);
ssize_t tls_read(Tls *t, void *buffer, size_t n, uint32_t *ret_events);
ssize_t tls_write(Tls *t, const void *buffer, size_t n, uint32_t *ret_events);
/* Sends close_notify; best effort, no waiting. */
void tls_shutdown(Tls *t);
uint64_t tls_now(const Tls *t);     /* the time that certificates are held against */
bool tls_has_pending(const Tls *t); /* decrypted bytes wait: epoll will not tell */
/* Bytes of the descriptor so far, whole records or not: signs of life. */
uint64_t tls_get_n_received(const Tls *t);
/* After an error: one sentence about it, else "". */
#define TLS_MESSAGE_SIZE 160
const char *tls_get_message(const Tls *t);

/* After the handshake: NULL when the other side offered no certificate. */
const Subject *tls_get_peer(const Tls *t);
/* After -ENOKEY or -EKEYREJECTED: the pin that was offered. After success towards a tracker: the
 * pin of its present authority, and its authorities. "" and NULL otherwise. */
const char *tls_get_offered_pin(const Tls *t);
const Chain *tls_get_offered_chain(const Tls *t);
