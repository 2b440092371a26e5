/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how waiting begins and ends; leaves the results to the operations themselves. */
#include "daemon/operation.h"

#include <utlist.h>

void operation_init(Operation *o, const OperationType *type, Operation **list) {
        o->type = type;
        o->list = list;
        DL_APPEND(*list, o);
}

static void operation_unlink(Operation *o) {
        if (o->list)
                DL_DELETE(*o->list, o);
        o->list = NULL;
        if (o->holder)
                *o->holder = NULL;
        o->holder = NULL;
        o->later = sd_event_source_disable_unref(o->later);
}

static void operation_destroy(Operation *o) {
        if (o->type->release)
                o->type->release(o);
        free(o);
}

Operation *operation_drop(Operation *o) {
        if (!o)
                return NULL;
        operation_unlink(o);
        operation_destroy(o);
        return NULL;
}

void operation_hold(Operation *o, Operation **holder) {
        if (!o)
                return;
        if (o->holder)
                *o->holder = NULL;
        o->holder = holder;
        *holder = o;
}

Operation *operation_take(Operation **holder) {
        Operation *o = TAKE_PTR(*holder);

        if (o)
                o->holder = NULL;
        return o;
}

void operation_complete(Operation *o, const Failure *f) {
        if (!o)
                return;
        operation_unlink(o);
        o->type->complete(o, f);
        operation_destroy(o);
}

static int on_later(sd_event_source *s, void *userdata) {
        Operation *o = userdata;
        Failure f = o->failure;

        operation_complete(o, f.code == ERROR_NONE ? NULL : &f);
        return 0;
}

int operation_complete_later(Operation *o, sd_event *event, const Failure *f) {
        if (o->later)
                return 0;
        if (f)
                o->failure = *f;
        return sd_event_add_defer(event, &o->later, on_later, o);
}

void operation_cancel_all(Operation **list) {
        Failure f;

        failure_set(&f, ERROR_CANCELLED, "What was waited for has gone.");
        while (*list)
                operation_complete(*list, &f);
}
