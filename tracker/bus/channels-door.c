/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the directory looks to the tracker's operator (org.p2pchat.Tracker1.{Channels,Leases});
 * leaves it to directory.h, changing it to registry.h. */
#include "tracker/bus/door-internal.h"

static const Directory *directory_of(const DoorCall *c) {
        return registry_get_directory(tracker_get_registry(c->tracker));
}

static uint32_t count(uint64_t n) {
        return (uint32_t) MIN(n, (uint64_t) UINT32_MAX);
}

static int append_channel(sd_bus_message *m, const ChannelRecord *c) {
        const DirectoryEntry *e = &c->entry;
        const char *state = c->delisted ? "delisted" : e->online ? "online" : "offline";
        int r;

        r = sd_bus_message_open_container(m, 'r', "sssta{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "ssst", e->channel_name, e->owner, state,
                                          c->delisted ?: e->since);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        m, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "id", "s", e->channel_id, "host",
                        "s", e->host, "key", "s", c->key, "members", "u", count(e->members),
                        "view_permission", "s", e->restricted ? "restricted" : "public", "topic",
                        "s", e->topic, "epoch", "t", e->epoch, "last_seq", "t", e->last_seq);
        if (r >= 0)
                r = door_append_addresses(m, "addresses", e->addresses, e->n_addresses);
        if (r >= 0 && c->delisted)
                r = sd_bus_message_append(m, "{sv}", "reason", "s", c->reason ?: "");
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_lease(sd_bus_message *m, const DoorCall *call, const ChannelRecord *c) {
        Clock *clock = call->door->rt->clock;
        uint64_t now = clock_boottime(clock), end;
        const DirectoryEntry *e = &c->entry;
        int r;

        end = MAX(directory_get_lease_end(directory_of(call), e->channel_name), now);
        r = sd_bus_message_open_container(m, 'r', "ssta{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "sst", e->channel_name, e->owner,
                                          clock_realtime(clock) + (end - now));
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "key", "s", c->key, "epoch", "t",
                                          e->epoch, "last_seq", "t", e->last_seq, "members", "u",
                                          count(e->members));
        if (r >= 0)
                r = door_append_addresses(m, "addresses", e->addresses, e->n_addresses);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_page(const DoorCall *c, sd_bus_message *m, bool only_leases) {
        const ChannelRecord *channels[P2PCHAT_PAGE_ENTRIES_MAX];
        const DoorArguments *a = &c->arguments;
        ChannelsQuery q = {
                .after = a->after,
                .query = *a->query ? a->query : NULL,
                .online = only_leases ? 1 : a->online,
                .delisted = only_leases ? 0 : a->delisted,
                .limit = a->limit,
        };
        DoorPage page = { .limit = a->limit };
        const char *next;
        size_t n, i;
        int r;

        n = directory_list(directory_of(c), &q, channels, &next);
        r = sd_bus_message_open_container(m, 'a', only_leases ? "(ssta{sv})" : "(sssta{sv})");
        for (i = 0; r >= 0 && i < n && door_page_has_room(&page); i++) {
                const DirectoryEntry *e = &channels[i]->entry;

                r = only_leases ? append_lease(m, c, channels[i]) : append_channel(m, channels[i]);
                door_page_add(&page, strlen(e->topic) + e->n_addresses * ADDRESS_STRING_SIZE +
                                             strlen(channels[i]->reason ?: ""));
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r < 0)
                return r;
        return sd_bus_message_append_basic(
                m, 's', i < n ? channels[i - 1]->entry.channel_name : next ?: "");
}

static int answer_page(DoorCall *c, bool only_leases) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = door_call_new_reply(c, NULL, &reply);
        if (r >= 0)
                r = append_page(c, reply, only_leases);
        door_call_reply(c, r, reply);
        return 0;
}

static int run_list(DoorCall *c, Failure *failure) {
        return answer_page(c, false);
}

static int run_list_leases(DoorCall *c, Failure *failure) {
        return answer_page(c, true);
}

static void on_changed(const Failure *failure, uint64_t epoch, void *userdata) {
        door_call_done(userdata, failure);
}

static int run_delist(DoorCall *c, Failure *failure) {
        return registry_delist(tracker_get_registry(c->tracker), c->arguments.name,
                               c->arguments.reason, on_changed, c, failure);
}

static int run_relist(DoorCall *c, Failure *failure) {
        return registry_relist(tracker_get_registry(c->tracker), c->arguments.name, on_changed, c,
                               failure);
}

static const Option list_options[] = {
        { "query", OPTION_STRING, offsetof(DoorOptions, query) },
        { "online", OPTION_TRISTATE, offsetof(DoorOptions, online) },
        { "delisted", OPTION_TRISTATE, offsetof(DoorOptions, delisted) },
        { "after", OPTION_STRING, offsetof(DoorOptions, after) },
        { "limit", OPTION_UINT, offsetof(DoorOptions, limit) },
        {},
};
static const Option leases_options[] = {
        { "after", OPTION_STRING, offsetof(DoorOptions, after) },
        { "limit", OPTION_UINT, offsetof(DoorOptions, limit) },
        {},
};
static const Option delist_options[] = {
        { "reason", OPTION_STRING, offsetof(DoorOptions, reason) },
        {},
};

static const DoorMethod methods[] = {
        { "List", P2PCHAT_TRACKER_ACTION_VIEW, false, false, list_options, run_list },
        { "Delist", P2PCHAT_TRACKER_ACTION_MANAGE_CHANNELS, true, true, delist_options,
          run_delist },
        { "Relist", P2PCHAT_TRACKER_ACTION_MANAGE_CHANNELS, true, true, NULL, run_relist },
        {},
};
static const DoorMethod leases_methods[] = {
        { "List", P2PCHAT_TRACKER_ACTION_VIEW, false, false, leases_options, run_list_leases },
        {},
};

static int method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return door_call(userdata, m, methods, error);
}

static int method_leases(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return door_call(userdata, m, leases_methods, error);
}

#define NAMED SD_BUS_ARGS("s", channel, "a{sv}", options)
const sd_bus_vtable door_channels_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(sssta{sv})", channels, "s", next), method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Delist", NAMED, SD_BUS_NO_RESULT, method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Relist", NAMED, SD_BUS_NO_RESULT, method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

const sd_bus_vtable door_leases_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(ssta{sv})", leases, "s", next), method_leases,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
