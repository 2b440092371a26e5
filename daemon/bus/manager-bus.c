/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon as a whole looks on the bus (org.p2pchat.Peer1.Manager); leaves what it does
 * to manager.h, most methods to manager-bus-{identity,channels,invite,backup}.c, writing properties to
 * manager-bus-presence.c. */
#include "bus/options.h"
#include "daemon/bus/manager-bus-internal.h"
#include "daemon/describe.h"
#include "dbus/names.h"
#include "version.h"

#define CHANGES_INTERVAL_USEC (500 * USEC_PER_MSEC)

void manager_bus_cancel_manager_op(void *op) {
        manager_op_free(op);
}

void manager_bus_cancel_account_op(void *op) {
        account_op_free(op);
}

void manager_bus_reply_path(BusOperation *op, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(op, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 'o', path);
        bus_operation_reply(op, r, reply);
}

static int method_describe(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_free_ char *json = NULL;
        ManagerBus *b = userdata;
        int r;

        r = options_read(m, NULL, NULL, error);
        if (r >= 0)
                r = describe_manager(b->manager, &json);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, "s", json);
}

static void read_version(const void *object, PropertyValue *ret) {
        ret->s = P2PCHAT_VERSION;
}

static void read_default_account(const void *object, PropertyValue *ret) {
        const Account *a = manager_get_account(object);

        ret->s = "/";
        if (a && *account_get_tracker_id(a)) {
                bus_path_account(account_get_tracker_id(a), ret->path);
                ret->s = ret->path;
        }
}

static void read_outbox_count(const void *object, PropertyValue *ret) {
        ret->u = manager_get_n_outbox(object);
}

static void read_listen_addresses(const void *object, PropertyValue *ret) {
        const Address *addresses;
        size_t n;

        n = manager_get_listen_addresses(object, &addresses);
        property_value_addresses(ret, addresses, n);
}

static void read_clock_offset(const void *object, PropertyValue *ret) {
        ret->x = manager_get_clock_offset(object);
}

static void read_store_state(const void *object, PropertyValue *ret) {
        ret->s = store_state_to_string(manager_get_store_state(object));
}

static void read_store_reason(const void *object, PropertyValue *ret) {
        ret->s = manager_get_store_reason(object);
}

static void read_lingering(const void *object, PropertyValue *ret) {
        ret->s = manager_get_lingering(object);
}

static void read_invisible(const void *object, PropertyValue *ret) {
        ret->u = manager_is_invisible(object);
}

static const PropertySpec manager_properties[] = {
        { "Version", "s", PROPERTY_SILENT, read_version },
        { "DefaultAccount", "o", PROPERTY_PROMPT, read_default_account },
        { "OutboxCount", "u", PROPERTY_PACED, read_outbox_count },
        { "ListenAddresses", "as", PROPERTY_PACED, read_listen_addresses },
        { "ClockOffset", "x", PROPERTY_PACED, read_clock_offset },
        { "Invisible", "b", PROPERTY_PROMPT, read_invisible },
        { "Lingering", "s", PROPERTY_PROMPT, read_lingering },
        { "StoreState", "s", PROPERTY_PROMPT, read_store_state },
        { "StoreReason", "s", PROPERTY_PROMPT, read_store_reason },
        {},
};

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        ManagerBus *b = userdata;

        return property_append(manager_properties, property, b->manager, reply);
}

#define CHANGING SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetTracker", SD_BUS_ARGS("s", address, "a{sv}", options),
                                SD_BUS_RESULT("o", account), manager_method_set_tracker, 0),
        SD_BUS_METHOD_WITH_ARGS(
                "SignUp", SD_BUS_ARGS("s", username, "s", password, "a{sv}", options),
                SD_BUS_RESULT("a{sv}", result), manager_method_sign_up, SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("SignIn",
                                SD_BUS_ARGS("s", username, "s", password, "a{sv}", options),
                                SD_BUS_NO_RESULT, manager_method_sign_in, SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS(
                "Recover",
                SD_BUS_ARGS("s", username, "s", recovery_code, "s", new_password, "a{sv}", options),
                SD_BUS_RESULT("a{sv}", result), manager_method_recover, SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("SignInGuest", SD_BUS_ARGS("s", username, "a{sv}", options),
                                SD_BUS_NO_RESULT, manager_method_sign_in_guest, 0),
        SD_BUS_METHOD_WITH_ARGS("ListDirectory", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(sssssua{sv})", channels, "s", next),
                                manager_method_list_directory, 0),
        SD_BUS_METHOD_WITH_ARGS("Host", SD_BUS_ARGS("s", channel_name, "a{sv}", options),
                                SD_BUS_RESULT("o", channel), manager_method_host, 0),
        SD_BUS_METHOD_WITH_ARGS("Join", SD_BUS_ARGS("s", name_or_invite, "a{sv}", options),
                                SD_BUS_RESULT("o", channel), manager_method_join, 0),
        SD_BUS_METHOD_WITH_ARGS("ResolveInvite", SD_BUS_ARGS("s", uri, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", invite), manager_method_resolve_invite, 0),
        SD_BUS_METHOD_WITH_ARGS("Backup", SD_BUS_ARGS("h", fd, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", result), manager_method_backup, 0),
        SD_BUS_METHOD_WITH_ARGS("Restore", SD_BUS_ARGS("h", fd, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", result), manager_method_restore, 0),
        SD_BUS_METHOD_WITH_ARGS("SetFocus", SD_BUS_ARGS("o", channel, "a{sv}", options),
                                SD_BUS_NO_RESULT, manager_method_set_focus, 0),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("s", json),
                                method_describe, 0),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", statistics), manager_method_get_statistics,
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("DirectoryChanged", SD_BUS_ARGS("t", generation, "a{sv}", details),
                                0),
        SD_BUS_SIGNAL_WITH_ARGS("BackupProgress",
                                SD_BUS_ARGS("s", step, "t", done, "t", total, "a{sv}", details), 0),
        SD_BUS_PROPERTY("Version", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("DefaultAccount", "o", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("OutboxCount", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ListenAddresses", "as", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ClockOffset", "x", property_get, 0, CHANGING),
        SD_BUS_WRITABLE_PROPERTY("Invisible", "b", property_get, property_set_elsewhere, 0,
                                 CHANGING),
        SD_BUS_PROPERTY("Lingering", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("StoreState", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("StoreReason", "s", property_get, 0, CHANGING),
        SD_BUS_VTABLE_END,
};

int manager_bus_add_objects(ManagerBus *b, sd_bus *connection) {
        int r;

        r = sd_bus_add_object_vtable(connection, NULL, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER,
                                     manager_vtable, b);
        if (r >= 0)
                r = sd_bus_add_object(connection, NULL, P2PCHAT_PATH, manager_bus_on_set, b);
        if (r >= 0)
                r = manager_bus_watch_clients(b, connection);
        if (r < 0)
                return r;
        return sd_bus_add_object_manager(connection, NULL, P2PCHAT_PATH);
}

void manager_bus_changed(ManagerBus *b) {
        property_watch_look(b->watch);
}

static void on_directory_due(void *userdata) {
        ManagerBus *b = userdata;
        sd_bus *connection = bus_get_connection(b->bus);

        if (connection)
                (void) sd_bus_emit_signal(connection, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER,
                                          "DirectoryChanged", "ta{sv}", b->generation, 0);
}

void manager_bus_directory_changed(ManagerBus *b, uint64_t generation) {
        b->generation = generation;
        pacer_request(b->directory);
}

int manager_bus_new(const Runtime *rt, Bus *bus, Manager *m, Notifier *n, ManagerBus **ret) {
        _cleanup_(manager_bus_freep) ManagerBus *b = NULL;
        int r;

        b = new0(ManagerBus, 1);
        if (!b)
                return -ENOMEM;
        *b = (ManagerBus){ .bus = bus, .manager = m, .notifier = n };
        r = property_watch_new(rt, bus, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER, manager_properties,
                               m, CHANGES_INTERVAL_USEC, &b->watch);
        if (r < 0)
                return r;
        r = pacer_new(rt, bus, CHANGES_INTERVAL_USEC, on_directory_due, b, &b->directory);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(b);
        return 0;
}

ManagerBus *manager_bus_free(ManagerBus *b) {
        if (!b)
                return NULL;
        property_watch_free(b->watch);
        pacer_free(b->directory);
        free(b);
        return NULL;
}
