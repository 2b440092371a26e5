/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one change of a channel waits for its turn, is decided, stored and then true; leaves
 * who asks for which to registry.c. */
#include <utlist.h>

#include "base/log.h"
#include "tracker/message-ids.h"
#include "tracker/registry-internal.h"

void operation_free(Operation *o) {
        Registry *g = o->registry;
        Queue *q = o->queue;

        if (q) {
                DL_DELETE(q->operations, o);
                if (!q->operations) {
                        HASH_DEL(g->queues, q);
                        free(q);
                }
        } else if (o->prev)
                DL_DELETE(g->unordered, o);
        db_call_free(o->call);
        channel_record_done(&o->record);
        free(o->topic);
        free(o->reason);
        free(o->progress);
        free(o);
}

int operation_new(Registry *g, OperationKind kind, const char *name, registry_done_fn done,
                  void *userdata, Operation **ret) {
        Operation *o;
        Queue *q = NULL;

        if (name)
                HASH_FIND_STR(g->queues, name, q);
        o = new0(Operation, 1);
        if (!o)
                return -ENOMEM;
        *o = (Operation){ .registry = g, .kind = kind, .done = done, .userdata = userdata };
        if (!name) {
                DL_APPEND(g->unordered, o);
                *ret = o;
                return 0;
        }
        if (!q) {
                q = new0(Queue, 1);
                if (!q) {
                        free(o);
                        return -ENOMEM;
                }
                strcpy(q->name, name);
                HASH_ADD_STR(g->queues, name, q);
        }
        o->queue = q;
        DL_APPEND(q->operations, o);
        *ret = o;
        return 0;
}

void operation_answer(Operation *o, const Failure *failure) {
        uint64_t epoch = o->kind == OPERATION_HOST && !failure ? o->record.entry.epoch : 0;

        if (o->done)
                o->done(failure, epoch, o->userdata);
        operation_free(o);
}

void operation_set_failure(const Registry *g, int r, Failure *ret) {
        if (db_is_in_trouble(g->db, r)) {
                failure_set(ret, ERROR_BUSY,
                            "The tracker cannot use its disk now; nothing was done. Ask again.");
                ret->retry_after_ms = 2000;
                return;
        }
        switch (r) {
        case -EEXIST:
                failure_set(ret, ERROR_CONFLICT, "This channel_id belongs to another name.");
                break;
        case -EKEYREVOKED:
                failure_set(ret, ERROR_REVOKED, "The account was deleted.");
                break;
        case -ENOBUFS:
                failure_set(ret, ERROR_BUSY, "The tracker has too much to do; ask again.");
                ret->retry_after_ms = 2000;
                break;
        default:
                failure_set(ret, ERROR_INTERNAL, "The tracker could not store it: %s.",
                            strerror(-r));
        }
}

static void log_listing(const char *id, const Operation *o, const char *what) {
        const ChannelRecord *c = directory_get(o->registry->directory, o->queue->name);
        const char *reason = o->reason && o->reason[0] ? o->reason : NULL;

        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", id, "CHAT_CHANNEL", o->queue->name, "CHAT_USER",
                              c->entry.owner, "CHAT_REASON", reason),
                   "%s %s by an operator%s%s.", o->queue->name, what, reason ? ": " : "",
                   reason ?: "");
}

/* What is on disk is now told. */
static int apply(Operation *o) {
        Registry *g = o->registry;
        uint64_t boottime = clock_boottime(g->rt->clock), realtime = clock_realtime(g->rt->clock);
        const ChannelRecord *known;
        ChannelRecord copy;
        int r;

        switch (o->kind) {
        case OPERATION_HOST:
                known = directory_get(g->directory, o->queue->name);
                r = channel_record_copy(&o->record, &copy);
                if (r < 0)
                        return r;
                if (o->record.previous[0])
                        registry_tell(g, MESSAGE_TRACKER_LEASE_GAINED, &o->record,
                                      "begins a new log of");
                else if (!known || !known->entry.online || !streq(known->key, o->key))
                        registry_tell(g, MESSAGE_TRACKER_LEASE_GAINED, &o->record, "hosts");
                return directory_put(g->directory, &copy, boottime);
        case OPERATION_VIEW:
                known = directory_get(g->directory, o->queue->name);
                if (o->has_restricted && o->restricted != known->entry.restricted)
                        registry_tell(g, MESSAGE_TRACKER_VIEW_CHANGED, known,
                                      o->restricted ? "restricted" : "opened");
                return directory_set_view(g->directory, o->queue->name,
                                          o->has_restricted ? &o->restricted : NULL, o->topic);
        case OPERATION_UNHOST:
                registry_tell(g, MESSAGE_TRACKER_UNHOSTED,
                              directory_get(g->directory, o->queue->name), "no longer hosts");
                directory_unhost(g->directory, o->queue->name, realtime);
                return 0;
        case OPERATION_FORGET:
                registry_tell(g, MESSAGE_TRACKER_GIVEN_UP,
                              directory_get(g->directory, o->queue->name), "gave up");
                directory_remove(g->directory, o->queue->name);
                return 0;
        case OPERATION_DELIST:
                log_listing(MESSAGE_TRACKER_DELISTED, o, "was taken out of the directory");
                return directory_delist(g->directory, o->queue->name, o->reason, o->since);
        case OPERATION_RELIST:
                log_listing(MESSAGE_TRACKER_RELISTED, o, "was put back into the directory");
                directory_relist(g->directory, o->queue->name);
                return 0;
        case OPERATION_PROGRESS:
                for (size_t i = 0; i < o->n_progress; i++)
                        directory_set_stored(g->directory, o->progress[i].channel_name,
                                             o->progress[i].key, o->progress[i].epoch,
                                             o->progress[i].last_seq);
                return 0;
        case OPERATION_LEASE:
                return 0;
        }
        return -EINVAL;
}

/* Decides by what is true now and sends it to disk. 1: nothing is to be stored. */
static int submit(Operation *o, Failure *failure) {
        Registry *g = o->registry;
        const char *name = o->queue->name;
        uint64_t boottime = clock_boottime(g->rt->clock), realtime = clock_realtime(g->rt->clock);
        const ChannelRecord *c;
        int r = 0;

        if (o->is_revoked)
                r = failure_set(failure, ERROR_REVOKED, "The key was revoked.");
        else if (o->kind == OPERATION_HOST)
                r = directory_plan_host(g->directory, &o->host, boottime, realtime, &o->record,
                                        failure);
        else if (o->kind == OPERATION_UNHOST)
                r = directory_plan_unhost(g->directory, name, o->user, o->key, failure);
        else if (o->kind == OPERATION_DELIST || o->kind == OPERATION_RELIST)
                r = directory_plan_known(g->directory, name, failure);
        else if (o->kind == OPERATION_FORGET && !o->is_deleted)
                r = directory_plan_forget(g->directory, name, o->user, failure);
        else if (o->kind != OPERATION_LEASE)
                r = directory_plan_owner(g->directory, name, o->user, failure);
        if (r < 0)
                return r;

        c = directory_get(g->directory, name);
        switch (o->kind) {
        case OPERATION_HOST:
                r = db_put_channel(g->db, &o->record, operation_on_stored, o, &o->call);
                break;
        case OPERATION_VIEW:
                r = db_set_channel_view(g->db, name, o->has_restricted ? &o->restricted : NULL,
                                        o->topic, operation_on_stored, o, &o->call);
                break;
        case OPERATION_UNHOST:
                r = db_set_channel_lease(g->db, name, false, true, realtime, operation_on_stored, o,
                                         &o->call);
                break;
        case OPERATION_FORGET:
                r = db_remove_channel(g->db, name, operation_on_stored, o, &o->call);
                break;
        case OPERATION_DELIST:
                o->since = realtime;
                r = db_set_channel_delisted(g->db, name, realtime, o->reason, operation_on_stored,
                                            o, &o->call);
                break;
        case OPERATION_RELIST:
                r = db_set_channel_delisted(g->db, name, 0, NULL, operation_on_stored, o, &o->call);
                break;
        case OPERATION_LEASE:
                if (!c)
                        return 1;
                r = db_set_channel_lease(g->db, name, c->entry.online, c->unhosted, c->entry.since,
                                         operation_on_stored, o, &o->call);
                break;
        case OPERATION_PROGRESS:
                r = -EINVAL;
        }
        if (r < 0)
                operation_set_failure(o->registry, r, failure);
        return r;
}

/* Goes on until one is under way or none is left. */
static void run_queue(Queue *q) {
        Operation *o, *next;
        Failure failure;
        int r;

        for (o = q->operations; o; o = next) {
                next = o->next;
                r = submit(o, &failure);
                if (r == 0)
                        return;
                operation_answer(o, r < 0 ? &failure : NULL); /* the last one frees q */
        }
}

void operation_on_stored(int r, void *userdata) {
        Operation *o = userdata;
        Registry *g = o->registry;
        Failure failure;
        Queue *q;

        o->call = NULL;
        if (r >= 0)
                r = apply(o);
        if (r >= 0 && o->is_revoked) /* while the disk was at it */
                registry_end_leases_of(g, o->user, o->key);
        if (r < 0) {
                log_fields(db_is_in_trouble(g->db, r) ? LOG_DEBUG : LOG_ERR, r,
                           LOG_FIELDS("CHAT_CHANNEL", o->queue ? o->queue->name : NULL),
                           "Cannot store a change of the directory: %s", strerror(-r));
                operation_set_failure(o->registry, r, &failure);
        }
        q = o->queue && o->next ? o->queue : NULL;
        operation_answer(o, r < 0 ? &failure : NULL);
        registry_changed(g);
        if (q)
                run_queue(q);
}

/* The only one of its queue: it may be refused at once, by its return value. */
int operation_begin(Operation *o, Failure *failure) {
        int r;

        if (o->queue->operations != o)
                return 0;
        r = submit(o, failure);
        if (r != 0)
                operation_free(o);
        return MIN(r, 0);
}
