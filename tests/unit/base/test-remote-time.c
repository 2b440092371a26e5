/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What time it is by another's clock, whatever becomes of ours, and how that is said to people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/remote-time.h"
#include "support/loop.h"

#define HOUR ((int64_t) USEC_PER_HOUR)
#define DAY ((int64_t) USEC_PER_DAY)

static void check(int64_t offset, bool at_least, const char *expected) {
        char text[CLOCK_OFF_TEXT_SIZE];

        assert_string_equal(clock_describe_off(offset, at_least, text), expected);
}

static void test_words(void **state) {
        check(3 * DAY, false, "3 days behind");
        check(-3 * DAY, false, "3 days ahead");
        check(3 * DAY - HOUR, false, "3 days behind");
        check(3 * DAY - HOUR, true, "2 days behind");
        check(2 * DAY - HOUR, true, "47 hours behind");
        check(DAY, false, "24 hours behind");
        check(90 * DAY, true, "3 months behind");
        check(45 * DAY, true, "45 days behind");
        check(-20 * 365 * DAY, true, "20 years ahead");
        check(3 * HOUR, false, "3 hours behind");
        check(HOUR, false, "60 minutes behind");
        check((int64_t) USEC_PER_MINUTE + 1, false, "1 minute behind");
        check((int64_t) USEC_PER_MINUTE / 2, true, "30 seconds behind");
        check(-(int64_t) USEC_PER_SEC, true, "1 second ahead");
        check(INT64_MIN, true, "292471 years ahead");
        check(INT64_MAX, false, "292471 years behind");
        assert_false(clock_is_off((int64_t) USEC_PER_MINUTE));
        assert_false(clock_is_off(-(int64_t) USEC_PER_MINUTE));
        assert_true(clock_is_off((int64_t) USEC_PER_MINUTE + 1));
        assert_true(clock_is_off(INT64_MIN));
}

static void test_time(void **state) {
        _cleanup_(test_loop_freep) TestLoop *l = test_loop_new();
        RemoteTime t = { .clock = l->rt.clock };

        assert_int_equal(remote_time_now(&t), TEST_REALTIME);
        assert_int_equal(remote_time_offset(&t), 0);
        clock_virtual_jump_realtime(l->rt.clock, -DAY);
        assert_int_equal(remote_time_offset(&t), 0);
        remote_time_set(&t, DAY);
        test_loop_run(l, USEC_PER_HOUR);
        assert_int_equal(remote_time_now(&t), TEST_REALTIME + USEC_PER_HOUR);
        assert_int_equal(remote_time_offset(&t), DAY);
        clock_virtual_jump_realtime(l->rt.clock, 3 * DAY);
        assert_int_equal(remote_time_now(&t), TEST_REALTIME + USEC_PER_HOUR);
        assert_int_equal(remote_time_offset(&t), -2 * DAY);
        remote_time_set(&t, 0);
        assert_int_equal(remote_time_now(&t), clock_realtime(l->rt.clock));
}

static bool agrees(const RemoteTime *t) {
        uint64_t ours, theirs;
        bool r = remote_time_agrees(t, &ours, &theirs);

        assert_int_equal(ours, clock_realtime(t->clock));
        assert_int_equal(theirs, remote_time_now(t));
        return r;
}

static void test_agreement(void **state) {
        _cleanup_(test_loop_freep) TestLoop *l = test_loop_new();
        RemoteTime t = { .clock = l->rt.clock };
        Clock *c = l->rt.clock;

        assert_false(agrees(&t)); /* nobody told it */
        remote_time_set(&t, 0);
        assert_true(agrees(&t));
        test_loop_run(l, 100 * USEC_PER_DAY);
        assert_true(agrees(&t));
        clock_virtual_jump_realtime(c, HOUR);
        assert_true(agrees(&t));
        clock_virtual_jump_realtime(c, 1);
        assert_false(agrees(&t));
        clock_virtual_jump_realtime(c, -2 * HOUR - 1);
        assert_true(agrees(&t));
        clock_virtual_jump_realtime(c, -1);
        assert_false(agrees(&t));
        remote_time_set(&t, HOUR + 1);
        assert_false(agrees(&t));
        remote_time_set(&t, -HOUR);
        assert_true(agrees(&t));
        remote_time_set(&t, INT64_MIN);
        assert_false(agrees(&t));
        remote_time_set(&t, INT64_MAX);
        assert_false(agrees(&t));

        /* Both go on by what the machine says that it slept. */
        remote_time_set(&t, HOUR / 2);
        clock_virtual_sleep(c, USEC_PER_HOUR / 2);
        assert_true(agrees(&t));
        clock_virtual_sleep(c, 1);
        assert_int_equal(remote_time_offset(&t), HOUR / 2);
        assert_false(agrees(&t));
        remote_time_set(&t, 0);
        assert_true(agrees(&t));
        clock_virtual_sleep(c, 77 * 365 * USEC_PER_DAY);
        assert_int_equal(remote_time_offset(&t), 0);
        assert_false(agrees(&t));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_words),
                cmocka_unit_test(test_time),
                cmocka_unit_test(test_agreement),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
