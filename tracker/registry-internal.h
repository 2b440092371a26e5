/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the registry's own files share; nobody else includes it. */
#pragma once

#include <uthash.h>

#include "tracker/registry.h"

typedef enum OperationKind {
        OPERATION_HOST,
        OPERATION_VIEW,
        OPERATION_UNHOST,
        OPERATION_FORGET,
        OPERATION_DELIST,
        OPERATION_RELIST,
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
        char channel_id[UUID_STRING_SIZE], previous[UUID_STRING_SIZE];
        Address addresses[ADDRESSES_MAX];
        HostRequest host; /* points into this operation */
        ChannelRecord record;
        char *topic;
        bool has_restricted, restricted;
        bool is_revoked; /* HOST: its key, since it was asked for */
        bool is_deleted; /* FORGET: the owner is, and the disk knows it already */
        char *reason;    /* DELIST */
        uint64_t since;  /* … and when it was planned */
        DbProgress *progress;
        size_t n_progress;

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

/* Waits for its turn after the others of that name; NULL: needs none. */
int operation_new(Registry *g, OperationKind kind, const char *name, registry_done_fn done,
                  void *userdata, Operation **ret);
void operation_free(Operation *o);
/* When its turn is now, what forbids it is the return value, and o is gone. */
int operation_begin(Operation *o, Failure *failure);
/* The callback of every write. */
void operation_on_stored(int r, void *userdata);
void operation_answer(Operation *o, const Failure *failure);
void operation_set_failure(const Registry *g, int r, Failure *ret);

/* Timer and watchers learn what the directory is like now. */
void registry_changed(Registry *g);
/* Ends the leases of that key, on disk as well. */
void registry_end_leases_of(Registry *g, const char *user, const char *key);
/* The journal learns what became of a channel: its owner, what, its name. */
void registry_tell(const Registry *g, const char *message_id, const ChannelRecord *c,
                   const char *what);
