/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows Ed25519 keys and signing requests; leaves what is certified about them to certificates. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "net/identity-openssl.h"
#include "wire/limits.h"

struct Key {
        unsigned n_ref;
        EVP_PKEY *pkey;
        char id[KEY_ID_SIZE];
};

static void x509_req_freep(X509_REQ **p) {
        X509_REQ_free(*p);
}

static void openssl_freep(unsigned char **p) {
        OPENSSL_free(*p);
}

int openssl_error(int error) {
        ERR_clear_error();
        return error;
}

EVP_PKEY *key_get_pkey(const Key *k) {
        return k->pkey;
}

int key_new_from_pkey(EVP_PKEY *pkey, Key **ret) {
        _cleanup_(key_freep) Key *k = NULL;
        _cleanup_(openssl_freep) unsigned char *der = NULL;
        unsigned char digest[SHA256_DIGEST_LENGTH];
        int n;

        if (!pkey || EVP_PKEY_get_id(pkey) != EVP_PKEY_ED25519)
                return -EBADMSG;

        k = new0(Key, 1);
        if (!k)
                return -ENOMEM;
        k->n_ref = 1;
        if (EVP_PKEY_up_ref(pkey) != 1)
                return openssl_error(-ENOMEM);
        k->pkey = pkey;

        n = i2d_PUBKEY(pkey, &der);
        if (n <= 0 || !SHA256(der, (size_t) n, digest))
                return openssl_error(-ENOMEM);
        for (size_t i = 0; i < sizeof(digest); i++)
                snprintf(k->id + 2 * i, 3, "%02x", digest[i]);

        *ret = TAKE_PTR(k);
        return 0;
}

int key_generate(Key **ret) {
        _cleanup_(evp_pkey_freep) EVP_PKEY *pkey = NULL;

        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        if (!pkey)
                return openssl_error(-ENOMEM);
        return key_new_from_pkey(pkey, ret);
}

Key *key_ref(const Key *k) {
        Key *mutable = (Key *) k;

        if (mutable)
                mutable->n_ref++;
        return mutable;
}

Key *key_free(Key *k) {
        if (!k || --k->n_ref > 0)
                return NULL;
        EVP_PKEY_free(k->pkey);
        free(k);
        return NULL;
}

int key_from_pem(const char *pem, Key **ret) {
        _cleanup_(evp_pkey_freep) EVP_PKEY *pkey = NULL;
        _cleanup_(bio_freep) BIO *bio = NULL;
        int r;

        bio = BIO_new_mem_buf(pem, -1);
        if (!bio)
                return openssl_error(-ENOMEM);
        /* The empty pass phrase: an encrypted key must not ask on the terminal. */
        pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *) "");
        r = key_new_from_pkey(pkey, ret);
        return openssl_error(r);
}

int key_to_pem(const Key *k, char **ret) {
        _cleanup_(bio_freep) BIO *bio = NULL;
        char *data, *pem;
        long n;

        /* Secure memory is erased when it is freed. */
        bio = BIO_new(BIO_s_secmem());
        if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, k->pkey, NULL, NULL, 0, NULL, NULL) != 1)
                return openssl_error(-EINVAL);
        n = BIO_get_mem_data(bio, &data);
        pem = strndup(data, (size_t) n);
        if (!pem)
                return -ENOMEM;
        *ret = pem;
        return 0;
}

void key_get_id(const Key *k, char ret[static KEY_ID_SIZE]) {
        memcpy(ret, k->id, KEY_ID_SIZE);
}

int csr_new(const Key *k, char **ret_pem) {
        _cleanup_(x509_req_freep) X509_REQ *req = NULL;
        _cleanup_(bio_freep) BIO *bio = NULL;
        char *data, *pem;
        long n;

        req = X509_REQ_new();
        bio = BIO_new(BIO_s_mem());
        if (!req || !bio)
                return openssl_error(-ENOMEM);
        if (X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
            X509_REQ_set_pubkey(req, k->pkey) != 1 || X509_REQ_sign(req, k->pkey, NULL) <= 0 ||
            PEM_write_bio_X509_REQ(bio, req) != 1)
                return openssl_error(-EINVAL);
        n = BIO_get_mem_data(bio, &data);
        pem = strndup(data, (size_t) n);
        if (!pem)
                return -ENOMEM;
        *ret_pem = pem;
        return 0;
}

int csr_read(const char *pem, size_t n, Key **ret_public) {
        _cleanup_(x509_req_freep) X509_REQ *req = NULL;
        _cleanup_(bio_freep) BIO *bio = NULL;
        _cleanup_(key_freep) Key *k = NULL;
        int r;

        if (n == 0 || n > CSR_BYTES_MAX)
                return -EBADMSG;
        bio = BIO_new_mem_buf(pem, (int) n);
        if (!bio)
                return openssl_error(-ENOMEM);
        req = PEM_read_bio_X509_REQ(bio, NULL, NULL, (void *) "");
        if (!req)
                return openssl_error(-EBADMSG);

        /* The type first: no stranger makes us verify a 16,384 bit RSA signature. */
        r = key_new_from_pkey(X509_REQ_get0_pubkey(req), &k);
        if (r < 0)
                return openssl_error(r);
        if (X509_REQ_verify(req, k->pkey) != 1)
                return openssl_error(-EBADMSG);

        *ret_public = TAKE_PTR(k);
        return 0;
}
