/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how OpenSSL reads and writes our descriptor; for tls*.c only. */
#pragma once

#include <openssl/bio.h>
#include <stddef.h>
#include <stdint.h>

/* OpenSSL's own socket BIO uses write(2), and so a peer that went away would raise SIGPIPE in
 * whatever program links us. This one sends with MSG_NOSIGNAL and counts what arrives. NULL:
 * -ENOMEM. */
BIO_METHOD *tls_bio_method_new(void);

/* Outlives the BIO; fd is not closed with it. */
typedef struct TlsBioState {
        int fd;
        uint64_t n_received;
        size_t read_budget; /* bytes; when it is spent reading says "later", whatever waits */
} TlsBioState;
BIO *tls_bio_new(BIO_METHOD *method, TlsBioState *state /* weak */);
