/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who accepts whom (protocol §1) where every certificate is made by the rules; leaves forged
 * ones to test-handshake-forged.c. */
#include "unit/net/handshake-fixture.h"

static int refuse(const Subject *peer, void *userdata) {
        assert_string_equal(peer->name, "bobby");
        return *(const int *) userdata;
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
        assert_non_null(conn_get_offered_chain(f->dialling.conn));
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
                                  .chain = f->ours->chain };
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
                .chain = f->ours->chain,
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
                            .chain = f->ours->chain };
        assert_int_equal(tls_config_new(&p, &config), -EINVAL);
        p.key = NULL;
        assert_int_equal(tls_config_new(&p, &config), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_tracker, setup, teardown),
                cmocka_unit_test_setup_teardown(test_other_peers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_check, setup, teardown),
                cmocka_unit_test_setup_teardown(test_config, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
