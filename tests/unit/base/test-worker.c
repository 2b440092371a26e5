/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what workers and lanes promise, on threads and inline; leaves real work to its users. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/worker.h"
#include "support/latch.h"

#define LOOP_USEC (10 * UINT64_C(1000000))

typedef struct Fixture {
        sd_event *event;
        Workers *workers;
        Latch latch;
        atomic_uint n_begun, n_ended;
        int begin_error, end_error; /* set before the lane has work */
        atomic_uint n_run;
        unsigned n_done, n_freed;
        int results[WORKER_QUEUE_MAX + 8];
        unsigned order[WORKER_QUEUE_MAX + 8]; /* of completion, by number */
} Fixture;

typedef struct Request {
        Fixture *fixture;
        unsigned number;
        bool waits;
        bool is_freed;
        unsigned batch; /* n_begun when it ran */
        Job **cancels;  /* by its done */
        Lane **closes;
} Request;

static int run(void *userdata) {
        Request *q = userdata;

        if (q->waits)
                latch_wait(&q->fixture->latch);
        q->batch = q->fixture->n_begun;
        q->fixture->n_run++;
        return (int) q->number + 1000;
}

static void done(int r, void *request, void *userdata) {
        Request *q = request;
        Fixture *f = userdata;

        assert_ptr_equal(q->fixture, f);
        assert_false(q->is_freed);
        f->order[f->n_done] = q->number;
        f->results[f->n_done++] = r;
        if (q->cancels)
                *q->cancels = job_free(*q->cancels);
        if (q->closes)
                *q->closes = lane_free(*q->closes);
}

static void free_request(void *userdata) {
        Request *q = userdata;

        assert_false(q->is_freed);
        q->is_freed = true;
        q->fixture->n_freed++;
}

static int begin(void *userdata) {
        Fixture *f = userdata;

        f->n_begun++;
        return f->begin_error;
}

static int end(void *userdata) {
        Fixture *f = userdata;

        f->n_ended++;
        return f->end_error;
}

static const LaneHooks hooks = { .begin = begin, .end = end };

static int setup_with(void **state, bool is_inline) {
        Fixture *f = new0(Fixture, 1);

        *state = f;
        if (!f || sd_event_new(&f->event) < 0)
                return -1;
        latch_init(&f->latch);
        return is_inline ? workers_new_inline(f->event, &f->workers)
                         : workers_new(f->event, 2, &f->workers);
}

static int setup(void **state) {
        return setup_with(state, false);
}

static int setup_inline(void **state) {
        return setup_with(state, true);
}

static int teardown(void **state) {
        Fixture *f = *state;

        workers_free(f->workers);
        latch_done(&f->latch);
        sd_event_unref(f->event);
        free(f);
        return 0;
}

static Request *requests_new(Fixture *f, unsigned n) {
        Request *q = new0(Request, n);

        assert_non_null(q);
        for (unsigned i = 0; i < n; i++)
                q[i] = (Request){ .fixture = f, .number = i };
        return q;
}

static void submit(Fixture *f, Lane *l, Request *q, Job **ret_job) {
        if (l)
                assert_int_equal(lane_submit(l, run, q, free_request, done, f, ret_job), 0);
        else
                assert_int_equal(workers_submit(f->workers, run, q, free_request, done, f, ret_job),
                                 0);
}

static void loop_until(Fixture *f, const unsigned *counter, unsigned n) {
        while (*counter < n)
                assert_true(sd_event_run(f->event, LOOP_USEC) > 0);
}

static void loop_while_ready(Fixture *f) {
        int r;

        while ((r = sd_event_run(f->event, 0)) > 0)
                ;
        assert_int_equal(r, 0);
}

static int count_turn(sd_event_source *s, void *userdata) {
        unsigned *n = userdata;

        ++*n;
        return 0;
}

static void loop_goes_on_while_all_threads_are_held(void **state) {
        Fixture *f = *state;
        sd_event_source *turns;
        unsigned n_turns = 0;
        Request *q = requests_new(f, 5);
        Lane *l;

        assert_int_equal(lane_new(f->workers, "lane", NULL, NULL, &l), 0);
        for (unsigned i = 0; i < 5; i++) {
                q[i].waits = true;
                submit(f, i < 4 ? NULL : l, &q[i], NULL);
        }
        latch_expect(&f->latch, 3); /* both of the pool and the lane's */
        assert_int_equal(sd_event_add_defer(f->event, &turns, count_turn, &n_turns), 0);
        assert_int_equal(sd_event_source_set_enabled(turns, SD_EVENT_ON), 0);
        loop_until(f, &n_turns, 100);
        assert_int_equal(f->n_done, 0);
        assert_int_equal(f->n_run, 0);

        sd_event_source_disable_unref(turns);
        latch_open(&f->latch);
        loop_until(f, &f->n_done, 5);
        assert_int_equal(f->n_freed, 5);
        lane_free(l);
        free(q);
}

/* What arrives while a batch is under way is one batch, in order; the results are each job's own.
 */
static void a_lane_takes_all_that_waits(void **state) {
        Fixture *f = *state;
        Request *q = requests_new(f, 100);
        Lane *l;

        assert_int_equal(lane_new(f->workers, "lane", &hooks, f, &l), 0);
        q[0].waits = true;
        submit(f, l, &q[0], NULL);
        latch_expect(&f->latch, 1);
        for (unsigned i = 1; i < 100; i++)
                submit(f, l, &q[i], NULL);
        latch_open(&f->latch);
        loop_until(f, &f->n_freed, 100);
        assert_int_equal(f->n_begun, 2);
        assert_int_equal(f->n_ended, 2);
        for (unsigned i = 0; i < 100; i++) {
                assert_int_equal(f->order[i], i);
                assert_int_equal(f->results[i], i + 1000);
                assert_int_equal(q[i].batch, i == 0 ? 1 : 2);
        }
        lane_free(l);
        free(q);
}

static void a_failed_hook_fails_the_batch(void **state) {
        Fixture *f = *state;
        Request *q = requests_new(f, 4);
        Lane *l;

        assert_int_equal(lane_new(f->workers, "lane", &hooks, f, &l), 0);
        f->end_error = -EIO;
        submit(f, l, &q[0], NULL);
        submit(f, l, &q[1], NULL);
        loop_until(f, &f->n_freed, 2);
        assert_int_equal(f->n_run, 2);
        assert_int_equal(f->results[0], -EIO);
        assert_int_equal(f->results[1], -EIO);

        f->begin_error = -ENOSPC;
        f->n_ended = 0;
        submit(f, l, &q[2], NULL);
        submit(f, l, &q[3], NULL);
        loop_until(f, &f->n_freed, 4);
        assert_int_equal(f->n_run, 2);
        assert_int_equal(f->n_ended, 0);
        assert_int_equal(f->results[2], -ENOSPC);
        assert_int_equal(f->results[3], -ENOSPC);
        lane_free(l);
        free(q);
}

/* Freed while it waits, while it runs, and between its run and its done. */
static void a_freed_job_is_never_done(void **state) {
        Fixture *f = *state;
        Request *q = requests_new(f, 4);
        Job *running, *waiting, *completed;
        Lane *l;

        assert_int_equal(lane_new(f->workers, "lane", NULL, NULL, &l), 0);
        q[0].waits = !workers_are_inline(f->workers);
        submit(f, l, &q[0], &running);
        if (q[0].waits)
                latch_expect(&f->latch, 1);
        submit(f, l, &q[1], &waiting);
        q[2].cancels = &completed;
        submit(f, l, &q[2], NULL);
        submit(f, l, &q[3], &completed);
        assert_null(job_free(running));
        job_free(waiting);
        assert_int_equal(f->n_freed, 0);
        latch_open(&f->latch);
        loop_until(f, &f->n_freed, 4);
        assert_int_equal(f->n_done, 1);
        assert_int_equal(f->order[0], 2);
        assert_int_equal(f->n_run, 4);
        assert_null(completed);
        lane_free(l);
        free(q);
}

static void a_full_queue_refuses(void **state) {
        Fixture *f = *state;
        Request *q = requests_new(f, WORKER_QUEUE_MAX + 2);
        Job *job = NULL;
        Lane *l;

        assert_int_equal(lane_new(f->workers, "lane", NULL, NULL, &l), 0);
        if (!workers_are_inline(f->workers)) {
                q[0].waits = true;
                submit(f, l, &q[0], NULL);
                latch_expect(&f->latch, 1);
        }
        for (unsigned i = 1; i <= WORKER_QUEUE_MAX; i++)
                submit(f, l, &q[i], NULL);
        assert_int_equal(f->n_freed, 0);
        assert_int_equal(lane_submit(l, run, &q[WORKER_QUEUE_MAX + 1], free_request, done, f, &job),
                         -ENOBUFS);
        assert_true(q[WORKER_QUEUE_MAX + 1].is_freed);
        assert_null(job);
        latch_open(&f->latch);
        loop_until(f, &f->n_done, WORKER_QUEUE_MAX + q[0].waits);
        q[1].is_freed = false;
        submit(f, l, &q[1], NULL); /* there is room again */
        lane_free(l);
        assert_true(q[1].is_freed);
        free(q);
}

/* What was submitted is done; who asked is not told; a handle is still good for job_free(). */
static void freeing_runs_what_waits(void **state) {
        Fixture *f = *state;
        Request *q = requests_new(f, 6);
        Job *of_lane, *of_pool;
        Lane *l;

        assert_int_equal(lane_new(f->workers, "lane", &hooks, f, &l), 0);
        submit(f, l, &q[0], NULL);
        submit(f, l, &q[1], &of_lane);
        submit(f, l, &q[2], NULL);
        submit(f, NULL, &q[3], NULL);
        submit(f, NULL, &q[4], &of_pool);
        assert_null(lane_free(l));
        assert_true(q[0].is_freed && q[1].is_freed && q[2].is_freed);
        assert_true(f->n_begun >= 1 && f->n_ended == f->n_begun);
        f->workers = workers_free(f->workers);
        assert_int_equal(f->n_run, 5);
        assert_int_equal(f->n_freed, 5);
        assert_int_equal(f->n_done, 0);
        assert_null(job_free(of_lane));
        job_free(of_pool);
        free(q);
}

static void a_lane_may_go_in_a_done(void **state) {
        Fixture *f = *state;
        Request *q = requests_new(f, 3);
        Lane *l;

        assert_int_equal(lane_new(f->workers, "lane", &hooks, f, &l), 0);
        q[0].closes = &l;
        for (unsigned i = 0; i < 3; i++)
                submit(f, l, &q[i], NULL);
        loop_until(f, &f->n_freed, 3);
        assert_int_equal(f->n_run, 3);
        assert_int_equal(f->n_done, 1);
        assert_null(l);
        loop_while_ready(f);
        free(q);
}

static void done_submit_again(int r, void *request, void *userdata) {
        Request *q = request;
        Fixture *f = userdata;

        assert_int_equal(r, q->number + 1000);
        if (++q->number < 10)
                assert_int_equal(
                        workers_submit(f->workers, run, q, NULL, done_submit_again, f, NULL), 0);
        f->n_done++;
}

static void a_done_may_submit(void **state) {
        Fixture *f = *state;
        Request q = { .fixture = f }, forgotten = { .fixture = f };

        assert_int_equal(workers_submit(f->workers, run, &q, NULL, done_submit_again, f, NULL), 0);
        assert_int_equal(workers_submit(f->workers, run, &forgotten, NULL, NULL, NULL, NULL), 0);
        loop_until(f, &f->n_done, 10);
        f->workers = workers_free(f->workers);
        assert_int_equal(f->n_run, 11);
}

static int check_signals(void *request) {
        sigset_t *mask = request;

        return pthread_sigmask(SIG_SETMASK, NULL, mask);
}

static void done_count(int r, void *request, void *userdata) {
        unsigned *n = userdata;

        ++*n;
}

static void threads_block_all_signals(void **state) {
        Fixture *f = *state;
        sigset_t mask, mine;
        unsigned n_done = 0;

        sigemptyset(&mask);
        assert_int_equal(
                workers_submit(f->workers, check_signals, &mask, NULL, done_count, &n_done, NULL),
                0);
        loop_until(f, &n_done, 1);
        for (int s = 1; s < 32; s++) /* beyond: glibc keeps two for itself */
                if (s != SIGKILL && s != SIGSTOP)
                        assert_true(sigismember(&mask, s));
        assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mine), 0);
        assert_false(sigismember(&mine, SIGTERM));
}

static void inline_runs_and_completes_at_later_turns(void **state) {
        Fixture *f = *state;
        Request *q = requests_new(f, 4);
        Lane *l;

        assert_true(workers_are_inline(f->workers));
        assert_int_equal(sd_event_run(f->event, 0), 0); /* idle: nothing keeps the loop busy */
        assert_int_equal(lane_new(f->workers, "lane", &hooks, f, &l), 0);
        submit(f, NULL, &q[0], NULL);
        submit(f, l, &q[1], NULL);
        submit(f, NULL, &q[2], NULL);
        submit(f, l, &q[3], NULL);
        static const struct {
                unsigned n_run, n_done;
        } turns[] = { { 1, 0 }, { 1, 1 }, { 3, 1 }, { 3, 3 }, { 4, 3 }, { 4, 4 } };
        for (size_t i = 0; i < ELEMENTSOF(turns); i++) {
                assert_int_equal(f->n_done, i == 0 ? 0 : turns[i - 1].n_done);
                assert_true(sd_event_run(f->event, 0) > 0);
                assert_int_equal(f->n_run, turns[i].n_run);
                assert_int_equal(f->n_done, turns[i].n_done);
        }
        assert_int_equal(sd_event_run(f->event, 0), 0);
        static const unsigned order[] = { 0, 1, 3, 2 }; /* a lane takes all that waits */
        for (size_t i = 0; i < ELEMENTSOF(order); i++)
                assert_int_equal(f->order[i], order[i]);
        assert_int_equal(f->n_begun, 1);
        lane_free(l);
        free(q);
}

#define on_threads(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
#define on_both(f)                                                                                 \
        { #f "/threads", f, setup, teardown, NULL }, {                                             \
#f "/inline", f, setup_inline, teardown, NULL                                      \
        }

int main(void) {
        const struct CMUnitTest tests[] = {
                on_threads(loop_goes_on_while_all_threads_are_held),
                on_threads(a_lane_takes_all_that_waits),
                on_both(a_failed_hook_fails_the_batch),
                on_both(a_freed_job_is_never_done),
                on_both(a_full_queue_refuses),
                on_both(freeing_runs_what_waits),
                on_both(a_lane_may_go_in_a_done),
                on_both(a_done_may_submit),
                on_threads(threads_block_all_signals),
                cmocka_unit_test_setup_teardown(inline_runs_and_completes_at_later_turns,
                                                setup_inline, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
