/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a long piece of work on a thread is watched and stopped from the loop; leaves the work
 * to who does it. */
#include "daemon/pulse.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

struct Pulse {
        int stop_fd;
        atomic_bool is_stopped, is_waiting;
        _Atomic(const char *) step;
        atomic_uint_fast64_t n_done, n_total, beat;
};

int pulse_new(Pulse **ret) {
        Pulse *p;

        p = new0(Pulse, 1);
        if (!p)
                return -ENOMEM;
        *p = (Pulse){ .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .step = "" };
        if (p->stop_fd < 0) {
                free(p);
                return -errno;
        }
        *ret = p;
        return 0;
}

Pulse *pulse_free(Pulse *p) {
        if (!p)
                return NULL;
        close_fd(p->stop_fd);
        free(p);
        return NULL;
}

void pulse_stop(Pulse *p) {
        p->is_stopped = true;
        (void) eventfd_write(p->stop_fd, 1);
}

void pulse_get(Pulse *p, PulseState *ret) {
        *ret = (PulseState){
                .step = p->step,
                .n_done = p->n_done,
                .n_total = p->n_total,
                .beat = p->beat,
                .is_waiting = p->is_waiting,
        };
}

void pulse_begin(Pulse *p, const char *step, uint64_t n_total) {
        p->n_done = 0;
        p->n_total = n_total;
        p->step = step;
        p->beat++;
}

void pulse_advance(Pulse *p, uint64_t n) {
        p->n_done += n;
        p->beat++;
}

bool pulse_goes_on(void *pulse) {
        Pulse *p = pulse;

        p->beat++;
        return !p->is_stopped;
}

int pulse_wait(Pulse *p, int fd, short events) {
        struct pollfd fds[] = {
                { .fd = p->stop_fd, .events = POLLIN },
                { .fd = fd, .events = events },
        };

        int r = 0;

        p->is_waiting = true;
        while (r == 0 && !p->is_stopped) {
                r = poll(fds, ELEMENTSOF(fds), -1);
                if (r < 0)
                        r = errno == EINTR ? 0 : -errno;
                else
                        r = fds[1].revents != 0;
        }
        p->is_waiting = false;
        return r < 0 ? r : p->is_stopped ? -ECANCELED : 0;
}
