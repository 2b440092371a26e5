/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of the operator's door share; nobody else includes it. */
#pragma once

#include "bus/bus.h"
#include "bus/error.h"
#include "bus/options.h"
#include "bus/properties.h"
#include "dbus/names.h"
#include "tracker/bus/authorizer.h"
#include "tracker/bus/door.h"
#include "wire/limits.h"

typedef struct DoorCall DoorCall;

struct Door {
        const Runtime *rt; /* weak */
        Tracker *tracker;  /* weak */
        Bus *bus;
        Authorizer *authorizer; /* of the connection that there is; NULL: none */
        PropertyWatch *manager_watch, *authority_watch;
        DoorCall *calls;
        size_t n_calls;
        DoorCall *rotation;            /* of calls: Rotate that is under way; NULL: none */
        bool is_stopping, is_released; /* the name, and all that was sent to it is here */
};

/* What methods are given, as far as each takes it; bounded, and by form correct. */
typedef struct DoorArguments {
        char name[NAME_SIZE]; /* of a user or a channel, folded */
        char reason[REASON_BYTES_MAX + 1];
        char query[QUERY_BYTES_MAX + 1];
        char after[NAME_SIZE];
        char state[16];
        size_t limit;
        int online, delisted; /* -1: not said */
} DoorArguments;

/* As they come; the targets of DoorMethod.options. */
typedef struct DoorOptions {
        const char *reason, *query, *after, *state; /* borrowed; NULL: not said */
        uint64_t limit;
        int online, delisted; /* -1: not said */
} DoorOptions;

typedef struct DoorMethod {
        const char *name;      /* NULL ends a table */
        const char *action;    /* of polkit */
        bool has_name;         /* ahead of the options */
        bool is_change;        /* told to the journal: who has asked for it */
        const Option *options; /* into DoorOptions; NULL: none */
        /* -errno with a failure, and c is as it was; else c is ended by one of those below. */
        int (*run)(DoorCall *c, Failure *failure);
} DoorMethod;

struct DoorCall {
        Door *door;       /* weak; NULL: gone */
        Tracker *tracker; /* weak; held. NULL: gone */
        const DoorMethod *method;
        BusOperation *operation;      /* NULL: nobody waits */
        Authorization *authorization; /* while that is asked */
        uint32_t uid;                 /* who asks, once it is allowed */
        DoorArguments arguments;
        DoorCall *prev, *next; /* Door.calls */
};

/* The whole of a handler for all methods of an interface: finds it in the table, reads the
 * arguments, asks whether it is allowed, runs it. */
int door_call(Door *d, sd_bus_message *m, const DoorMethod *methods, sd_bus_error *error);
/* Each ends the call: an empty answer or the failure; or a reply that is made, filled by the caller
 * and given back with how that went. Where nobody waits any more there is none to fill. */
void door_call_done(DoorCall *c, const Failure *f);
int door_call_new_reply(DoorCall *c, const Failure *f, sd_bus_message **ret);
void door_call_reply(DoorCall *c, int r, sd_bus_message *reply /* not taken */);
/* As the door goes: the authority does not tell it any more. */
void door_forget_rotation(Door *d);
/* The tracker stops: who waits for polkit is told so. */
void door_call_stop(DoorCall *c);
/* The door goes, and what was begun is not done yet. */
void door_call_orphan(DoorCall *c);

/* A page that is being filled: rows until either bound is reached. */
typedef struct DoorPage {
        size_t n_rows, n_bytes, limit;
} DoorPage;
bool door_page_has_room(const DoorPage *p);
/* n_bytes: of what a row has more or less of (addresses, a topic); the rest is added. */
void door_page_add(DoorPage *p, size_t n_bytes);
/* An element of an a{sv}. */
int door_append_addresses(sd_bus_message *m, const char *key, const Address *addresses, size_t n);

extern const sd_bus_vtable door_manager_vtable[];
extern const PropertySpec door_manager_properties[];
extern const sd_bus_vtable door_users_vtable[];
extern const sd_bus_vtable door_channels_vtable[];
extern const sd_bus_vtable door_leases_vtable[];
extern const sd_bus_vtable door_authority_vtable[];
extern const PropertySpec door_authority_properties[];
