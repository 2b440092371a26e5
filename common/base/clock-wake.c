/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the machine's sleep is noticed; leaves what has to be done then to who asked. */
#include <sys/timerfd.h>
#include <unistd.h>
#include <utlist.h>

#include "base/clock-internal.h"

/* The two clocks are not read at one instant; a sleep is never that short. */
#define SLEPT_MIN_USEC (USEC_PER_SEC / 10)

struct ClockWake {
        Clock *clock; /* weak */
        ClockWake *prev, *next;
        clock_timer_fn fn;
        void *userdata;          /* weak */
        sd_event_source *source; /* real only, and the next */
        int fd;
        uint64_t slept;
        ClockTimer *timer; /* virtual only */
};

/* It never expires, whatever year the clock says: one that is over would fire without end. That the
 * offset between realtime and monotonic changed is what it tells: the machine woke up, or somebody
 * set the clock. */
static int arm(ClockWake *w) {
        static const struct itimerspec never = {
                .it_value.tv_sec = (time_t) (sizeof(time_t) > 4 ? INT64_MAX : INT32_MAX),
        };

        if (timerfd_settime(w->fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) < 0)
                return -errno;
        return 0;
}

static int on_clock_set(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        ClockWake *w = userdata;
        uint64_t n, before = w->slept;

        (void) !read(fd, &n, sizeof(n));
        if (arm(w) < 0)
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        w->slept = clock_slept(w->clock);
        if (w->slept > before + SLEPT_MIN_USEC)
                w->fn(w->userdata);
        return 0;
}

static void on_virtual_wake(void *userdata) {
        ClockWake *w = userdata;

        w->fn(w->userdata);
}

static int watch_real(ClockWake *w) {
        int r;

        w->fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
        if (w->fd < 0)
                return -errno;
        w->slept = clock_slept(w->clock);
        r = arm(w);
        if (r < 0)
                return r;
        r = sd_event_add_io(w->clock->event, &w->source, w->fd, EPOLLIN, on_clock_set, w);
        if (r >= 0)
                (void) sd_event_source_set_description(w->source, "clock-wake");
        return r;
}

int clock_wake_new(Clock *c, clock_timer_fn fn, void *userdata, ClockWake **ret) {
        _cleanup_(clock_wake_freep) ClockWake *w = NULL;
        int r;

        w = new0(ClockWake, 1);
        if (!w)
                return -ENOMEM;
        *w = (ClockWake){ .clock = c, .fn = fn, .userdata = userdata, .fd = -EBADF };
        DL_APPEND(c->wakes, w);
        r = c->virtual_time ? clock_timer_new(c, on_virtual_wake, w, &w->timer) : watch_real(w);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

ClockWake *clock_wake_free(ClockWake *w) {
        if (!w)
                return NULL;
        DL_DELETE(w->clock->wakes, w);
        sd_event_source_disable_unref(w->source);
        close_fd(w->fd);
        clock_timer_free(w->timer);
        free(w);
        return NULL;
}

void clock_virtual_sleep(Clock *c, uint64_t usec) {
        ClockWake *w;

        assert(c->virtual_time);
        c->virtual_time->boottime += usec;
        c->virtual_time->realtime += usec;
        c->virtual_time->slept += usec;
        DL_FOREACH(c->wakes, w)
                clock_timer_arm(w->timer, 0);
}
