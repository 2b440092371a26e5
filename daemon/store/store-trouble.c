/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is wrong with the disk in words, for people and for requests that fail by it; leaves
 * noticing and trying again to common/sql. */
#include <syslog.h>

#include "daemon/store/store-internal.h"

static const char *const store_state_table[STORE_STATE_MAX] = {
        [STORE_OK] = "ok",           [STORE_FULL] = "full",       [STORE_READ_ONLY] = "read-only",
        [STORE_FAILING] = "failing", [STORE_DAMAGED] = "damaged",
};

const char *store_state_to_string(StoreState s) {
        return s >= 0 && s < STORE_STATE_MAX ? store_state_table[s] : NULL;
}

StoreState store_state_of(int trouble) {
        switch (-trouble) {
        case 0:
                return STORE_OK;
        case ENOSPC:
                return STORE_FULL;
        case EROFS:
                return STORE_READ_ONLY;
        case EBADMSG:
                return STORE_DAMAGED;
        default:
                return STORE_FAILING;
        }
}

void store_watch(Store *s, store_trouble_fn fn, void *userdata) {
        sql_watch(s->sql, fn, userdata);
}

int store_get_trouble(const Store *s) {
        return sql_get_trouble(s->sql);
}

bool store_is_in_trouble(const Store *s, int r) {
        return sql_is_trouble(r) && sql_get_trouble(s->sql) != 0;
}

const char *store_get_reason(const Store *s) {
        return store_get_trouble(s) == -ENOSPC ? "disk-full" : "disk-error";
}

int store_log_level(const Store *s, int r) {
        return store_is_in_trouble(s, r) ? LOG_DEBUG : LOG_ERR;
}

/* ---- words ---- */

int store_fail(const Store *s, Failure *f, int r, const char *what) {
        const char *why, *todo;

        switch (-r) {
        case ENOBUFS:
                why = "too much waits for the disk";
                todo = "try again in a moment";
                break;
        case EBUSY:
                why = "another program has the database open";
                todo = "close that, and try again";
                break;
        case ENOSPC:
                why = "the disk is full";
                todo = "make room on it, and try again";
                break;
        case EROFS:
                why = "the disk is read-only";
                todo = "see that it can be written to, and try again";
                break;
        default:
                if (r == -EBADMSG && !store_is_in_trouble(s, r))
                        return failure_set(f, ERROR_INTERNAL,
                                           "%s: it was damaged on the disk. A backup may have "
                                           "it; of a copy, the channel's host has (p2pchatctl join "
                                           "--new-copy).",
                                           what);
                if (!store_is_in_trouble(s, r))
                        return failure_set(f, ERROR_INTERNAL, "%s: %s.", what,
                                           strerrordesc_np(-r) ?: "unknown error");
                if (r == -EBADMSG) {
                        why = "the database is damaged, and being set aside";
                        todo = "try again in a moment, and see p2pchatctl status";
                } else {
                        why = "the disk fails";
                        todo = "see p2pchatctl status, and try again";
                }
        }
        (void) failure_set(f, ERROR_BUSY, "%s: %s; %s.", what, why, todo);
        f->retry_after_ms = STORE_RETRY_MSEC;
        return -EBUSY;
}

/* ---- damage ---- */

typedef struct AsideRequest {
        store_done_fn done;
} AsideRequest;

static void on_set_aside(int r, void *request, void *userdata) {
        AsideRequest *q = request;

        q->done(r, userdata);
}

int store_set_aside(Store *s, const char *aside, store_done_fn done, void *userdata,
                    Job **ret_job) {
        AsideRequest *q = new0(AsideRequest, 1);

        if (!q)
                return -ENOMEM;
        q->done = done;
        store_forget_heads(s); /* they are of rows that go */
        return sql_set_aside(s->sql, aside, q, free, on_set_aside, userdata, ret_job);
}
