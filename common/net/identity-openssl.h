/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the OpenSSL objects behind identity.h; for the files of this folder only. */
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "net/identity.h"

/* All that is returned is borrowed unless it is *ret. */
EVP_PKEY *key_get_pkey(const Key *k);
X509 *certificate_get_x509(const Certificate *c);

/* Takes a reference on pkey. -EBADMSG: not Ed25519. */
int key_new_from_pkey(EVP_PKEY *pkey, Key **ret);
/* Takes a reference on x. */
int certificate_new_from_x509(X509 *x, Certificate **ret);

/* OpenSSL keeps failures in a queue of the thread, where they would be taken for those of the next
 * connection: cleared wherever we return our own error instead. */
int openssl_error(int error);

static inline void evp_pkey_freep(EVP_PKEY **p) {
        EVP_PKEY_free(*p);
}

static inline void x509_freep(X509 **p) {
        X509_free(*p);
}

static inline void bio_freep(BIO **p) {
        BIO_free(*p);
}
