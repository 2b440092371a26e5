/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who is accepted (protocol §1) and what we offer; leaves the bytes of a connection to tls.c.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "net/identity-openssl.h"
#include "net/tls-internal.h"
#include "wire/limits.h"

/* Nine of our certificates have some 3,500 bytes; a stranger needs no more room than this. */
#define CERTIFICATE_LIST_BYTES_MAX 16384

static const unsigned char alpn_wire[] = "\x09" TLS_ALPN_NAME;

/* The name of an alert for each refusal: OpenSSL derives it from the verification's result. */
static int x509_error_for(int error) {
        switch (-error) {
        case ENOKEY:
        case EKEYREJECTED:
                return X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN; /* unknown_ca */
        case EKEYEXPIRED:
                return X509_V_ERR_CERT_HAS_EXPIRED; /* certificate_expired */
        case EKEYREVOKED:
                return X509_V_ERR_CERT_REVOKED; /* certificate_revoked */
        case EPROTO:
                return X509_V_ERR_APPLICATION_VERIFICATION; /* handshake_failure */
        case ENOMEM:
                return X509_V_ERR_OUT_OF_MEM; /* internal_error */
        }
        return X509_V_ERR_CERT_REJECTED; /* bad_certificate */
}

/* By the tracker's certificate our clock is off, or something is wrong with the tracker: who reads
 * it has to find out which. */
static int refuse_tracker_time(Tls *t, const Subject *s) {
        char off[CLOCK_OFF_TEXT_SIZE];
        uint64_t now = tls_now(t);

        if (now < s->not_before)
                return tls_refuse(
                        t, -EKEYEXPIRED,
                        "your clock is at least %s, or the tracker's certificate is wrong "
                        "(to set the clock: timedatectl set-ntp true)",
                        clock_describe_off((int64_t) (s->not_before - now), true, off));
        return tls_refuse(t, -EKEYEXPIRED,
                          "your clock is at least %s, or the tracker's certificate has ended (to "
                          "set the clock: timedatectl set-ntp true)",
                          clock_describe_off(-(int64_t) (now - s->not_after), true, off));
}

/* How a certificate was refused that chain_verify() does not vouch for. */
static int refuse_certificate(Tls *t, const Certificate *leaf, int r) {
        Subject s;

        if (r == -ENOMEM)
                return tls_refuse(t, r, "out of memory");
        if (r != -EKEYEXPIRED || certificate_read_subject(leaf, &s) < 0)
                return tls_refuse(t, -EACCES,
                                  "the other side's certificate is not one of this tracker");
        if (s.kind == SUBJECT_TRACKER)
                return refuse_tracker_time(t, &s);
        return tls_refuse(t, r, "the other side's certificate is not valid at this time");
}

/* The authorities that were sent along behind the leaf. */
static int read_sent_chain(STACK_OF(X509) * sent, Chain **ret) {
        Certificate *certificates[AUTHORITIES_MAX] = {};
        size_t n = 0;
        int n_sent = sk_X509_num(sent), r = 0;

        if (n_sent < 2 || n_sent - 1 > AUTHORITIES_MAX)
                return -EBADMSG;
        for (int i = 1; i < n_sent && r >= 0; i++) {
                r = certificate_new_from_x509(sk_X509_value(sent, i), &certificates[n]);
                if (r >= 0)
                        n++;
        }
        if (r >= 0)
                r = chain_new((const Certificate *const *) certificates, n, ret);
        while (n > 0)
                certificate_free(certificates[--n]);
        return r;
}

static bool is_trusted_tracker(const Tls *t, const Chain *offered) {
        const TlsConfig *c = t->config;

        return chain_has_pin(offered, c->pin) &&
               (!c->chain || streq(chain_get_tracker_id(offered), chain_get_tracker_id(c->chain)));
}

static int verify_tracker(Tls *t, const Certificate *leaf, STACK_OF(X509) * sent) {
        _cleanup_(chain_freep) Chain *chain = NULL;
        Subject s;
        int r;

        if (sk_X509_num(sent) < 2)
                return tls_refuse(t, -EACCES, "the other side showed no certificate of a tracker");
        r = read_sent_chain(sent, &chain);
        if (r == -ENOMEM)
                return tls_refuse(t, r, "out of memory");
        if (r < 0)
                return tls_refuse(t, -EACCES, "the other side showed no authority of a tracker");
        memcpy(t->offered_pin, chain_get_pin(chain), sizeof(t->offered_pin));

        /* Another pin than the one held says more than whatever else is wrong. */
        if (t->config->pin[0] && !is_trusted_tracker(t, chain))
                return tls_refuse(t, -EKEYREJECTED, "this is not the tracker that is trusted here");

        r = certificate_read_subject(leaf, &s);
        if (r < 0 || s.kind != SUBJECT_TRACKER ||
            !streq(s.tracker_id, chain_get_tracker_id(chain))) {
                t->offered_pin[0] = 0;
                return tls_refuse(t, -EACCES, "the other side is not a tracker");
        }
        r = chain_verify(chain, leaf, tls_now(t), &s);
        if (r < 0) {
                t->offered_pin[0] = 0;
                return refuse_certificate(t, leaf, r);
        }
        if (!t->config->pin[0])
                return tls_refuse(t, -ENOKEY, "nobody has said yet that this tracker is trusted");

        t->offered_chain = TAKE_PTR(chain);
        t->peer = s;
        return 0;
}

/* By the authority that is shown first, which came after those we know of. It says nothing of
 * those: only the tracker's word is kept. Nor does one that stands further down: who has the key of
 * a predecessor can put a chain of its own above it, our present authority's key among it. */
static int verify_by_successor(Tls *t, const Certificate *leaf, STACK_OF(X509) * sent,
                               Subject *ret) {
        const Chain *ours = t->config->chain;
        _cleanup_(chain_freep) Chain *chain = NULL;
        int r;

        r = read_sent_chain(sent, &chain);
        if (r < 0)
                return r;
        if (chain_find_issuer(chain, leaf) != 0 || !chain_has_pin(chain, chain_get_pin(ours)) ||
            !streq(chain_get_tracker_id(chain), chain_get_tracker_id(ours)))
                return -EBADMSG;
        return chain_verify(chain, leaf, tls_now(t), ret);
}

static int verify_peer(Tls *t, const Certificate *leaf, STACK_OF(X509) * sent) {
        const Chain *chain = t->config->chain;
        Subject s;
        int r;

        if (!chain)
                return tls_refuse(t, -EACCES,
                                  "no tracker is known here that could vouch for peers");
        r = certificate_read_subject(leaf, &s);
        if (r < 0 || (s.kind != SUBJECT_USER && s.kind != SUBJECT_GUEST))
                return tls_refuse(t, -EACCES,
                                  "the other side's certificate names no user or guest");
        if (!streq(s.tracker_id, chain_get_tracker_id(chain)))
                return tls_refuse(t, -EACCES, "the other side belongs to another tracker");
        r = chain_find_issuer(chain, leaf) >= 0 ? chain_verify(chain, leaf, tls_now(t), &s)
                                                : verify_by_successor(t, leaf, sent, &s);
        if (r < 0)
                return refuse_certificate(t, leaf, r);
        t->peer = s;
        return 0;
}

static int verify(Tls *t, X509_STORE_CTX *ctx) {
        _cleanup_(certificate_freep) Certificate *leaf = NULL;
        const unsigned char *alpn;
        unsigned n_alpn;
        int r;

        /* A server that ignores ALPN is no p2pchat: it must not get a Finished from us. Where we
         * accept, the protocol was chosen before. */
        SSL_get0_alpn_selected(t->ssl, &alpn, &n_alpn);
        if (n_alpn == 0)
                return tls_refuse(t, -EPROTO, "the other side does not speak " TLS_ALPN_NAME);

        r = certificate_new_from_x509(X509_STORE_CTX_get0_cert(ctx), &leaf);
        if (r < 0)
                return tls_refuse(t, r, "out of memory");
        r = (t->config->expect == TLS_EXPECT_TRACKER ? verify_tracker : verify_peer)(
                t, leaf, X509_STORE_CTX_get0_untrusted(ctx));
        if (r < 0)
                return r;

        if (t->config->check) {
                r = t->config->check(&t->peer, t->config->userdata);
                if (r < 0)
                        return tls_refuse(t, r,
                                          r == -EKEYREVOKED
                                                  ? "the other side's key has been revoked"
                                                  : "the other side is not who was expected");
        }
        t->has_peer = true;
        return 0;
}

static int on_verify(X509_STORE_CTX *ctx, void *userdata) {
        SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
        int r;

        r = verify(SSL_get_app_data(ssl), ctx);
        ERR_clear_error();
        X509_STORE_CTX_set_error(ctx, r < 0 ? x509_error_for(r) : X509_V_OK);
        return r >= 0;
}

/* OpenSSL asks on_alpn_select() only where the extension is there. */
static int on_client_hello(SSL *ssl, int *ret_alert, void *userdata) {
        const unsigned char *data;
        size_t n;

        if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation,
                                      &data, &n) == 1)
                return SSL_CLIENT_HELLO_SUCCESS;
        (void) tls_refuse(SSL_get_app_data(ssl), -EPROTO,
                          "the other side does not speak " TLS_ALPN_NAME);
        *ret_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
        return SSL_CLIENT_HELLO_ERROR;
}

static int on_alpn_select(SSL *ssl, const unsigned char **ret, unsigned char *ret_n,
                          const unsigned char *offered, unsigned n_offered, void *userdata) {
        unsigned char *selected;

        if (SSL_select_next_proto(&selected, ret_n, alpn_wire, sizeof(alpn_wire) - 1, offered,
                                  n_offered) == OPENSSL_NPN_NEGOTIATED) {
                *ret = selected;
                return SSL_TLSEXT_ERR_OK;
        }
        (void) tls_refuse(SSL_get_app_data(ssl), -EPROTO,
                          "the other side does not speak " TLS_ALPN_NAME);
        return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static int configure_identity(TlsConfig *c, const TlsParameters *p) {
        if (!p->key != !p->certificate)
                return -EINVAL;
        if (!p->key)
                return 0;
        if (SSL_CTX_use_certificate(c->ctx, certificate_get_x509(p->certificate)) != 1 ||
            SSL_CTX_use_PrivateKey(c->ctx, key_get_pkey(p->key)) != 1 ||
            SSL_CTX_check_private_key(c->ctx) != 1)
                return openssl_error(-EINVAL);
        if (!p->chain)
                return 0;
        for (size_t i = (size_t) MAX(chain_find_issuer(p->chain, p->certificate), 0);
             i < chain_get_n(p->chain); i++)
                if (SSL_CTX_add1_chain_cert(c->ctx, certificate_get_x509(chain_get(p->chain, i))) !=
                    1)
                        return openssl_error(-EINVAL);
        return 0;
}

int tls_config_new(const TlsParameters *p, TlsConfig **ret) {
        _cleanup_(tls_config_freep) TlsConfig *c = NULL;
        int r, mode;

        if (p->pin && strlen(p->pin) >= PIN_SIZE)
                return -EINVAL;
        c = new0(TlsConfig, 1);
        if (!c)
                return -ENOMEM;
        *c = (TlsConfig){
                .n_ref = 1,
                .own_time.clock = p->clock,
                .expect = p->expect,
                .chain = chain_ref(p->chain),
                .check = p->check,
                .userdata = p->userdata,
                .ctx = SSL_CTX_new(TLS_method()),
                .bio_method = tls_bio_method_new(),
        };
        c->time = p->time ?: &c->own_time;
        if (p->pin)
                memcpy(c->pin, p->pin, strlen(p->pin) + 1);
        if (!c->ctx || !c->bio_method)
                return openssl_error(-ENOMEM);

        if (SSL_CTX_set_min_proto_version(c->ctx, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_max_proto_version(c->ctx, TLS1_3_VERSION) != 1 ||
            SSL_CTX_set_num_tickets(c->ctx, 0) != 1 || SSL_CTX_set_max_early_data(c->ctx, 0) != 1 ||
            SSL_CTX_set_alpn_protos(c->ctx, alpn_wire, sizeof(alpn_wire) - 1) != 0)
                return openssl_error(-ENOMEM);
        SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_options(c->ctx, SSL_OP_NO_TICKET);
        SSL_CTX_set_mode(c->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                         SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                         SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
        SSL_CTX_set_max_cert_list(c->ctx, CERTIFICATE_LIST_BYTES_MAX);
        SSL_CTX_set_alpn_select_cb(c->ctx, on_alpn_select, NULL);
        SSL_CTX_set_client_hello_cb(c->ctx, on_client_hello, NULL);

        mode = SSL_VERIFY_PEER;
        if (c->expect == TLS_EXPECT_PEER)
                mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
        SSL_CTX_set_verify(c->ctx, mode, NULL);
        SSL_CTX_set_cert_verify_callback(c->ctx, on_verify, NULL);

        r = configure_identity(c, p);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

TlsConfig *tls_config_ref(TlsConfig *c) {
        if (c)
                c->n_ref++;
        return c;
}

TlsConfig *tls_config_free(TlsConfig *c) {
        if (!c || --c->n_ref > 0)
                return NULL;
        SSL_CTX_free(c->ctx);
        BIO_meth_free(c->bio_method);
        chain_free(c->chain);
        free(c);
        return NULL;
}
