/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how properties of org.p2pchat.Peer1.Manager are written; leaves what they mean to
 * manager.h. */
#include "bus/error.h"
#include "daemon/bus/manager-bus-internal.h"
#include "dbus/names.h"

static void on_done(const Failure *f, void *userdata) {
        bus_operation_done(userdata, f);
}

int manager_bus_on_set(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ManagerBus *b = userdata;
        ManagerOp *waiting = NULL;
        BusOperation *op;
        int invisible, r;

        r = property_set_enter(m, P2PCHAT_INTERFACE_MANAGER, "Invisible", "b", error);
        if (r <= 0)
                return r;
        r = sd_bus_message_read_basic(m, 'b', &invisible);
        if (r < 0)
                return r;
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = manager_set_invisible(b->manager, invisible, on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, manager_bus_cancel_manager_op, error);
}
