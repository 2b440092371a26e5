/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how changes of the directory become durable, in order, and when leases lapse; leaves what
 * is allowed to directory.h and the wire to session-commands. */
#include "tracker/registry.h"

#include <inttypes.h>
#include <uthash.h>
#include <utlist.h>

#include "base/log.h"

typedef enum OperationKind {
        OPERATION_HOST,
        OPERATION_VIEW,
        OPERATION_UNHOST,
        OPERATION_FORGET,
        OPERATION_LEASE, /* nobody asked: a lease lapsed or came back, and is stored as it is now */
        OPERATION_PROGRESS,
} OperationKind;

typedef struct Operation Operation;
typedef struct Queue Queue;

struct Operation {
        Registry *registry; /* weak */
        Queue *queue;       /* weak; NULL: needs no order */
        Operation *prev, *next;
        OperationKind kind;
        DbCall *call;

        char user[NAME_SIZE];
        char key[KEY_ID_SIZE];
        char channel_id[UUID_STRING_SIZE];
        Address addresses[ADDRESSES_MAX];
        HostRequest host; /* points into this operation */
        ChannelRecord record;
        char *topic;
        bool has_restricted, restricted;

        registry_done_fn done; /* NULL: nobody waits */
        void *userdata;        /* weak */
};

/* The operations of one name, the first of them under way. */
struct Queue {
        char name[NAME_SIZE];
        Operation *operations;
        UT_hash_handle hh;
};

struct Registry {
        const Runtime *rt; /* weak */
        Db *db;            /* weak */
        uint64_t lease_usec;
        RegistryHandlers handlers;
        void *userdata; /* weak */
        DbCall *load;
        Directory *directory;
        ClockTimer *lapse;
        Queue *queues;
        Operation *unordered;
};

static void changed(Registry *g) {
        uint64_t next = directory_next_lapse(g->directory);

        if (next == UINT64_MAX)
                clock_timer_disarm(g->lapse);
        else if (clock_timer_deadline(g->lapse) != next)
                clock_timer_arm_at(g->lapse, next);
        g->handlers.on_change(g, g->userdata);
}

static void operation_free(Operation *o) {
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
        free(o);
}

static int operation_new(Registry *g, OperationKind kind, const char *name, registry_done_fn done,
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

static void operation_answer(Operation *o, const Failure *failure) {
        uint64_t epoch = o->kind == OPERATION_HOST && !failure ? o->record.entry.epoch : 0;

        if (o->done)
                o->done(failure, epoch, o->userdata);
        operation_free(o);
}

static void set_failure(int r, Failure *ret) {
        switch (r) {
        case -EEXIST:
                failure_set(ret, ERROR_CONFLICT, "This channel_id belongs to another name.");
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

static void log_lease(const ChannelRecord *c, const char *what) {
        const DirectoryEntry *e = &c->entry;

        log_fields(LOG_INFO, 0, LOG_FIELDS("CHAT_CHANNEL", e->channel_name, "CHAT_USER", e->owner),
                   "%s %s %s (epoch %" PRIu64 ").", e->owner, what, e->channel_name, e->epoch);
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
                if (!known || !known->entry.online || !streq(known->key, o->key))
                        log_lease(&o->record, "hosts");
                return directory_put(g->directory, &copy, boottime);
        case OPERATION_VIEW:
                return directory_set_view(g->directory, o->queue->name,
                                          o->has_restricted ? &o->restricted : NULL, o->topic);
        case OPERATION_UNHOST:
                log_lease(directory_get(g->directory, o->queue->name), "no longer hosts");
                directory_unhost(g->directory, o->queue->name, realtime);
                return 0;
        case OPERATION_FORGET:
                log_lease(directory_get(g->directory, o->queue->name), "gave up");
                directory_remove(g->directory, o->queue->name);
                return 0;
        case OPERATION_LEASE:
        case OPERATION_PROGRESS:
                return 0;
        }
        return -EINVAL;
}

static void on_stored(int r, void *userdata);

/* Decides by what is true now and sends it to disk. 1: nothing is to be stored. */
static int submit(Operation *o, Failure *failure) {
        Registry *g = o->registry;
        const char *name = o->queue->name;
        uint64_t boottime = clock_boottime(g->rt->clock), realtime = clock_realtime(g->rt->clock);
        const ChannelRecord *c;
        int r = 0;

        if (o->kind == OPERATION_HOST)
                r = directory_plan_host(g->directory, &o->host, boottime, realtime, &o->record,
                                        failure);
        else if (o->kind != OPERATION_LEASE)
                r = directory_plan_owner(g->directory, name, o->user, failure);
        if (r < 0)
                return r;

        c = directory_get(g->directory, name);
        switch (o->kind) {
        case OPERATION_HOST:
                r = db_put_channel(g->db, &o->record, on_stored, o, &o->call);
                break;
        case OPERATION_VIEW:
                r = db_set_channel_view(g->db, name, o->has_restricted ? &o->restricted : NULL,
                                        o->topic, on_stored, o, &o->call);
                break;
        case OPERATION_UNHOST:
                r = db_set_channel_lease(g->db, name, false, true, realtime, on_stored, o,
                                         &o->call);
                break;
        case OPERATION_FORGET:
                r = db_remove_channel(g->db, name, on_stored, o, &o->call);
                break;
        case OPERATION_LEASE:
                if (!c)
                        return 1;
                r = db_set_channel_lease(g->db, name, c->entry.online, c->unhosted, c->entry.since,
                                         on_stored, o, &o->call);
                break;
        case OPERATION_PROGRESS:
                r = -EINVAL;
        }
        if (r < 0)
                set_failure(r, failure);
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

static void on_stored(int r, void *userdata) {
        Operation *o = userdata;
        Registry *g = o->registry;
        Queue *q = o->queue && o->next ? o->queue : NULL;
        Failure failure;

        o->call = NULL;
        if (r >= 0)
                r = apply(o);
        if (r < 0) {
                log_fields(LOG_ERR, r, LOG_FIELDS("CHAT_CHANNEL", o->queue ? o->queue->name : NULL),
                           "Cannot store a change of the directory: %s", strerror(-r));
                set_failure(r, &failure);
        }
        operation_answer(o, r < 0 ? &failure : NULL);
        changed(g);
        if (q)
                run_queue(q);
}

/* The only one of its queue: it may be refused at once, by its return value. */
static int begin(Operation *o, Failure *failure) {
        int r;

        if (o->queue->operations != o)
                return 0;
        r = submit(o, failure);
        if (r != 0)
                operation_free(o);
        return MIN(r, 0);
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
        o->host.addresses = memcpy(o->addresses, q->addresses, q->n_addresses * sizeof(Address));
        o->host.topic = o->topic = strdup(q->topic);
        if (!o->topic) {
                operation_free(o);
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        }
        return begin(o, failure);
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
        return begin(o, failure);
}

int registry_unhost(Registry *g, const char *name, const char *user, bool forget,
                    registry_done_fn done, void *userdata, Failure *failure) {
        Operation *o;
        int r;

        r = operation_new(g, forget ? OPERATION_FORGET : OPERATION_UNHOST, name, done, userdata,
                          &o);
        if (r < 0)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        strcpy(o->user, user);
        return begin(o, failure);
}

static void store_lease(Registry *g, const char *name) {
        Failure failure;
        Operation *o;
        int r;

        r = operation_new(g, OPERATION_LEASE, name, NULL, NULL, &o);
        if (r >= 0)
                r = begin(o, &failure);
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
                log_lease(directory_get(g->directory, q->channel_name), "again hosts");
                store_lease(g, q->channel_name);
                changed(g);
        }
        if (!advanced)
                return ERROR_NONE;
        more = reallocarray(*progress, *n_progress + 1, sizeof(*more));
        if (!more)
                return ERROR_INTERNAL;
        *progress = more;
        p = &more[(*n_progress)++];
        *p = (DbProgress){ .epoch = q->epoch, .last_seq = q->last_seq };
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
        r = db_put_progress(g->db, progress, n, on_stored, o, &o->call);
        if (r < 0) {
                operation_free(o);
                set_failure(r, failure);
        }
        return r;
}

static void on_lapse(void *userdata) {
        Registry *g = userdata;
        uint64_t boottime = clock_boottime(g->rt->clock), realtime = clock_realtime(g->rt->clock);
        const ChannelRecord *c;

        while ((c = directory_lapse(g->directory, boottime, realtime))) {
                log_lease(c, "was not heard of any more and lost");
                store_lease(g, c->entry.channel_name);
        }
        changed(g);
}

static void on_loaded(int r, uint64_t generation, ChannelRecord *records, size_t n,
                      void *userdata) {
        Registry *g = userdata;
        uint64_t now = clock_boottime(g->rt->clock);

        g->load = NULL;
        if (r >= 0)
                r = directory_new(generation, g->lease_usec, &g->directory);
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = directory_put(g->directory, &records[i], now);
        if (r >= 0)
                changed(g);
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
        r = db_load(db, on_loaded, g, &g->load);
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
