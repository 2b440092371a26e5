/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what tls-config.c and tls.c share; for these two only. */
#pragma once

#include <openssl/ssl.h>

#include "net/tls-bio.h"
#include "net/tls.h"

struct TlsConfig {
        unsigned n_ref;
        SSL_CTX *ctx;
        BIO_METHOD *bio_method;
        RemoteTime own_time;    /* of our clock */
        const RemoteTime *time; /* weak */
        TlsExpect expect;
        Chain *chain;
        char pin[PIN_SIZE]; /* "": none held */
        tls_check_fn check;
        void *userdata; /* weak */
};

struct Tls {
        TlsConfig *config;
        SSL *ssl;
        TlsBioState bio;
        bool accepting;
        bool broken; /* OpenSSL forbids another call after a fatal error */
        bool has_peer;
        Subject peer;
        char offered_pin[PIN_SIZE];
        Chain *offered_chain;
        int error; /* why verification refused; 0: it did not */
        char message[TLS_MESSAGE_SIZE];
};

#define TLS_ALPN_NAME "p2pchat/1"

/* Remembers error and the sentence for it; returns error. */
int tls_refuse(Tls *t, int error, const char *format, ...) _printf_(3, 4);
