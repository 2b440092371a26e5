/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what becomes of those who do not speak our TLS, or nothing at all; leaves certificates to
 * test-handshake-peers.c. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/identity-openssl.h"
#include "unit/net/handshake-fixture.h"

/* Plain OpenSSL at one end of a pair. */
typedef struct Foreign {
        SSL *ssl;
        unsigned long error; /* that it ended with */
} Foreign;

static bool foreign_is_ended(void *userdata) {
        Foreign *o = userdata;
        char buffer[64];
        int r;

        ERR_clear_error();
        r = SSL_do_handshake(o->ssl);
        if (r == 1)
                r = SSL_read(o->ssl, buffer, sizeof(buffer));
        if (r > 0 || SSL_get_error(o->ssl, r) == SSL_ERROR_WANT_READ)
                return false;
        o->error = ERR_peek_last_error();
        ERR_clear_error();
        return true;
}

static int select_nothing(SSL *ssl, const unsigned char **out, unsigned char *n_out,
                          const unsigned char *in, unsigned n_in, void *userdata) {
        return SSL_TLSEXT_ERR_NOACK;
}

/* One side is plain OpenSSL that breaks a rule of transport. */
static void test_not_our_tls(void **state) {
        Fixture *f = *state;
        static const struct {
                bool dials;
                int version;
                const char *alpn;
                int alert; /* that it gets */
        } table[] = {
                { true, TLS1_3_VERSION, NULL, SSL_AD_NO_APPLICATION_PROTOCOL },
                { true, TLS1_3_VERSION, "\x02h2", SSL_AD_NO_APPLICATION_PROTOCOL },
                { true, TLS1_2_VERSION, "\x09p2pchat/1", SSL_AD_PROTOCOL_VERSION },
                { false, TLS1_3_VERSION, NULL, SSL_AD_HANDSHAKE_FAILURE },
                { false, TLS1_2_VERSION, "\x09p2pchat/1", 0 },
        };
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        _cleanup_(tls_config_freep) TlsConfig *tracker = NULL, *known = NULL;

        assert_int_equal(key_generate(&key), 0);
        certificate = test_authority_issue(f->ours, key, SUBJECT_TRACKER, NULL);
        tracker = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        known = nobody(f, f->ours->pin);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Side *side = table[i].dials ? &f->accepting : &f->dialling;
                SSL_CTX *ctx = SSL_CTX_new(TLS_method());
                Foreign foreign = {};
                int fds[2];

                assert_non_null(ctx);
                SSL_CTX_set_min_proto_version(ctx, table[i].version);
                SSL_CTX_set_max_proto_version(ctx, table[i].version);
                SSL_CTX_use_certificate(ctx, certificate_get_x509(certificate));
                SSL_CTX_use_PrivateKey(ctx, key_get_pkey(key));
                SSL_CTX_add1_chain_cert(ctx, certificate_get_x509(f->ours->ca));
                SSL_CTX_set_alpn_select_cb(ctx, select_nothing, NULL);
                if (table[i].alpn)
                        SSL_CTX_set_alpn_protos(ctx, (const unsigned char *) table[i].alpn,
                                                (unsigned) strlen(table[i].alpn));
                make_pair(fds);
                foreign.ssl = SSL_new(ctx);
                SSL_set_fd(foreign.ssl, fds[0]);
                if (table[i].dials)
                        SSL_set_connect_state(foreign.ssl);
                else
                        SSL_set_accept_state(foreign.ssl);

                side_start(f, side, fds[1], table[i].dials, table[i].dials ? tracker : known);
                test_loop_until(f->loop, foreign_is_ended, &foreign, USEC_PER_SEC);
                if (table[i].alert > 0)
                        assert_int_equal(ERR_GET_REASON(foreign.error), 1000 + table[i].alert);
                close(fds[0]);
                test_loop_run(f->loop, 2 * USEC_PER_SEC);
                assert_int_equal(side->n_opened, 0);
                assert_int_equal(side->n_closed, 1);
                assert_int_equal(side->why.error, -EPROTO);
                side_stop(side);
                SSL_free(foreign.ssl);
                SSL_CTX_free(ctx);
        }
}

static void test_garbage(void **state) {
        Fixture *f = *state;
        static const struct {
                const char *says;
                size_t n;
                int error;
        } table[] = {
                { "GET / HTTP/1.0\r\n\r\n", 18, -EPROTO },
                { "HELLO-{\"id\":\"1\",\"payload\":{}}\n", 28, -EPROTO },
                { "\x16\x03\x01\x00\x05hello", 10, -EPROTO },
                { "\x16\x03\x01\xff\xff and so on", 15, -EPROTO },
                { "", 0, -ECONNRESET }, /* an end at once */
        };
        _cleanup_(tls_config_freep) TlsConfig *tracker = NULL, *known = NULL;

        tracker = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        known = nobody(f, f->ours->pin);
        for (size_t i = 0; i < 2 * ELEMENTSOF(table); i++) {
                const char *says = table[i / 2].says;
                size_t n = table[i / 2].n;
                Side *side = i % 2 ? &f->accepting : &f->dialling;
                int fds[2];

                make_pair(fds);
                side_start(f, side, fds[1], i % 2, i % 2 ? tracker : known);
                assert_int_equal(write(fds[0], says, n), (ssize_t) n);
                assert_int_equal(shutdown(fds[0], SHUT_WR), 0);
                test_loop_run(f->loop, 2 * USEC_PER_SEC);
                assert_int_equal(side->n_opened, 0);
                assert_int_equal(side->n_closed, 1);
                assert_int_equal(side->why.error, table[i / 2].error);
                side_stop(side);
                close(fds[0]);
        }
}

static void test_deadline(void **state) {
        Fixture *f = *state;
        _cleanup_(tls_config_freep) TlsConfig *tracker = NULL;
        int fds[2];

        tracker = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        make_pair(fds);
        side_start(f, &f->accepting, fds[1], true, tracker);
        test_loop_run(f->loop, 10 * USEC_PER_SEC - 1); /* as the page says */
        assert_int_equal(f->accepting.n_closed, 0);
        test_loop_run(f->loop, 1);
        assert_int_equal(f->accepting.n_closed, 1);
        assert_int_equal(f->accepting.why.error, -ETIMEDOUT);
        assert_int_equal(f->accepting.why.stage, CONN_HANDSHAKE);
        close(fds[0]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_not_our_tls, setup, teardown),
                cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
                cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
