/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that somebody waits for one result: completes exactly once, from a later turn of the loop,
 * or never when the waiting ended first. Leaves what is waited for to who embeds it. */
#pragma once

#include <systemd/sd-event.h>

#include "wire/error.h"

typedef struct Operation Operation;

/* The first member of every …Op struct, whose functions these two are. */
typedef struct OperationType {
        /* Tells the waiter; the operation is unlinked already, and is released afterwards. */
        void (*complete)(Operation *o, const Failure *f);
        /* What hangs on the waiting (a call, a timer); may be NULL. The struct itself is freed
         * after it. */
        void (*release)(Operation *o);
} OperationType;

struct Operation {
        const OperationType *type;
        Operation **list; /* weak; head of the owner's */
        Operation *prev, *next;
        Operation **holder;     /* weak; where the one who works on it keeps it */
        sd_event_source *later; /* a failure that was known at once */
        Failure failure;
};

/* Links a zeroed operation into the list of its owner. */
void operation_init(Operation *o, const OperationType *type, Operation **list /* weak */);
/* Ends the waiting: whoever holds it sees NULL. */
Operation *operation_drop(Operation *o);
/* *holder = o, until either ends. */
void operation_hold(Operation *o, Operation **holder /* weak */);
/* What *holder has, which it has no more; NULL: nobody waits. */
Operation *operation_take(Operation **holder);

/* Completes and frees. NULL is fine: nobody waits any more. */
void operation_complete(Operation *o, const Failure *f);
/* The same from the next turn, for what is known before the call that began it returns. */
int operation_complete_later(Operation *o, sd_event *event, const Failure *f);
/* The owner goes: everybody who waits gets `cancelled`. */
void operation_cancel_all(Operation **list);
