/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon as a whole looks on the bus (org.p2pchat.Peer1.Manager); leaves what it does
 * to manager.h. */
#include "daemon/manager-bus.h"

#include "daemon/bus-util/error.h"
#include "daemon/bus-util/options.h"
#include "daemon/bus-util/properties.h"
#include "daemon/describe.h"
#include "dbus/names.h"
#include "version.h"

#define CHANGES_INTERVAL_USEC (500 * USEC_PER_MSEC)

struct ManagerBus {
        Bus *bus;         /* weak */
        Manager *manager; /* weak */
        PropertyWatch *watch;
        Pacer *directory;
        uint64_t generation; /* of the directory, as last heard */
};

static void cancel_manager_op(void *op) {
        manager_op_free(op);
}

static void cancel_account_op(void *op) {
        account_op_free(op);
}

static void reply_path(BusOperation *op, const char *path) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(op, &reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 'o', path);
        bus_operation_reply(op, r, reply);
}

static void on_tracker_set(const Failure *f, Account *a, void *userdata) {
        char path[BUS_PATH_SIZE];

        if (f) {
                bus_operation_fail(userdata, f);
                return;
        }
        bus_path_account(account_get_tracker_id(a), path);
        reply_path(userdata, path);
}

static void on_channel(const Failure *f, ChannelMember *c, void *userdata) {
        char path[BUS_PATH_SIZE];

        if (f) {
                bus_operation_fail(userdata, f);
                return;
        }
        bus_path_channel(channel_member_get_id(c), path);
        reply_path(userdata, path);
}

static int method_set_tracker(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                const char *pin;
                bool trust_new;
        } o = {};
        const Option table[] = {
                { "pin", OPTION_STRING, offsetof(__typeof__(o), pin) },
                { "trust_new", OPTION_BOOL, offsetof(__typeof__(o), trust_new) },
                {},
        };
        ManagerBus *b = userdata;
        _cleanup_free_ char *host = NULL;
        ManagerOp *waiting = NULL;
        const char *address;
        BusOperation *op;
        uint16_t port;
        int r;

        r = sd_bus_message_read_basic(m, 's', &address);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r < 0)
                return r;
        r = host_port_parse(address, TRACKER_PORT, &host, &port);
        if (r < 0)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "\"%.64s\" is no address; give it as host[:port] or "
                                      "[ip6][:port].",
                                      address);
        if (o.pin && (strncmp(o.pin, "sha256:", 7) != 0 || !hex_is_valid(o.pin + 7, 64)))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "A pin is \"sha256:\" and 64 lower-case hex digits.");
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = manager_set_tracker(b->manager, address, o.pin, o.trust_new, on_tracker_set, op,
                                &waiting);
        return bus_operation_park(op, r, waiting, cancel_manager_op, error);
}

/* The account that a call is about: the only one, and the option may name no other. */
static int find_account(ManagerBus *b, const char *path, Account **ret, sd_bus_error *error) {
        Account *a = manager_get_account(b->manager);
        char ours[BUS_PATH_SIZE];

        if (!a)
                return bus_error_code(error, ERROR_TRACKER_UNREACHABLE,
                                      "No tracker is set; set one first (p2pchatctl tracker "
                                      "ADDRESS).");
        if (path) {
                bus_path_account(account_get_tracker_id(a), ours);
                if (!streq(path, ours))
                        return bus_error_arguments(error, "There is no account %.64s.", path);
        }
        *ret = a;
        return 0;
}

static void on_signed_in(const Failure *f, const char *recovery_code, void *userdata) {
        bus_operation_done(userdata, f);
}

static void on_signed_up(const Failure *f, const char *recovery_code, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (f) {
                bus_operation_fail(userdata, f);
                return;
        }
        r = bus_operation_new_reply(userdata, &reply);
        if (r >= 0)
                r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = recovery_code ? sd_bus_message_append(reply, "a{sv}", 1, "recovery_code", "s",
                                                          recovery_code)
                                  : sd_bus_message_append(reply, "a{sv}", 0);
        bus_operation_reply(userdata, r, reply);
}

typedef int (*sign_in_fn)(Account *a, const char *username, const char *password,
                          account_signed_in_fn done, void *userdata, AccountOp **ret_op);

static int sign_in_guest(Account *a, const char *username, const char *password,
                         account_signed_in_fn done, void *userdata, AccountOp **ret_op) {
        return account_sign_in_guest(a, username, done, userdata, ret_op);
}

static int begin_sign_in(sd_bus_message *m, ManagerBus *b, bool has_password, sign_in_fn begin,
                         account_signed_in_fn done, sd_bus_error *error) {
        struct {
                const char *account;
        } o = {};
        const Option table[] = { { "account", OPTION_OBJECT, 0 }, {} };
        const char *username, *password = NULL;
        AccountOp *waiting = NULL;
        BusOperation *op;
        Account *a;
        int r;

        r = sd_bus_message_read_basic(m, 's', &username);
        if (r >= 0 && has_password)
                r = sd_bus_message_read_basic(m, 's', &password);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r >= 0)
                r = find_account(b, o.account, &a, error);
        if (r < 0)
                return r;
        r = bus_operation_new(bus_get_operations(b->bus), m, a, &op);
        if (r < 0)
                return r;
        r = begin(a, username, password, done, op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_account_op, error);
}

static int method_sign_up(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_sign_in(m, userdata, true, account_sign_up, on_signed_up, error);
}

static int method_sign_in(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_sign_in(m, userdata, true, account_sign_in, on_signed_in, error);
}

static int method_sign_in_guest(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return begin_sign_in(m, userdata, false, sign_in_guest, on_signed_in, error);
}

static int append_directory_entry(sd_bus_message *reply, const DirectoryEntry *e) {
        int r;

        r = sd_bus_message_open_container(reply, 'r', "sssssua{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "sssssu", e->channel_name, e->owner, e->host,
                                          e->topic, e->restricted ? "restricted" : "public",
                                          (uint32_t) MIN(e->members, (uint64_t) UINT32_MAX));
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "id", "s", e->channel_id,
                                          "online", "b", (int) e->online, "last_seq", "t",
                                          e->last_seq, "since", "t", e->since);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "addresses");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < e->n_addresses; i++) {
                char address[ADDRESS_STRING_SIZE];

                address_print(&e->addresses[i], address);
                r = sd_bus_message_append_basic(reply, 's', address);
        }
        for (unsigned i = 0; r >= 0 && i < 5; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static void on_directory(const Failure *f, const DirectoryEntry *entries, size_t n,
                         const char *next, uint64_t generation, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        if (f) {
                bus_operation_fail(userdata, f);
                return;
        }
        r = bus_operation_new_reply(userdata, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(sssssua{sv})");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_directory_entry(reply, &entries[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', next ?: "");
        bus_operation_reply(userdata, r, reply);
}

static int method_list_directory(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                const char *query, *after, *account;
                bool online;
                uint64_t limit;
        } o = { .limit = LIST_LIMIT_MAX };
        const Option table[] = {
                { "query", OPTION_STRING, offsetof(__typeof__(o), query) },
                { "after", OPTION_STRING, offsetof(__typeof__(o), after) },
                { "account", OPTION_OBJECT, offsetof(__typeof__(o), account) },
                { "online", OPTION_BOOL, offsetof(__typeof__(o), online) },
                { "limit", OPTION_UINT, offsetof(__typeof__(o), limit) },
                {},
        };
        ManagerBus *b = userdata;
        AccountOp *waiting = NULL;
        DirectoryQuery query;
        BusOperation *op;
        Account *a;
        int r;

        r = options_read(m, table, &o, error);
        if (r >= 0)
                r = find_account(b, o.account, &a, error);
        if (r < 0)
                return r;
        if (o.limit == 0 || o.limit > P2PCHAT_PAGE_ENTRIES_MAX)
                return bus_error_code(error, ERROR_BAD_REQUEST, "limit must be 1 to %d.",
                                      P2PCHAT_PAGE_ENTRIES_MAX);
        if (o.query && strlen(o.query) > QUERY_BYTES_MAX)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "query has more than %d bytes; ask for less.",
                                      QUERY_BYTES_MAX);
        query = (DirectoryQuery){
                .query = o.query && *o.query ? o.query : NULL,
                .after = o.after && *o.after ? o.after : NULL,
                .online_only = o.online,
                .limit = (unsigned) MIN(o.limit, (uint64_t) LIST_LIMIT_MAX),
        };
        r = bus_operation_new(bus_get_operations(b->bus), m, a, &op);
        if (r < 0)
                return r;
        r = account_list(a, &query, on_directory, op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_account_op, error);
}

static int read_channel_name(sd_bus_message *m, char ret[static NAME_SIZE], sd_bus_error *error) {
        const char *name;
        int r;

        r = sd_bus_message_read_basic(m, 's', &name);
        if (r < 0)
                return r;
        if (name_fold(name, ret) < 0 || !name_is_valid(ret))
                return bus_error_code(error, ERROR_INVALID_NAME,
                                      "\"%.64s\" is no name of a channel; use 2 to 32 of a–z, "
                                      "0–9, \".\", \"_\" and \"-\", a letter or digit first.",
                                      name);
        return 0;
}

static int method_host(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                const char *topic, *view, *send;
                bool take_over;
        } o = {};
        const Option table[] = {
                { "topic", OPTION_STRING, offsetof(__typeof__(o), topic) },
                { "view_permission", OPTION_STRING, offsetof(__typeof__(o), view) },
                { "send_permission", OPTION_STRING, offsetof(__typeof__(o), send) },
                { "take_over", OPTION_BOOL, offsetof(__typeof__(o), take_over) },
                {},
        };
        ManagerBus *b = userdata;
        ManagerOp *waiting = NULL;
        char name[NAME_SIZE];
        HostOptions options;
        BusOperation *op;
        int r;

        r = read_channel_name(m, name, error);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r < 0)
                return r;
        options = (HostOptions){
                .topic = o.topic,
                .view = o.view ? view_permission_from_string(o.view) : VIEW_INVALID,
                .send = o.send ? send_permission_from_string(o.send) : SEND_INVALID,
                .take_over = o.take_over,
        };
        if (o.view && options.view == VIEW_INVALID)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "view_permission must be public or restricted.");
        if (o.send && options.send == SEND_INVALID)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "send_permission must be everyone, registered or members.");
        if (o.topic &&
            (strlen(o.topic) > TOPIC_BYTES_MAX || !text_is_valid(o.topic, strlen(o.topic), false)))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "A topic is one line of at most %d bytes.", TOPIC_BYTES_MAX);
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = manager_host(b->manager, name, &options, on_channel, op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_manager_op, error);
}

static int method_join(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                uint64_t backlog;
        } o = { .backlog = UINT64_MAX };
        const Option table[] = { { "backlog", OPTION_UINT, 0 }, {} };
        ManagerBus *b = userdata;
        ManagerOp *waiting = NULL;
        char name[NAME_SIZE];
        BusOperation *op;
        int r;

        r = read_channel_name(m, name, error);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r < 0)
                return r;
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = manager_join(b->manager, name, o.backlog == UINT64_MAX ? -1 : (int64_t) o.backlog,
                         on_channel, op, &waiting);
        return bus_operation_park(op, r, waiting, cancel_manager_op, error);
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

static const PropertySpec manager_properties[] = {
        { "Version", "s", PROPERTY_SILENT, read_version },
        { "DefaultAccount", "o", PROPERTY_PROMPT, read_default_account },
        { "OutboxCount", "u", PROPERTY_PACED, read_outbox_count },
        { "ListenAddresses", "as", PROPERTY_PACED, read_listen_addresses },
        { "ClockOffset", "x", PROPERTY_PACED, read_clock_offset },
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
                                SD_BUS_RESULT("o", account), method_set_tracker, 0),
        SD_BUS_METHOD_WITH_ARGS(
                "SignUp", SD_BUS_ARGS("s", username, "s", password, "a{sv}", options),
                SD_BUS_RESULT("a{sv}", result), method_sign_up, SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("SignIn",
                                SD_BUS_ARGS("s", username, "s", password, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_sign_in, SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("SignInGuest", SD_BUS_ARGS("s", username, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_sign_in_guest, 0),
        SD_BUS_METHOD_WITH_ARGS("ListDirectory", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(sssssua{sv})", channels, "s", next),
                                method_list_directory, 0),
        SD_BUS_METHOD_WITH_ARGS("Host", SD_BUS_ARGS("s", channel_name, "a{sv}", options),
                                SD_BUS_RESULT("o", channel), method_host, 0),
        SD_BUS_METHOD_WITH_ARGS("Join", SD_BUS_ARGS("s", name, "a{sv}", options),
                                SD_BUS_RESULT("o", channel), method_join, 0),
        SD_BUS_METHOD_WITH_ARGS("Describe", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("s", json),
                                method_describe, 0),
        SD_BUS_SIGNAL_WITH_ARGS("DirectoryChanged", SD_BUS_ARGS("t", generation, "a{sv}", details),
                                0),
        SD_BUS_PROPERTY("Version", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("DefaultAccount", "o", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("OutboxCount", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ListenAddresses", "as", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ClockOffset", "x", property_get, 0, CHANGING),
        SD_BUS_VTABLE_END,
};

int manager_bus_add_objects(ManagerBus *b, sd_bus *connection) {
        int r;

        r = sd_bus_add_object_vtable(connection, NULL, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER,
                                     manager_vtable, b);
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

int manager_bus_new(const Runtime *rt, Bus *bus, Manager *m, ManagerBus **ret) {
        _cleanup_(manager_bus_freep) ManagerBus *b = NULL;
        int r;

        b = new0(ManagerBus, 1);
        if (!b)
                return -ENOMEM;
        *b = (ManagerBus){ .bus = bus, .manager = m };
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
