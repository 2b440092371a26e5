/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows threads, their queues and the way back to the loop; leaves what the work is to its
 * submitters. */
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <utlist.h>

#include "base/worker.h"

/* So that a large batch does not keep the sockets waiting. */
#define COMPLETIONS_PER_TURN 64

struct Job {
        Lane *lane; /* weak; NULL: pool */
        job_run_fn run;
        void *request;
        job_free_fn free_request;
        int r;
        Job *prev, *next;

        /* Only the loop looks at these, so that cancelling needs no lock. */
        job_done_fn done;
        void *userdata;  /* weak */
        bool is_held;    /* the submitter has a handle */
        bool is_dropped; /* … which is all that is left */
};

typedef struct JobQueue {
        pthread_mutex_t lock;
        pthread_cond_t cond;
        Job *jobs;
        unsigned n_jobs;
        bool is_stopping;
} JobQueue;

struct Workers {
        sd_event *event; /* weak */
        bool is_inline;
        sd_event_source *source; /* of the eventfd; inline: the defer source */
        int event_fd;
        JobQueue queue; /* inline: of the lanes too */
        pthread_t *threads;
        unsigned n_threads;
        size_t n_lanes;

        pthread_mutex_t completed_lock;
        Job *completed; /* filled by threads */
        Job *ready;     /* taken over by the loop */
};

struct Lane {
        Workers *workers; /* weak */
        LaneHooks hooks;
        void *userdata; /* weak */
        JobQueue queue; /* inline: only its count */
        pthread_t thread;
        bool has_thread;
};

static void job_queue_init(JobQueue *q) {
        pthread_mutex_init(&q->lock, NULL);
        pthread_cond_init(&q->cond, NULL);
}

static void job_queue_done(JobQueue *q) {
        assert(q->n_jobs == 0);
        pthread_cond_destroy(&q->cond);
        pthread_mutex_destroy(&q->lock);
}

static void job_queue_stop(JobQueue *q) {
        pthread_mutex_lock(&q->lock);
        q->is_stopping = true;
        pthread_cond_broadcast(&q->cond);
        pthread_mutex_unlock(&q->lock);
}

/* Waits for work: one job, or all there are. NULL: stopping, and nothing is left. */
static Job *job_queue_take(JobQueue *q, bool all) {
        Job *taken = NULL;

        pthread_mutex_lock(&q->lock);
        while (!q->jobs && !q->is_stopping)
                pthread_cond_wait(&q->cond, &q->lock);
        if (all) {
                taken = TAKE_PTR(q->jobs);
                q->n_jobs = 0;
        } else if (q->jobs) {
                Job *first = q->jobs;

                DL_DELETE(q->jobs, first);
                DL_APPEND(taken, first);
                q->n_jobs--;
        }
        pthread_mutex_unlock(&q->lock);
        return taken;
}

Job *job_free(Job *j) {
        if (!j)
                return NULL;
        if (j->is_dropped) {
                free(j);
                return NULL;
        }
        j->done = NULL;
        j->is_held = false;
        return NULL;
}

static void job_free_request(Job *j) {
        if (j->free_request)
                j->free_request(j->request);
        j->request = NULL;
}

static void job_complete(Job *j) {
        job_done_fn done = TAKE_PTR(j->done);

        j->is_held = false;
        if (done)
                done(j->r, j->request, j->userdata);
        job_free_request(j);
        free(j);
}

static void job_drop(Job *j) {
        job_free_request(j);
        if (j->is_held) /* the submitter's job_free() is still to come */
                j->is_dropped = true;
        else
                free(j);
}

/* Drops the completions of one lane, or of all. */
static void drop_completions(Job **list, const Lane *lane) {
        Job *j, *next;

        DL_FOREACH_SAFE(*list, j, next) {
                if (lane && j->lane != lane)
                        continue;
                DL_DELETE(*list, j);
                job_drop(j);
        }
}

static void run_batch(Lane *l, Job *batch) {
        int r = 0;
        Job *j;

        if (l && l->hooks.begin)
                r = l->hooks.begin(l->userdata);
        if (r >= 0) {
                DL_FOREACH(batch, j)
                        j->r = j->run(j->request);
                r = l && l->hooks.end ? l->hooks.end(l->userdata) : 0;
        }
        if (r < 0)
                DL_FOREACH(batch, j)
                        j->r = r;
}

static void hand_back(Workers *w, Job *batch) {
        bool was_empty;

        pthread_mutex_lock(&w->completed_lock);
        was_empty = !w->completed;
        DL_CONCAT(w->completed, batch);
        pthread_mutex_unlock(&w->completed_lock);
        if (was_empty)
                (void) eventfd_write(w->event_fd, 1);
}

static void *pool_thread(void *userdata) {
        Workers *w = userdata;
        Job *j;

        while ((j = job_queue_take(&w->queue, false))) {
                run_batch(NULL, j);
                hand_back(w, j);
        }
        return NULL;
}

static void *lane_thread(void *userdata) {
        Lane *l = userdata;
        Job *batch;

        while ((batch = job_queue_take(&l->queue, true))) {
                run_batch(l, batch);
                hand_back(l->workers, batch);
        }
        return NULL;
}

/* Signals are the loop's: a thread starts with all of them blocked. */
static int start_thread(pthread_t *ret, const char *name, void *(*main)(void *), void *userdata) {
        sigset_t all, saved;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &saved);
        r = pthread_create(ret, NULL, main, userdata);
        pthread_sigmask(SIG_SETMASK, &saved, NULL);
        if (r != 0)
                return -r;
        (void) pthread_setname_np(*ret, name);
        return 0;
}

/* A done function may submit, cancel, and free lanes; it may not free the workers. */
static void complete_some(Workers *w) {
        for (unsigned i = 0; w->ready && i < COMPLETIONS_PER_TURN; i++) {
                Job *j = w->ready;

                DL_DELETE(w->ready, j);
                job_complete(j);
        }
}

static int on_completed(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Workers *w = userdata;

        if (!w->ready) {
                eventfd_t count;

                (void) eventfd_read(w->event_fd, &count);
                pthread_mutex_lock(&w->completed_lock);
                w->ready = TAKE_PTR(w->completed);
                pthread_mutex_unlock(&w->completed_lock);
        }
        complete_some(w);
        if (w->ready)
                (void) eventfd_write(w->event_fd, 1);
        return 0;
}

/* One job of the pool, or all that wait for the same lane. */
static void inline_run(Workers *w, Lane *lane) {
        Job *batch = NULL, *j, *next;
        JobQueue *q = lane ? &lane->queue : &w->queue;

        DL_FOREACH_SAFE(w->queue.jobs, j, next) {
                if (j->lane != lane)
                        continue;
                DL_DELETE(w->queue.jobs, j);
                DL_APPEND(batch, j);
                q->n_jobs--;
                if (!lane)
                        break;
        }
        if (!batch)
                return;
        run_batch(lane, batch);
        DL_CONCAT(w->ready, batch);
}

static void inline_update(Workers *w) {
        (void) sd_event_source_set_enabled(w->source,
                                           w->ready || w->queue.jobs ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_inline_turn(sd_event_source *s, void *userdata) {
        Workers *w = userdata;

        if (w->ready)
                complete_some(w);
        else if (w->queue.jobs)
                inline_run(w, w->queue.jobs->lane);
        inline_update(w);
        return 0;
}

static int workers_new_common(sd_event *event, bool is_inline, Workers **ret) {
        _cleanup_(workers_freep) Workers *w = NULL;
        int r;

        assert(event);
        w = new0(Workers, 1);
        if (!w)
                return -ENOMEM;
        *w = (Workers){
                .event = event,
                .is_inline = is_inline,
                .event_fd = -EBADF,
        };
        job_queue_init(&w->queue);
        pthread_mutex_init(&w->completed_lock, NULL);
        if (is_inline) {
                r = sd_event_add_defer(event, &w->source, on_inline_turn, w);
                if (r < 0)
                        return r;
                inline_update(w);
        } else {
                w->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                if (w->event_fd < 0)
                        return -errno;
                r = sd_event_add_io(event, &w->source, w->event_fd, EPOLLIN, on_completed, w);
                if (r < 0)
                        return r;
        }
        (void) sd_event_source_set_description(w->source, "workers");
        *ret = TAKE_PTR(w);
        return 0;
}

int workers_new(sd_event *event, unsigned n_threads, Workers **ret) {
        _cleanup_(workers_freep) Workers *w = NULL;
        int r;

        assert(n_threads > 0);
        r = workers_new_common(event, false, &w);
        if (r < 0)
                return r;
        w->threads = new0(pthread_t, n_threads);
        if (!w->threads)
                return -ENOMEM;
        for (; w->n_threads < n_threads; w->n_threads++) {
                r = start_thread(&w->threads[w->n_threads], "pool", pool_thread, w);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(w);
        return 0;
}

int workers_new_inline(sd_event *event, Workers **ret) {
        return workers_new_common(event, true, ret);
}

Workers *workers_free(Workers *w) {
        if (!w)
                return NULL;
        assert(w->n_lanes == 0);
        job_queue_stop(&w->queue);
        for (unsigned i = 0; i < w->n_threads; i++)
                pthread_join(w->threads[i], NULL);
        while (w->queue.jobs)
                inline_run(w, NULL);
        sd_event_source_disable_unref(w->source);
        close_fd(w->event_fd);
        drop_completions(&w->ready, NULL);
        drop_completions(&w->completed, NULL);
        job_queue_done(&w->queue);
        pthread_mutex_destroy(&w->completed_lock);
        free(w->threads);
        free(w);
        return NULL;
}

bool workers_are_inline(const Workers *w) {
        return w->is_inline;
}

static int submit(Workers *w, Lane *l, job_run_fn run, void *request, job_free_fn free_request,
                  job_done_fn done, void *userdata, Job **ret_job) {
        JobQueue *q = l ? &l->queue : &w->queue;
        int r = 0;
        Job *j;

        assert(run);
        j = new0(Job, 1);
        if (!j) {
                if (free_request)
                        free_request(request);
                return -ENOMEM;
        }
        *j = (Job){
                .lane = l,
                .run = run,
                .request = request,
                .free_request = free_request,
                .done = done,
                .userdata = userdata,
                .is_held = ret_job,
        };

        pthread_mutex_lock(&q->lock);
        if (q->n_jobs >= WORKER_QUEUE_MAX)
                r = -ENOBUFS;
        else {
                q->n_jobs++;
                DL_APPEND(*(w->is_inline ? &w->queue.jobs : &q->jobs), j);
                pthread_cond_signal(&q->cond);
        }
        pthread_mutex_unlock(&q->lock);
        if (r < 0) {
                j->is_held = false;
                job_drop(j);
                return r;
        }
        if (w->is_inline)
                inline_update(w);
        if (ret_job)
                *ret_job = j;
        return 0;
}

int workers_submit(Workers *w, job_run_fn run, void *request, job_free_fn free_request,
                   job_done_fn done, void *userdata, Job **ret_job) {
        return submit(w, NULL, run, request, free_request, done, userdata, ret_job);
}

int lane_new(Workers *w, const char *name, const LaneHooks *hooks, void *userdata, Lane **ret) {
        _cleanup_(lane_freep) Lane *l = NULL;
        int r;

        assert(w);
        l = new0(Lane, 1);
        if (!l)
                return -ENOMEM;
        *l = (Lane){
                .workers = w,
                .hooks = hooks ? *hooks : (LaneHooks){},
                .userdata = userdata,
        };
        job_queue_init(&l->queue);
        w->n_lanes++;
        if (!w->is_inline) {
                r = start_thread(&l->thread, name, lane_thread, l);
                if (r < 0)
                        return r;
                l->has_thread = true;
        }
        *ret = TAKE_PTR(l);
        return 0;
}

Lane *lane_free(Lane *l) {
        Workers *w;

        if (!l)
                return NULL;
        w = l->workers;
        job_queue_stop(&l->queue);
        if (l->has_thread)
                pthread_join(l->thread, NULL);
        else
                inline_run(w, l);

        drop_completions(&w->ready, l);
        pthread_mutex_lock(&w->completed_lock);
        drop_completions(&w->completed, l);
        pthread_mutex_unlock(&w->completed_lock);
        w->n_lanes--;
        job_queue_done(&l->queue);
        free(l);
        return NULL;
}

int lane_submit(Lane *l, job_run_fn run, void *request, job_free_fn free_request, job_done_fn done,
                void *userdata, Job **ret_job) {
        return submit(l->workers, l, run, request, free_request, done, userdata, ret_job);
}
