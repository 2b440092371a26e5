/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a test holds threads at one place (link `test_latch`); leaves what they do
 * there to the test. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

/* Holds threads until it is opened, and tells how many have arrived. */
typedef struct Latch {
        pthread_mutex_t lock;
        pthread_cond_t cond;
        bool is_open;
        unsigned n_arrived;
} Latch;

void latch_init(Latch *l);
void latch_done(Latch *l);

/* By who is held. */
void latch_wait(Latch *l);
/* By who holds: lets all go, from now on; waits until n have arrived. */
void latch_open(Latch *l);
void latch_expect(Latch *l, unsigned n);
