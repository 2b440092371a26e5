/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how work leaves the event loop and comes back; leaves what it is to its submitters. */
#pragma once

#include <stdbool.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"

/* Jobs run on threads; their completions run on the event loop, woken by an eventfd. The inline
 * runner of tests has no threads: jobs run from a defer source of the loop, one after the other, so
 * that completions stay asynchronous and order is deterministic. */
typedef struct Workers Workers;
typedef struct Lane Lane; /* one thread, jobs in order */
typedef struct Job Job;   /* a submitter's handle on work under way */

typedef int (*job_run_fn)(void *request);                          /* on a thread */
typedef void (*job_done_fn)(int r, void *request, void *userdata); /* on the loop */
typedef void (*job_free_fn)(void *request);

/* n_threads serve the pool (hashing, name look-up). */
int workers_new(sd_event *event /* weak */, unsigned n_threads, Workers **ret);
int workers_new_inline(sd_event *event /* weak */, Workers **ret);
/* Runs what is queued, joins every thread; completions that have not run are dropped, their
 * requests freed. Lanes must be gone before. */
Workers *workers_free(Workers *w);
DEFINE_CLEANUP(Workers *, workers_free);
bool workers_are_inline(const Workers *w);

/* Takes ownership of request in every case, failure too: free_request (may be NULL) runs exactly
 * once, on the loop, after done, whether the submitter still lives or not. *ret_job may be NULL:
 * then nobody can cancel. Otherwise the job is the submitter's: job_free() before completion means
 * that done never runs (the work itself may), and after done has returned the handle is gone by
 * itself. Where a completion is dropped (its lane or the workers went first) the handle stays good
 * for job_free(), which is then due. Errors: -ENOMEM, -ENOBUFS when WORKER_QUEUE_MAX jobs wait. */
#define WORKER_QUEUE_MAX 4096 /* ≈ 1 s of store work; callers answer `busy` beyond it */
int workers_submit(Workers *w, job_run_fn run, void *request, job_free_fn free_request,
                   job_done_fn done, void *userdata /* weak */, Job **ret_job);

Job *job_free(Job *j);
DEFINE_CLEANUP(Job *, job_free);

/* A lane takes everything that waits as one batch: begin(), each job's run(), end(). When begin or
 * end fail, every job of the batch completes with that error, whatever its own run returned.
 * All three hooks run on the lane's thread. */
typedef struct LaneHooks {
        int (*begin)(void *userdata);
        int (*end)(void *userdata);
} LaneHooks;

int lane_new(Workers *w, const char *name, const LaneHooks *hooks /* may be NULL */,
             void *userdata /* weak */, Lane **ret);
/* Runs what is queued (durably: what was submitted is done), joins; completions are dropped. */
Lane *lane_free(Lane *l);
DEFINE_CLEANUP(Lane *, lane_free);
int lane_submit(Lane *l, job_run_fn run, void *request, job_free_fn free_request, job_done_fn done,
                void *userdata /* weak */, Job **ret_job);
