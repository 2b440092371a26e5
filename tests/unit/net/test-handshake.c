/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who accepts whom (protocol §1), both sides of every handshake; leaves what follows to
 * others. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/conn.h"
#include "net/identity-openssl.h"
#include "support/authority.h"
#include "support/loop.h"
#include "wire/limits.h"

typedef struct Side {
        Conn *conn;
        unsigned n_opened, n_closed, n_lines;
        ConnClosed why;
} Side;

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *ours, *other;
        Side dialling, accepting;
        SSL *raw; /* instead of one of them */
        int raw_fd;
        unsigned long raw_error;
} Fixture;

static void on_open(Conn *c, void *userdata) {
        ((Side *) userdata)->n_opened++;
}

static bool on_line(Conn *c, const char *line, size_t n, void *userdata) {
        Side *s = userdata;

        s->n_lines++;
        assert_int_equal(n, 4);
        assert_memory_equal(line, "data", 4);
        return true;
}

static void on_closed(Conn *c, const ConnClosed *why, void *userdata) {
        Side *s = userdata;

        s->n_closed++;
        s->why = *why;
        assert_true(why->message[0] != 0);
}

static const ConnHandlers handlers = { .on_open = on_open,
                                       .on_line = on_line,
                                       .on_closed = on_closed };

static void side_start(Fixture *f, Side *s, int fd, bool accepting, TlsConfig *tls) {
        static const Address nowhere = { .size = sizeof(nowhere.in),
                                         .in = { .sin_family = AF_INET } };

        *s = (Side){};
        assert_int_equal(
                conn_new(&f->loop->rt, fd, &nowhere, tls, accepting, &handlers, s, &s->conn), 0);
        /* Waits behind the handshake: it must never get out when that fails. */
        assert_int_equal(conn_send(s->conn, "data\n", 5), 0);
}

static void side_stop(Side *s) {
        s->conn = conn_free(s->conn);
}

static void make_pair(int fds[static 2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
}

/* Lets both shake hands and whatever follows happen. */
static void meet(Fixture *f, TlsConfig *dialling, TlsConfig *accepting) {
        int fds[2];

        make_pair(fds);
        side_start(f, &f->dialling, fds[0], false, dialling);
        side_start(f, &f->accepting, fds[1], true, accepting);
        test_loop_run(f->loop, 2 * USEC_PER_SEC);
}

static void part(Fixture *f) {
        side_stop(&f->dialling);
        side_stop(&f->accepting);
}

static void assert_met(Fixture *f) {
        assert_int_equal(f->dialling.n_lines, 1);
        assert_int_equal(f->accepting.n_lines, 1);
        assert_int_equal(f->dialling.n_closed + f->accepting.n_closed, 0);
}

/* The dialler refused: the other side never comes to read a byte. */
static void assert_dialler_refused(Fixture *f, int error, int told) {
        assert_int_equal(f->dialling.n_opened, 0);
        assert_int_equal(f->dialling.n_closed, 1);
        assert_int_equal(f->dialling.why.error, error);
        assert_int_equal(f->dialling.why.stage, CONN_HANDSHAKE);
        assert_int_equal(f->accepting.n_opened, 0);
        assert_int_equal(f->accepting.n_lines + f->dialling.n_lines, 0);
        assert_int_equal(f->accepting.n_closed, 1);
        assert_int_equal(f->accepting.why.error, told);
}

/* The accepting side refused: TLS 1.3 lets the dialler learn it afterwards. */
static void assert_dialler_was_refused(Fixture *f, int error, int told) {
        assert_int_equal(f->accepting.n_opened, 0);
        assert_int_equal(f->accepting.n_closed, 1);
        assert_int_equal(f->accepting.why.error, error);
        assert_int_equal(f->accepting.why.stage, CONN_HANDSHAKE);
        assert_int_equal(f->accepting.n_lines + f->dialling.n_lines, 0);
        assert_int_equal(f->dialling.n_closed, 1);
        assert_int_equal(f->dialling.why.error, told);
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->raw_fd = -EBADF;
        f->loop = test_loop_new();
        f->ours = test_authority_new(f->loop->rt.clock);
        f->other = test_authority_new(f->loop->rt.clock);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        part(f);
        SSL_free(f->raw);
        close_fd(f->raw_fd);
        test_authority_free(f->ours);
        test_authority_free(f->other);
        test_loop_free(f->loop);
        free(f);
        return 0;
}

static TlsConfig *nobody(Fixture *f, const char *pin) {
        const TlsParameters p = { .clock = f->loop->rt.clock,
                                  .expect = TLS_EXPECT_TRACKER,
                                  .pin = pin };
        TlsConfig *config;

        assert_int_equal(tls_config_new(&p, &config), 0);
        return config;
}

static void test_tracker(void **state) {
        Fixture *f = *state;
        _cleanup_(tls_config_freep) TlsConfig *tracker = NULL, *user = NULL, *known = NULL,
                                              *unknown = NULL, *wrong = NULL, *member = NULL;

        tracker = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        user = test_authority_tls(f->ours, SUBJECT_USER, "mallory", TLS_EXPECT_PEER_OR_NOBODY);
        member = test_authority_tls(f->ours, SUBJECT_GUEST, "guest-gus", TLS_EXPECT_TRACKER);
        known = nobody(f, f->ours->pin);
        unknown = nobody(f, NULL);
        wrong = nobody(f, f->other->pin);

        meet(f, known, tracker);
        assert_met(f);
        assert_int_equal(conn_get_peer(f->dialling.conn)->kind, SUBJECT_TRACKER);
        assert_string_equal(conn_get_offered_pin(f->dialling.conn), f->ours->pin);
        assert_non_null(conn_get_offered_ca(f->dialling.conn));
        assert_null(conn_get_peer(f->accepting.conn));
        part(f);

        meet(f, member, tracker);
        assert_met(f);
        assert_int_equal(conn_get_peer(f->accepting.conn)->kind, SUBJECT_GUEST);
        assert_string_equal(conn_get_peer(f->accepting.conn)->name, "guest-gus");
        assert_string_equal(conn_get_peer(f->accepting.conn)->tracker_id, f->ours->tracker_id);
        part(f);

        meet(f, unknown, tracker);
        assert_dialler_refused(f, -ENOKEY, -EACCES);
        assert_string_equal(f->dialling.why.offered_pin, f->ours->pin);
        part(f);

        meet(f, wrong, tracker);
        assert_dialler_refused(f, -EKEYREJECTED, -EACCES);
        assert_string_equal(f->dialling.why.offered_pin, f->ours->pin);
        part(f);

        /* The right CA beside a leaf that is no tracker's. */
        meet(f, known, user);
        assert_dialler_refused(f, -EACCES, -EACCES);
        assert_string_equal(f->dialling.why.offered_pin, "");
        part(f);

        /* Nor is it offered to a person as one. */
        meet(f, unknown, user);
        assert_dialler_refused(f, -EACCES, -EACCES);
        part(f);

        clock_virtual_jump_realtime(f->loop->rt.clock,
                                    CERTIFICATE_TRACKER_DAYS * USEC_PER_DAY + USEC_PER_SEC);
        meet(f, known, tracker);
        assert_dialler_refused(f, -EKEYEXPIRED, -EKEYEXPIRED);
        part(f);

        /* The pin says more than the date. */
        meet(f, wrong, tracker);
        assert_dialler_refused(f, -EKEYREJECTED, -EACCES);
}

/* Each is refused as tracker, though the CA beside it is the one that is pinned. */
static void test_forged_trackers(void **state) {
        Fixture *f = *state;
        _cleanup_(tls_config_freep) TlsConfig *known = NULL;
        char right[96], foreign[96];
        const struct {
                bool by_other;
                TestForgery forgery;
        } table[] = {
                { true, { .san = right } }, /* not signed by it */
                { false, { .san = foreign } },
                { false, { .san = right, .extended_key_usage = "clientAuth" } },
                { false, { .san = right, .basic_constraints = "CA:TRUE" } },
                { false, { .san = right, .second_san_extension = right } },
        };

        snprintf(right, sizeof(right), "URI:p2pchat://%s/tracker", f->ours->tracker_id);
        snprintf(foreign, sizeof(foreign), "URI:p2pchat://%s/tracker", f->other->tracker_id);
        known = nobody(f, f->ours->pin);
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                const TlsParameters p = {
                        .clock = f->loop->rt.clock,
                        .expect = TLS_EXPECT_PEER_OR_NOBODY,
                        .ca = f->ours->ca,
                };
                TestAuthority signer = *(table[i].by_other ? f->other : f->ours);
                _cleanup_(tls_config_freep) TlsConfig *forged = NULL;

                signer.ca = f->ours->ca; /* what is shown, whoever signed */
                forged = test_authority_forge(&signer, &table[i].forgery, &p);
                meet(f, known, forged);
                assert_dialler_refused(f, -EACCES, -EACCES);
                part(f);
        }
}

/* Each is refused as peer, dialling and accepting. */
static void test_forged_peers(void **state) {
        Fixture *f = *state;
        _cleanup_(tls_config_freep) TlsConfig *alice = NULL;
        const uint64_t now = TEST_REALTIME;
        char uri[12][128];
        static const char *const paths[] = {
                "tracker",         "user/Mallory",  "user/owner",   "user/guest-eve",
                "guest/eve",       "user/mallory/", "user/",        "user/a",
                "user/mallory%00", "admin/mallory", "User/mallory", "user/mall ory",
        };
        char two[256], dns_too[256], foreign[128], upper[128];
        TestForgery table[ELEMENTSOF(paths) + 14] = {};
        int error[ELEMENTSOF(table)];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                snprintf(uri[i], sizeof(uri[i]), "URI:p2pchat://%s/%s", f->ours->tracker_id,
                         paths[i]);
                table[n++].san = uri[i];
        }
        snprintf(foreign, sizeof(foreign), "URI:p2pchat://%s/user/mallory", f->other->tracker_id);
        snprintf(two, sizeof(two), "URI:p2pchat://%s/user/mallory,URI:p2pchat://%s/user/alice",
                 f->ours->tracker_id, f->ours->tracker_id);
        snprintf(dns_too, sizeof(dns_too), "URI:p2pchat://%s/user/mallory,DNS:example.org",
                 f->ours->tracker_id);
        snprintf(upper, sizeof(upper), "URI:P2PCHAT://%s/user/mallory", f->ours->tracker_id);
        table[n++].san = foreign;
        table[n++].san = two;
        table[n++].san = dns_too;
        table[n++].san = upper;
        table[n++].san = "DNS:mallory";
        table[n++].san = "";
        table[n++].second_san_extension = foreign;
        table[n++].basic_constraints = "critical,CA:TRUE";
        table[n++].basic_constraints = "";
        table[n++].extended_key_usage = "clientAuth";
        table[n++].extended_key_usage = "";
        table[n++].p256 = true;
        for (size_t i = 0; i < n; i++)
                error[i] = -EACCES;
        error[n] = -EKEYEXPIRED;
        table[n++].not_after = now - 60 * USEC_PER_SEC;
        error[n] = -EKEYEXPIRED;
        table[n++].not_before = now + USEC_PER_HOUR;
        assert_int_equal(n, ELEMENTSOF(table));

        alice = test_authority_tls(f->ours, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        for (size_t i = 0; i <= n; i++) {
                const TlsParameters p = {
                        .clock = f->loop->rt.clock,
                        .expect = TLS_EXPECT_PEER,
                        .ca = f->ours->ca,
                };
                static const TestForgery none;
                _cleanup_(tls_config_freep) TlsConfig *mallory = NULL;

                mallory = test_authority_forge(f->ours, i < n ? &table[i] : &none, &p);
                meet(f, alice, mallory);
                if (i == n)
                        assert_met(f); /* but for what is forged, the certificates are good */
                else
                        assert_dialler_refused(f, error[i], error[i]);
                part(f);
                meet(f, mallory, alice);
                if (i == n)
                        assert_met(f);
                else
                        assert_dialler_was_refused(f, error[i], error[i]);
                part(f);
        }
}

static void test_other_peers(void **state) {
        Fixture *f = *state;
        _cleanup_(tls_config_freep) TlsConfig *alice = NULL, *bob = NULL, *stranger = NULL,
                                              *tracker = NULL, *none = NULL, *open = NULL;

        alice = test_authority_tls(f->ours, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        bob = test_authority_tls(f->ours, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);
        stranger = test_authority_tls(f->other, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);
        tracker = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER);
        open = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        const TlsParameters p = { .clock = f->loop->rt.clock,
                                  .expect = TLS_EXPECT_PEER,
                                  .ca = f->ours->ca };
        assert_int_equal(tls_config_new(&p, &none), 0);

        meet(f, alice, bob);
        assert_met(f);
        assert_string_equal(conn_get_peer(f->dialling.conn)->name, "bobby");
        assert_string_equal(conn_get_peer(f->accepting.conn)->name, "alice");
        part(f);

        meet(f, alice, stranger);
        assert_dialler_refused(f, -EACCES, -EACCES);
        part(f);
        meet(f, alice, tracker);
        assert_dialler_refused(f, -EACCES, -EACCES);
        part(f);
        meet(f, none, alice); /* no certificate */
        assert_dialler_was_refused(f, -EACCES, -EACCES);
        part(f);

        /* Where a certificate is optional, a bad one is still refused. */
        _cleanup_(tls_config_freep) TlsConfig *bad = NULL;
        static const TestForgery ca_true = { .basic_constraints = "CA:TRUE" };
        const TlsParameters towards_tracker = { .clock = f->loop->rt.clock,
                                                .expect = TLS_EXPECT_TRACKER,
                                                .pin = f->ours->pin };
        bad = test_authority_forge(f->ours, &ca_true, &towards_tracker);
        meet(f, bad, open);
        assert_dialler_was_refused(f, -EACCES, -EACCES);
}

static int refuse(const Subject *peer, void *userdata) {
        assert_string_equal(peer->name, "bobby");
        return *(const int *) userdata;
}

static void test_check(void **state) {
        Fixture *f = *state;
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        _cleanup_(tls_config_freep) TlsConfig *alice = NULL, *bob = NULL;
        int answer = 0;

        assert_int_equal(key_generate(&key), 0);
        certificate = test_authority_issue(f->ours, key, SUBJECT_USER, "alice");
        const TlsParameters p = {
                .clock = f->loop->rt.clock,
                .expect = TLS_EXPECT_PEER,
                .key = key,
                .certificate = certificate,
                .ca = f->ours->ca,
                .check = refuse,
                .userdata = &answer,
        };
        assert_int_equal(tls_config_new(&p, &alice), 0);
        bob = test_authority_tls(f->ours, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);

        meet(f, alice, bob);
        assert_met(f);
        part(f);
        answer = -EKEYREVOKED;
        meet(f, bob, alice);
        assert_dialler_was_refused(f, -EKEYREVOKED, -EKEYREVOKED);
        part(f);
        answer = -EACCES;
        meet(f, alice, bob);
        assert_dialler_refused(f, -EACCES, -EACCES);
}

static bool raw_turn(void *userdata) {
        Fixture *f = userdata;
        char buffer[64];
        int r;

        ERR_clear_error();
        r = SSL_do_handshake(f->raw);
        if (r == 1)
                r = SSL_read(f->raw, buffer, sizeof(buffer));
        if (r > 0 || SSL_get_error(f->raw, r) == SSL_ERROR_WANT_READ)
                return false;
        f->raw_error = ERR_peek_last_error();
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
                f->raw_fd = fds[0];
                f->raw = SSL_new(ctx);
                SSL_set_fd(f->raw, f->raw_fd);
                if (table[i].dials)
                        SSL_set_connect_state(f->raw);
                else
                        SSL_set_accept_state(f->raw);

                side_start(f, side, fds[1], table[i].dials, table[i].dials ? tracker : known);
                test_loop_until(f->loop, raw_turn, f, USEC_PER_SEC);
                if (table[i].alert > 0)
                        assert_int_equal(ERR_GET_REASON(f->raw_error), 1000 + table[i].alert);
                f->raw_fd = close_fd(f->raw_fd);
                test_loop_run(f->loop, 2 * USEC_PER_SEC);
                assert_int_equal(side->n_opened, 0);
                assert_int_equal(side->n_closed, 1);
                assert_int_equal(side->why.error, -EPROTO);
                side_stop(side);
                SSL_free(f->raw);
                f->raw = NULL;
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
        test_loop_run(f->loop, TLS_TIMEOUT_USEC - 1);
        assert_int_equal(f->accepting.n_closed, 0);
        test_loop_run(f->loop, 1);
        assert_int_equal(f->accepting.n_closed, 1);
        assert_int_equal(f->accepting.why.error, -ETIMEDOUT);
        assert_int_equal(f->accepting.why.stage, CONN_HANDSHAKE);
        close(fds[0]);
}

static void test_config(void **state) {
        Fixture *f = *state;
        _cleanup_(key_freep) Key *key = NULL, *another = NULL;
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        TlsConfig *config;

        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(key_generate(&another), 0);
        certificate = test_authority_issue(f->ours, key, SUBJECT_USER, "alice");
        TlsParameters p = { .clock = f->loop->rt.clock,
                            .key = another,
                            .certificate = certificate,
                            .ca = f->ours->ca };
        assert_int_equal(tls_config_new(&p, &config), -EINVAL);
        p.key = NULL;
        assert_int_equal(tls_config_new(&p, &config), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_tracker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_forged_trackers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_forged_peers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_peers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_check, setup, teardown),
                cmocka_unit_test_setup_teardown(test_not_our_tls, setup, teardown),
                cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
                cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
                cmocka_unit_test_setup_teardown(test_config, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
