/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows our connection to a message bus, and that it can be lost: objects first, then the name, and
 * both again on the next one. Leaves the objects to the *-bus.h files. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/runtime.h"
#include "bus/operation.h"

#define BUS_PATH_SIZE 64

typedef struct Bus Bus;

typedef enum BusState {
        BUS_OFF,        /* none is wanted */
        BUS_WAITING,    /* none is there; tried again by itself, for ever */
        BUS_CONNECTING, /* objects are there, the name is asked for */
        BUS_NAME_TAKEN, /* another process has the name; ours when that one goes */
        BUS_READY,
        BUS_RELEASED, /* the name is given back, and all that was sent to it has been handed on */
        BUS_STATE_MAX,
        BUS_STATE_INVALID = -EINVAL
} BusState;

typedef enum BusType {
        BUS_SESSION, /* the user's */
        BUS_SYSTEM,  /* the machine's */
} BusType;

typedef struct BusHandlers {
        /* A new connection: put the objects on it; what is put there goes with it. */
        int (*add_objects)(Bus *b, sd_bus *connection, void *userdata);
        void (*on_state)(Bus *b, BusState state, void *userdata); /* may be NULL */
        /* Ahead of BUS_WAITING or BUS_NAME_TAKEN, once and not at every try: the beginning of a
         * sentence for the operator. error 0: none is known. May be NULL. */
        void (*on_trouble)(Bus *b, BusState next, int error, const char *what, void *userdata);
} BusHandlers;

/* name (weak): what is asked for on the bus. */
int bus_new(const Runtime *rt /* weak */, BusType type, const char *name,
            const BusHandlers *handlers, void *userdata /* weak */, Bus **ret);
Bus *bus_free(Bus *b);
DEFINE_CLEANUP(Bus *, bus_free);

/* The bus of that type, from now on: dialled, and dialled again when it is lost. */
void bus_open(Bus *b);
/* This one instead, started or not (takes a reference, attaches it to the loop unless it is). Its
 * end is the end. Without a bus daemon behind it no name is requested. */
int bus_adopt(Bus *b, sd_bus *connection);

/* Gives the name back, to leave so that nobody's call is lost: BUS_RELEASED follows, at once where
 * the name is not ours. What is parked can still be answered. A connection that is lost meanwhile
 * is not dialled again. */
void bus_release(Bus *b);
/* Asks for the name again after bus_release(), from the bus that there is then. */
void bus_claim(Bus *b);

const char *bus_state_to_string(BusState s);
BusState bus_get_state(const Bus *b);
sd_bus *bus_get_connection(const Bus *b); /* NULL: none, and signals go nowhere */
BusOperations *bus_get_operations(const Bus *b);

/* May one more signal be said now? All of ours together are 200 a second, and none while replies
 * pile up for a bus that does not read; *ret_wait_usec says when to ask again. A change of State
 * does not ask. */
bool bus_may_signal(Bus *b, uint64_t *ret_wait_usec);
