/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how accounts look to the tracker's operator (org.p2pchat.Tracker1.Users); leaves them to
 * accounts-operator.h. */
#include "tracker/accounts-operator.h"
#include "tracker/bus/door-internal.h"

static Accounts *accounts_of(const DoorCall *c) {
        return tracker_get_accounts(c->tracker);
}

static void on_changed(const Failure *failure, const Grant *grant, void *userdata) {
        door_call_done(userdata, failure);
}

static int run_suspend(DoorCall *c, Failure *failure) {
        return accounts_suspend(accounts_of(c), c->arguments.name, c->arguments.reason, on_changed,
                                c, failure);
}

static int run_resume(DoorCall *c, Failure *failure) {
        return accounts_resume(accounts_of(c), c->arguments.name, on_changed, c, failure);
}

static int run_delete(DoorCall *c, Failure *failure) {
        return accounts_remove(accounts_of(c), c->arguments.name, on_changed, c, failure);
}

static void on_reset(const Failure *failure, const char *password, const char *recovery_code,
                     void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        DoorCall *c = userdata;
        int r;

        r = door_call_new_reply(c, failure, &reply);
        if (r >= 0)
                r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "a{sv}", 2, "password", "s", password,
                                          "recovery_code", "s", recovery_code);
        door_call_reply(c, r, reply);
}

static int run_reset(DoorCall *c, Failure *failure) {
        return accounts_reset(accounts_of(c), c->arguments.name, on_reset, c, failure);
}

static int append_suspension(sd_bus_message *m, const DbUser *u) {
        if (u->suspended == 0)
                return 0;
        return sd_bus_message_append(m, "{sv}{sv}", "suspended", "t", u->suspended, "reason", "s",
                                     u->reason);
}

static int append_user(sd_bus_message *m, const DbUser *u) {
        int r;

        r = sd_bus_message_open_container(m, 'r', "sstta{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "sstt", u->name, db_user_state_to_string(u->state),
                                          u->created, u->seen);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "devices", "u",
                                          (uint32_t) MIN(u->n_devices, (uint64_t) UINT32_MAX));
        if (r >= 0)
                r = append_suspension(m, u);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_users(const DoorCall *c, sd_bus_message *m, const DbUser *users, size_t n,
                        const char *next) {
        DoorPage page = { .limit = c->arguments.limit };
        size_t i;
        int r;

        r = sd_bus_message_open_container(m, 'a', "(sstta{sv})");
        for (i = 0; r >= 0 && i < n && door_page_has_room(&page); i++) {
                r = append_user(m, &users[i]);
                door_page_add(&page, strlen(users[i].reason));
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_append_basic(m, 's', i < n ? users[i - 1].name : next ?: "");
}

static void on_list(const Failure *failure, const DbUser *users, size_t n, const char *next,
                    void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        DoorCall *c = userdata;
        int r;

        r = door_call_new_reply(c, failure, &reply);
        if (r >= 0)
                r = append_users(c, reply, users, n, next);
        door_call_reply(c, r, reply);
}

static int run_list(DoorCall *c, Failure *failure) {
        const DoorArguments *a = &c->arguments;
        UsersQuery q = {
                .after = a->after,
                .query = *a->query ? a->query : NULL,
                .state = *a->state ? db_user_state_from_string(a->state) : DB_USER_INVALID,
                .limit = a->limit,
        };

        if (*a->state && q.state < 0)
                return failure_set(failure, ERROR_BAD_REQUEST,
                                   "Option \"state\" must be active, suspended or deleted.");
        return accounts_list(accounts_of(c), &q, on_list, c, failure);
}

static int append_devices(sd_bus_message *m, const DbDeviceInfo *devices, size_t n) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', "devices");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "a(stta{sv})");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(stta{sv})");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(m, "(stta{sv})", devices[i].key, devices[i].created,
                                          devices[i].seen, 0);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static int append_channels(const DoorCall *c, sd_bus_message *m, const char *owner) {
        const Directory *d = registry_get_directory(tracker_get_registry(c->tracker));
        const ChannelRecord *channel;
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', "channels");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "s");
        for (channel = directory_next_owned(d, owner, ""); r >= 0 && channel;
             channel = directory_next_owned(d, owner, channel->entry.channel_name))
                r = sd_bus_message_append_basic(m, 's', channel->entry.channel_name);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

static void on_get(const Failure *failure, const DbUser *u, const DbDeviceInfo *devices,
                   size_t n_devices, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        DoorCall *c = userdata;
        int r;

        r = door_call_new_reply(c, failure, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}", "name", "s", u->name, "state",
                                          "s", db_user_state_to_string(u->state), "created", "t",
                                          u->created, "seen", "t", u->seen);
        if (r >= 0)
                r = append_suspension(reply, u);
        if (r >= 0 && u->deleted > 0)
                r = sd_bus_message_append(reply, "{sv}", "deleted", "t", u->deleted);
        if (r >= 0)
                r = append_devices(reply, devices, n_devices);
        if (r >= 0)
                r = append_channels(c, reply, u->name);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        door_call_reply(c, r, reply);
}

static int run_get(DoorCall *c, Failure *failure) {
        return accounts_get(accounts_of(c), c->arguments.name, on_get, c, failure);
}

static const Option list_options[] = {
        { "query", OPTION_STRING, offsetof(DoorOptions, query) },
        { "state", OPTION_STRING, offsetof(DoorOptions, state) },
        { "after", OPTION_STRING, offsetof(DoorOptions, after) },
        { "limit", OPTION_UINT, offsetof(DoorOptions, limit) },
        {},
};
static const Option suspend_options[] = {
        { "reason", OPTION_STRING, offsetof(DoorOptions, reason) },
        {},
};

static const DoorMethod methods[] = {
        { "List", P2PCHAT_TRACKER_ACTION_VIEW, false, false, list_options, run_list },
        { "Get", P2PCHAT_TRACKER_ACTION_VIEW, true, false, NULL, run_get },
        { "Suspend", P2PCHAT_TRACKER_ACTION_MANAGE_USERS, true, true, suspend_options,
          run_suspend },
        { "Resume", P2PCHAT_TRACKER_ACTION_MANAGE_USERS, true, true, NULL, run_resume },
        { "Reset", P2PCHAT_TRACKER_ACTION_MANAGE_USERS, true, true, NULL, run_reset },
        { "Delete", P2PCHAT_TRACKER_ACTION_DELETE_USERS, true, true, NULL, run_delete },
        {},
};

static int method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return door_call(userdata, m, methods, error);
}

#define NAMED SD_BUS_ARGS("s", username, "a{sv}", options)
const sd_bus_vtable door_users_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(sstta{sv})", users, "s", next), method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Get", NAMED, SD_BUS_RESULT("a{sv}", user), method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Suspend", NAMED, SD_BUS_NO_RESULT, method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Resume", NAMED, SD_BUS_NO_RESULT, method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Reset", NAMED, SD_BUS_RESULT("a{sv}", result), method,
                                SD_BUS_VTABLE_UNPRIVILEGED | SD_BUS_VTABLE_SENSITIVE),
        SD_BUS_METHOD_WITH_ARGS("Delete", NAMED, SD_BUS_NO_RESULT, method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
