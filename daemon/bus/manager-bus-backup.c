/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the methods of org.p2pchat.Peer1.Manager that take a store along; leaves what they do to
 * manager.h. */
#include "bus/error.h"
#include "bus/options.h"
#include "daemon/bus/manager-bus-internal.h"
#include "dbus/names.h"

static int append_users(sd_bus_message *reply, const BackupSummary *s) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "users");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < s->n_users; i++)
                r = sd_bus_message_append_basic(reply, 's', s->users[i]);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static void on_done(const Failure *f, const BackupSummary *s, const char *aside, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "bytes", "t", s->n_bytes,
                                          "channels", "t", s->n_channels, "hosted", "t",
                                          s->n_hosted, "entries", "t", s->n_entries, "outbox", "t",
                                          s->n_outbox);
        if (r >= 0)
                r = append_users(reply, s);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "tracker", "s", s->tracker,
                                          "tracker_pin", "s", s->pin);
        if (r >= 0 && aside)
                r = sd_bus_message_append(reply, "{sv}", "set_aside", "s", aside);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        bus_operation_reply(userdata, r, reply);
}

int manager_method_backup(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ManagerBus *b = userdata;
        ManagerOp *waiting = NULL;
        BusOperation *op;
        int fd, r;

        r = sd_bus_message_read_basic(m, 'h', &fd);
        if (r >= 0)
                r = options_read(m, NULL, NULL, error);
        if (r < 0)
                return r;
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = manager_back_up(b->manager, fd, on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, manager_bus_cancel_manager_op, error);
}

int manager_method_restore(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                bool set_aside;
        } o = {};
        const Option table[] = { { "set_aside", OPTION_BOOL, offsetof(__typeof__(o), set_aside) },
                                 {} };
        ManagerBus *b = userdata;
        ManagerOp *waiting = NULL;
        BusOperation *op;
        int fd, r;

        r = sd_bus_message_read_basic(m, 'h', &fd);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r < 0)
                return r;
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = manager_restore(b->manager, fd, o.set_aside, on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, manager_bus_cancel_manager_op, error);
}

void manager_bus_progress(ManagerBus *b, const char *step, uint64_t n_done, uint64_t n_total) {
        sd_bus *connection = bus_get_connection(b->bus);

        if (connection)
                (void) sd_bus_emit_signal(connection, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER,
                                          "BackupProgress", "stta{sv}", step, n_done, n_total, 0);
}
