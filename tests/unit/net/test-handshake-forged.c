/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that a certificate which breaks one rule (protocol §1) is refused, on both sides. */
#include "unit/net/handshake-fixture.h"

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
                        .chain = f->ours->chain,
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
                        .chain = f->ours->chain,
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

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_forged_trackers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_forged_peers, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
