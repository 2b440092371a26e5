/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows calls of the bus that are answered later: each exactly once. Leaves what they wait for to
 * who parks them. */
#pragma once

#include <systemd/sd-bus.h>

#include "wire/error.h"

/* A parked call. Freed without an answer it answers `Cancelled`; a caller that leaves the bus frees
 * it, which ends the waiting only: what was begun goes on. */
typedef struct BusOperation BusOperation;
typedef struct BusOperations BusOperations; /* those of one connection */

int bus_operations_new(BusOperations **ret);
BusOperations *bus_operations_free(BusOperations *o);
DEFINE_CLEANUP(BusOperations *, bus_operations_free);
void bus_operations_caller_left(BusOperations *o, const char *unique_name);
/* For what was parked with this object, before it is gone. */
void bus_operations_object_gone(BusOperations *o, const void *object);
size_t bus_operations_get_n(const BusOperations *o);

/* object (weak, may be NULL): whose end is the operation's end. */
int bus_operation_new(BusOperations *o, sd_bus_message *call, const void *object,
                      BusOperation **ret);
const void *bus_operation_get_object(const BusOperation *op);
/* What the completion needs to know; the operation frees it with free_fn. */
void bus_operation_set_data(BusOperation *op, void *data, void (*free_fn)(void *data));
void *bus_operation_get_data(const BusOperation *op);

/* The end of a method handler. r is what beginning gave: below 0 the operation is dropped and
 * *error filled; otherwise it is parked: waiting (may be NULL) is ended by cancel if the operation
 * ends first. Returns what the handler returns. */
int bus_operation_park(BusOperation *op, int r, void *waiting, void (*cancel)(void *waiting),
                       sd_bus_error *error);

/* The same end for a handler that filled its error itself; returns r. */
int bus_operation_refuse(BusOperation *op, int r);

/* The completion; each consumes op. What it waited for is gone by itself. */
void bus_operation_fail(BusOperation *op, const Failure *f);
/* … with a name that is not of our table. */
void bus_operation_fail_error(BusOperation *op, const sd_bus_error *error);
/* An empty reply, or the failure. */
void bus_operation_done(BusOperation *op, const Failure *f);
/* A reply is made here, filled by the caller, and given back with how filling went. A failure is
 * answered at once: then there is no reply to fill, and r is negative. */
int bus_operation_new_reply(BusOperation *op, const Failure *f /* NULL: none */,
                            sd_bus_message **ret);
void bus_operation_reply(BusOperation *op, int r, sd_bus_message *reply /* not taken */);
