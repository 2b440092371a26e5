/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the daemon counts of itself, as the bus gives it; leaves counting to who does it. */
#include "bus/options.h"
#include "daemon/bus/manager-bus-internal.h"
#include "version.h"

typedef struct Counts {
        uint64_t by_state[MEMBER_STATE_MAX];
        uint64_t n_unread;
} Counts;

static int count_channel(ChannelMember *c, void *userdata) {
        MemberState state = channel_member_get_state(c);
        Counts *counts = userdata;

        if (state >= 0 && state < MEMBER_STATE_MAX)
                counts->by_state[state]++;
        counts->n_unread += channel_member_get_n_unread(c);
        return 0;
}

static int append_states(sd_bus_message *reply, const Counts *counts) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "channels");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "a{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        for (MemberState i = 0; r >= 0 && i < MEMBER_STATE_MAX; i++)
                r = sd_bus_message_append(reply, "{sv}", member_state_to_string(i), "t",
                                          counts->by_state[i]);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_statistics(sd_bus_message *reply, const Manager *m) {
        size_t n_hosted, n_members;
        StoreStatistics store;
        Counts counts = {};
        int r;

        manager_get_store_statistics(m, &store);
        manager_get_hosting(m, &n_hosted, &n_members);
        r = manager_each_channel(m, count_channel, &counts);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "version", "s", P2PCHAT_VERSION,
                        "uptime_s", "t", store.uptime_usec / USEC_PER_SEC, "connections", "t",
                        (uint64_t) peer_server_get_n_peers(manager_get_peers(m)), "hosting", "t",
                        (uint64_t) n_hosted, "members_online", "t", (uint64_t) n_members, "unread",
                        "t", counts.n_unread, "outbox", "t", manager_get_n_outbox(m), "store",
                        "a{sv}", 3, "state", "s", store_state_to_string(manager_get_store_state(m)),
                        "commits", "t", store.n_commits, "commit_ms_p99", "t",
                        DIV_ROUND_UP(store.commit_usec_p99, USEC_PER_MSEC));
        if (r >= 0)
                r = append_states(reply, &counts);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int manager_method_get_statistics(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const ManagerBus *b = userdata;
        int r;

        r = options_read(m, NULL, NULL, error);
        if (r >= 0)
                r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = append_statistics(reply, b->manager);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}
