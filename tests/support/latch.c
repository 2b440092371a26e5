/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the lock and the condition of a latch. */
#include "support/latch.h"

void latch_init(Latch *l) {
        *l = (Latch){};
        pthread_mutex_init(&l->lock, NULL);
        pthread_cond_init(&l->cond, NULL);
}

void latch_done(Latch *l) {
        pthread_cond_destroy(&l->cond);
        pthread_mutex_destroy(&l->lock);
}

void latch_wait(Latch *l) {
        pthread_mutex_lock(&l->lock);
        l->n_arrived++;
        pthread_cond_broadcast(&l->cond);
        while (!l->is_open)
                pthread_cond_wait(&l->cond, &l->lock);
        pthread_mutex_unlock(&l->lock);
}

void latch_open(Latch *l) {
        pthread_mutex_lock(&l->lock);
        l->is_open = true;
        pthread_cond_broadcast(&l->cond);
        pthread_mutex_unlock(&l->lock);
}

void latch_expect(Latch *l, unsigned n) {
        pthread_mutex_lock(&l->lock);
        while (l->n_arrived < n)
                pthread_cond_wait(&l->cond, &l->lock);
        pthread_mutex_unlock(&l->lock);
}
