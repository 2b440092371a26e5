/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a clock promises, real and virtual; leaves what others time with it to their tests. */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/random.h"

#define EPOCH UINT64_C(1700000000000000)
#define N_FIRED_MAX 64

typedef struct Fixture {
        sd_event *event;
        Clock *clock;
        char fired[N_FIRED_MAX]; /* names, in the order of firing */
        uint64_t at[N_FIRED_MAX];
        size_t n_fired;
} Fixture;

typedef struct Probe {
        Fixture *fixture;
        ClockTimer *timer;
        ClockTimer **victim; /* freed when this one fires */
        uint64_t again_usec; /* armed anew when it fires */
        char name;
} Probe;

static void on_probe(void *userdata) {
        Probe *p = userdata;
        Fixture *f = p->fixture;

        assert_false(clock_timer_is_armed(p->timer));
        assert_int_equal(clock_timer_deadline(p->timer), UINT64_MAX);
        assert_true(f->n_fired < N_FIRED_MAX);
        f->fired[f->n_fired] = p->name;
        f->at[f->n_fired++] = clock_boottime(f->clock);
        if (p->again_usec > 0)
                clock_timer_arm(p->timer, p->again_usec);
        if (p->victim)
                *p->victim = clock_timer_free(*p->victim);
}

static void probe_init(Probe *p, Fixture *f, char name) {
        *p = (Probe){ .fixture = f, .name = name };
        assert_int_equal(clock_timer_new(f->clock, on_probe, p, &p->timer), 0);
        assert_false(clock_timer_is_armed(p->timer));
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        *state = f;
        return !f || sd_event_new(&f->event) < 0 ||
               clock_new_virtual(f->event, EPOCH, &f->clock) < 0;
}

static int setup_real(void **state) {
        Fixture *f = new0(Fixture, 1);

        *state = f;
        return !f || sd_event_new(&f->event) < 0 || clock_new(f->event, &f->clock) < 0;
}

static int teardown(void **state) {
        Fixture *f = *state;

        clock_free(f->clock);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static void virtual_fires_in_order(void **state) {
        static const struct {
                uint64_t delay;
                char name;
        } timers[] = {
                { 50, 'e' }, { 10, 'a' }, { 20, 'b' }, { 20, 'c' }, { 0, '0' }, { 30, 'd' }
        };
        Fixture *f = *state;
        Probe probes[ELEMENTSOF(timers)];

        assert_int_equal(clock_boottime(f->clock), USEC_PER_HOUR);
        for (size_t i = 0; i < ELEMENTSOF(timers); i++) {
                probe_init(&probes[i], f, timers[i].name);
                clock_timer_arm(probes[i].timer, timers[i].delay);
        }
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 49), 0);
        assert_string_equal(f->fired, "0abcd");
        assert_int_equal(clock_boottime(f->clock), USEC_PER_HOUR + 49);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 1), 0);
        assert_string_equal(f->fired, "0abcde");
        assert_int_equal(f->at[1], USEC_PER_HOUR + 10);
        assert_int_equal(f->at[5], USEC_PER_HOUR + 50);
        assert_int_equal(clock_realtime(f->clock), EPOCH + 50);
        for (size_t i = 0; i < ELEMENTSOF(timers); i++)
                clock_timer_free(probes[i].timer);
}

static void arming_replaces_and_disarming_silences(void **state) {
        Fixture *f = *state;
        Probe a, b;

        probe_init(&a, f, 'a');
        probe_init(&b, f, 'b');
        clock_timer_arm(a.timer, 5);
        clock_timer_arm(b.timer, 7);
        clock_timer_arm(a.timer, 7); /* now the later arming of two that tie */
        assert_int_equal(clock_timer_deadline(a.timer), USEC_PER_HOUR + 7);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 100), 0);
        assert_string_equal(f->fired, "ba");

        clock_timer_arm_at(a.timer, USEC_PER_HOUR); /* past: due at once */
        clock_timer_arm(b.timer, 1);
        clock_timer_disarm(b.timer);
        clock_timer_disarm(b.timer);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 10), 0);
        assert_string_equal(f->fired, "baa");
        assert_int_equal(f->at[2], USEC_PER_HOUR + 100);

        clock_timer_arm(a.timer, UINT64_MAX); /* never */
        assert_false(clock_timer_is_armed(a.timer));
        clock_timer_free(a.timer);
        clock_timer_free(b.timer);
}

static void timers_may_go_in_callbacks(void **state) {
        Fixture *f = *state;
        Probe self, killer, victim;

        probe_init(&self, f, 's');
        self.victim = &self.timer;
        self.again_usec = 1;
        probe_init(&killer, f, 'k');
        probe_init(&victim, f, 'v');
        killer.victim = &victim.timer;
        clock_timer_arm(self.timer, 1);
        clock_timer_arm(killer.timer, 2);
        clock_timer_arm(victim.timer, 2);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 100), 0);
        assert_string_equal(f->fired, "sk");
        assert_null(self.timer);
        assert_null(victim.timer);
        clock_timer_free(killer.timer);
}

static bool has_fired(void *userdata) {
        Fixture *f = userdata;

        return f->n_fired >= 3;
}

static void until_ends_the_run(void **state) {
        Fixture *f = *state;
        Probe p;

        probe_init(&p, f, 'p');
        assert_int_equal(clock_virtual_run(f->clock, has_fired, f, USEC_PER_DAY), -EDEADLK);
        assert_int_equal(clock_boottime(f->clock), USEC_PER_HOUR);
        p.again_usec = USEC_PER_MINUTE;
        clock_timer_arm(p.timer, USEC_PER_MINUTE);
        assert_int_equal(clock_virtual_run(f->clock, has_fired, f, 2 * USEC_PER_MINUTE), 0);
        assert_int_equal(f->n_fired, 2);
        assert_int_equal(clock_virtual_run(f->clock, has_fired, f, USEC_PER_DAY), 1);
        assert_int_equal(clock_boottime(f->clock), USEC_PER_HOUR + 3 * USEC_PER_MINUTE);
        clock_timer_free(p.timer);

        assert_int_equal(sd_event_exit(f->event, 0), 0);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 1), -ESTALE);
}

static void realtime_jumps_alone(void **state) {
        Fixture *f = *state;

        clock_virtual_jump_realtime(f->clock, -5);
        assert_int_equal(clock_realtime(f->clock), EPOCH - 5);
        assert_int_equal(clock_boottime(f->clock), USEC_PER_HOUR);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 10), 0);
        assert_int_equal(clock_realtime(f->clock), EPOCH + 5);
}

static void write_byte(void *userdata) {
        int *fd = userdata;

        assert_int_equal(write(*fd, "x", 1), 1);
}

static int on_byte(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Fixture *f = userdata;
        char byte;

        assert_int_equal(read(fd, &byte, 1), 1);
        f->fired[f->n_fired] = byte;
        f->at[f->n_fired++] = clock_boottime(f->clock);
        return 0;
}

/* Time stands still while anything is ready. */
static void io_comes_before_the_next_deadline(void **state) {
        Fixture *f = *state;
        ClockTimer *writer;
        Probe p;
        int fds[2];

        assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        assert_int_equal(sd_event_add_io(f->event, NULL, fds[0], EPOLLIN, on_byte, f), 0);
        assert_int_equal(clock_timer_new(f->clock, write_byte, &fds[1], &writer), 0);
        probe_init(&p, f, 'p');
        clock_timer_arm(writer, 10);
        clock_timer_arm(p.timer, 11);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 20), 0);
        assert_string_equal(f->fired, "xp");
        assert_int_equal(f->at[0], USEC_PER_HOUR + 10);
        clock_timer_free(writer);
        clock_timer_free(p.timer);
        close(fds[0]);
        close(fds[1]);
}

typedef struct Swarm {
        Clock *clock;
        Random *random;
        ClockTimer *timers[200];
        uint64_t last;
        uint64_t n_fired;
} Swarm;

static void on_swarm(void *userdata) {
        Swarm *s = userdata;

        assert_true(clock_boottime(s->clock) >= s->last);
        s->last = clock_boottime(s->clock);
        s->n_fired++;
        for (int i = 0; i < 3; i++) {
                ClockTimer *t = s->timers[random_below(s->random, ELEMENTSOF(s->timers))];

                if (random_below(s->random, 4) == 0)
                        clock_timer_disarm(t);
                else
                        clock_timer_arm(t, random_below(s->random, 1000));
        }
        for (size_t i = 0; i < ELEMENTSOF(s->timers); i++)
                assert_true(clock_timer_deadline(s->timers[i]) >= s->last);
}

static void a_swarm_stays_in_order(void **state) {
        Fixture *f = *state;
        Swarm s = { .clock = f->clock };

        assert_int_equal(random_new_seeded(7, &s.random), 0);
        for (size_t i = 0; i < ELEMENTSOF(s.timers); i++) {
                assert_int_equal(clock_timer_new(f->clock, on_swarm, &s, &s.timers[i]), 0);
                clock_timer_arm(s.timers[i], random_below(s.random, 1000));
        }
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 5000), 0);
        assert_true(s.n_fired > 500);
        for (size_t i = 0; i < ELEMENTSOF(s.timers); i++)
                clock_timer_free(s.timers[i]);
        random_free(s.random);
}

static void run_until_fired(Fixture *f, size_t n) {
        while (f->n_fired < n)
                assert_true(sd_event_run(f->event, 10 * USEC_PER_SEC) > 0);
}

static void real_timers_fire_when_due(void **state) {
        Fixture *f = *state;
        uint64_t begin = clock_boottime(f->clock);
        Probe late, soon, never, self;

        assert_true(clock_realtime(f->clock) > EPOCH);
        probe_init(&late, f, 'l');
        probe_init(&soon, f, 's');
        probe_init(&never, f, 'n');
        probe_init(&self, f, 'f');
        self.victim = &self.timer;
        clock_timer_arm(soon.timer, USEC_PER_DAY);
        clock_timer_arm(late.timer, 40 * USEC_PER_MSEC);
        clock_timer_arm(never.timer, USEC_PER_MSEC);
        clock_timer_arm(soon.timer, USEC_PER_MSEC);
        clock_timer_disarm(never.timer);
        run_until_fired(f, 2);
        assert_string_equal(f->fired, "sl");
        assert_true(f->at[0] >= begin + USEC_PER_MSEC);
        assert_true(f->at[1] >= begin + 40 * USEC_PER_MSEC);

        clock_timer_arm_at(self.timer, begin);
        run_until_fired(f, 3);
        assert_null(self.timer);
        clock_timer_arm(never.timer, USEC_PER_MSEC);
        never.timer = clock_timer_free(never.timer);
        clock_timer_arm(late.timer, 5 * USEC_PER_MSEC);
        run_until_fired(f, 4);
        assert_string_equal(f->fired, "slfl");
        clock_timer_free(late.timer);
        clock_timer_free(soon.timer);
}

#define on_virtual(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void on_wake(void *userdata) {
        (*(unsigned *) userdata)++;
}

/* The machine sleeps for hours between two turns: what came due meanwhile fires, once, and who
 * asked for it hears that it woke up. */
static void sleep_is_told_once(void **state) {
        Fixture *f = *state;
        unsigned n_woken = 0;
        ClockWake *wake;
        Probe due, far;

        probe_init(&due, f, 'd');
        probe_init(&far, f, 'f');
        assert_int_equal(clock_wake_new(f->clock, on_wake, &n_woken, &wake), 0);
        clock_timer_arm(due.timer, USEC_PER_SEC);
        clock_timer_arm(far.timer, 3 * USEC_PER_HOUR);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 0), 0);
        assert_int_equal(n_woken, 0);

        clock_virtual_sleep(f->clock, 2 * USEC_PER_HOUR);
        assert_int_equal(f->n_fired + n_woken, 0);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, 0), 0);
        assert_int_equal(n_woken, 1);
        assert_int_equal(f->n_fired, 1);
        assert_int_equal(clock_realtime(f->clock), EPOCH + 2 * USEC_PER_HOUR);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_HOUR), 0);
        assert_int_equal(f->n_fired, 2);
        assert_int_equal(n_woken, 1);

        clock_virtual_sleep(f->clock, USEC_PER_SEC);
        clock_wake_free(wake);
        assert_int_equal(clock_virtual_run(f->clock, NULL, NULL, USEC_PER_SEC), 0);
        assert_int_equal(n_woken, 1);
        clock_timer_free(due.timer);
        clock_timer_free(far.timer);
}

/* Who only runs is not told that it slept. */
static void who_only_runs_is_not_told(void **state) {
        Fixture *f = *state;
        unsigned n_woken = 0;
        ClockWake *wake;
        Clock *real;

        assert_int_equal(clock_new(f->event, &real), 0);
        assert_int_equal(clock_wake_new(real, on_wake, &n_woken, &wake), 0);
        assert_true(sd_event_run(f->event, 10 * USEC_PER_MSEC) >= 0);
        assert_int_equal(n_woken, 0);
        clock_wake_free(wake);
        clock_free(real);
}

/* What is left of the timer on the clock of people, in seconds; 0: there is none. */
static uint64_t find_realtime_timer(void) {
        uint64_t left = 0;

        for (int fd = 0; fd < 64 && left == 0; fd++) {
                char path[64], line[128];
                int id = -1;
                FILE *f;

                snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
                f = fopen(path, "re");
                while (f && fgets(line, sizeof(line), f)) {
                        (void) sscanf(line, "clockid: %d", &id);
                        if (id == CLOCK_REALTIME)
                                (void) sscanf(line, "it_value: (%" SCNu64, &left);
                }
                if (f)
                        fclose(f);
        }
        return left;
}

/* A clock that is decades ahead must not make it fire without end. */
static void waking_is_watched_in_any_year(void **state) {
        const uint64_t century = UINT64_C(100) * 365 * 24 * 3600;
        Fixture *f = *state;
        unsigned n_woken = 0;
        ClockWake *wake;
        Clock *real;

        assert_int_equal(find_realtime_timer(), 0);
        assert_int_equal(clock_new(f->event, &real), 0);
        assert_int_equal(clock_wake_new(real, on_wake, &n_woken, &wake), 0);
        assert_true(find_realtime_timer() > century);
        clock_wake_free(wake);
        clock_free(real);
}

/* A machine that was asleep fires what was due meanwhile: the kernel is asked for the clock that
 * goes on. */
static void real_timers_count_sleep(void **state) {
        Fixture *f = *state;
        Probe p;
        size_t n = 0;

        probe_init(&p, f, 'a');
        clock_timer_arm(p.timer, UINT64_C(3600) * 1000000);
        for (int fd = 0; fd < 1024; fd++) {
                char path[64], line[128];
                FILE *info;

                snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
                info = fopen(path, "re");
                if (!info)
                        continue;
                while (fgets(line, sizeof(line), info)) {
                        int id;

                        if (sscanf(line, "clockid: %d", &id) != 1)
                                continue;
                        assert_int_equal(id, CLOCK_BOOTTIME);
                        n++;
                }
                fclose(info);
        }
        assert_int_equal(n, 1);
        clock_timer_free(p.timer);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(real_timers_count_sleep, setup_real, teardown),
                on_virtual(virtual_fires_in_order),
                on_virtual(arming_replaces_and_disarming_silences),
                on_virtual(timers_may_go_in_callbacks),
                on_virtual(until_ends_the_run),
                on_virtual(realtime_jumps_alone),
                on_virtual(io_comes_before_the_next_deadline),
                on_virtual(a_swarm_stays_in_order),
                on_virtual(sleep_is_told_once),
                on_virtual(who_only_runs_is_not_told),
                on_virtual(waking_is_watched_in_any_year),
                cmocka_unit_test_setup_teardown(real_timers_fire_when_due, setup_real, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
