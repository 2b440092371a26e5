/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what randomness, back-off and token buckets promise; leaves their users to their tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/backoff.h"
#include "base/names.h"
#include "base/random.h"
#include "base/token-bucket.h"

static void a_seed_repeats(void **state) {
        _cleanup_(random_freep) Random *a = NULL, *b = NULL, *other = NULL;
        unsigned n_same = 0;

        assert_int_equal(random_new_seeded(42, &a), 0);
        assert_int_equal(random_new_seeded(42, &b), 0);
        assert_int_equal(random_new_seeded(43, &other), 0);
        for (int i = 0; i < 1000; i++) {
                uint64_t x = random_u64(a);

                assert_int_equal(x, random_u64(b));
                n_same += x == random_u64(other);
        }
        assert_int_equal(n_same, 0);
}

static void below_is_uniform_and_below(void **state) {
        _cleanup_(random_freep) Random *r = NULL;
        unsigned n[3] = {};
        bool has_high = false;

        assert_int_equal(random_new(&r), 0);
        assert_int_equal(random_below(r, 0), 0);
        assert_int_equal(random_below(r, 1), 0);
        for (int i = 0; i < 30000; i++) {
                n[random_below(r, 3)]++;
                has_high = has_high || random_below(r, UINT64_MAX) > UINT64_MAX / 2;
        }
        for (int i = 0; i < 3; i++)
                assert_in_range(n[i], 9000, 11000); /* 12 standard deviations */
        assert_true(has_high);
}

static void uuids_are_version_4(void **state) {
        char a[UUID_STRING_SIZE], b[UUID_STRING_SIZE];
        _cleanup_(random_freep) Random *r = NULL;

        assert_int_equal(random_new(&r), 0);
        random_uuid(r, b);
        for (int i = 0; i < 1000; i++) {
                random_uuid(r, a);
                assert_true(uuid_is_valid(a));
                assert_int_equal(a[14], '4');
                assert_non_null(strchr("89ab", a[19]));
                assert_string_not_equal(a, b);
                strcpy(b, a);
        }
}

static void backoff_doubles_up_to_its_ceiling(void **state) {
        static const uint64_t ceilings[] = { 100, 200, 400, 800, 1000, 1000, 1000 };
        _cleanup_(random_freep) Random *r = NULL;
        uint64_t highest[ELEMENTSOF(ceilings)] = {};
        Backoff b = { .base_usec = 100, .max_usec = 1000 };

        assert_int_equal(random_new_seeded(1, &r), 0);
        for (int round = 0; round < 2000; round++) {
                backoff_reset(&b);
                for (size_t i = 0; i < ELEMENTSOF(ceilings); i++)
                        highest[i] = MAX(highest[i], backoff_next(&b, r));
        }
        for (size_t i = 0; i < ELEMENTSOF(ceilings); i++) { /* full jitter reaches both ends */
                assert_in_range(highest[i], ceilings[i] * 95 / 100, ceilings[i]);
        }
        for (int i = 0; i < 1000; i++)
                assert_true(backoff_next(&b, r) <= 1000);
        b = (Backoff){ .base_usec = 1, .max_usec = UINT64_MAX };
        for (int i = 0; i < 1000; i++)
                (void) backoff_next(&b, r);
}

static void buckets_refill_at_their_rate(void **state) {
        static const struct {
                uint64_t now, n;
                bool taken;
                uint64_t wait;
        } steps[] = {
                { 0, 5, true, 0 },
                { 0, 1, false, 500000 }, /* 2 a second */
                { 499999, 1, false, 1 },
                { 500000, 1, true, 0 },
                { 500000, 6, false, UINT64_MAX }, /* more than it ever holds */
                { 500000, 0, true, 0 },
                { 400000, 1, false, 500000 }, /* time that went back is no time */
                { 1750000, 2, true, 0 },
                { 1750000, 1, false, 250000 },
                { UINT64_MAX, 5, true, 0 },
                { UINT64_MAX, 1, false, 500000 },
        };
        TokenBucket b;
        uint64_t wait;

        token_bucket_init(&b, 2, 5, 0);
        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                assert_int_equal(token_bucket_take(&b, steps[i].n, steps[i].now, &wait),
                                 steps[i].taken);
                assert_int_equal(wait, steps[i].wait);
        }
        assert_false(token_bucket_take(&b, 1, UINT64_MAX, NULL));

        token_bucket_init(&b, 0, 0, 0);
        assert_true(token_bucket_take(&b, UINT64_MAX, 0, &wait));
        token_bucket_init(&b, 3, 1, 0); /* a third of a second is no whole µs: rounded up */
        assert_true(token_bucket_take(&b, 1, 0, NULL));
        assert_false(token_bucket_take(&b, 1, 0, &wait));
        assert_int_equal(wait, 333334);
        assert_false(token_bucket_take(&b, 1, wait - 1, NULL));
        assert_true(token_bucket_take(&b, 1, wait, NULL));
}

static void buckets_change(void **state) {
        const uint64_t second = 1000000;
        TokenBucket b;

        token_bucket_init(&b, 2, 10, 0);
        assert_int_equal(token_bucket_look(&b, 0), 10);
        assert_true(token_bucket_take(&b, 8, 0, NULL));
        assert_int_equal(token_bucket_look(&b, second / 2), 3);
        assert_int_equal(token_bucket_look(&b, second), 4);

        /* What was gained at the old rate stays, as far as there is room. */
        token_bucket_change(&b, 100, 20, 2 * second);
        assert_int_equal(token_bucket_look(&b, 2 * second), 6);
        assert_int_equal(token_bucket_look(&b, 2 * second + second / 10), 16);
        token_bucket_change(&b, 1, 5, 3 * second);
        assert_int_equal(token_bucket_look(&b, 3 * second), 5);
        token_bucket_give_back(&b, UINT64_MAX); /* never above the burst */
        assert_int_equal(token_bucket_look(&b, 3 * second), 5);
        assert_true(token_bucket_take(&b, 5, 3 * second, NULL));
        token_bucket_give_back(&b, 2);
        assert_int_equal(token_bucket_look(&b, 3 * second), 2);
        token_bucket_drain(&b, 5 * second);
        assert_int_equal(token_bucket_look(&b, 5 * second), 0);
        assert_int_equal(token_bucket_look(&b, 6 * second), 1);

        token_bucket_change(&b, 0, 5, 7 * second);
        assert_int_equal(token_bucket_look(&b, 7 * second), UINT64_MAX);
        token_bucket_change(&b, 1, 5, 7 * second); /* one that had no limit is full */
        assert_int_equal(token_bucket_look(&b, 7 * second), 5);
        token_bucket_change(&b, UINT64_MAX, UINT64_MAX, 7 * second);
        assert_int_equal(token_bucket_look(&b, UINT64_MAX), UINT64_MAX / 1000000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_seed_repeats),
                cmocka_unit_test(below_is_uniform_and_below),
                cmocka_unit_test(uuids_are_version_4),
                cmocka_unit_test(backoff_doubles_up_to_its_ceiling),
                cmocka_unit_test(buckets_refill_at_their_rate),
                cmocka_unit_test(buckets_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
