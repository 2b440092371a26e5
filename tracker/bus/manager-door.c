/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the tracker as a whole looks to its operator (org.p2pchat.Tracker1.Manager); leaves
 * counting to tracker.h. */
#include "tracker/bus/door-internal.h"
#include "version.h"

static const char *store_state(int trouble) {
        switch (-trouble) {
        case 0:
                return "ok";
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
                return "full";
        case EROFS:
                return "read-only";
        case EBADMSG:
                return "damaged";
        default:
                return "failing";
        }
}

static int run_get_statistics(DoorCall *c, Failure *failure) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        TrackerCounts n;
        int r;

        tracker_get_counts(c->tracker, &n);
        r = door_call_new_reply(c, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "a{sv}", 7, "version", "s", P2PCHAT_VERSION, "uptime_s", "t",
                        n.uptime_usec / USEC_PER_SEC, "connections", "t", n.n_connections,
                        "sessions", "t", n.n_sessions, "channels", "t", n.n_channels, "leases", "t",
                        n.n_leases, "store_state", "s", store_state(n.trouble));
        door_call_reply(c, r, reply);
        return 0;
}

static const DoorMethod methods[] = {
        { "GetStatistics", P2PCHAT_TRACKER_ACTION_VIEW, false, false, NULL, run_get_statistics },
        {},
};

static int method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return door_call(userdata, m, methods, error);
}

static void read_version(const void *object, PropertyValue *ret) {
        ret->s = P2PCHAT_VERSION;
}

static void read_sessions(const void *object, PropertyValue *ret) {
        const Door *d = object;
        TrackerCounts n;

        tracker_get_counts(d->tracker, &n);
        ret->u = n.n_sessions;
}

static void read_leases(const void *object, PropertyValue *ret) {
        const Door *d = object;
        TrackerCounts n;

        tracker_get_counts(d->tracker, &n);
        ret->u = n.n_leases;
}

static void read_store_state(const void *object, PropertyValue *ret) {
        const Door *d = object;
        TrackerCounts n;

        tracker_get_counts(d->tracker, &n);
        ret->s = store_state(n.trouble);
}

const PropertySpec door_manager_properties[] = {
        { "Version", "s", PROPERTY_SILENT, read_version },
        { "Sessions", "u", PROPERTY_SILENT, read_sessions },
        { "Leases", "u", PROPERTY_SILENT, read_leases },
        { "StoreState", "s", PROPERTY_PROMPT, read_store_state },
        {},
};

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return property_append(door_manager_properties, property, userdata, reply);
}

const sd_bus_vtable door_manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", statistics), method,
                                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Version", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Sessions", "u", property_get, 0, 0),
        SD_BUS_PROPERTY("Leases", "u", property_get, 0, 0),
        SD_BUS_PROPERTY("StoreState", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_VTABLE_END,
};
