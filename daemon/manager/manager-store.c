/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a daemon does while its disk is full, read-only, failing or damaged: it lives, says so
 * once, and goes on by itself. Leaves noticing to the store, and what was asked for meanwhile to
 * who asked. */
#include <utlist.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "daemon/manager/manager-internal.h"
#include "daemon/message-ids.h"

#define RETRY_USEC (5 * USEC_PER_SEC)
/* Found damaged, read to its end, and in order: not all day long. */
#define CHECK_USEC USEC_PER_MINUTE
#define CHECK_DOUBLED_MAX 6U

/* A row that is to go, and that the disk has not let go yet. */
struct Deletion {
        Manager *manager; /* weak */
        Deletion *prev, *next;
        store_delete_fn what;
        uint64_t row;
        Job *job;
};

/* ---- what it shows ---- */

StoreState manager_get_store_state(const Manager *m) {
        return store_state_of(m->store_trouble);
}

uint64_t manager_get_store_since(const Manager *m) {
        return m->store_since;
}

const char *manager_get_store_aside(const Manager *m) {
        return m->store_aside ?: "";
}

const char *manager_get_store_reason(const Manager *m) {
        return m->store_text;
}

static void describe(Manager *m) {
        m->store_text[0] = '\0';
        switch (manager_get_store_state(m)) {
        case STORE_FULL:
                snprintf(m->store_text, sizeof(m->store_text),
                         "The disk is full: nothing new is stored, and senders wait. Make room on "
                         "the disk of %s; all goes on by itself then.",
                         m->state_path);
                break;
        case STORE_READ_ONLY:
                snprintf(m->store_text, sizeof(m->store_text),
                         "The disk is read-only: nothing new is stored, and senders wait. See that "
                         "%s can be written to; all goes on by itself then.",
                         m->state_path);
                break;
        case STORE_FAILING:
                snprintf(m->store_text, sizeof(m->store_text),
                         "The disk fails (%s): what cannot be stored or read is refused for now. "
                         "See to %s; all goes on by itself then.",
                         strerrordesc_np(-m->store_trouble) ?: "unknown error", m->state_path);
                break;
        case STORE_DAMAGED:
                snprintf(m->store_text, sizeof(m->store_text),
                         "The database in %s is damaged. It is being read to its end, to set it "
                         "aside if it must be; nothing is read from it or written to it.",
                         m->state_path);
                break;
        case STORE_OK:
                if (m->store_aside)
                        snprintf(m->store_text, sizeof(m->store_text),
                                 "The database was damaged, and lies at %s now; an empty one took "
                                 "its place. Restore a backup (p2pchatctl restore FILE), or sign "
                                 "in again, and join or host your channels.",
                                 m->store_aside);
                break;
        case STORE_STATE_MAX:
        case STORE_STATE_INVALID:
                break;
        }
}

static void tell_store(const Manager *m, int level, const char *message_id, const char *text) {
        log_fields(level, 0, LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_DIRECTORY", m->state_path),
                   "%s", text);
}

/* ---- the directory ---- */

static bool may_wait(int r) {
        switch (-r) {
        case ENOSPC:
        case EDQUOT:
        case EROFS:
        case EIO:
        case EMFILE:
        case ENFILE:
        case ESTALE:
        case ENOLCK:
                return true;
        default:
                return false;
        }
}

int manager_open_directory(Manager *m) {
        pid_t holder = 0;
        int r;

        r = state_directory_new(m->state_path, &holder, &m->directory);
        if (r >= 0) {
                store_sweep(m->state_path);
                return 0;
        }
        if (r == -EBUSY && holder > 0)
                return log_error_errno(r,
                                       "Another p2pchatd (pid %d) uses %s: one daemon at a time "
                                       "has a person's identity; end that one first",
                                       (int) holder, m->state_path);
        if (r == -EBUSY)
                return log_error_errno(r, "Another p2pchatd uses %s", m->state_path);
        if (!may_wait(r))
                return log_error_errno(r, "Cannot use the state directory %s", m->state_path);
        clock_timer_arm(m->store_retry, RETRY_USEC);
        return 0;
}

/* ---- what has to be done again ---- */

static void deletion_free(Deletion *d) {
        DL_DELETE(d->manager->deletions, d);
        job_free(d->job);
        free(d);
}

static void on_deleted(int r, void *userdata) {
        Deletion *d = userdata;

        d->job = NULL;
        if (r < 0 && r != -ENOENT)
                clock_timer_arm(d->manager->store_retry, RETRY_USEC);
        else
                deletion_free(d);
}

static bool is_identity(const Deletion *d) {
        return d->what != store_delete_channel;
}

/* Who signs in may be the same one: with the new key on its way to disk nothing of it is erased. */
static bool may_delete(const Deletion *d) {
        const Account *a = d->manager->account;

        return !is_identity(d) || !a || !account_is_signing_in(a);
}

static void delete_rows(Manager *m) {
        Deletion *d;

        DL_FOREACH(m->deletions, d)
                if (!d->job &&
                    (!may_delete(d) || d->what(m->store, d->row, on_deleted, d, &d->job) < 0))
                        clock_timer_arm(m->store_retry, RETRY_USEC);
}

void manager_delete_row(Manager *m, store_delete_fn what, uint64_t row) {
        Deletion *d = new0(Deletion, 1);

        if (!d) {
                (void) what(m->store, row, NULL, NULL, NULL);
                return;
        }
        *d = (Deletion){ .manager = m, .what = what, .row = row };
        DL_APPEND(m->deletions, d);
        delete_rows(m);
}

bool manager_is_to_erase(const Manager *m, uint64_t identity) {
        const Deletion *d;

        DL_FOREACH(m->deletions, d)
                if (is_identity(d) && d->row == identity)
                        return true;
        return false;
}

void manager_keep_identity(Manager *m, uint64_t identity) {
        Deletion *d, *next;

        DL_FOREACH_SAFE(m->deletions, d, next)
                if (is_identity(d) && d->row == identity)
                        deletion_free(d);
}

static void load(Manager *m) {
        m->must_load = false;
        manager_drop_account(m);
        if (manager_load(m) >= 0)
                return;
        m->must_load = true;
        clock_timer_arm(m->store_retry, RETRY_USEC);
}

bool manager_load_later(Manager *m, int r) {
        if (!store_is_in_trouble(m->store, r))
                return false;
        m->must_load = true;
        return true;
}

static void resume(Manager *m) {
        ManagedChannel *x, *next;

        if (m->must_load) {
                load(m);
                return;
        }
        delete_rows(m);
        DL_FOREACH(m->channels, x)
                channel_member_store_is_back(x->member);
        DL_FOREACH_SAFE(m->channels, x, next)
                if (!x->hosting && managed_channel_is_to_be_hosted(x))
                        managed_channel_begin(x);
}

/* ---- damage ---- */

static void on_set_aside(int r, void *userdata) {
        Manager *m = userdata;
        _cleanup_free_ char *path = TAKE_PTR(m->store_aside_next);

        m->aside_job = NULL;
        if (r < 0) {
                log_debug("Cannot set the damaged database aside: %s.", strerrordesc_np(-r));
                clock_timer_arm(m->store_retry, RETRY_USEC);
                return;
        }
        if (r == 0) {
                log_warning("The database in %s was found damaged, but can be read to its end: it "
                            "is used again.",
                            m->state_path);
                /* Should it be found so again, and again … */
                m->aside_after = clock_boottime(m->rt->clock) +
                                 (CHECK_USEC << MIN(m->n_checked, CHECK_DOUBLED_MAX));
                m->n_checked++;
                return;
        }
        free(m->store_aside);
        m->store_aside = TAKE_PTR(path);
        m->store_trouble = 0;
        m->store_since = clock_realtime(m->rt->clock);
        describe(m);
        log_fields(LOG_ERR, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_STORE_SET_ASIDE, "CHAT_DIRECTORY",
                              m->state_path, "CHAT_FILE", m->store_aside),
                   "%s", m->store_text);
        manager_changed(m);
}

/* All that came from it goes first: of a new one no row is what it was. */
static void set_aside(Manager *m) {
        uint64_t now = clock_boottime(m->rt->clock);
        char name[TIME_STRING_SIZE];
        int r = -ENOMEM;

        if (m->aside_job || manager_is_replacing(m) || now < m->aside_after) {
                clock_timer_arm(m->store_retry,
                                now < m->aside_after ? m->aside_after - now : RETRY_USEC);
                return;
        }
        m->load_job = job_free(m->load_job);
        m->must_load = true;
        m->tracker_flow = tracker_flow_free(m->tracker_flow);
        if (m->account_op)
                manager_cancel(m->account_op);
        manager_stop_backup(m);
        manager_drop_account(m);
        while (m->deletions)
                deletion_free(m->deletions);
        manager_started(m, 0);

        time_print_name(clock_realtime(m->rt->clock), name);
        free(m->store_aside_next);
        if (asprintf(&m->store_aside_next, "%s/" STORE_ASIDE_DAMAGED "%s", m->state_path, name) < 0)
                m->store_aside_next = NULL;
        else
                r = store_set_aside(m->store, m->store_aside_next, on_set_aside, m, &m->aside_job);
        if (r < 0)
                clock_timer_arm(m->store_retry, RETRY_USEC);
}

/* ---- what the store tells ---- */

static void on_trouble(int trouble, void *userdata) {
        Manager *m = userdata;
        StoreState before = manager_get_store_state(m), now = store_state_of(trouble);
        char text[512];

        m->store_trouble = trouble;
        if (before == STORE_OK || now == STORE_OK)
                m->store_since = clock_realtime(m->rt->clock);
        describe(m);
        if (now == STORE_OK && before != STORE_OK) {
                snprintf(text, sizeof(text), "The disk of %s can be used again; all goes on.",
                         m->state_path);
                tell_store(m, LOG_NOTICE, MESSAGE_STORE_BACK, text);
        } else if (now != before)
                tell_store(m, LOG_ERR,
                           now == STORE_FULL        ? MESSAGE_STORE_FULL
                           : now == STORE_READ_ONLY ? MESSAGE_STORE_READ_ONLY
                           : now == STORE_DAMAGED   ? MESSAGE_STORE_DAMAGED
                                                    : MESSAGE_STORE_FAILING,
                           m->store_text);
        if (now == STORE_DAMAGED)
                set_aside(m);
        else if (now == STORE_OK)
                resume(m);
        manager_changed(m);
}

/* Another daemon may have taken the directory while it could not be locked. */
static void open_directory(Manager *m) {
        int r;

        r = manager_open_directory(m);
        if (r < 0 && m->observer.on_started)
                m->observer.on_started(m, r, m->observer_userdata);
}

static void on_retry(void *userdata) {
        Manager *m = userdata;

        if (!m->directory)
                open_directory(m);
        if (store_get_trouble(m->store) == -EBADMSG)
                set_aside(m);
        else if (store_get_trouble(m->store) != 0)
                clock_timer_arm(m->store_retry, RETRY_USEC);
        else if (m->must_load && !m->load_job)
                load(m);
        else
                delete_rows(m);
}

int manager_store_init(Manager *m) {
        return clock_timer_new(m->rt->clock, on_retry, m, &m->store_retry);
}

void manager_store_watch(Manager *m) {
        store_watch(m->store, on_trouble, m);
}

void manager_store_done(Manager *m) {
        m->aside_job = job_free(m->aside_job);
        m->store_retry = clock_timer_free(m->store_retry);
        while (m->deletions)
                deletion_free(m->deletions);
        free(m->store_aside);
        free(m->store_aside_next);
}

int manager_check_store(const Manager *m, Failure *f) {
        if (!m->must_load && !m->aside_job)
                return 0;
        if (store_get_trouble(m->store) == 0)
                return failure_set(f, ERROR_BUSY, "The store is being read; try again.");
        return store_fail(m->store, f, store_get_trouble(m->store), "Nothing can be read here");
}
