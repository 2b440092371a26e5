/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a certificate says and whether it may be believed; leaves making them to
 * identity-issue.c. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "net/identity-openssl.h"

#define URI_SCHEME "p2pchat://"

struct Certificate {
        unsigned n_ref;
        X509 *x509;
};

static void general_names_freep(GENERAL_NAMES **p) {
        GENERAL_NAMES_free(*p);
}

static void store_freep(X509_STORE **p) {
        X509_STORE_free(*p);
}

static void store_ctx_freep(X509_STORE_CTX **p) {
        X509_STORE_CTX_free(*p);
}

X509 *certificate_get_x509(const Certificate *c) {
        return c->x509;
}

int certificate_new_from_x509(X509 *x, Certificate **ret) {
        Certificate *c;

        c = new0(Certificate, 1);
        if (!c)
                return -ENOMEM;
        *c = (Certificate){ .n_ref = 1, .x509 = x };
        X509_up_ref(x);
        *ret = c;
        return 0;
}

Certificate *certificate_ref(const Certificate *c) {
        Certificate *mutable = (Certificate *) c;

        if (mutable)
                mutable->n_ref++;
        return mutable;
}

Certificate *certificate_free(Certificate *c) {
        if (!c || --c->n_ref > 0)
                return NULL;
        X509_free(c->x509);
        free(c);
        return NULL;
}

int certificate_from_pem(const char *pem, Certificate **ret) {
        _cleanup_(bio_freep) BIO *bio = NULL;
        _cleanup_(x509_freep) X509 *x = NULL;

        bio = BIO_new_mem_buf(pem, -1);
        if (!bio)
                return openssl_error(-ENOMEM);
        x = PEM_read_bio_X509(bio, NULL, NULL, (void *) "");
        if (!x)
                return openssl_error(-EBADMSG);
        return certificate_new_from_x509(x, ret);
}

int certificate_to_pem(const Certificate *c, char **ret) {
        _cleanup_(bio_freep) BIO *bio = NULL;
        char *data, *pem;
        long n;

        bio = BIO_new(BIO_s_mem());
        if (!bio || PEM_write_bio_X509(bio, c->x509) != 1)
                return openssl_error(-ENOMEM);
        n = BIO_get_mem_data(bio, &data);
        pem = strndup(data, (size_t) n);
        if (!pem)
                return -ENOMEM;
        *ret = pem;
        return 0;
}

static int time_from_asn1(const ASN1_TIME *t, uint64_t *ret_usec) {
        struct tm tm;
        time_t seconds;

        if (ASN1_TIME_to_tm(t, &tm) != 1)
                return openssl_error(-EBADMSG);
        seconds = timegm(&tm);
        *ret_usec = seconds < 0 ? 0 : (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

static int subject_from_uri(const char *uri, size_t n, Subject *s) {
        static const struct {
                const char *path;
                SubjectKind kind;
                bool (*is_valid)(const char *name);
        } kinds[] = {
                { "/tracker", SUBJECT_TRACKER, NULL },
                { "/user/", SUBJECT_USER, name_is_user },
                { "/guest/", SUBJECT_GUEST, name_is_guest },
        };
        const size_t n_prefix = strlen(URI_SCHEME) + TRACKER_ID_SIZE - 1;
        const char *rest = uri + n_prefix;
        size_t n_rest = n - n_prefix;

        if (n <= n_prefix || memchr(uri, 0, n) || memcmp(uri, URI_SCHEME, strlen(URI_SCHEME)) != 0)
                return -EBADMSG;
        memcpy(s->tracker_id, uri + strlen(URI_SCHEME), TRACKER_ID_SIZE - 1);
        s->tracker_id[TRACKER_ID_SIZE - 1] = 0;
        if (!hex_is_valid(s->tracker_id, TRACKER_ID_SIZE - 1))
                return -EBADMSG;

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                size_t n_path = strlen(kinds[i].path);

                if (n_rest < n_path || memcmp(rest, kinds[i].path, n_path) != 0)
                        continue;
                if (n_rest - n_path >= NAME_SIZE)
                        return -EBADMSG;
                memcpy(s->name, rest + n_path, n_rest - n_path);
                s->name[n_rest - n_path] = 0;
                if (kinds[i].is_valid ? !kinds[i].is_valid(s->name) : s->name[0] != 0)
                        return -EBADMSG;
                s->kind = kinds[i].kind;
                return 0;
        }
        return -EBADMSG;
}

uint64_t certificate_get_not_before(const Certificate *c) {
        uint64_t usec = 0;

        return time_from_asn1(X509_get0_notBefore(c->x509), &usec) < 0 ? 0 : usec;
}

int certificate_read_subject(const Certificate *c, Subject *ret) {
        _cleanup_(general_names_freep) GENERAL_NAMES *names = NULL;
        _cleanup_(key_freep) Key *k = NULL;
        const GENERAL_NAME *name;
        Subject s = {};
        int r, critical = 0;
        uint32_t flags;

        flags = X509_get_extension_flags(c->x509);
        if (X509_get_version(c->x509) != X509_VERSION_3 || (flags & EXFLAG_INVALID) ||
            !(flags & EXFLAG_BCONS) || (flags & EXFLAG_CA))
                return openssl_error(-EBADMSG);

        /* NULL too when the extension is there twice (critical is -2 then). */
        names = X509_get_ext_d2i(c->x509, NID_subject_alt_name, &critical, NULL);
        if (!names || sk_GENERAL_NAME_num(names) != 1)
                return openssl_error(-EBADMSG);
        name = sk_GENERAL_NAME_value(names, 0);
        if (name->type != GEN_URI)
                return -EBADMSG;
        r = subject_from_uri(
                (const char *) ASN1_STRING_get0_data(name->d.uniformResourceIdentifier),
                (size_t) ASN1_STRING_length(name->d.uniformResourceIdentifier), &s);
        if (r < 0)
                return r;

        r = key_new_from_pkey(X509_get0_pubkey(c->x509), &k);
        if (r < 0)
                return openssl_error(r);
        key_get_id(k, s.key_id);

        r = time_from_asn1(X509_get0_notBefore(c->x509), &s.not_before);
        if (r < 0)
                return r;
        r = time_from_asn1(X509_get0_notAfter(c->x509), &s.not_after);
        if (r < 0)
                return r;

        *ret = s;
        return 0;
}

int certificate_get_authority(const Certificate *ca, char ret_tracker_id[static TRACKER_ID_SIZE],
                              char ret_pin[static PIN_SIZE]) {
        _cleanup_(key_freep) Key *k = NULL;
        char id[KEY_ID_SIZE];
        uint32_t flags;
        int r;

        flags = X509_get_extension_flags(ca->x509);
        if (!(flags & EXFLAG_CA) || (flags & (EXFLAG_INVALID | EXFLAG_CRITICAL)) ||
            !(flags & EXFLAG_KUSAGE) || !(X509_get_key_usage(ca->x509) & KU_KEY_CERT_SIGN))
                return openssl_error(-EBADMSG);
        r = key_new_from_pkey(X509_get0_pubkey(ca->x509), &k);
        if (r < 0)
                return openssl_error(r);

        /* A key's id is the very hash that the tracker-id and the pin are made of. */
        key_get_id(k, id);
        memcpy(ret_tracker_id, id, TRACKER_ID_SIZE - 1);
        ret_tracker_id[TRACKER_ID_SIZE - 1] = 0;
        snprintf(ret_pin, PIN_SIZE, "sha256:%s", id);
        return 0;
}

static int verify_purpose(const Certificate *leaf) {
        Subject s;
        uint32_t usage, needed;
        int r;

        r = certificate_read_subject(leaf, &s);
        if (r < 0)
                return r;
        if (!(X509_get_extension_flags(leaf->x509) & EXFLAG_XKUSAGE))
                return -EBADMSG;
        usage = X509_get_extended_key_usage(leaf->x509);
        needed = s.kind == SUBJECT_TRACKER ? XKU_SSL_SERVER : XKU_SSL_SERVER | XKU_SSL_CLIENT;
        return (usage & needed) == needed ? 0 : -EBADMSG;
}

int certificate_verify(const Certificate *leaf, const Certificate *ca, uint64_t realtime_usec) {
        _cleanup_(store_freep) X509_STORE *store = NULL;
        _cleanup_(store_ctx_freep) X509_STORE_CTX *ctx = NULL;
        char tracker_id[TRACKER_ID_SIZE], pin[PIN_SIZE];
        X509_VERIFY_PARAM *param;
        int r, error;

        r = certificate_get_authority(ca, tracker_id, pin);
        if (r < 0)
                return r;
        r = verify_purpose(leaf);
        if (r < 0)
                return r;

        store = X509_STORE_new();
        ctx = X509_STORE_CTX_new();
        if (!store || !ctx || X509_STORE_add_cert(store, ca->x509) != 1 ||
            X509_STORE_CTX_init(ctx, store, leaf->x509, NULL) != 1)
                return openssl_error(-ENOMEM);
        param = X509_STORE_CTX_get0_param(ctx);
        X509_VERIFY_PARAM_set_depth(param, 0); /* nothing between the leaf and the CA … */
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN); /* … whoever signed that */
        X509_VERIFY_PARAM_set_time(param, (time_t) (realtime_usec / USEC_PER_SEC));

        if (X509_verify_cert(ctx) == 1)
                return 0;
        error = X509_STORE_CTX_get_error(ctx);
        return openssl_error(error == X509_V_ERR_CERT_HAS_EXPIRED ||
                                             error == X509_V_ERR_CERT_NOT_YET_VALID
                                     ? -EKEYEXPIRED
                                     : -EBADMSG);
}
