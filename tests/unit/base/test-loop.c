/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the loop says of a handler that keeps it; leaves timers to test-clock.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/loop.h"

typedef struct Fixture {
        Runtime rt;
        unsigned n_slow;
        uint64_t slow_usec;
} Fixture;

static void on_slow(uint64_t usec, void *userdata) {
        Fixture *f = userdata;

        f->n_slow++;
        f->slow_usec = usec;
}

static int spin_and_exit(sd_event_source *s, void *userdata) {
        Fixture *f = userdata;
        uint64_t begin = clock_boottime(f->rt.clock);

        while (clock_boottime(f->rt.clock) < begin + LOOP_SLOW_USEC)
                ;
        return sd_event_exit(f->rt.event, 7);
}

static int exit_at_once(sd_event_source *s, void *userdata) {
        Fixture *f = userdata;

        return sd_event_exit(f->rt.event, 3);
}

static void what_keeps_the_loop_is_told(void **state) {
        Fixture f = {};

        assert_true(sd_event_new(&f.rt.event) >= 0);
        assert_int_equal(clock_new(f.rt.event, &f.rt.clock), 0);
        assert_true(sd_event_add_defer(f.rt.event, NULL, spin_and_exit, &f) >= 0);
        assert_int_equal(loop_run(&f.rt, on_slow, &f), 7);
        assert_true(f.n_slow >= 1);
        assert_true(f.slow_usec >= LOOP_SLOW_USEC);
        clock_free(f.rt.clock);
        sd_event_unref(f.rt.event);
}

/* A clock that stands still: nothing can seem slow, however busy the machine is. */
static void what_is_quick_is_not_told(void **state) {
        Fixture f = {};

        assert_true(sd_event_new(&f.rt.event) >= 0);
        assert_int_equal(clock_new_virtual(f.rt.event, USEC_PER_DAY, &f.rt.clock), 0);
        assert_true(sd_event_add_defer(f.rt.event, NULL, exit_at_once, &f) >= 0);
        assert_int_equal(loop_run(&f.rt, on_slow, &f), 3);
        assert_int_equal(f.n_slow, 0);
        clock_free(f.rt.clock);
        sd_event_unref(f.rt.event);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_keeps_the_loop_is_told),
                cmocka_unit_test(what_is_quick_is_not_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
