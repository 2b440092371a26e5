/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how certificates of protocol §1 are made; leaves who is given one to the authority. */
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "net/identity-openssl.h"
#include "wire/limits.h"

#define SERIAL_BYTES 16
/* RFC 5280 4.1.2.5: a certificate that is meant not to end. */
#define NEVER_ENDS "99991231235959Z"
/* Clocks that are a little behind accept what was made just now. */
#define SKEW_USEC (10 * USEC_PER_MINUTE)

static void bn_freep(BIGNUM **p) {
        BN_free(*p);
}

static void extension_freep(X509_EXTENSION **p) {
        X509_EXTENSION_free(*p);
}

static int add_extension(X509 *x, const X509 *issuer, int nid, const char *value) {
        _cleanup_(extension_freep) X509_EXTENSION *e = NULL;
        X509V3_CTX ctx;

        X509V3_set_ctx(&ctx, (X509 *) issuer, x, NULL, NULL, 0);
        e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
        if (!e || X509_add_ext(x, e, -1) != 1)
                return openssl_error(-EINVAL);
        return 0;
}

static int set_serial(X509 *x) {
        _cleanup_(bn_freep) BIGNUM *bn = NULL;
        unsigned char bytes[SERIAL_BYTES];

        if (RAND_bytes(bytes, sizeof(bytes)) != 1)
                return openssl_error(-EIO);
        bytes[0] = (bytes[0] & 0x7f) | 0x40; /* positive and of one length */
        bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
        if (!bn || !BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(x)))
                return openssl_error(-ENOMEM);
        return 0;
}

static int set_time(ASN1_TIME *t, uint64_t usec) {
        return ASN1_TIME_set(t, (time_t) (usec / USEC_PER_SEC)) ? 0 : openssl_error(-EINVAL);
}

static int certificate_start(const Key *k, uint64_t not_before, X509 **ret) {
        _cleanup_(x509_freep) X509 *x = NULL;
        int r;

        x = X509_new();
        if (!x || X509_set_version(x, X509_VERSION_3) != 1 ||
            X509_set_pubkey(x, key_get_pkey(k)) != 1)
                return openssl_error(-ENOMEM);
        r = set_serial(x);
        if (r < 0)
                return r;
        r = set_time(X509_getm_notBefore(x), not_before);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(x);
        return 0;
}

/* issuer NULL: by itself. */
static int authority_new_signed(const Key *key, const Certificate *issuer, const Key *issuer_key,
                                long path_length, uint64_t now_realtime_usec, Certificate **ret) {
        _cleanup_(x509_freep) X509 *x = NULL;
        char id[KEY_ID_SIZE];
        char common_name[64], constraints[48];
        X509_NAME *name;
        int r;

        r = certificate_start(key, now_realtime_usec - MIN(now_realtime_usec, SKEW_USEC), &x);
        if (r < 0)
                return r;
        key_get_id(key, id);
        snprintf(common_name, sizeof(common_name), "p2pchat tracker %.32s", id);
        name = X509_get_subject_name(x);
        if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                       (const unsigned char *) common_name, -1, -1, 0) != 1 ||
            X509_set_issuer_name(x, issuer ? X509_get_subject_name(certificate_get_x509(issuer))
                                           : name) != 1 ||
            ASN1_TIME_set_string_X509(X509_getm_notAfter(x), NEVER_ENDS) != 1)
                return openssl_error(-ENOMEM);

        snprintf(constraints, sizeof(constraints), "critical,CA:TRUE,pathlen:%ld", path_length);
        r = add_extension(x, x, NID_basic_constraints, constraints);
        if (r < 0)
                return r;
        r = add_extension(x, x, NID_key_usage, "critical,keyCertSign");
        if (r < 0)
                return r;
        r = add_extension(x, x, NID_subject_key_identifier, "hash");
        if (r < 0)
                return r;
        if (issuer) {
                r = add_extension(x, certificate_get_x509(issuer), NID_authority_key_identifier,
                                  "keyid");
                if (r < 0)
                        return r;
        }
        if (X509_sign(x, key_get_pkey(issuer_key), NULL) <= 0)
                return openssl_error(-EINVAL);
        return certificate_new_from_x509(x, ret);
}

int certificate_new_authority(const Key *key, uint64_t now_realtime_usec, Certificate **ret) {
        return authority_new_signed(key, NULL, key, AUTHORITIES_MAX - 1, now_realtime_usec, ret);
}

int certificate_new_successor(const Certificate *old, const Key *old_key, const Key *key,
                              uint64_t now_realtime_usec, Certificate **ret) {
        long path_length = X509_get_pathlen(certificate_get_x509(old)) - 1;

        if (path_length < 0)
                return openssl_error(-ENOSPC);
        return authority_new_signed(key, old, old_key, path_length, now_realtime_usec, ret);
}

static int uri_for(const Subject *s, char *ret, size_t size) {
        static const char *const paths[SUBJECT_KIND_MAX] = {
                [SUBJECT_TRACKER] = "tracker",
                [SUBJECT_USER] = "user/",
                [SUBJECT_GUEST] = "guest/",
        };

        if (s->kind < 0 || s->kind >= SUBJECT_KIND_MAX ||
            !hex_is_valid(s->tracker_id, TRACKER_ID_SIZE - 1))
                return -EINVAL;
        if (s->kind == SUBJECT_TRACKER ? s->name[0] != 0
            : s->kind == SUBJECT_USER  ? !name_is_user(s->name)
                                       : !name_is_guest(s->name))
                return -EINVAL;
        snprintf(ret, size, "critical,URI:p2pchat://%s/%s%s", s->tracker_id, paths[s->kind],
                 s->name);
        return 0;
}

int certificate_issue(const Certificate *ca, const Key *ca_key, const Key *subject_key,
                      const Subject *subject, Certificate **ret) {
        _cleanup_(x509_freep) X509 *x = NULL;
        const X509 *issuer = certificate_get_x509(ca);
        char san[128];
        int r;

        r = uri_for(subject, san, sizeof(san));
        if (r < 0)
                return r;
        r = certificate_start(subject_key, subject->not_before, &x);
        if (r < 0)
                return r;
        r = set_time(X509_getm_notAfter(x), subject->not_after);
        if (r < 0)
                return r;
        if (X509_set_issuer_name(x, X509_get_subject_name(issuer)) != 1)
                return openssl_error(-ENOMEM);

        const struct {
                int nid;
                const char *value;
        } extensions[] = {
                { NID_basic_constraints, "critical,CA:FALSE" },
                { NID_key_usage, "critical,digitalSignature" },
                { NID_ext_key_usage,
                  subject->kind == SUBJECT_TRACKER ? "serverAuth" : "clientAuth,serverAuth" },
                { NID_subject_key_identifier, "hash" },
                { NID_authority_key_identifier, "keyid" },
                /* Critical since the subject's name is empty: this alone says who it is. */
                { NID_subject_alt_name, san },
        };
        for (size_t i = 0; i < ELEMENTSOF(extensions); i++) {
                r = add_extension(x, issuer, extensions[i].nid, extensions[i].value);
                if (r < 0)
                        return r;
        }
        if (X509_sign(x, key_get_pkey(ca_key), NULL) <= 0)
                return openssl_error(-EINVAL);
        return certificate_new_from_x509(x, ret);
}
