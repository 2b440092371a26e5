/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds handshakes to protocol §1 "Rotation": who held an older pin, who holds the newer one, peers
 * on different sides of a rotation, and what a stolen key of before can do. */
#include "net/identity-openssl.h"
#include "net/tls-internal.h"
#include "unit/net/handshake-fixture.h"

/* What somebody with a's present key shows when the authorities beside it are these. */
static TlsConfig *showing(const TestAuthority *a, SubjectKind kind, TlsExpect expect,
                          const Certificate *const *certificates, size_t n) {
        TestAuthority alone = *a;
        TlsConfig *config;

        alone.chain = NULL;
        config = test_authority_tls(&alone, kind, kind == SUBJECT_USER ? "mallory" : NULL, expect);
        for (size_t i = 0; i < n; i++)
                assert_int_equal(
                        SSL_CTX_add1_chain_cert(config->ctx, certificate_get_x509(certificates[i])),
                        1);
        return config;
}

/* The same authority as it is now, for later. */
static TestAuthority *copy_of(const TestAuthority *a) {
        TestAuthority *c = new0(TestAuthority, 1);

        assert_non_null(c);
        *c = *a;
        key_ref(c->key);
        chain_ref(c->chain);
        certificate_ref(c->ca);
        return c;
}

static void test_pins(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *before = copy_of(f->ours);
        _cleanup_(test_authority_freep) TestAuthority *stolen = copy_of(f->ours);
        _cleanup_(tls_config_freep) TlsConfig *tracker = NULL, *old_tracker = NULL, *thief = NULL,
                                              *old = NULL, *new = NULL, *unknown = NULL;

        for (unsigned i = 0; i < 3; i++)
                test_authority_rotate(f->ours);
        test_authority_rotate(stolen);
        tracker = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        old_tracker = test_authority_tls(before, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        thief = test_authority_tls(stolen, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        old = nobody(f, before->pin);
        new = nobody(f, f->ours->pin);
        unknown = nobody(f, NULL);

        meet(f, old, tracker);
        assert_met(f);
        assert_string_equal(conn_get_offered_pin(f->dialling.conn), f->ours->pin);
        assert_int_equal(chain_get_n(conn_get_offered_chain(f->dialling.conn)), 4);
        assert_string_equal(conn_get_peer(f->dialling.conn)->tracker_id, before->tracker_id);
        part(f);
        meet(f, new, tracker);
        assert_met(f);
        part(f);
        meet(f, unknown, tracker);
        assert_dialler_refused(f, -ENOKEY, -EACCES);
        assert_string_equal(f->dialling.why.offered_pin, f->ours->pin);
        part(f);
        /* Nobody goes back: not to the tracker of before, not to what its stolen key signed. */
        meet(f, new, old_tracker);
        assert_dialler_refused(f, -EKEYREJECTED, -EACCES);
        assert_string_equal(f->dialling.why.offered_pin, before->pin);
        part(f);
        meet(f, new, thief);
        assert_dialler_refused(f, -EKEYREJECTED, -EACCES);
        part(f);
}

static void test_shown_lies(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *before = copy_of(f->ours);
        _cleanup_(tls_config_freep) TlsConfig *old = NULL, *new = NULL;
        const Certificate *c[AUTHORITIES_MAX + 1];

        for (unsigned i = 0; i < AUTHORITIES_MAX - 1; i++)
                test_authority_rotate(f->ours);
        for (size_t i = 0; i < AUTHORITIES_MAX; i++)
                c[i] = chain_get(f->ours->chain, i);
        c[AUTHORITIES_MAX] = f->other->ca;
        old = nobody(f, before->pin);
        new = nobody(f, f->ours->pin);
        const struct {
                const TestAuthority *signer;
                const Certificate *shown[AUTHORITIES_MAX + 1];
                size_t n;
                int error;
        } table[] = {
                { f->ours, { c[0] }, 1, -EACCES },
                { f->ours, { c[7], c[6], c[5], c[4], c[3], c[2], c[1], c[0] }, 8, -EACCES },
                { f->ours, { c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8] }, 9, -EACCES },
                { f->ours, { c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[7] }, 9, -EACCES },
                { f->ours, { c[0], c[7] }, 2, -EACCES },
                { f->ours, { c[0], c[8] }, 2, -EACCES },
                /* One of before signs beside the chain of now. */
                { before, { c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7] }, 8, -EACCES },
                /* Somebody else does, and shows our chain. */
                { f->other, { c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7] }, 8, -EACCES },
                { f->other, { c[8] }, 1, -EKEYREJECTED },
        };
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                _cleanup_(tls_config_freep) TlsConfig *liar = NULL;

                liar = showing(table[i].signer, SUBJECT_TRACKER, TLS_EXPECT_PEER_OR_NOBODY,
                               table[i].shown, table[i].n);
                meet(f, old, liar);
                assert_dialler_refused(f, table[i].error, -EACCES);
                part(f);
                meet(f, new, liar);
                assert_dialler_refused(f, table[i].error, -EACCES);
                part(f);
        }
        {
                _cleanup_(tls_config_freep) TlsConfig *right = NULL;

                right = showing(f->ours, SUBJECT_TRACKER, TLS_EXPECT_PEER_OR_NOBODY, c,
                                AUTHORITIES_MAX);
                meet(f, old, right);
                assert_met(f);
                part(f);
        }
}

/* Host and member, each of which may be the one that knows nothing of the rotation. */
static void test_peers(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *before = copy_of(f->ours);
        _cleanup_(test_authority_freep) TestAuthority *stolen = copy_of(f->ours);
        _cleanup_(tls_config_freep) TlsConfig *old = NULL, *new = NULL, *thief = NULL;
        uint64_t end;

        old = test_authority_tls(before, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        test_authority_rotate(f->ours);
        test_authority_rotate(f->ours);
        test_authority_rotate(stolen);
        new = test_authority_tls(f->ours, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);
        thief = test_authority_tls(stolen, SUBJECT_USER, "alice", TLS_EXPECT_PEER);

        meet(f, old, new);
        assert_met(f);
        assert_string_equal(conn_get_peer(f->accepting.conn)->name, "alice");
        assert_string_equal(conn_get_peer(f->dialling.conn)->name, "bobby");
        end = certificate_get_not_before(chain_get(f->ours->chain, 1)) + PREDECESSOR_USEC;
        assert_int_equal(conn_get_peer(f->accepting.conn)->not_after, end);
        part(f);
        meet(f, new, old);
        assert_met(f);
        part(f);
        /* A chain that leaves out the authority known here is not its successor's. */
        meet(f, new, thief);
        assert_dialler_refused(f, -EACCES, -EACCES);
        part(f);
        meet(f, thief, new);
        assert_dialler_was_refused(f, -EACCES, -EACCES);
        part(f);
        /* Who knows nothing of it is no worse off than with the stolen key alone. */
        meet(f, thief, old);
        assert_met(f);
        part(f);
}

/* The key of before signs one of its own, and that one the key that is known here: now the known
 * one stands in a chain, and nothing above it was signed by its key. */
static void test_stolen_key_names_the_present_one(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *stolen = copy_of(f->ours);
        _cleanup_(certificate_freep) Certificate *forged = NULL;
        _cleanup_(tls_config_freep) TlsConfig *new = NULL, *thief = NULL;

        test_authority_rotate(f->ours);
        test_authority_rotate(stolen);
        assert_int_equal(certificate_new_successor(stolen->ca, stolen->key, f->ours->key,
                                                   clock_realtime(f->loop->rt.clock), &forged),
                         0);
        const Certificate *shown[] = { forged, stolen->ca, chain_get(stolen->chain, 1) };

        new = test_authority_tls(f->ours, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);
        thief = showing(stolen, SUBJECT_USER, TLS_EXPECT_PEER, shown, ELEMENTSOF(shown));
        meet(f, new, thief);
        assert_dialler_refused(f, -EACCES, -EACCES);
        part(f);
}

static void test_old_leaves_end(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *before = copy_of(f->ours);
        _cleanup_(tls_config_freep) TlsConfig *late = NULL, *new = NULL, *old = NULL,
                                              *tracker = NULL;

        clock_virtual_jump_realtime(f->loop->rt.clock, (int64_t) USEC_PER_HOUR);
        old = test_authority_tls(before, SUBJECT_USER, "alice", TLS_EXPECT_TRACKER);
        test_authority_rotate(f->ours);
        new = test_authority_tls(f->ours, SUBJECT_USER, "bobby", TLS_EXPECT_PEER);
        tracker = test_authority_tls(f->ours, SUBJECT_TRACKER, NULL, TLS_EXPECT_PEER_OR_NOBODY);
        meet(f, old, tracker);
        assert_met(f);
        part(f);
        /* Signed by the key of before, after it had a successor. */
        clock_virtual_jump_realtime(f->loop->rt.clock, (int64_t) USEC_PER_HOUR);
        late = test_authority_tls(before, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        meet(f, late, new);
        assert_dialler_was_refused(f, -EACCES, -EACCES);
        part(f);
        clock_virtual_jump_realtime(
                f->loop->rt.clock,
                (int64_t) (PREDECESSOR_USEC - USEC_PER_HOUR - USEC_PER_HOUR / 6 - USEC_PER_MINUTE));
        meet(f, old, tracker);
        assert_met(f);
        part(f);
        clock_virtual_jump_realtime(f->loop->rt.clock, (int64_t) (2 * USEC_PER_MINUTE));
        meet(f, old, tracker);
        assert_dialler_was_refused(f, -EKEYEXPIRED, -EKEYEXPIRED);
        part(f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_pins, setup, teardown),
                cmocka_unit_test_setup_teardown(test_shown_lies, setup, teardown),
                cmocka_unit_test_setup_teardown(test_peers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stolen_key_names_the_present_one, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_old_leaves_end, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
