/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how channels look on the bus: which objects there are, and when they speak. Leaves their
 * methods to channel-bus-*.c, moderation-bus.c and host-bus.c, what they are to channel-member.h.
 */
#include "daemon/bus/channel-bus.h"

#include "base/log.h"
#include "daemon/bus/channel-bus-internal.h"

/* dbus.md: EntriesAppended 20 a second a channel, counters twice. */
#define SIGNALS_INTERVAL_USEC (50 * USEC_PER_MSEC)
#define COUNTERS_INTERVAL_USEC (500 * USEC_PER_MSEC)

struct ChannelBus {
        const Runtime *rt; /* weak */
        Bus *bus;          /* weak */
        Manager *manager;  /* weak */
        ChannelObject *objects;
};

static ChannelObject *channel_object_free(ChannelObject *o) {
        if (!o)
                return NULL;
        pacer_free(o->signals);
        property_watch_free(o->watch);
        property_watch_free(o->host_watch);
        free(o);
        return NULL;
}

DEFINE_CLEANUP(ChannelObject *, channel_object_free);

static ChannelObject *find_object(const ChannelBus *b, const ChannelMember *c) {
        char path[BUS_PATH_SIZE];
        ChannelObject *o;

        bus_path_channel(channel_member_get_id(c), path);
        HASH_FIND_STR(b->objects, path, o);
        return o;
}

/* The pacer has asked for the first signal of a turn; those that follow ask for themselves, and
 * what is refused stays owed. */
static bool may_say(ChannelObject *o, bool *is_first) {
        uint64_t wait;

        if (*is_first || bus_may_signal(o->bus, &wait)) {
                *is_first = false;
                return true;
        }
        pacer_request(o->signals);
        return false;
}

static void emit_members_changed(ChannelObject *o, sd_bus *connection) {
        const StoredRoleKey *news = channel_member_get_key_news(o->member);

        if (!news || news->since == o->key_told) {
                (void) sd_bus_emit_signal(connection, o->path, P2PCHAT_INTERFACE_CHANNEL,
                                          "MembersChanged", "ta{sv}", o->members_generation, 0);
                return;
        }
        o->key_told = news->since;
        (void) sd_bus_emit_signal(connection, o->path, P2PCHAT_INTERFACE_CHANNEL, "MembersChanged",
                                  "ta{sv}", o->members_generation, 3, "new_key_of", "s",
                                  news->username, "key", "s", news->key_id, "key_since", "t",
                                  news->since);
}

/* What is owed, in this order: who hears that the outbox changed, or that somebody spoke to them,
 * finds the text in the log, and has been told so. */
static void on_signals_due(void *userdata) {
        ChannelObject *o = userdata;
        sd_bus *connection = bus_get_connection(o->bus);
        bool is_first = true;

        if (o->last > 0 && may_say(o, &is_first)) {
                if (connection)
                        (void) sd_bus_emit_signal(connection, o->path, P2PCHAT_INTERFACE_CHANNEL,
                                                  "EntriesAppended", "tta{sv}", o->first, o->last,
                                                  0);
                o->first = o->last = 0;
        }
        if (o->mentioned > 0) {
                if (!may_say(o, &is_first))
                        return;
                if (connection)
                        (void) sd_bus_emit_signal(connection, o->path, P2PCHAT_INTERFACE_CHANNEL,
                                                  "Mentioned", "ta{sv}", o->mentioned, 1, "count",
                                                  "t", o->n_mentioned);
                o->mentioned = o->n_mentioned = 0;
        }
        if (o->owes_outbox) {
                if (!may_say(o, &is_first))
                        return;
                if (connection)
                        (void) sd_bus_emit_signal(connection, o->path, P2PCHAT_INTERFACE_CHANNEL,
                                                  "OutboxChanged", "ta{sv}", o->outbox_generation,
                                                  0);
                o->owes_outbox = false;
        }
        if (o->owes_members && may_say(o, &is_first)) {
                if (connection)
                        emit_members_changed(o, connection);
                o->owes_members = false;
        }
}

/* org.p2pchat.Peer1.Host comes and goes with hosting. */
static void look_at_hosting(ChannelObject *o) {
        bool is_hosted = channel_member_get_local_host(o->member) != NULL;
        char *interfaces[] = { (char *) P2PCHAT_INTERFACE_HOST, NULL };
        sd_bus *connection = bus_get_connection(o->bus);
        int r;

        if (is_hosted && !o->host_watch) {
                r = property_watch_new(o->rt, o->bus, o->path, P2PCHAT_INTERFACE_HOST,
                                       host_properties, o, COUNTERS_INTERVAL_USEC, &o->host_watch);
                if (r < 0)
                        log_error_errno(r, "Cannot show that %s is hosted here",
                                        channel_member_get_name(o->member));
                else if (connection)
                        (void) sd_bus_emit_interfaces_added_strv(connection, o->path, interfaces);
        } else if (!is_hosted && o->host_watch) {
                o->host_watch = property_watch_free(o->host_watch);
                if (connection)
                        (void) sd_bus_emit_interfaces_removed_strv(connection, o->path, interfaces);
        } else if (o->host_watch)
                property_watch_look(o->host_watch);
}

int channel_bus_added(ChannelBus *b, ChannelMember *c) {
        _cleanup_(channel_object_freep) ChannelObject *o = NULL;
        sd_bus *connection = bus_get_connection(b->bus);
        int r;

        assert(!find_object(b, c));
        o = new0(ChannelObject, 1);
        if (!o)
                return -ENOMEM;
        *o = (ChannelObject){
                .bus_face = b,
                .bus = b->bus,
                .manager = b->manager,
                .rt = b->rt,
                .member = c,
        };
        bus_path_channel(channel_member_get_id(c), o->path);
        r = pacer_new(b->rt, b->bus, SIGNALS_INTERVAL_USEC, on_signals_due, o, &o->signals);
        if (r < 0)
                return r;
        r = property_watch_new(b->rt, b->bus, o->path, P2PCHAT_INTERFACE_CHANNEL,
                               channel_properties, o, COUNTERS_INTERVAL_USEC, &o->watch);
        if (r < 0)
                return r;
        if (channel_member_get_local_host(c)) {
                r = property_watch_new(b->rt, b->bus, o->path, P2PCHAT_INTERFACE_HOST,
                                       host_properties, o, COUNTERS_INTERVAL_USEC, &o->host_watch);
                if (r < 0)
                        return r;
        }
        HASH_ADD_STR(b->objects, path, o);
        if (connection)
                (void) sd_bus_emit_object_added(connection, o->path);
        TAKE_PTR(o);
        return 0;
}

void channel_bus_removed(ChannelBus *b, ChannelMember *c) {
        ChannelObject *o = find_object(b, c);
        sd_bus *connection = bus_get_connection(b->bus);

        if (!o)
                return;
        if (bus_get_operations(b->bus))
                bus_operations_object_gone(bus_get_operations(b->bus), o);
        on_signals_due(o);
        if (connection)
                (void) sd_bus_emit_object_removed(connection, o->path);
        HASH_DEL(b->objects, o);
        channel_object_free(o);
}

void channel_bus_changed(ChannelBus *b, ChannelMember *c) {
        ChannelObject *o = find_object(b, c);

        if (!o)
                return;
        look_at_hosting(o);
        property_watch_look(o->watch);
}

void channel_bus_hosting_changed(ChannelBus *b) {
        for (ChannelObject *o = b->objects; o; o = o->hh.next)
                if (o->host_watch)
                        property_watch_look(o->host_watch);
}

void channel_bus_entries_appended(ChannelBus *b, ChannelMember *c, uint64_t first, uint64_t last) {
        ChannelObject *o = find_object(b, c);

        if (!o)
                return;
        o->first = o->last > 0 ? MIN(o->first, first) : first;
        o->last = MAX(o->last, last);
        pacer_request(o->signals);
}

void channel_bus_heard(ChannelBus *b, ChannelMember *c, const Entry *entries, size_t n) {
        ChannelObject *o = find_object(b, c);

        for (size_t i = 0; o && i < n; i++)
                if (entries[i].mentions && channel_member_is_news(c, &entries[i])) {
                        o->mentioned = entries[i].seq;
                        o->n_mentioned++;
                }
        if (o && o->mentioned > 0)
                pacer_request(o->signals);
}

void channel_bus_outbox_changed(ChannelBus *b, ChannelMember *c, uint64_t generation) {
        ChannelObject *o = find_object(b, c);

        if (!o)
                return;
        o->outbox_generation = generation;
        o->owes_outbox = true;
        pacer_request(o->signals);
}

void channel_bus_members_changed(ChannelBus *b, ChannelMember *c, uint64_t generation) {
        ChannelObject *o = find_object(b, c);

        if (!o)
                return;
        o->members_generation = generation;
        o->owes_members = true;
        pacer_request(o->signals);
}

static int find_channel(sd_bus *bus, const char *path, const char *interface, void *userdata,
                        void **ret_found, sd_bus_error *error) {
        ChannelBus *b = userdata;
        ChannelObject *o;

        HASH_FIND_STR(b->objects, path, o);
        if (!o)
                return 0;
        *ret_found = o;
        return 1;
}

/* Ahead of the tables. */
static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ChannelBus *b = userdata;
        ChannelObject *o;

        if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Set"))
                return 0;
        HASH_FIND_STR(b->objects, sd_bus_message_get_path(m), o);
        return o ? channel_object_set(o, m, error) : 0;
}

static int find_hosted(sd_bus *bus, const char *path, const char *interface, void *userdata,
                       void **ret_found, sd_bus_error *error) {
        ChannelBus *b = userdata;
        ChannelObject *o;

        HASH_FIND_STR(b->objects, path, o);
        if (!o || !o->host_watch)
                return 0;
        *ret_found = o;
        return 1;
}

static int enumerate_channels(sd_bus *bus, const char *prefix, void *userdata, char ***ret_nodes,
                              sd_bus_error *error) {
        _cleanup_(strv_freep) char **nodes = NULL;
        ChannelBus *b = userdata;
        size_t n = 0;

        nodes = new0(char *, HASH_COUNT(b->objects) + 1);
        if (!nodes)
                return -ENOMEM;
        for (ChannelObject *o = b->objects; o; o = o->hh.next) {
                nodes[n] = strdup(o->path);
                if (!nodes[n++])
                        return -ENOMEM;
        }
        *ret_nodes = TAKE_PTR(nodes);
        return 0;
}

int channel_bus_add_objects(ChannelBus *b, sd_bus *connection) {
        const struct {
                const char *interface;
                const sd_bus_vtable *vtable;
                sd_bus_object_find_t find;
        } faces[] = {
                { P2PCHAT_INTERFACE_CHANNEL, channel_vtable, find_channel },
                { P2PCHAT_INTERFACE_MODERATION, moderation_vtable, find_channel },
                { P2PCHAT_INTERFACE_HOST, host_vtable, find_hosted },
        };
        int r;

        r = sd_bus_add_filter(connection, NULL, on_message, b);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(faces); i++) {
                r = sd_bus_add_fallback_vtable(connection, NULL, P2PCHAT_PATH_CHANNELS,
                                               faces[i].interface, faces[i].vtable, faces[i].find,
                                               b);
                if (r < 0)
                        return r;
        }
        return sd_bus_add_node_enumerator(connection, NULL, P2PCHAT_PATH_CHANNELS,
                                          enumerate_channels, b);
}

int channel_bus_new(const Runtime *rt, Bus *bus, Manager *m, ChannelBus **ret) {
        ChannelBus *b;

        b = new0(ChannelBus, 1);
        if (!b)
                return -ENOMEM;
        *b = (ChannelBus){ .rt = rt, .bus = bus, .manager = m };
        *ret = b;
        return 0;
}

ChannelBus *channel_bus_free(ChannelBus *b) {
        ChannelObject *o, *next;

        if (!b)
                return NULL;
        HASH_ITER(hh, b->objects, o, next) {
                HASH_DEL(b->objects, o);
                channel_object_free(o);
        }
        free(b);
        return NULL;
}
