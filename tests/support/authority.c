/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how certificates are made that nobody should accept, by OpenSSL alone; the good ones come
 * from net/identity. */
#include "support/authority.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "net/identity-openssl.h"
#include "net/tls-internal.h"
#include "wire/limits.h"

TestAuthority *test_authority_new(Clock *clock) {
        TestAuthority *a;

        a = new0(TestAuthority, 1);
        assert_non_null(a);
        a->clock = clock;
        assert_int_equal(key_generate(&a->key), 0);
        assert_int_equal(certificate_new_authority(a->key, clock_realtime(clock), &a->ca), 0);
        assert_int_equal(certificate_get_authority(a->ca, a->tracker_id, a->pin), 0);
        assert_int_equal(chain_new((const Certificate *const *) &a->ca, 1, &a->chain), 0);
        return a;
}

void test_authority_rotate(TestAuthority *a) {
        Key *key;
        Chain *chain;

        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(chain_extend(a->chain, a->key, key, clock_realtime(a->clock), &chain), 0);
        key_free(a->key);
        chain_free(a->chain);
        certificate_free(a->ca);
        a->key = key;
        a->chain = chain;
        a->ca = certificate_ref(chain_get(chain, 0));
        snprintf(a->pin, sizeof(a->pin), "%s", chain_get_pin(chain));
}

TestAuthority *test_authority_free(TestAuthority *a) {
        if (!a)
                return NULL;
        certificate_free(a->ca);
        chain_free(a->chain);
        key_free(a->key);
        free(a);
        return NULL;
}

Certificate *test_authority_issue(const TestAuthority *a, const Key *key, SubjectKind kind,
                                  const char *name) {
        static const uint64_t lifetime[SUBJECT_KIND_MAX] = {
                [SUBJECT_TRACKER] = CERTIFICATE_TRACKER_DAYS * USEC_PER_DAY,
                [SUBJECT_USER] = CERTIFICATE_USER_DAYS * USEC_PER_DAY,
                [SUBJECT_GUEST] = CERTIFICATE_GUEST_HOURS * USEC_PER_HOUR,
        };
        uint64_t now = clock_realtime(a->clock);
        Subject s = { .kind = kind,
                      .not_before = now - 10 * USEC_PER_MINUTE,
                      .not_after = now + lifetime[kind] };
        Certificate *c;

        memcpy(s.tracker_id, a->tracker_id, sizeof(s.tracker_id));
        snprintf(s.name, sizeof(s.name), "%s", name ?: "");
        assert_int_equal(certificate_issue(a->ca, a->key, key, &s, &c), 0);
        return c;
}

TlsConfig *test_authority_tls(const TestAuthority *a, SubjectKind kind, const char *name,
                              TlsExpect expect) {
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        TlsConfig *config;

        assert_int_equal(key_generate(&key), 0);
        certificate = test_authority_issue(a, key, kind, name);
        const TlsParameters p = {
                .clock = a->clock,
                .expect = expect,
                .key = key,
                .certificate = certificate,
                .chain = a->chain,
                .pin = expect == TLS_EXPECT_TRACKER ? a->pin : NULL,
        };
        assert_int_equal(tls_config_new(&p, &config), 0);
        return config;
}

static void add_extension(X509 *x, int nid, const char *value) {
        X509_EXTENSION *e;

        if (value[0] == 0)
                return;
        e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
        assert_non_null(e);
        assert_int_equal(X509_add_ext(x, e, -1), 1);
        X509_EXTENSION_free(e);
}

static X509 *forge(const TestAuthority *a, const TestForgery *f, EVP_PKEY *key) {
        uint64_t now = clock_realtime(a->clock);
        char san[128];
        X509 *x;

        snprintf(san, sizeof(san), "URI:p2pchat://%s/user/mallory", a->tracker_id);
        x = X509_new();
        assert_non_null(x);
        X509_set_version(x, X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        X509_set_pubkey(x, key);
        X509_set_issuer_name(x, X509_get_subject_name(certificate_get_x509(a->ca)));
        ASN1_TIME_set(X509_getm_notBefore(x),
                      (time_t) ((f->not_before ?: now - USEC_PER_HOUR) / USEC_PER_SEC));
        ASN1_TIME_set(X509_getm_notAfter(x),
                      (time_t) ((f->not_after ?: now + USEC_PER_DAY) / USEC_PER_SEC));
        add_extension(x, NID_basic_constraints, f->basic_constraints ?: "critical,CA:FALSE");
        add_extension(x, NID_ext_key_usage, f->extended_key_usage ?: "clientAuth,serverAuth");
        add_extension(x, NID_subject_alt_name, f->san ?: san);
        if (f->second_san_extension)
                add_extension(x, NID_subject_alt_name, f->second_san_extension);
        assert_true(X509_sign(x, key_get_pkey(a->key), NULL) > 0);
        return x;
}

TlsConfig *test_authority_forge(const TestAuthority *a, const TestForgery *f,
                                const TlsParameters *p) {
        TlsConfig *config;
        EVP_PKEY *key;
        X509 *x;

        key = f->p256 ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
        assert_non_null(key);
        x = forge(a, f, key);
        assert_int_equal(tls_config_new(p, &config), 0);
        assert_int_equal(SSL_CTX_use_certificate(config->ctx, x), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(config->ctx, key), 1);
        assert_int_equal(SSL_CTX_add1_chain_cert(config->ctx, certificate_get_x509(a->ca)), 1);
        X509_free(x);
        EVP_PKEY_free(key);
        return config;
}
