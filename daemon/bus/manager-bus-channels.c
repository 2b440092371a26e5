/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the methods of org.p2pchat.Peer1.Manager about the directory and entering channels; leaves
 * what they do to manager.h and account.h. */
#include "bus/error.h"
#include "bus/options.h"
#include "daemon/bus/manager-bus-internal.h"
#include "daemon/bus/path.h"
#include "dbus/names.h"

static void on_channel(const Failure *f, ChannelMember *c, void *userdata) {
        char path[BUS_PATH_SIZE];

        if (f) {
                bus_operation_fail(userdata, f);
                return;
        }
        bus_path_channel(channel_member_get_id(c), path);
        manager_bus_reply_path(userdata, path);
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

        r = bus_operation_new_reply(userdata, f, &reply);
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

int manager_method_list_directory(sd_bus_message *m, void *userdata, sd_bus_error *error) {
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
                r = manager_bus_find_account(b, o.account, &a, error);
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
        return bus_operation_park(op, r, waiting, manager_bus_cancel_account_op, error);
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

int manager_method_host(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                const char *topic, *view, *send;
                bool take_over, new_log;
        } o = {};
        const Option table[] = {
                { "topic", OPTION_STRING, offsetof(__typeof__(o), topic) },
                { "view_permission", OPTION_STRING, offsetof(__typeof__(o), view) },
                { "send_permission", OPTION_STRING, offsetof(__typeof__(o), send) },
                { "take_over", OPTION_BOOL, offsetof(__typeof__(o), take_over) },
                { "new_log", OPTION_BOOL, offsetof(__typeof__(o), new_log) },
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
                .new_log = o.new_log,
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
        return bus_operation_park(op, r, waiting, manager_bus_cancel_manager_op, error);
}

int manager_method_join(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        struct {
                uint64_t backlog;
                bool new_copy;
        } o = { .backlog = UINT64_MAX };
        const Option table[] = {
                { "backlog", OPTION_UINT, offsetof(__typeof__(o), backlog) },
                { "new_copy", OPTION_BOOL, offsetof(__typeof__(o), new_copy) },
                {},
        };
        ManagerBus *b = userdata;
        ManagerOp *waiting = NULL;
        char name[NAME_SIZE];
        JoinOptions options;
        BusOperation *op;
        bool is_link;
        Invite invite;
        int r;

        r = manager_bus_peek_invite(m, &is_link, &invite, error);
        if (r >= 0 && !is_link)
                r = read_channel_name(m, name, error);
        if (r >= 0)
                r = options_read(m, table, &o, error);
        if (r < 0)
                return r;
        options = (JoinOptions){
                .backlog = o.backlog == UINT64_MAX ? -1 : (int64_t) o.backlog,
                .new_copy = o.new_copy,
        };
        r = bus_operation_new(bus_get_operations(b->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = is_link ? manager_join_invite(b->manager, &invite, &options, on_channel, op, &waiting)
                    : manager_join(b->manager, name, &options, on_channel, op, &waiting);
        return bus_operation_park(op, r, waiting, manager_bus_cancel_manager_op, error);
}
