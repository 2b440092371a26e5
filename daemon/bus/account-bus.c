/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an account looks on the bus (org.p2pchat.Peer1.Account); leaves what it is to
 * account.h.
 */
#include "bus/options.h"
#include "bus/properties.h"
#include "daemon/bus/account-bus-internal.h"
#include "dbus/names.h"

#define CHANGES_INTERVAL_USEC (500 * USEC_PER_MSEC)

static void read_tracker(const void *object, PropertyValue *ret) {
        ret->s = account_get_tracker_address(object);
}

static void read_tracker_pin(const void *object, PropertyValue *ret) {
        ret->s = account_get_pin(object);
}

static void read_tracker_offered_pin(const void *object, PropertyValue *ret) {
        ret->s = account_get_offered_pin(object);
}

static void read_tracker_state(const void *object, PropertyValue *ret) {
        ret->s = tracker_state_to_string(account_get_tracker_state(object));
}

static void read_tracker_reason(const void *object, PropertyValue *ret) {
        ret->s = account_get_tracker_reason(object);
}

static void read_username(const void *object, PropertyValue *ret) {
        ret->s = account_get_username(object) ?: "";
}

static void read_user_type(const void *object, PropertyValue *ret) {
        if (!account_get_username(object))
                ret->s = "none";
        else
                ret->s = account_get_user_type(object) == USER_GUEST ? "guest" : "registered";
}

static void read_certificate_expires(const void *object, PropertyValue *ret) {
        ret->u = account_get_certificate_expires(object);
}

static const PropertySpec account_properties[] = {
        { "Tracker", "s", PROPERTY_PACED, read_tracker },
        { "TrackerPin", "s", PROPERTY_PACED, read_tracker_pin },
        { "TrackerOfferedPin", "s", PROPERTY_PACED, read_tracker_offered_pin },
        { "TrackerState", "s", PROPERTY_PROMPT, read_tracker_state },
        { "TrackerReason", "s", PROPERTY_PACED, read_tracker_reason },
        { "Username", "s", PROPERTY_PROMPT, read_username },
        { "UserType", "s", PROPERTY_PROMPT, read_user_type },
        { "CertificateExpires", "t", PROPERTY_PACED, read_certificate_expires },
        {},
};

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        AccountBus *b = userdata;

        return property_append(account_properties, property, b->account, reply);
}

#define CHANGING SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
static const sd_bus_vtable account_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SignOut", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
                                account_method_sign_out, 0),
        SD_BUS_METHOD_WITH_ARGS("ChangePassword",
                                SD_BUS_ARGS("s", old_password, "s", new_password, "a{sv}", options),
                                SD_BUS_NO_RESULT, account_method_change_password,
                                SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("ListDevices", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(stta{sv})", devices), account_method_list_devices,
                                0),
        SD_BUS_METHOD_WITH_ARGS("RevokeDevice", SD_BUS_ARGS("s", key, "a{sv}", options),
                                SD_BUS_NO_RESULT, account_method_revoke_device, 0),
        SD_BUS_METHOD_WITH_ARGS("Delete", SD_BUS_ARGS("s", password, "a{sv}", options),
                                SD_BUS_NO_RESULT, account_method_delete, SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_PROPERTY("Tracker", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("TrackerPin", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("TrackerOfferedPin", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("TrackerState", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("TrackerReason", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Username", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("UserType", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("CertificateExpires", "t", property_get, 0, CHANGING),
        SD_BUS_VTABLE_END,
};

static int find_account(sd_bus *bus, const char *path, const char *interface, void *userdata,
                        void **ret_found, sd_bus_error *error) {
        AccountBus *b = userdata;

        if (!*b->path || !streq(b->path, path))
                return 0;
        *ret_found = b;
        return 1;
}

static int enumerate_accounts(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                              sd_bus_error *error) {
        _cleanup_(strv_freep) char **nodes = NULL;
        AccountBus *b = userdata;

        nodes = new0(char *, 2);
        if (!nodes || (*b->path && !(nodes[0] = strdup(b->path))))
                return -ENOMEM;
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

int account_bus_add_objects(AccountBus *b, sd_bus *connection) {
        int r;

        r = sd_bus_add_fallback_vtable(connection, NULL, P2PCHAT_PATH_ACCOUNTS,
                                       P2PCHAT_INTERFACE_ACCOUNT, account_vtable, find_account, b);
        if (r < 0)
                return r;
        return sd_bus_add_node_enumerator(connection, NULL, P2PCHAT_PATH_ACCOUNTS,
                                          enumerate_accounts, b);
}

static void remove_object(AccountBus *b) {
        sd_bus *connection = bus_get_connection(b->bus);

        if (!*b->path)
                return;
        if (bus_get_operations(b->bus))
                bus_operations_object_gone(bus_get_operations(b->bus), b->account);
        if (connection)
                (void) sd_bus_emit_object_removed(connection, b->path);
        b->watch = property_watch_free(b->watch);
        b->path[0] = '\0';
}

/* The object is there from the moment its tracker-id is known: its path is made of that. */
void account_bus_changed(AccountBus *b) {
        const char *id = b->account ? account_get_tracker_id(b->account) : "";
        sd_bus *connection = bus_get_connection(b->bus);
        char path[BUS_PATH_SIZE] = "";

        if (*id)
                bus_path_account(id, path);
        if (streq(b->path, path)) {
                if (b->watch)
                        property_watch_look(b->watch);
                return;
        }
        remove_object(b);
        if (!*path ||
            property_watch_new(b->rt, b->bus, path, P2PCHAT_INTERFACE_ACCOUNT, account_properties,
                               b->account, CHANGES_INTERVAL_USEC, &b->watch) < 0)
                return;
        memcpy(b->path, path, sizeof(path));
        if (connection)
                (void) sd_bus_emit_object_added(connection, b->path);
}

void account_bus_set(AccountBus *b, Account *a) {
        if (b->account != a)
                remove_object(b);
        b->account = a;
        account_bus_changed(b);
}

int account_bus_new(const Runtime *rt, Bus *bus, AccountBus **ret) {
        AccountBus *b;

        b = new0(AccountBus, 1);
        if (!b)
                return -ENOMEM;
        *b = (AccountBus){ .rt = rt, .bus = bus };
        *ret = b;
        return 0;
}

AccountBus *account_bus_free(AccountBus *b) {
        if (!b)
                return NULL;
        property_watch_free(b->watch);
        free(b);
        return NULL;
}
