/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows our connection to a message bus, and that it can be lost: objects first, then the name, and
 * both again on the next one. Leaves the objects to the *-bus.h files. */
#include "bus/bus.h"

#include <stdarg.h>

#include "base/backoff.h"
#include "base/token-bucket.h"

#define SIGNALS_PER_SEC 200
#define WHAT_SIZE 128
/* sd-bus tells how many messages it holds back, not how many bytes: with pages of up to 256 KiB
 * among them this is our "write queue is too long". */
#define WRITE_QUEUE_MAX 64
#define WRITE_QUEUE_WAIT_USEC (100 * USEC_PER_MSEC)
#define RETRY_BASE_USEC (200 * USEC_PER_MSEC)
#define RETRY_MAX_USEC (10 * USEC_PER_SEC)

struct Bus {
        const Runtime *rt; /* weak */
        BusType type;
        const char *name; /* weak */
        BusHandlers handlers;
        void *userdata; /* weak */
        BusState state;
        bool is_adopted;
        bool is_released; /* or about to be */
        bool is_told;     /* of the trouble that lasts */
        sd_bus *connection;
        BusOperations *operations;
        ClockTimer *retry;
        Backoff backoff;
        TokenBucket signals;
};

static const char *const bus_state_table[BUS_STATE_MAX] = {
        [BUS_OFF] = "off",
        [BUS_WAITING] = "waiting",
        [BUS_CONNECTING] = "connecting",
        [BUS_NAME_TAKEN] = "name-taken",
        [BUS_READY] = "ready",
        [BUS_RELEASED] = "released",
};

const char *bus_state_to_string(BusState s) {
        return s >= 0 && s < BUS_STATE_MAX ? bus_state_table[s] : NULL;
}

static void bus_set_state(Bus *b, BusState state) {
        if (b->state == state)
                return;
        b->state = state;
        if (b->handlers.on_state)
                b->handlers.on_state(b, state, b->userdata);
}

/* Whoever asked through this connection will never hear: their waiting ends with it. */
static void drop_connection(Bus *b) {
        BusOperations *o = b->operations;

        b->operations = NULL;
        bus_operations_free(o);
        b->connection = sd_bus_close_unref(b->connection);
}

static const char *bus_type_to_string(const Bus *b) {
        return b->type == BUS_SYSTEM ? "system" : "session";
}

static void tell_trouble(Bus *b, BusState next, int error, const char *what) {
        /* A bus that is there and refuses us is one trouble, however often it is tried. */
        if (b->is_told && next == BUS_WAITING && b->state != BUS_NAME_TAKEN)
                return;
        b->is_told = true;
        if (b->handlers.on_trouble)
                b->handlers.on_trouble(b, next, error, what, b->userdata);
}

static _printf_(3, 4) void lose(Bus *b, int error, const char *format, ...) {
        char what[WHAT_SIZE];
        va_list ap;

        drop_connection(b);
        if (b->is_adopted || b->is_released) {
                bus_set_state(b, b->is_adopted ? BUS_OFF : BUS_RELEASED);
                return;
        }
        va_start(ap, format);
        (void) vsnprintf(what, sizeof(what), format, ap);
        va_end(ap);
        tell_trouble(b, BUS_WAITING, error, what);
        clock_timer_arm(b->retry, backoff_next(&b->backoff, b->rt->random));
        bus_set_state(b, BUS_WAITING);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;

        lose(b, 0, "The %s bus is gone", bus_type_to_string(b));
        return 0;
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;
        const char *name, *old_owner, *new_owner;

        if (sd_bus_message_read(m, "sss", &name, &old_owner, &new_owner) < 0)
                return 0;
        if (name[0] == ':' && !*new_owner)
                bus_operations_caller_left(b->operations, name);
        return 0;
}

static int on_name_acquired(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;
        const char *name;

        if (sd_bus_message_read(m, "s", &name) < 0 || !streq(name, b->name) || b->is_released)
                return 0;
        backoff_reset(&b->backoff);
        b->is_told = false;
        bus_set_state(b, BUS_READY);
        return 0;
}

static int on_name_requested(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;
        uint32_t result;
        int r;

        if (b->is_released)
                return 0;
        if (sd_bus_message_is_method_error(m, NULL)) {
                lose(b, sd_bus_message_get_errno(m), "The %s bus refuses our name",
                     bus_type_to_string(b));
                return 0;
        }
        r = sd_bus_message_read(m, "u", &result);
        if (r < 0) {
                lose(b, r, "The %s bus answers what is no answer", bus_type_to_string(b));
                return 0;
        }
        if (result == 2) { /* in the queue; NameAcquired says when it is our turn */
                char what[WHAT_SIZE];

                (void) snprintf(what, sizeof(what), "Another process has %s on this bus", b->name);
                tell_trouble(b, BUS_NAME_TAKEN, 0, what);
                bus_set_state(b, BUS_NAME_TAKEN);
        }
        return 0;
}

static int request_name(Bus *b) {
        return sd_bus_request_name_async(b->connection, NULL, b->name, SD_BUS_NAME_QUEUE,
                                         on_name_requested, b);
}

/* Everything here is queued, nothing waits for an answer. */
static int set_up(Bus *b, sd_bus *connection) {
        int r;

        if (!sd_bus_get_event(connection)) {
                r = sd_bus_attach_event(connection, b->rt->event, SD_EVENT_PRIORITY_NORMAL);
                if (r < 0)
                        return r;
        }
        r = sd_bus_match_signal_async(connection, NULL, "org.freedesktop.DBus.Local",
                                      "/org/freedesktop/DBus/Local", "org.freedesktop.DBus.Local",
                                      "Disconnected", on_disconnected, NULL, b);
        if (r < 0)
                return r;
        r = b->handlers.add_objects(b, connection, b->userdata);
        if (r < 0 || !sd_bus_is_bus_client(connection))
                return r;
        r = sd_bus_match_signal_async(connection, NULL, "org.freedesktop.DBus",
                                      "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                      "NameOwnerChanged", on_name_owner_changed, NULL, b);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(connection, NULL, "org.freedesktop.DBus",
                                      "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                      "NameAcquired", on_name_acquired, NULL, b);
        if (r < 0)
                return r;
        return request_name(b);
}

/* Takes over *connection on success. */
static int use(Bus *b, sd_bus *connection) {
        _cleanup_(bus_operations_freep) BusOperations *operations = NULL;
        int r;

        r = bus_operations_new(&operations);
        if (r < 0)
                return r;
        b->connection = sd_bus_ref(connection);
        b->operations = TAKE_PTR(operations);
        r = set_up(b, connection);
        if (r < 0) {
                drop_connection(b);
                return r;
        }
        bus_set_state(b, sd_bus_is_bus_client(connection) > 0 ? BUS_CONNECTING : BUS_READY);
        return 0;
}

static void on_retry(void *userdata) {
        _cleanup_(sd_bus_unrefp) sd_bus *connection = NULL;
        Bus *b = userdata;
        int r;

        r = b->type == BUS_SYSTEM ? sd_bus_open_system_with_description(&connection, b->name)
                                  : sd_bus_open_user_with_description(&connection, b->name);
        if (r >= 0)
                r = use(b, connection);
        if (r < 0)
                lose(b, r, "There is no %s bus", bus_type_to_string(b));
}

void bus_open(Bus *b) {
        assert(!b->connection && !b->is_adopted);
        on_retry(b);
}

int bus_adopt(Bus *b, sd_bus *connection) {
        assert(!b->connection);
        b->is_adopted = true;
        return use(b, connection);
}

int bus_new(const Runtime *rt, BusType type, const char *name, const BusHandlers *handlers,
            void *userdata, Bus **ret) {
        _cleanup_(bus_freep) Bus *b = NULL;
        int r;

        b = new0(Bus, 1);
        if (!b)
                return -ENOMEM;
        *b = (Bus){
                .rt = rt,
                .type = type,
                .name = name,
                .handlers = *handlers,
                .userdata = userdata,
                .backoff = { .base_usec = RETRY_BASE_USEC, .max_usec = RETRY_MAX_USEC },
        };
        token_bucket_init(&b->signals, SIGNALS_PER_SEC, SIGNALS_PER_SEC, clock_boottime(rt->clock));
        r = clock_timer_new(rt->clock, on_retry, b, &b->retry);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

Bus *bus_free(Bus *b) {
        if (!b)
                return NULL;
        drop_connection(b);
        clock_timer_free(b->retry);
        free(b);
        return NULL;
}

static int on_name_released(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;

        /* Behind everything that the bus had for us before. */
        if (b->is_released)
                bus_set_state(b, BUS_RELEASED);
        return 0;
}

void bus_release(Bus *b) {
        if (b->is_released)
                return;
        b->is_released = true;
        clock_timer_disarm(b->retry);
        if (!b->connection || sd_bus_is_bus_client(b->connection) <= 0 ||
            sd_bus_release_name_async(b->connection, NULL, b->name, on_name_released, b) < 0)
                bus_set_state(b, BUS_RELEASED);
}

void bus_claim(Bus *b) {
        if (!b->is_released)
                return;
        b->is_released = false;
        if (!b->connection)
                on_retry(b);
        else if (sd_bus_is_bus_client(b->connection) > 0 && request_name(b) >= 0)
                bus_set_state(b, BUS_CONNECTING);
}

BusState bus_get_state(const Bus *b) {
        return b->state;
}

sd_bus *bus_get_connection(const Bus *b) {
        return b->connection;
}

BusOperations *bus_get_operations(const Bus *b) {
        return b->operations;
}

bool bus_may_signal(Bus *b, uint64_t *ret_wait_usec) {
        uint64_t n_queued;

        if (!b->connection)
                return true;
        if (sd_bus_get_n_queued_write(b->connection, &n_queued) >= 0 &&
            n_queued > WRITE_QUEUE_MAX) {
                *ret_wait_usec = WRITE_QUEUE_WAIT_USEC;
                return false;
        }
        return token_bucket_take(&b->signals, 1, clock_boottime(b->rt->clock), ret_wait_usec);
}
