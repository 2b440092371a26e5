/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how leases are listed for the tracker's operator (org.p2pchat.Tracker1.Leases); leaves them
 * to directory.h. */
#include "tracker/bus/door-internal.h"

static int append_lease(sd_bus_message *m, const ChannelRecord *c, uint64_t until) {
        const DirectoryEntry *e = &c->entry;
        int r;

        r = sd_bus_message_open_container(m, 'r', "ssta{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "sst", e->channel_name, e->owner, until);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}{sv}{sv}{sv}", "key", "s", c->key, "epoch", "t",
                                          e->epoch, "last_seq", "t", e->last_seq, "members", "u",
                                          (uint32_t) MIN(e->members, (uint64_t) UINT32_MAX));
        if (r >= 0)
                r = door_append_addresses(m, "addresses", e->addresses, e->n_addresses);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_leases(DoorCall *c, sd_bus_message *m) {
        const Directory *d = registry_get_directory(tracker_get_registry(c->tracker));
        Clock *clock = c->door->rt->clock;
        uint64_t now = clock_realtime(clock), boottime = clock_boottime(clock), end;
        DoorPage page = { .limit = c->arguments.limit };
        const ChannelRecord *channel;
        const char *next = "";
        size_t n_seen = 0;
        int r;

        r = sd_bus_message_open_container(m, 'a', "(ssta{sv})");
        for (channel = directory_after(d, c->arguments.after); r >= 0 && channel;
             channel = directory_after(d, next)) {
                if (!door_page_has_room(&page) || ++n_seen > LIST_SCAN_MAX)
                        break;
                next = channel->entry.channel_name;
                end = directory_get_lease_end(d, next);
                if (end == 0)
                        continue;
                r = append_lease(m, channel, now + (end > boottime ? end - boottime : 0));
                door_page_add(&page, channel->entry.n_addresses * ADDRESS_STRING_SIZE);
        }
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_append_basic(m, 's', channel ? next : "");
}

static int run_list(DoorCall *c, Failure *failure) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = door_call_new_reply(c, NULL, &reply);
        if (r >= 0)
                r = append_leases(c, reply);
        door_call_reply(c, r, reply);
        return 0;
}

static const Option list_options[] = {
        { "after", OPTION_STRING, offsetof(DoorOptions, after) },
        { "limit", OPTION_UINT, offsetof(DoorOptions, limit) },
        {},
};

static const DoorMethod list = {
        .action = P2PCHAT_TRACKER_ACTION_VIEW,
        .options = list_options,
        .run = run_list,
};

static int method_list(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return door_call(userdata, m, &list, error);
}

const sd_bus_vtable door_leases_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("List", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(ssta{sv})", leases, "s", next), method_list,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
