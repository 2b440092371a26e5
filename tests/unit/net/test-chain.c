/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds chains of authorities to protocol §1: what is one, what only looks like one, and whose
 * certificates each of them still vouches for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/authority.h"
#include "support/loop.h"
#include "wire/limits.h"

/* An authority and what it was before each of its rotations. */
typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *a;
        Key *keys[AUTHORITIES_MAX]; /* keys[0]: the first one's */
} Fixture;

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->loop = test_loop_new();
        f->a = test_authority_new(f->loop->rt.clock);
        f->keys[0] = key_ref(f->a->key);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        for (size_t i = 0; i < AUTHORITIES_MAX; i++)
                key_free(f->keys[i]);
        test_authority_free(f->a);
        test_loop_free(f->loop);
        free(f);
        return 0;
}

static void rotate_to(Fixture *f, size_t n) {
        while (chain_get_n(f->a->chain) < n) {
                test_authority_rotate(f->a);
                f->keys[chain_get_n(f->a->chain) - 1] = key_ref(f->a->key);
        }
}

static void assert_no_chain(const Certificate *const *certificates, size_t n) {
        Chain *none = NULL;

        assert_int_equal(chain_new(certificates, n, &none), -EBADMSG);
        assert_null(none);
}

static void test_eight_and_no_more(void **state) {
        Fixture *f = *state;
        _cleanup_(chain_freep) Chain *again = NULL;
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_free_ char *pem = NULL, *longer = NULL;
        char first_pin[PIN_SIZE];
        Chain *none = NULL;

        strcpy(first_pin, f->a->pin);
        assert_true(chain_may_extend(f->a->chain));
        rotate_to(f, AUTHORITIES_MAX);
        assert_string_equal(chain_get_tracker_id(f->a->chain), f->a->tracker_id);
        assert_string_not_equal(f->a->pin, first_pin);
        assert_string_equal(chain_get_pin_at(f->a->chain, AUTHORITIES_MAX - 1), first_pin);
        assert_true(chain_has_pin(f->a->chain, first_pin));
        assert_true(chain_has_pin(f->a->chain, f->a->pin));
        assert_false(chain_has_pin(f->a->chain, ""));

        assert_int_equal(chain_to_pem(f->a->chain, &pem), 0);
        assert_true(strlen(pem) <= CHAIN_BYTES_MAX);
        assert_int_equal(chain_from_pem(pem, &again), 0);
        assert_int_equal(chain_get_n(again), AUTHORITIES_MAX);
        assert_string_equal(chain_get_pin(again), f->a->pin);
        assert_string_equal(chain_get_tracker_id(again), f->a->tracker_id);

        assert_false(chain_may_extend(f->a->chain));
        assert_int_equal(key_generate(&key), 0);
        assert_int_equal(
                chain_extend(f->a->chain, f->a->key, key, clock_realtime(f->a->clock), &none),
                -ENOSPC);
        assert_true(asprintf(&longer, "%s%s", pem, pem) > 0);
        assert_int_equal(chain_from_pem(longer, &none), -EBADMSG);
}

static void test_nine(void **state) {
        Fixture *f = *state;
        const Certificate *nine[AUTHORITIES_MAX + 1];

        rotate_to(f, AUTHORITIES_MAX);
        nine[0] = f->a->ca;
        for (size_t i = 0; i < AUTHORITIES_MAX; i++)
                nine[i + 1] = chain_get(f->a->chain, i);
        assert_no_chain(nine, ELEMENTSOF(nine));
        assert_no_chain(nine, 0);
}

static void test_only_in_order_and_whole(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *other = test_authority_new(f->a->clock);
        const Certificate *c[3];

        rotate_to(f, 3);
        for (size_t i = 0; i < 3; i++)
                c[i] = chain_get(f->a->chain, i);
        const Certificate *const lies[][3] = {
                { c[2], c[1], c[0] },      { c[1], c[0], c[2] },      { c[0], c[2], c[1] },
                { c[0], c[0], c[2] },      { c[0], c[1], c[1] },      { c[0], c[1], c[0] },
                { c[2], c[2], c[2] },      { c[0], c[1], other->ca }, { other->ca, c[1], c[2] },
                { c[0], other->ca, c[2] },
        };
        for (size_t i = 0; i < ELEMENTSOF(lies); i++)
                assert_no_chain(lies[i], 3);
        assert_no_chain((const Certificate *const[]){ c[0], c[2] }, 2); /* one left out */
        assert_no_chain((const Certificate *const[]){ c[0], c[1] }, 2); /* the first left out */
        assert_no_chain((const Certificate *const[]){ c[0] }, 1);
        assert_no_chain((const Certificate *const[]){ c[2], c[2] }, 2);
        {
                _cleanup_(chain_freep) Chain *part = NULL;

                assert_int_equal(chain_new(&c[1], 2, &part), 0);
                assert_string_equal(chain_get_tracker_id(part), f->a->tracker_id);
                assert_false(chain_has_pin(part, f->a->pin));
        }
}

/* Who has a certificate may sign with its key whatever it likes. */
static void test_a_device_is_no_authority(void **state) {
        Fixture *f = *state;
        _cleanup_(key_freep) Key *device = NULL, *key = NULL;
        _cleanup_(certificate_freep) Certificate *leaf = NULL, *forged = NULL, *by_leaf = NULL;
        Subject s = { .kind = SUBJECT_USER, .name = "mallory" };
        Subject read;
        Certificate *none = NULL;

        assert_int_equal(key_generate(&device), 0);
        assert_int_equal(key_generate(&key), 0);
        leaf = test_authority_issue(f->a, device, SUBJECT_USER, "mallory");
        assert_int_equal(certificate_new_successor(leaf, device, key, TEST_REALTIME, &none),
                         -ENOSPC);
        assert_no_chain((const Certificate *const[]){ leaf, f->a->ca }, 2);
        assert_no_chain((const Certificate *const[]){ leaf }, 1);

        /* In the authority's name, by a key that is not its. */
        assert_int_equal(certificate_new_successor(f->a->ca, device, key, TEST_REALTIME, &forged),
                         0);
        assert_no_chain((const Certificate *const[]){ forged, f->a->ca }, 2);
        assert_no_chain((const Certificate *const[]){ forged, leaf, f->a->ca }, 3);

        memcpy(s.tracker_id, f->a->tracker_id, sizeof(s.tracker_id));
        s.not_before = TEST_REALTIME - USEC_PER_HOUR;
        s.not_after = TEST_REALTIME + USEC_PER_DAY;
        assert_int_equal(certificate_issue(leaf, device, key, &s, &by_leaf), 0);
        assert_int_equal(chain_verify(f->a->chain, by_leaf, TEST_REALTIME, &read), -EBADMSG);
}

static void test_pem(void **state) {
        Fixture *f = *state;
        _cleanup_(chain_freep) Chain *good = NULL;
        _cleanup_free_ char *pem = NULL, *ca = NULL, *twice = NULL, *spaced = NULL, *text = NULL,
                            *key_pem = NULL, *with_key = NULL, *huge = NULL;
        size_t n;

        rotate_to(f, 2);
        assert_int_equal(chain_to_pem(f->a->chain, &pem), 0);
        n = strlen(pem);
        for (size_t i = 0; i + 1 < n; i++) { /* without the last line end it is whole */
                _cleanup_free_ char *cut = strndup(pem, i);
                Chain *none = NULL;

                assert_int_equal(chain_from_pem(cut, &none), -EBADMSG);
        }
        assert_true(asprintf(&spaced, "\n \t%s\r\n\n", pem) > 0);
        assert_int_equal(chain_from_pem(spaced, &good), 0);

        assert_int_equal(certificate_to_pem(f->a->ca, &ca), 0);
        assert_int_equal(key_to_pem(f->a->key, &key_pem), 0);
        assert_true(asprintf(&twice, "%s%s", ca, pem) > 0);
        assert_true(asprintf(&text, "%shello\n", pem) > 0);
        assert_true(asprintf(&with_key, "%s%s", pem, key_pem) > 0);
        huge = malloc(CHAIN_BYTES_MAX + 2);
        assert_non_null(huge);
        memset(huge, '\n', CHAIN_BYTES_MAX + 1);
        huge[CHAIN_BYTES_MAX + 1] = 0;
        memcpy(huge, pem, n);
        const char *const lies[] = { twice, text, with_key, huge, "" };
        for (size_t i = 0; i < ELEMENTSOF(lies); i++) {
                Chain *none = NULL;

                assert_int_equal(chain_from_pem(lies[i], &none), -EBADMSG);
        }
}

/* A certificate of the name by the i-th key from the first on, as who has that key makes it. */
static Certificate *issue_by(Fixture *f, size_t i, SubjectKind kind, uint64_t begins,
                             uint64_t ends) {
        _cleanup_(key_freep) Key *key = NULL;
        Subject s = { .kind = kind, .not_before = begins, .not_after = ends };
        const Certificate *ca = chain_get(f->a->chain, chain_get_n(f->a->chain) - 1 - i);
        Certificate *c;

        assert_int_equal(key_generate(&key), 0);
        memcpy(s.tracker_id, f->a->tracker_id, sizeof(s.tracker_id));
        strcpy(s.name, kind == SUBJECT_USER ? "alice" : "");
        assert_int_equal(certificate_issue(ca, f->keys[i], key, &s, &c), 0);
        return c;
}

static int verify_by(Fixture *f, size_t i, SubjectKind kind, uint64_t begins, uint64_t ends,
                     uint64_t now, Subject *ret) {
        _cleanup_(certificate_freep) Certificate *c = issue_by(f, i, kind, begins, ends);

        return chain_verify(f->a->chain, c, now, ret);
}

static void test_a_predecessor_for_a_while(void **state) {
        Fixture *f = *state;
        const uint64_t month = 30 * USEC_PER_DAY, start = TEST_REALTIME;
        uint64_t second, third, end;
        Subject s;

        clock_virtual_jump_realtime(f->a->clock, (int64_t) USEC_PER_DAY);
        rotate_to(f, 2);
        second = certificate_get_not_before(f->a->ca);
        clock_virtual_jump_realtime(f->a->clock, (int64_t) USEC_PER_DAY);
        rotate_to(f, 3);
        third = certificate_get_not_before(f->a->ca);
        assert_true(third >= second + USEC_PER_DAY);
        end = second + PREDECESSOR_USEC;

        assert_int_equal(
                verify_by(f, 0, SUBJECT_USER, start, start + month, end - USEC_PER_SEC, &s), 0);
        assert_int_equal(s.not_after, end);
        assert_int_equal(verify_by(f, 0, SUBJECT_USER, start, start + month, end, &s),
                         -EKEYEXPIRED);
        /* What it says itself ends it before. */
        assert_int_equal(verify_by(f, 0, SUBJECT_USER, start, second, second - USEC_PER_SEC, &s),
                         0);
        assert_int_equal(s.not_after, second);
        /* Each ends by the one after it. */
        assert_int_equal(
                verify_by(f, 1, SUBJECT_USER, second, start + month, end + USEC_PER_HOUR, &s), 0);
        assert_int_equal(s.not_after, third + PREDECESSOR_USEC);
        assert_int_equal(verify_by(f, 2, SUBJECT_USER, third, start + month,
                                   third + 2 * PREDECESSOR_USEC, &s),
                         0);

        /* One that was stolen makes nothing new … */
        assert_int_equal(verify_by(f, 0, SUBJECT_USER, second + PREDECESSOR_SLACK_USEC,
                                   start + month, third, &s),
                         0);
        assert_int_equal(verify_by(f, 0, SUBJECT_USER,
                                   second + PREDECESSOR_SLACK_USEC + USEC_PER_SEC, start + month,
                                   third, &s),
                         -EBADMSG);
        /* … and is the tracker no more. */
        assert_int_equal(verify_by(f, 0, SUBJECT_TRACKER, start, start + month, third, &s),
                         -EBADMSG);
        assert_int_equal(verify_by(f, 2, SUBJECT_TRACKER, third, start + month, third, &s), 0);
        assert_int_equal(chain_get_end(f->a->chain, 0), UINT64_MAX);
        assert_int_equal(chain_get_end(f->a->chain, 2), end);
}

static void test_of_another(void **state) {
        Fixture *f = *state;
        _cleanup_(test_authority_freep) TestAuthority *other = test_authority_new(f->a->clock);
        _cleanup_(certificate_freep) Certificate *leaf = NULL, *claims = NULL;
        Subject s;

        leaf = test_authority_issue(other, f->keys[0], SUBJECT_USER, "alice");
        assert_int_equal(chain_find_issuer(f->a->chain, leaf), -EBADMSG);
        assert_int_equal(chain_verify(f->a->chain, leaf, TEST_REALTIME, &s), -EBADMSG);
        strcpy(other->tracker_id, f->a->tracker_id);
        claims = test_authority_issue(other, f->keys[0], SUBJECT_USER, "alice");
        assert_int_equal(chain_verify(f->a->chain, claims, TEST_REALTIME, &s), -EBADMSG);
        strcpy(f->a->tracker_id, chain_get_tracker_id(other->chain));
        certificate_free(leaf);
        leaf = test_authority_issue(f->a, f->keys[0], SUBJECT_USER, "alice");
        assert_int_equal(chain_find_issuer(f->a->chain, leaf), 0);
        assert_int_equal(chain_verify(f->a->chain, leaf, TEST_REALTIME, &s), -EBADMSG);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_eight_and_no_more, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nine, setup, teardown),
                cmocka_unit_test_setup_teardown(test_only_in_order_and_whole, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_device_is_no_authority, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pem, setup, teardown),
                cmocka_unit_test_setup_teardown(test_a_predecessor_for_a_while, setup, teardown),
                cmocka_unit_test_setup_teardown(test_of_another, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
