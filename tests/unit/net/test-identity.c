/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what keys, requests and certificates promise by themselves; leaves who accepts them to
 * the test-handshake-*.c. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/identity.h"
#include "support/authority.h"
#include "support/loop.h"
#include "wire/limits.h"

static int setup(void **state) {
        *state = test_loop_new();
        return 0;
}

static int teardown(void **state) {
        test_loop_free(*state);
        return 0;
}

static void test_keys(void **state) {
        _cleanup_(key_freep) Key *k = NULL, *again = NULL, *public = NULL;
        _cleanup_free_ char *pem = NULL, *csr = NULL;
        char id[KEY_ID_SIZE], other_id[KEY_ID_SIZE];
        Key *none = NULL;

        assert_int_equal(key_generate(&k), 0);
        key_get_id(k, id);
        assert_true(hex_is_valid(id, 64));
        assert_int_equal(key_to_pem(k, &pem), 0);
        assert_memory_equal(pem, "-----BEGIN PRIVATE KEY-----\n", 28);
        assert_int_equal(key_from_pem(pem, &again), 0);
        key_get_id(again, other_id);
        assert_string_equal(id, other_id);

        assert_int_equal(key_from_pem("", &none), -EBADMSG);
        assert_int_equal(key_from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n", &none), -EBADMSG);
        pem[40] = pem[40] == 'A' ? 'B' : 'A'; /* inside the algorithm's name */
        assert_int_equal(key_from_pem(pem, &none), -EBADMSG);

        /* A public half has no private one to give. */
        assert_int_equal(csr_new(k, &csr), 0);
        assert_int_equal(csr_read(csr, strlen(csr), &public), 0);
        key_get_id(public, other_id);
        assert_string_equal(id, other_id);
        free(pem);
        pem = NULL;
        assert_true(key_to_pem(public, &pem) < 0);
}

static void other_keys_pem(EVP_PKEY *pkey, char **ret_key, char **ret_csr) {
        BIO *bio = BIO_new(BIO_s_mem());
        X509_REQ *req = X509_REQ_new();
        char *data;
        long n;

        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
        n = BIO_get_mem_data(bio, &data);
        *ret_key = strndup(data, (size_t) n);
        (void) BIO_reset(bio);
        X509_REQ_set_pubkey(req, pkey);
        assert_true(X509_REQ_sign(req, pkey, EVP_sha256()) > 0);
        assert_int_equal(PEM_write_bio_X509_REQ(bio, req), 1);
        n = BIO_get_mem_data(bio, &data);
        *ret_csr = strndup(data, (size_t) n);
        X509_REQ_free(req);
        BIO_free(bio);
        EVP_PKEY_free(pkey);
}

static void test_requests(void **state) {
        _cleanup_(key_freep) Key *k = NULL;
        _cleanup_free_ char *csr = NULL, *long_csr = NULL;
        Key *none = NULL;
        size_t n, n_refused = 0;

        assert_int_equal(key_generate(&k), 0);
        assert_int_equal(csr_new(k, &csr), 0);
        n = strlen(csr);
        assert_true(n < CSR_BYTES_MAX);

        assert_int_equal(csr_read(csr, 0, &none), -EBADMSG);
        assert_int_equal(csr_read(csr, n / 2, &none), -EBADMSG);
        assert_int_equal(csr_read("nonsense", 8, &none), -EBADMSG);

        /* Whatever character of the base 64 is another one: no signature holds. */
        for (size_t i = strlen("-----BEGIN CERTIFICATE REQUEST-----\n"); i < n - 40; i += 3) {
                char saved = csr[i];
                int r;

                if (saved == '\n')
                        continue;
                csr[i] = saved == 'A' ? 'B' : 'A';
                r = csr_read(csr, n, &none);
                assert_int_equal(r, -EBADMSG);
                n_refused++;
                csr[i] = saved;
        }
        assert_true(n_refused > 40);

        /* Larger than is allowed, though it would be good otherwise. */
        long_csr = malloc(CSR_BYTES_MAX + 1);
        assert_non_null(long_csr);
        memset(long_csr, '\n', CSR_BYTES_MAX + 1);
        memcpy(long_csr, csr, n);
        assert_int_equal(csr_read(long_csr, CSR_BYTES_MAX + 1, &none), -EBADMSG);
        assert_int_equal(csr_read(long_csr, CSR_BYTES_MAX, &none), 0);
        key_free(none);
        none = NULL;

        for (unsigned i = 0; i < 2; i++) {
                _cleanup_free_ char *pem = NULL, *request = NULL;

                other_keys_pem(i ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), &pem, &request);
                assert_int_equal(key_from_pem(pem, &none), -EBADMSG);
                assert_int_equal(csr_read(request, strlen(request), &none), -EBADMSG);
        }
}

static void test_authority(void **state) {
        TestLoop *loop = *state;
        _cleanup_(test_authority_freep) TestAuthority *a = test_authority_new(loop->rt.clock);
        _cleanup_(certificate_freep) Certificate *again = NULL, *leaf = NULL;
        _cleanup_free_ char *pem = NULL;
        char id[KEY_ID_SIZE], tracker_id[TRACKER_ID_SIZE], pin[PIN_SIZE];
        Certificate *none = NULL;
        Subject s;

        key_get_id(a->key, id);
        assert_memory_equal(a->tracker_id, id, 32);
        assert_int_equal(strlen(a->tracker_id), 32);
        assert_memory_equal(a->pin, "sha256:", 7);
        assert_string_equal(a->pin + 7, id);

        assert_int_equal(certificate_to_pem(a->ca, &pem), 0);
        assert_int_equal(certificate_from_pem(pem, &again), 0);
        assert_int_equal(certificate_get_authority(again, tracker_id, pin), 0);
        assert_string_equal(pin, a->pin);
        assert_int_equal(certificate_from_pem("", &none), -EBADMSG);
        assert_int_equal(certificate_read_subject(a->ca, &s), -EBADMSG);

        leaf = test_authority_issue(a, a->key, SUBJECT_USER, "alice");
        assert_int_equal(certificate_get_authority(leaf, tracker_id, pin), -EBADMSG);
        assert_int_equal(certificate_verify(a->ca, a->ca, TEST_REALTIME), -EBADMSG);
        assert_int_equal(certificate_verify(leaf, leaf, TEST_REALTIME), -EBADMSG);
}

static void test_certificates(void **state) {
        static const struct {
                SubjectKind kind;
                const char *name;
        } table[] = {
                { SUBJECT_TRACKER, "" },
                { SUBJECT_USER, "alice" },
                { SUBJECT_USER, "a.long_name-of-32-characters.000" },
                { SUBJECT_GUEST, "guest-bob" },
        };
        static const struct {
                SubjectKind kind;
                const char *name;
        } bad[] = {
                { SUBJECT_TRACKER, "alice" }, { SUBJECT_USER, "" },
                { SUBJECT_USER, "Alice" },    { SUBJECT_USER, "admin" },
                { SUBJECT_USER, "a/b" },      { SUBJECT_USER, "guest-bob" },
                { SUBJECT_GUEST, "bob" },     { SUBJECT_KIND_MAX, "" },
        };
        TestLoop *loop = *state;
        _cleanup_(test_authority_freep) TestAuthority *a = test_authority_new(loop->rt.clock);
        _cleanup_(test_authority_freep) TestAuthority *other = test_authority_new(loop->rt.clock);
        _cleanup_(key_freep) Key *k = NULL;
        char id[KEY_ID_SIZE];
        Subject s = { .not_before = TEST_REALTIME, .not_after = TEST_REALTIME + USEC_PER_HOUR };

        assert_int_equal(key_generate(&k), 0);
        key_get_id(k, id);
        memcpy(s.tracker_id, a->tracker_id, sizeof(s.tracker_id));
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(certificate_freep) Certificate *c = NULL;
                Subject read;

                s.kind = table[i].kind;
                snprintf(s.name, sizeof(s.name), "%s", table[i].name);
                assert_int_equal(certificate_issue(a->ca, a->key, k, &s, &c), 0);
                assert_int_equal(certificate_read_subject(c, &read), 0);
                assert_int_equal(read.kind, s.kind);
                assert_string_equal(read.name, s.name);
                assert_string_equal(read.tracker_id, a->tracker_id);
                assert_string_equal(read.key_id, id);
                assert_int_equal(read.not_before, s.not_before);
                assert_int_equal(read.not_after, s.not_after);

                assert_int_equal(certificate_verify(c, a->ca, s.not_before), 0);
                assert_int_equal(certificate_verify(c, a->ca, s.not_after - USEC_PER_SEC), 0);
                assert_int_equal(certificate_verify(c, a->ca, s.not_before - USEC_PER_SEC),
                                 -EKEYEXPIRED);
                assert_int_equal(certificate_verify(c, a->ca, s.not_after + USEC_PER_SEC),
                                 -EKEYEXPIRED);
                assert_int_equal(certificate_verify(c, other->ca, s.not_before), -EBADMSG);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                Certificate *none = NULL;

                s.kind = bad[i].kind;
                snprintf(s.name, sizeof(s.name), "%s", bad[i].name);
                assert_int_equal(certificate_issue(a->ca, a->key, k, &s, &none), -EINVAL);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_keys, setup, teardown),
                cmocka_unit_test_setup_teardown(test_requests, setup, teardown),
                cmocka_unit_test_setup_teardown(test_authority, setup, teardown),
                cmocka_unit_test_setup_teardown(test_certificates, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
