/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the operator's door (org.p2pchat.Tracker1 on the system bus): that it is there, for as long
 * as there is a bus; leaves who may come in to polkit, and what is done there to the tracker. */
#include "tracker/bus/door.h"

#include <utlist.h>

#include "base/log.h"
#include "bus/log-control.h"
#include "tracker/bus/door-internal.h"

#define CHANGES_INTERVAL_USEC USEC_PER_SEC
#define ROW_BYTES 512 /* names, ids, numbers and what frames them, at most */
#define ROW_BYTES_MAX (2 * 1024)

bool door_page_has_room(const DoorPage *p) {
        return p->n_rows < p->limit && p->n_bytes <= P2PCHAT_PAGE_BYTES_MAX - ROW_BYTES_MAX;
}

void door_page_add(DoorPage *p, size_t n_bytes) {
        p->n_rows++;
        p->n_bytes += ROW_BYTES + n_bytes;
}

int door_append_addresses(sd_bus_message *m, const char *key, const Address *addresses, size_t n) {
        char text[ADDRESS_STRING_SIZE];
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++) {
                address_print(&addresses[i], text);
                r = sd_bus_message_append_basic(m, 's', text);
        }
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int add_objects(Bus *b, sd_bus *connection, void *userdata) {
        const struct {
                const char *interface;
                const sd_bus_vtable *vtable;
        } faces[] = {
                { P2PCHAT_TRACKER_INTERFACE_MANAGER, door_manager_vtable },
                { P2PCHAT_TRACKER_INTERFACE_USERS, door_users_vtable },
                { P2PCHAT_TRACKER_INTERFACE_CHANNELS, door_channels_vtable },
                { P2PCHAT_TRACKER_INTERFACE_LEASES, door_leases_vtable },
                { P2PCHAT_TRACKER_INTERFACE_AUTHORITY, door_authority_vtable },
        };
        Door *d = userdata;
        int r;

        d->authorizer = authorizer_free(d->authorizer);
        r = authorizer_new(connection, &d->authorizer);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(faces); i++)
                r = sd_bus_add_object_vtable(connection, NULL, P2PCHAT_TRACKER_PATH,
                                             faces[i].interface, faces[i].vtable, d);
        if (r >= 0)
                r = log_control_add_object(connection, "p2pchat-trackerd");
        return r;
}

static void on_bus_state(Bus *b, BusState state, void *userdata) {
        Door *d = userdata;

        log_debug("The system bus is %s", bus_state_to_string(state));
        if (!bus_get_connection(b))
                d->authorizer = authorizer_free(d->authorizer);
        if (state == BUS_RELEASED && d->is_stopping && !d->is_released) {
                d->is_released = true;
                tracker_release(d->tracker);
        }
}

static void on_bus_trouble(Bus *b, BusState next, int error, const char *what, void *userdata) {
        bool was_there = bus_get_state(b) == BUS_READY || bus_get_state(b) == BUS_NAME_TAKEN;

        if (next == BUS_NAME_TAKEN)
                log_warning("%s; end it, or its operator cannot reach this tracker", what);
        else
                log_fields(was_there ? LOG_WARNING : LOG_INFO, error, NULL,
                           "%s; clients are served all the same, and the bus is tried again", what);
}

static const BusHandlers bus_handlers = {
        .add_objects = add_objects,
        .on_state = on_bus_state,
        .on_trouble = on_bus_trouble,
};

int door_new(const Runtime *rt, Tracker *tracker, Door **ret) {
        _cleanup_(door_freep) Door *d = NULL;
        int r;

        d = new0(Door, 1);
        if (!d)
                return -ENOMEM;
        *d = (Door){ .rt = rt, .tracker = tracker };
        r = bus_new(rt, BUS_SYSTEM, P2PCHAT_TRACKER_BUS_NAME, &bus_handlers, d, &d->bus);
        if (r >= 0)
                r = property_watch_new(rt, d->bus, P2PCHAT_TRACKER_PATH,
                                       P2PCHAT_TRACKER_INTERFACE_MANAGER, door_manager_properties,
                                       d, CHANGES_INTERVAL_USEC, &d->manager_watch);
        if (r >= 0)
                r = property_watch_new(
                        rt, d->bus, P2PCHAT_TRACKER_PATH, P2PCHAT_TRACKER_INTERFACE_AUTHORITY,
                        door_authority_properties, d, CHANGES_INTERVAL_USEC, &d->authority_watch);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

Door *door_free(Door *d) {
        if (!d)
                return NULL;
        bus_free(d->bus);
        if (d->is_stopping && !d->is_released)
                tracker_release(d->tracker);
        property_watch_free(d->manager_watch);
        property_watch_free(d->authority_watch);
        door_forget_rotation(d);
        while (d->calls)
                door_call_orphan(d->calls);
        authorizer_free(d->authorizer);
        free(d);
        return NULL;
}

void door_open(Door *d) {
        if (!d->is_stopping)
                bus_open(d->bus);
}

void door_look(Door *d) {
        property_watch_look(d->manager_watch);
        property_watch_look(d->authority_watch);
}

bool door_is_needed(const Door *d) {
        return d->n_calls > 0 || bus_get_state(d->bus) == BUS_CONNECTING;
}

void door_stop(Door *d) {
        DoorCall *c, *next;

        if (d->is_stopping)
                return;
        DL_FOREACH_SAFE(d->calls, c, next)
                door_call_stop(c);
        d->is_stopping = true;
        tracker_hold(d->tracker);
        bus_release(d->bus);
}
