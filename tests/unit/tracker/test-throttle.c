/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often a source may try; leaves what it tries to accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tracker/throttle.h"
#include "wire/limits.h"

static Address address(const char *text) {
        Address a;

        assert_int_equal(address_parse(text, false, &a), 0);
        return a;
}

static unsigned take_all(Throttle *t, const char *text, uint64_t now, uint64_t *ret_wait) {
        Address a = address(text);
        unsigned n = 0;

        while (n < 100 && throttle_take(t, &a, NULL, now, ret_wait) == 0)
                n++;
        return n;
}

static void test_rate(void **state) {
        _cleanup_(throttle_freep) Throttle *t = NULL;
        Address a = address("192.0.2.1:1");
        uint64_t wait, now = USEC_PER_HOUR;

        assert_int_equal(throttle_new(6, 60, &t), 0);
        assert_int_equal(take_all(t, "192.0.2.1:1", now, &wait), 6);
        assert_int_equal(wait, 10 * USEC_PER_SEC);
        /* Another port is the same source, another address is not. */
        assert_int_equal(take_all(t, "192.0.2.1:2", now, &wait), 0);
        assert_int_equal(take_all(t, "192.0.2.2:1", now, &wait), 6);
        assert_int_equal(take_all(t, "[2001:db8::1]:1", now, &wait), 6);
        assert_int_equal(take_all(t, "[2001:db8::ffff:2]:1", now, &wait), 0);
        assert_int_equal(take_all(t, "[2001:db8:0:1::1]:1", now, &wait), 6);

        now += 20 * USEC_PER_SEC;
        assert_int_equal(take_all(t, "192.0.2.1:1", now, &wait), 2);
        throttle_give_back(t, &a, NULL);
        assert_int_equal(take_all(t, "192.0.2.1:1", now, &wait), 1);
        now += USEC_PER_HOUR;
        throttle_give_back(t, &a, NULL);
        assert_int_equal(take_all(t, "192.0.2.1:1", now, &wait), 6);
}

static void test_slow_rate(void **state) {
        _cleanup_(throttle_freep) Throttle *t = NULL;
        uint64_t wait, now = USEC_PER_HOUR;

        assert_int_equal(throttle_new(96, 86400, &t), 0);
        assert_int_equal(take_all(t, "192.0.2.1:1", now, &wait), 96);
        assert_int_equal(wait, 15 * USEC_PER_MINUTE);
        assert_int_equal(take_all(t, "192.0.2.1:1", now + 45 * USEC_PER_MINUTE, &wait), 3);
}

/* By name, by source, by both: each its own count. */
static void test_names(void **state) {
        _cleanup_(throttle_freep) Throttle *t = NULL;
        Address one = address("192.0.2.1:1"), two = address("192.0.2.2:1");
        uint64_t wait;

        assert_int_equal(throttle_new(1, 60, &t), 0);
        assert_int_equal(throttle_take(t, &one, "alice", 1, &wait), 0);
        assert_int_equal(throttle_take(t, &one, "alice", 1, &wait), -EAGAIN);
        assert_int_equal(throttle_take(t, &one, "bob", 1, &wait), 0);
        assert_int_equal(throttle_take(t, &two, "alice", 1, &wait), 0);
        assert_int_equal(throttle_take(t, NULL, "alice", 1, &wait), 0);
        assert_int_equal(throttle_take(t, NULL, "alice", 1, &wait), -EAGAIN);
        assert_int_equal(throttle_take(t, &one, NULL, 1, &wait), 0);
        throttle_give_back(t, &one, "alice");
        assert_int_equal(throttle_take(t, &two, "alice", 1, &wait), -EAGAIN);
        assert_int_equal(throttle_take(t, &one, "alice", 1, &wait), 0);
}

static void test_no_limit_and_many_sources(void **state) {
        _cleanup_(throttle_freep) Throttle *none = NULL, *t = NULL;
        uint64_t wait;

        assert_int_equal(throttle_new(0, 60, &none), 0);
        assert_int_equal(take_all(none, "192.0.2.1:1", 1, &wait), 100);

        assert_int_equal(throttle_new(1, 60, &t), 0);
        assert_int_equal(take_all(t, "192.0.2.1:1", 1, &wait), 1);
        for (unsigned i = 0; i < THROTTLE_SOURCES_MAX; i++) {
                char text[32];

                snprintf(text, sizeof(text), "10.0.%u.%u:1", i / 250, i % 250);
                assert_int_equal(take_all(t, text, 1, &wait), 1);
        }
        /* The table is bounded: the oldest was forgotten. */
        assert_int_equal(take_all(t, "192.0.2.1:1", 1, &wait), 1);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rate),
                cmocka_unit_test(test_slow_rate),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_no_limit_and_many_sources),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
