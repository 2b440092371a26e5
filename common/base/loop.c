/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a program runs its one event loop, and notices what keeps it. */
#include "base/loop.h"

#include <inttypes.h>

#include "base/log.h"

void loop_log_slow(uint64_t usec, void *userdata) {
        log_warning("One turn of the event loop took %" PRIu64 " ms", usec / USEC_PER_MSEC);
}

static int dispatch(const Runtime *rt, loop_slow_fn on_slow, void *userdata) {
        uint64_t begin = clock_boottime(rt->clock), usec;
        int r;

        r = sd_event_dispatch(rt->event); /* one source */
        usec = clock_boottime(rt->clock) - begin;
        if (usec >= LOOP_SLOW_USEC)
                on_slow(usec, userdata);
        return r;
}

int loop_run(const Runtime *rt, loop_slow_fn on_slow, void *userdata) {
        int r, code;

        while (sd_event_get_state(rt->event) != SD_EVENT_FINISHED) {
                r = sd_event_prepare(rt->event);
                if (r == 0)
                        r = sd_event_wait(rt->event, UINT64_MAX);
                if (r > 0)
                        r = dispatch(rt, on_slow, userdata);
                if (r < 0)
                        return r;
        }
        r = sd_event_get_exit_code(rt->event, &code);
        return r < 0 ? r : code;
}
