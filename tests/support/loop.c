/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a Runtime in virtual time is made; leaves time itself to base/clock.h. */
#include "support/loop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SEED 20260101

TestLoop *test_loop_new(void) {
        TestLoop *l;

        l = new0(TestLoop, 1);
        assert_non_null(l);
        assert_int_equal(sd_event_new(&l->rt.event), 0);
        assert_int_equal(clock_new_virtual(l->rt.event, TEST_REALTIME, &l->rt.clock), 0);
        assert_int_equal(random_new_seeded(SEED, &l->rt.random), 0);
        assert_int_equal(workers_new_inline(l->rt.event, &l->rt.workers), 0);
        assert_int_equal(log_pace_new(l->rt.clock, &l->rt.pace), 0);
        return l;
}

TestLoop *test_loop_free(TestLoop *l) {
        if (!l)
                return NULL;
        log_pace_free(l->rt.pace);
        workers_free(l->rt.workers);
        random_free(l->rt.random);
        clock_free(l->rt.clock);
        sd_event_unref(l->rt.event);
        free(l);
        return NULL;
}

void test_loop_run(TestLoop *l, uint64_t usec) {
        assert_int_equal(clock_virtual_run(l->rt.clock, NULL, NULL, usec), 0);
}

void test_loop_until(TestLoop *l, bool (*condition)(void *userdata), void *userdata,
                     uint64_t limit_usec) {
        assert_int_equal(clock_virtual_run(l->rt.clock, condition, userdata, limit_usec), 1);
}

static bool flag_is_true(void *userdata) {
        return *(const bool *) userdata;
}

void test_loop_until_true(TestLoop *l, const bool *flag, uint64_t limit_usec) {
        test_loop_until(l, flag_is_true, (void *) flag, limit_usec);
}

typedef struct Count {
        const unsigned *value;
        unsigned n;
} Count;

static bool count_is_reached(void *userdata) {
        const Count *c = userdata;

        return *c->value >= c->n;
}

void test_loop_until_count(TestLoop *l, const unsigned *count, unsigned n, uint64_t limit_usec) {
        Count c = { .value = count, .n = n };

        test_loop_until(l, count_is_reached, &c, limit_usec);
}
