/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows org.p2pchat.Peer1.Host, there only while the channel is hosted here; leaves hosting to
 * channel-host.h and the manager. */
#include "daemon/bus/channel-bus-internal.h"

typedef struct PeersPage {
        sd_bus_message *reply; /* weak */
        uint64_t left;
} PeersPage;

static int append_peer(const PeerInfo *info, void *userdata) {
        char address[ADDRESS_STRING_SIZE];
        PeersPage *page = userdata;
        int r;

        if (page->left == 0)
                return 1; /* ends the round */
        page->left--;
        address_print(info->address, address);
        r = sd_bus_message_append(page->reply, "a{sv}", 6, "number", "t", info->number, "username",
                                  "s", info->username, "user_type", "s",
                                  user_type_to_bus(info->user_type), "address", "s", address,
                                  "since", "t", info->since, "queued_bytes", "t",
                                  (uint64_t) info->queued_bytes);
        return MIN(r, 0);
}

typedef struct PeersOptions {
        uint64_t after, limit;
} PeersOptions;

/* Each takes below 512 bytes on the bus: so many stay below the bound in bytes, too. */
static_assert(P2PCHAT_PAGE_ENTRIES_MAX * 512 <= P2PCHAT_PAGE_BYTES_MAX, "a page must fit");

static int method_get_peers(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = {
                { "after", OPTION_UINT64, offsetof(PeersOptions, after) },
                { "limit", OPTION_UINT, offsetof(PeersOptions, limit) },
                {},
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        PeersOptions options = { .limit = P2PCHAT_PAGE_ENTRIES_MAX };
        ChannelObject *o = userdata;
        PeersPage page;
        int r;

        r = options_read(m, table, &options, error);
        if (r < 0)
                return r;
        if (options.limit == 0 || options.limit > P2PCHAT_PAGE_ENTRIES_MAX)
                return bus_error_code(error, ERROR_BAD_REQUEST, "limit must be 1 to %d.",
                                      P2PCHAT_PAGE_ENTRIES_MAX);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r < 0)
                return r;
        page = (PeersPage){ .reply = reply, .left = options.limit };
        r = peer_server_each(manager_get_peers(o->manager),
                             channel_member_get_local_host(o->member), options.after, append_peer,
                             &page);
        if (r < 0)
                return r;
        r = sd_bus_message_close_container(reply);
        if (r < 0)
                return r;
        return sd_bus_send(NULL, reply, NULL);
}

static int method_unhost(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return channel_object_end(userdata, m, manager_unhost, error);
}

/* A channel that is about to be unhosted may have lost its host before its interface. */
static void read_connections(const void *object, PropertyValue *ret) {
        const ChannelObject *o = object;
        const ChannelHost *h = channel_member_get_local_host(o->member);

        ret->u = h ? channel_host_get_n_sessions(h) : 0;
}

static void read_addresses(const void *object, PropertyValue *ret) {
        const ChannelObject *o = object;
        const Address *addresses;
        size_t n;

        n = manager_get_advertised_addresses(o->manager, &addresses);
        property_value_addresses(ret, addresses, n);
}

/* Leases count by the clock that never jumps; people read the other one. */
static void read_lease_until(const void *object, PropertyValue *ret) {
        const ChannelObject *o = object;
        uint64_t until = channel_member_get_lease_until(o->member);
        uint64_t now = clock_boottime(o->rt->clock);

        ret->u = until > now ? clock_realtime(o->rt->clock) + (until - now) : 0;
}

static void read_reachable(const void *object, PropertyValue *ret) {
        const ChannelObject *o = object;

        ret->s = manager_get_reachable(o->manager);
}

static void read_reachable_reason(const void *object, PropertyValue *ret) {
        const ChannelObject *o = object;

        ret->s = manager_get_reachable_reason(o->manager);
}

static void read_observed_address(const void *object, PropertyValue *ret) {
        const ChannelObject *o = object;
        const Address *observed = manager_get_observed_address(o->manager);

        ret->s = "";
        if (observed) {
                address_print(observed, ret->strings[0]);
                ret->s = ret->strings[0];
        }
}

const PropertySpec host_properties[] = {
        { "Connections", "u", PROPERTY_PACED, read_connections },
        { "Addresses", "as", PROPERTY_PACED, read_addresses },
        { "LeaseUntil", "t", PROPERTY_SILENT, read_lease_until },
        { "Reachable", "s", PROPERTY_PACED, read_reachable },
        { "ReachableReason", "s", PROPERTY_PACED, read_reachable_reason },
        { "ObservedAddress", "s", PROPERTY_PACED, read_observed_address },
        {},
};

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return property_append(host_properties, property, userdata, reply);
}

#define CHANGING SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
const sd_bus_vtable host_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetPeers", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("aa{sv}", peers), method_get_peers, 0),
        SD_BUS_METHOD_WITH_ARGS("GetDebug", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", debug), method_get_debug, 0),
        SD_BUS_METHOD_WITH_ARGS("Unhost", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
                                method_unhost, 0),
        SD_BUS_PROPERTY("Connections", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Addresses", "as", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("LeaseUntil", "t", property_get, 0, 0),
        SD_BUS_PROPERTY("Reachable", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ReachableReason", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ObservedAddress", "s", property_get, 0, CHANGING),
        SD_BUS_VTABLE_END,
};
