/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what hosts may ask for, and when leases lapse; leaves how a change becomes durable to
 * registry-operation.c and what is allowed to directory.h. */
#include <inttypes.h>
#include <utlist.h>

#include "base/log-pace.h"
#include "tracker/message-ids.h"
#include "tracker/registry-internal.h"
#include "wire/limits.h"

void registry_changed(Registry *g) {
        uint64_t next = directory_next_lapse(g->directory);

        if (next == UINT64_MAX)
                clock_timer_disarm(g->lapse);
        else if (clock_timer_deadline(g->lapse) != next)
                clock_timer_arm_at(g->lapse, next);
        g->handlers.on_change(g, g->userdata);
}

void registry_tell(const Registry *g, const char *message_id, const ChannelRecord *c,
                   const char *what) {
        const DirectoryEntry *e = &c->entry;

        log_paced(g->rt->pace, e->owner, LOG_INFO,
                  LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_CHANNEL", e->channel_name, "CHAT_USER",
                             e->owner, "CHAT_KEY", c->key),
                  "%s %s %s (epoch %" PRIu64 ").", e->owner, what, e->channel_name, e->epoch);
}

int registry_host(Registry *g, const HostRequest *q, registry_done_fn done, void *userdata,
                  Failure *failure) {
        Operation *o;
        int r;

        r = operation_new(g, OPERATION_HOST, q->channel_name, done, userdata, &o);
        if (r < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        o->host = *q;
        o->host.owner = strcpy(o->user, q->owner);
        o->host.key = strcpy(o->key, q->key);
        o->host.channel_name = o->queue->name;
        o->host.channel_id = strcpy(o->channel_id, q->channel_id);
        if (q->previous)
                o->host.previous = strcpy(o->previous, q->previous);
        for (size_t i = 0; i < q->n_addresses; i++)
                o->addresses[i] = q->addresses[i];
        o->host.addresses = o->addresses;
        o->host.topic = o->topic = strdup(q->topic);
        if (!o->topic) {
                operation_free(o);
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        }
        return operation_begin(o, failure);
}

int registry_view(Registry *g, const char *name, const char *user, const bool *restricted,
                  const char *topic, registry_done_fn done, void *userdata, Failure *failure) {
        Operation *o;
        int r;

        r = operation_new(g, OPERATION_VIEW, name, done, userdata, &o);
        if (r < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        strcpy(o->user, user);
        o->has_restricted = restricted;
        o->restricted = restricted && *restricted;
        if (free_and_strdup(&o->topic, topic) < 0) {
                operation_free(o);
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        }
        return operation_begin(o, failure);
}

int registry_unhost(Registry *g, const char *name, const char *user, const char *key,
                    registry_done_fn done, void *userdata, Failure *failure) {
        Operation *o;

        if (operation_new(g, OPERATION_UNHOST, name, done, userdata, &o) < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        strcpy(o->user, user);
        strcpy(o->key, key);
        return operation_begin(o, failure);
}

int registry_forget(Registry *g, const char *name, const char *user, registry_done_fn done,
                    void *userdata, Failure *failure) {
        Operation *o;

        if (operation_new(g, OPERATION_FORGET, name, done, userdata, &o) < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        strcpy(o->user, user);
        return operation_begin(o, failure);
}

int registry_delist(Registry *g, const char *name, const char *reason, registry_done_fn done,
                    void *userdata, Failure *failure) {
        Operation *o;
        int r;

        if (reason &&
            (strlen(reason) > REASON_BYTES_MAX || !text_is_valid(reason, strlen(reason), false))) {
                r = failure_set(failure, ERROR_BAD_REQUEST,
                                "A reason is text of one line, at most %d bytes.",
                                REASON_BYTES_MAX);
                strcpy(failure->field, "reason");
                return r;
        }
        if (!name_is_valid(name))
                return directory_plan_known(g->directory, name, failure);
        if (operation_new(g, OPERATION_DELIST, name, done, userdata, &o) < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        if (free_and_strdup(&o->reason, reason) < 0) {
                operation_free(o);
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        }
        return operation_begin(o, failure);
}

int registry_relist(Registry *g, const char *name, registry_done_fn done, void *userdata,
                    Failure *failure) {
        Operation *o;

        if (!name_is_valid(name))
                return directory_plan_known(g->directory, name, failure);
        if (operation_new(g, OPERATION_RELIST, name, done, userdata, &o) < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        return operation_begin(o, failure);
}

static void store_lease(Registry *g, const char *name) {
        Failure failure;
        Operation *o;
        int r;

        r = operation_new(g, OPERATION_LEASE, name, NULL, NULL, &o);
        if (r >= 0)
                r = operation_begin(o, &failure);
        if (r < 0)
                log_fields(LOG_WARNING, r, LOG_FIELDS("CHAT_CHANNEL", name),
                           "Cannot store that the lease of %s changed: %s", name, strerror(-r));
}

ErrorCode registry_heartbeat(Registry *g, const HostRequest *q, DbProgress **progress,
                             size_t *n_progress) {
        bool revived, advanced;
        DbProgress *more, *p;
        ErrorCode error;

        error = directory_heartbeat(g->directory, q, clock_boottime(g->rt->clock),
                                    clock_realtime(g->rt->clock), &revived, &advanced);
        if (error != ERROR_NONE)
                return error;
        if (revived) {
                registry_tell(g, MESSAGE_TRACKER_LEASE_GAINED,
                              directory_get(g->directory, q->channel_name), "again hosts");
                store_lease(g, q->channel_name);
                registry_changed(g);
        }
        if (!advanced)
                return ERROR_NONE;
        more = reallocarray(*progress, *n_progress + 1, sizeof(*more));
        if (!more)
                return ERROR_INTERNAL;
        *progress = more;
        p = &more[(*n_progress)++];
        *p = (DbProgress){
                .epoch = q->epoch,
                .last_seq = directory_get(g->directory, q->channel_name)->entry.last_seq,
        };
        strcpy(p->channel_name, q->channel_name);
        strcpy(p->key, q->key);
        return ERROR_NONE;
}

int registry_put_progress(Registry *g, const DbProgress *progress, size_t n, registry_done_fn done,
                          void *userdata, Failure *failure) {
        Operation *o;
        int r;

        r = operation_new(g, OPERATION_PROGRESS, NULL, done, userdata, &o);
        if (r < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        o->progress = new0(DbProgress, n);
        if (!o->progress) {
                operation_free(o);
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        }
        memcpy(o->progress, progress, n * sizeof(*progress));
        o->n_progress = n;
        r = db_put_progress(g->db, progress, n, operation_on_stored, o, &o->call);
        if (r < 0) {
                operation_free(o);
                operation_set_failure(g, r, failure);
        }
        return r;
}

void registry_end_leases_of(Registry *g, const char *user, const char *key) {
        const ChannelRecord *c;

        while ((c = directory_end_lease(g->directory, user, key, clock_realtime(g->rt->clock)))) {
                registry_tell(g, MESSAGE_TRACKER_LEASE_LOST, c,
                              "has revoked the device that hosted");
                store_lease(g, c->entry.channel_name);
        }
}

void registry_end_leases(Registry *g, const char *user, const DbRevocation *revoked, size_t n) {
        Queue *q, *tmp;
        Operation *o;

        for (size_t i = 0; i < n; i++) {
                HASH_ITER(hh, g->queues, q, tmp)
                        DL_FOREACH(q->operations, o)
                                if (o->kind == OPERATION_HOST && streq(o->key, revoked[i].key))
                                        o->is_revoked = true;
                registry_end_leases_of(g, user, revoked[i].key);
        }
        registry_changed(g);
}

void registry_forget_owner(Registry *g, const char *user) {
        const ChannelRecord *c;
        char name[NAME_SIZE] = "";
        Failure failure;
        Operation *o;
        int r;

        while ((c = directory_next_owned(g->directory, user, name))) {
                snprintf(name, sizeof(name), "%s", c->entry.channel_name);
                /* Behind what is under way for that name. Nothing is behind us where it fails. */
                r = operation_new(g, OPERATION_FORGET, name, NULL, NULL, &o);
                if (r >= 0) {
                        strcpy(o->user, user);
                        o->is_deleted = true;
                        r = operation_begin(o, &failure);
                }
                if (r < 0)
                        directory_remove(g->directory, name);
        }
        registry_changed(g);
}

static void on_lapse(void *userdata) {
        Registry *g = userdata;
        uint64_t boottime = clock_boottime(g->rt->clock), realtime = clock_realtime(g->rt->clock);
        const ChannelRecord *c;

        while ((c = directory_lapse(g->directory, boottime, realtime))) {
                registry_tell(g, MESSAGE_TRACKER_LEASE_LOST, c,
                              "was not heard of any more and lost");
                store_lease(g, c->entry.channel_name);
        }
        registry_changed(g);
}

static void on_loaded(int r, uint64_t generation, ChannelRecord *records, size_t n,
                      const RetiredId *retired, size_t n_retired, void *userdata) {
        Registry *g = userdata;
        uint64_t now = clock_boottime(g->rt->clock);

        g->load = NULL;
        if (r >= 0)
                r = directory_new(generation, g->lease_usec, &g->directory);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = directory_put(g->directory, &records[i], now);
        for (size_t i = 0; r >= 0 && i < n_retired; i++)
                r = directory_retire(g->directory, &retired[i]);
        if (r >= 0)
                registry_changed(g);
        g->handlers.on_ready(g, r, g->userdata);
}

int registry_new(const Runtime *rt, Db *db, uint64_t lease_usec, const RegistryHandlers *handlers,
                 void *userdata, Registry **ret) {
        _cleanup_(registry_freep) Registry *g = NULL;
        int r;

        g = new0(Registry, 1);
        if (!g)
                return -ENOMEM;
        *g = (Registry){
                .rt = rt,
                .db = db,
                .lease_usec = lease_usec,
                .handlers = *handlers,
                .userdata = userdata,
        };
        r = clock_timer_new(rt->clock, on_lapse, g, &g->lapse);
        if (r < 0)
                return r;
        r = db_load(db, clock_realtime(rt->clock), on_loaded, g, &g->load);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}

Registry *registry_free(Registry *g) {
        Failure failure;
        Queue *q, *tmp;

        if (!g)
                return NULL;
        failure_set(&failure, ERROR_BUSY, "The tracker is stopping; ask again.");
        while (g->unordered)
                operation_answer(g->unordered, &failure);
        HASH_ITER(hh, g->queues, q, tmp)
                for (Operation *o = q->operations, *next; o; o = next) {
                        next = o->next;
                        operation_answer(o, &failure);
                }
        db_call_free(g->load);
        clock_timer_free(g->lapse);
        directory_free(g->directory);
        free(g);
        return NULL;
}

Directory *registry_get_directory(Registry *g) {
        return g->directory;
}

uint64_t registry_get_lease_usec(const Registry *g) {
        return g->lease_usec;
}
