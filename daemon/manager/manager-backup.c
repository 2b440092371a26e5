/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a backup is written and restored while everything goes on: on a thread, watched, one at
 * a time, ended with who asked for it. Leaves what is in it to store-archive.h. */
#include "base/log.h"
#include "daemon/manager/manager-internal.h"

#define LOOK_USEC (500 * USEC_PER_MSEC)
#define STALL_USEC (60 * USEC_PER_SEC) /* a pipe whose other end does nothing */

/* Shared by the manager and the work on the thread: gone with the later of both. */
struct Archiving {
        Manager *manager; /* weak; NULL: it has gone */
        unsigned n_users;
        Operation *op; /* weak; NULL: nobody waits */
        bool is_restore, set_aside;
        bool is_replacing; /* too late to be stopped */
        Transfer *transfer;
        Pulse *pulse;
        PulseState seen;
        uint64_t waits_since; /* boottime; 0: it does not wait */
        bool has_stalled;
        ClockTimer *watch;
        char *directory, *aside;
        Job *replace_job;
        int r;
        BackupSummary summary;
        Failure failure; /* of r */
};

static Archiving *archiving_unref(Archiving *a) {
        if (!a || --a->n_users > 0)
                return NULL;
        clock_timer_free(a->watch);
        job_free(a->replace_job);
        transfer_free(a->transfer);
        pulse_free(a->pulse);
        free(a->directory);
        free(a->aside);
        free(a);
        return NULL;
}
DEFINE_CLEANUP(Archiving *, archiving_unref);

static void archiving_free_request(void *request) {
        archiving_unref(request);
}

/* The manager's part ends; the work may still have to notice. */
static void archiving_end(Archiving *a) {
        a->watch = clock_timer_free(a->watch);
        a->replace_job = job_free(a->replace_job);
        (void) operation_take(&a->op);
        a->manager->archiving = NULL;
        a->manager = NULL;
        archiving_unref(a);
}

static void complete_archive(Operation *o, const Failure *f) {
        ManagerOp *op = (ManagerOp *) o;
        Archiving *a = op->manager->archiving;

        if (f || !a)
                op->fn.archive(f, NULL, NULL, op->userdata);
        else
                op->fn.archive(NULL, &a->summary, a->aside, op->userdata);
}

/* Nobody waits any more: nobody takes the bytes, or would know that the store is another one. */
static void release_archive(Operation *o) {
        Manager *m = ((ManagerOp *) o)->manager;

        if (m->archiving && !m->archiving->op && !m->archiving->is_replacing)
                pulse_stop(m->archiving->pulse);
}

static const OperationType archive_type = {
        .complete = complete_archive,
        .release = release_archive,
};

static void archiving_done(Archiving *a, const Failure *f) {
        operation_complete(a->op, f);
        archiving_end(a);
}

static void on_watch(void *userdata) {
        Archiving *a = userdata;
        Manager *m = a->manager;
        uint64_t now = clock_boottime(m->rt->clock);
        PulseState state;

        pulse_get(a->pulse, &state);
        clock_timer_arm(a->watch, LOOK_USEC);
        if ((state.step != a->seen.step || state.n_done != a->seen.n_done) &&
            m->observer.on_progress)
                m->observer.on_progress(m, state.step, state.n_done, state.n_total,
                                        m->observer_userdata);
        if (!state.is_waiting || state.beat != a->seen.beat)
                a->waits_since = 0;
        else if (a->waits_since == 0)
                a->waits_since = now;
        else if (now - a->waits_since >= STALL_USEC) {
                a->has_stalled = true;
                pulse_stop(a->pulse);
        }
        a->seen = state;
}

/* ---- the end of a restore ---- */

bool manager_is_replacing(const Manager *m) {
        return m->archiving && m->archiving->is_replacing;
}

void manager_archive_loaded(Manager *m, int r) {
        Archiving *a = m->archiving;

        if (!manager_is_replacing(m) || a->replace_job)
                return;
        if (a->r >= 0 && r < 0)
                (void) failure_set(&a->failure, ERROR_INTERNAL,
                                   "The backup is restored, but cannot be read: %s.", strerror(-r));
        archiving_done(a, a->r < 0 || r < 0 ? &a->failure : NULL);
}

static void fail_replace(Archiving *a, int r) {
        if (r == -EISCONN)
                (void) failure_set(&a->failure, ERROR_ALREADY_SIGNED_IN,
                                   "Somebody signed in meanwhile; sign out, and restore again.");
        else if (r == -ENOTUNIQ)
                (void) failure_set(&a->failure, ERROR_CONFLICT,
                                   "Somebody joined a channel meanwhile; restore with set_aside.");
        else if (r == -EBUSY)
                (void) failure_set(&a->failure, ERROR_BUSY,
                                   "The store is open in another program; close it, and restore "
                                   "again. Nothing has changed.");
        else
                (void) failure_set(&a->failure, ERROR_INTERNAL,
                                   "Cannot put the backup in place: %s. Nothing has changed.",
                                   strerror(-r));
}

static void on_replaced(int r, void *userdata) {
        Archiving *a = userdata;

        a->replace_job = NULL;
        a->r = r;
        if (r < 0)
                fail_replace(a, r);
        else
                log_info("Restored a backup: %" PRIu64 " channels.%s%s", a->summary.n_channels,
                         a->aside ? " The store before is now " : "", a->aside ?: "");
        store_sweep(a->directory);
        r = manager_load(a->manager);
        if (r < 0)
                manager_archive_loaded(a->manager, r);
}

static int name_aside(Archiving *a) {
        char now[TIME_STRING_SIZE];

        time_print_name(clock_realtime(a->manager->rt->clock), now);
        if (asprintf(&a->aside, "%s/" STORE_ASIDE "%s", a->directory, now) >= 0)
                return 0;
        a->aside = NULL;
        return -ENOMEM;
}

/* Of the restored one no row is what it was, and the one set aside keeps what it has. */
static int check_erased(const Manager *m, Failure *f) {
        if (!m->deletions)
                return 0;
        return failure_set(f, ERROR_BUSY,
                           "What was ended here is not erased from disk yet; restore when the disk "
                           "has let it go (p2pchatctl status).");
}

static void replace(Archiving *a) {
        Manager *m = a->manager;
        int r = 0;

        if (check_erased(m, &a->failure) < 0) {
                archiving_done(a, &a->failure);
                return;
        }
        if (m->tracker_flow || m->load_job) {
                (void) failure_set(&a->failure, ERROR_BUSY,
                                   "A tracker is being set; restore again.");
                archiving_done(a, &a->failure);
                return;
        }
        if (a->set_aside)
                r = name_aside(a);
        if (r >= 0)
                r = store_replace(m->store, a->directory, a->aside, on_replaced, a,
                                  &a->replace_job);
        if (r < 0) {
                fail_replace(a, r);
                archiving_done(a, &a->failure);
                return;
        }
        /* What comes of a sign-in that is under way, the store knows. */
        a->is_replacing = true;
        manager_drop_account(m);
        manager_changed(m);
}

/* ---- the work ---- */

static int run(void *request) {
        Archiving *a = request;

        if (!a->is_restore)
                a->r = store_back_up(a->directory, a->transfer, a->pulse, &a->summary, &a->failure);
        else {
                a->r = store_check_replaceable(a->directory, a->set_aside, a->pulse, &a->failure);
                if (a->r >= 0)
                        a->r = store_receive(a->directory, a->transfer, a->pulse, &a->summary,
                                             &a->failure);
        }
        return a->r;
}

static void on_run(int r, void *request, void *userdata) {
        Archiving *a = request;
        Manager *m = a->manager;

        if (!m)
                return;
        a->transfer = transfer_free(a->transfer);
        if (a->r >= 0 && a->is_restore) {
                if (a->op) {
                        replace(a);
                        return;
                }
                (void) failure_set(&a->failure, ERROR_CANCELLED, "Nobody waits for it.");
                a->r = -ECANCELED;
                store_sweep(a->directory);
        }
        if (a->r < 0 && a->has_stalled)
                (void) failure_set(&a->failure, ERROR_TIMEOUT,
                                   "The other end of the pipe did nothing for a minute.");
        archiving_done(a, a->r < 0 ? &a->failure : NULL);
}

static int archiving_new(Manager *m, bool is_restore, bool set_aside, int fd, Archiving **ret,
                         Failure *f) {
        _cleanup_(archiving_unrefp) Archiving *a = NULL;
        int r;

        if (m->archiving)
                return failure_set(f, ERROR_BUSY,
                                   "A backup is being written or restored; wait for its end.");
        if (!m->store || m->load_job || !m->has_started)
                return failure_set(f, ERROR_BUSY, "The store is being read; try again.");
        if (is_restore && m->me.username[0])
                return failure_set(f, ERROR_ALREADY_SIGNED_IN,
                                   "%s is signed in here; sign out first (p2pchatctl signout).",
                                   m->me.username);
        if (is_restore && check_erased(m, f) < 0)
                return -EBUSY;
        a = new0(Archiving, 1);
        if (!a)
                return failure_set(f, ERROR_INTERNAL, "Out of memory.");
        *a = (Archiving){
                .n_users = 1,
                .is_restore = is_restore,
                .set_aside = set_aside,
                .directory = strdup(m->state_path),
        };
        r = transfer_new(fd, !is_restore, &a->transfer, f);
        if (r < 0)
                return r;
        r = a->directory ? pulse_new(&a->pulse) : -ENOMEM;
        if (r >= 0)
                r = clock_timer_new(m->rt->clock, on_watch, a, &a->watch);
        if (r >= 0 && !m->archive_lane)
                r = lane_new(m->rt->workers, "archive", NULL, NULL, &m->archive_lane);
        if (r < 0)
                return failure_set(f, ERROR_INTERNAL, "Cannot begin: %s.", strerror(-r));
        *ret = TAKE_PTR(a);
        return 0;
}

static int begin(Manager *m, bool is_restore, bool set_aside, int fd, manager_archive_fn done,
                 void *userdata, ManagerOp **ret_op) {
        ManagerOp *op = manager_op_new(m, &archive_type, userdata);
        Archiving *a = NULL;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.archive = done;
        if (archiving_new(m, is_restore, set_aside, fd, &a, &f) < 0)
                return manager_op_return(op, ret_op, &f);
        a->manager = m;
        m->archiving = a;
        operation_hold(&op->base, &a->op);
        a->n_users++;
        r = lane_submit(m->archive_lane, run, a, archiving_free_request, on_run, NULL, NULL);
        if (r < 0) {
                archiving_end(a);
                manager_op_free(op);
                return r;
        }
        clock_timer_arm(a->watch, LOOK_USEC);
        return manager_op_return(op, ret_op, NULL);
}

int manager_back_up(Manager *m, int fd, manager_archive_fn done, void *userdata,
                    ManagerOp **ret_op) {
        return begin(m, false, false, fd, done, userdata, ret_op);
}

int manager_restore(Manager *m, int fd, bool set_aside, manager_archive_fn done, void *userdata,
                    ManagerOp **ret_op) {
        return begin(m, true, set_aside, fd, done, userdata, ret_op);
}

void manager_stop_backup(Manager *m) {
        PulseState state;

        if (!m->archiving || m->archiving->is_restore)
                return;
        pulse_get(m->archiving->pulse, &state);
        if (!streq(state.step, "writing")) /* then the snapshot is let go already */
                pulse_stop(m->archiving->pulse);
}

void manager_stop_archiving(Manager *m) {
        if (m->archiving) {
                pulse_stop(m->archiving->pulse);
                archiving_end(m->archiving);
        }
        m->archive_lane = lane_free(m->archive_lane);
}
