/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a long piece of work on a thread is watched and stopped from the loop; leaves the work
 * to who does it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

typedef struct Pulse Pulse;

int pulse_new(Pulse **ret);
Pulse *pulse_free(Pulse *p); /* not while its work runs */
DEFINE_CLEANUP(Pulse *, pulse_free);

/* On the loop. Ends a pulse_wait() too. */
void pulse_stop(Pulse *p);
/* What is done now ("" before it begins), how much of it, of how much (0: nobody knows). */
typedef struct PulseState {
        const char *step;
        uint64_t n_done, n_total;
        uint64_t beat;   /* grows while the work gets on */
        bool is_waiting; /* for somebody else, in pulse_wait() */
} PulseState;
void pulse_get(Pulse *p, PulseState *ret);

/* On the thread. step: a literal. */
void pulse_begin(Pulse *p, const char *step, uint64_t n_total);
void pulse_advance(Pulse *p, uint64_t n);
/* False once it is stopped. The form of sql_goes_on_fn. */
bool pulse_goes_on(void *pulse);
/* Until fd has these poll() events; -ECANCELED once it is stopped. */
int pulse_wait(Pulse *p, int fd, short events);
