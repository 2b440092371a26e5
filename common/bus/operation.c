/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows calls of the bus that are answered later: each exactly once. Leaves what they wait for to
 * who parks them. */
#include "bus/operation.h"

#include <utlist.h>

#include "bus/error.h"

struct BusOperation {
        BusOperations *list;  /* weak */
        sd_bus_message *call; /* NULL: answered */
        const void *object;   /* weak */
        void *data;
        void (*free_data)(void *data);
        void *waiting;
        void (*cancel)(void *waiting);
        BusOperation *prev, *next; /* BusOperations.operations */
};

struct BusOperations {
        BusOperation *operations;
        size_t n;
};

static void answer(BusOperation *op, const sd_bus_error *error) {
        /* A bus that is gone cannot be told; the caller has been told by the bus. A sentence that
         * cannot be put on it must not leave the caller without an answer. */
        if (sd_bus_reply_method_error(op->call, error) == -EINVAL)
                (void) sd_bus_reply_method_errorf(op->call, error->name, "No reason can be shown.");
        op->call = sd_bus_message_unref(op->call);
}

static BusOperation *bus_operation_free(BusOperation *op) {
        if (!op)
                return NULL;
        DL_DELETE(op->list->operations, op);
        op->list->n--;
        if (op->waiting)
                op->cancel(op->waiting);
        if (op->call) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                (void) bus_error_code(&error, ERROR_CANCELLED,
                                      "What was waited for is gone; look at the state, and ask "
                                      "again if it is still wanted.");
                answer(op, &error);
        }
        if (op->free_data)
                op->free_data(op->data);
        free(op);
        return NULL;
}

int bus_operation_new(BusOperations *o, sd_bus_message *call, const void *object,
                      BusOperation **ret) {
        BusOperation *op;

        op = new0(BusOperation, 1);
        if (!op)
                return -ENOMEM;
        *op = (BusOperation){
                .list = o,
                .call = sd_bus_message_ref(call),
                .object = object,
        };
        DL_APPEND(o->operations, op);
        o->n++;
        *ret = op;
        return 0;
}

const void *bus_operation_get_object(const BusOperation *op) {
        return op->object;
}

void bus_operation_set_data(BusOperation *op, void *data, void (*free_fn)(void *data)) {
        assert(!op->data);
        op->data = data;
        op->free_data = free_fn;
}

void *bus_operation_get_data(const BusOperation *op) {
        return op->data;
}

int bus_operation_refuse(BusOperation *op, int r) {
        op->call = sd_bus_message_unref(op->call); /* the handler answers */
        bus_operation_free(op);
        return r;
}

int bus_operation_park(BusOperation *op, int r, void *waiting, void (*cancel)(void *waiting),
                       sd_bus_error *error) {
        if (r < 0) {
                (void) bus_operation_refuse(op, r);
                return bus_error_errno(error, r);
        }
        op->waiting = waiting;
        op->cancel = cancel;
        return 1;
}

static void answer_failure(BusOperation *op, const Failure *f) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        (void) bus_error_failure(&error, f);
        answer(op, &error);
}

void bus_operation_fail(BusOperation *op, const Failure *f) {
        op->waiting = NULL;
        answer_failure(op, f);
        bus_operation_free(op);
}

void bus_operation_fail_error(BusOperation *op, const sd_bus_error *error) {
        op->waiting = NULL;
        answer(op, error);
        bus_operation_free(op);
}

void bus_operation_done(BusOperation *op, const Failure *f) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(op, f, &reply);
        bus_operation_reply(op, r, reply);
}

int bus_operation_new_reply(BusOperation *op, const Failure *f, sd_bus_message **ret) {
        if (!f)
                return sd_bus_message_new_method_return(op->call, ret);
        answer_failure(op, f);
        return -ECANCELED;
}

void bus_operation_reply(BusOperation *op, int r, sd_bus_message *reply) {
        op->waiting = NULL;
        if (op->call && r < 0) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                (void) bus_error_code(&error, ERROR_INTERNAL,
                                      "It is done, but the answer could not be made: %s.",
                                      strerrordesc_np(-r) ?: "unknown error");
                answer(op, &error);
        } else if (op->call) {
                if (sd_bus_message_get_expect_reply(op->call) > 0)
                        (void) sd_bus_send(sd_bus_message_get_bus(op->call), reply, NULL);
                op->call = sd_bus_message_unref(op->call);
        }
        bus_operation_free(op);
}

int bus_operations_new(BusOperations **ret) {
        BusOperations *o;

        o = new0(BusOperations, 1);
        if (!o)
                return -ENOMEM;
        *ret = o;
        return 0;
}

BusOperations *bus_operations_free(BusOperations *o) {
        if (!o)
                return NULL;
        while (o->operations)
                bus_operation_free(o->operations);
        free(o);
        return NULL;
}

void bus_operations_caller_left(BusOperations *o, const char *unique_name) {
        BusOperation *op, *next;

        DL_FOREACH_SAFE(o->operations, op, next)
                if (streq_ptr(sd_bus_message_get_sender(op->call), unique_name)) {
                        op->call = sd_bus_message_unref(op->call); /* nobody hears an answer */
                        bus_operation_free(op);
                }
}

void bus_operations_object_gone(BusOperations *o, const void *object) {
        BusOperation *op, *next;

        DL_FOREACH_SAFE(o->operations, op, next)
                if (op->object == object)
                        bus_operation_free(op);
}

size_t bus_operations_get_n(const BusOperations *o) {
        return o->n;
}
