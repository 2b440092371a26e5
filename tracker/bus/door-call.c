/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the way of each call at the operator's door: what it is given, whether it is allowed, that
 * it is answered once. Leaves what it does to its method. */
#include <utlist.h>

#include "base/log.h"
#include "tracker/bus/door-internal.h"
#include "tracker/message-ids.h"

static DoorCall *door_call_free(DoorCall *c) {
        if (!c)
                return NULL;
        if (c->door) {
                DL_DELETE(c->door->calls, c);
                c->door->n_calls--;
        }
        if (c->tracker)
                tracker_release(c->tracker);
        authorization_free(c->authorization);
        free(c);
        return NULL;
}
DEFINE_CLEANUP(DoorCall *, door_call_free);

void door_call_done(DoorCall *c, const Failure *f) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = door_call_new_reply(c, f, &reply);
        door_call_reply(c, r, reply);
}

int door_call_new_reply(DoorCall *c, const Failure *f, sd_bus_message **ret) {
        return c->operation ? bus_operation_new_reply(c->operation, f, ret) : -ECANCELED;
}

void door_call_reply(DoorCall *c, int r, sd_bus_message *reply) {
        BusOperation *op = TAKE_PTR(c->operation);

        if (op)
                bus_operation_reply(op, r, reply);
        door_call_free(c);
}

void door_call_stop(DoorCall *c) {
        Failure f;

        if (!c->authorization)
                return;
        (void) failure_set(&f, ERROR_BUSY,
                           "The tracker is stopping, and nothing was done; ask again.");
        c->authorization = authorization_free(c->authorization);
        door_call_done(c, &f);
}

void door_call_orphan(DoorCall *c) {
        DL_DELETE(c->door->calls, c);
        c->door->n_calls--;
        c->door = NULL;
        if (c->tracker)
                tracker_release(c->tracker);
        c->tracker = NULL;
}

/* The caller has left, or the bus; what was begun goes on. */
static void on_nobody_waits(void *userdata) {
        DoorCall *c = userdata;

        c->operation = NULL;
        if (c->authorization)
                door_call_free(c);
}

static void tell(const DoorCall *c) {
        const char *name = *c->arguments.name ? c->arguments.name : NULL;
        char uid[16];

        (void) snprintf(uid, sizeof(uid), "%" PRIu32, c->uid);
        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_OPERATOR, "CHAT_ACTION",
                              c->method->action, "CHAT_METHOD", c->method->name, "CHAT_ABOUT", name,
                              "CHAT_BY", uid),
                   "The user with the id %s is allowed to %s%s%s (%s).", uid, c->method->name,
                   name ? " " : "", name ?: "", c->method->action);
}

static void on_authorized(const sd_bus_error *error, uint32_t uid, void *userdata) {
        DoorCall *c = userdata;
        Failure f = {};

        c->authorization = NULL;
        if (error) {
                bus_operation_fail_error(TAKE_PTR(c->operation), error);
                door_call_free(c);
                return;
        }
        c->uid = uid;
        if (c->method->is_change)
                tell(c);
        if (c->method->run(c, &f) < 0)
                door_call_done(c, &f);
}

static int copy_line(const char *s, size_t size, char *ret, const char *option,
                     sd_bus_error *error) {
        if (!s)
                return 0;
        if (strlen(s) >= size || !text_is_valid(s, strlen(s), false))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "Option \"%s\" must be one line of at most %zu bytes.",
                                      option, size - 1);
        strcpy(ret, s);
        return 0;
}

static int read_arguments(sd_bus_message *m, const DoorMethod *method, DoorArguments *ret,
                          sd_bus_error *error) {
        DoorOptions o = { .online = -1, .delisted = -1, .limit = P2PCHAT_PAGE_ENTRIES_MAX };
        const char *name;
        int r;

        if (method->has_name) {
                r = sd_bus_message_read_basic(m, 's', &name);
                if (r < 0)
                        return r;
                if (name_fold(name, ret->name) < 0 || !name_is_valid(ret->name))
                        return bus_error_code(error, ERROR_INVALID_NAME,
                                              "No user and no channel has such a name.");
        }
        r = options_read(m, method->options, &o, error);
        if (r < 0)
                return r;
        if (o.limit == 0 || o.limit > P2PCHAT_PAGE_ENTRIES_MAX)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "Option \"limit\" must be from 1 to %d.",
                                      P2PCHAT_PAGE_ENTRIES_MAX);
        ret->limit = o.limit;
        ret->online = o.online;
        ret->delisted = o.delisted;
        r = copy_line(o.reason, sizeof(ret->reason), ret->reason, "reason", error);
        if (r >= 0)
                r = copy_line(o.query, sizeof(ret->query), ret->query, "query", error);
        if (r >= 0)
                r = copy_line(o.after, sizeof(ret->after), ret->after, "after", error);
        if (r >= 0)
                r = copy_line(o.state, sizeof(ret->state), ret->state, "state", error);
        return r;
}

/* What an answer needs of a call, without what came in it: options may be large, and those who are
 * never allowed anything may have a few waiting. */
static int strip(sd_bus_message *m, sd_bus_message **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        uint64_t cookie;
        int r;

        r = sd_bus_message_get_cookie(m, &cookie);
        if (r >= 0)
                r = sd_bus_message_new_method_call(
                        sd_bus_message_get_bus(m), &call, NULL, sd_bus_message_get_path(m),
                        sd_bus_message_get_interface(m), sd_bus_message_get_member(m));
        if (r >= 0)
                r = sd_bus_message_set_sender(call, sd_bus_message_get_sender(m));
        if (r >= 0)
                r = sd_bus_message_set_expect_reply(call, sd_bus_message_get_expect_reply(m) > 0);
        if (r >= 0)
                r = sd_bus_message_seal(call, cookie, 0);
        if (r >= 0)
                *ret = TAKE_PTR(call);
        return r;
}

static int begin(DoorCall *c, sd_bus_message *m) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        bool interactive = sd_bus_message_get_allow_interactive_authorization(m) > 0;
        Door *d = c->door;
        int r;

        r = strip(m, &call);
        if (r < 0)
                return r;
        r = authorize(d->authorizer, sd_bus_message_get_sender(call), c->method->action,
                      interactive, on_authorized, c, &c->authorization);
        if (r < 0)
                return r;
        return bus_operation_new(bus_get_operations(d->bus), call, NULL, &c->operation);
}

static const DoorMethod *find_method(const DoorMethod *methods, const char *name) {
        while (!streq(methods->name, name)) {
                methods++;
                assert(methods->name); /* what the vtable has, the table has */
        }
        return methods;
}

int door_call(Door *d, sd_bus_message *m, const DoorMethod *methods, sd_bus_error *error) {
        _cleanup_(door_call_freep) DoorCall *c = NULL;
        int r;

        if (d->is_released)
                return bus_error_code(error, ERROR_BUSY,
                                      "The tracker is stopping, and nothing was done; ask again.");
        c = new0(DoorCall, 1);
        if (!c)
                return -ENOMEM;
        *c = (DoorCall){
                .door = d,
                .tracker = d->tracker,
                .method = find_method(methods, sd_bus_message_get_member(m)),
        };
        DL_APPEND(d->calls, c);
        d->n_calls++;
        tracker_hold(d->tracker);
        r = read_arguments(m, c->method, &c->arguments, error);
        if (r < 0)
                return r;
        r = begin(c, m);
        if (r < 0)
                return bus_error_errno(error, r);
        r = bus_operation_park(c->operation, 0, c, on_nobody_waits, error);
        TAKE_PTR(c);
        return r;
}
