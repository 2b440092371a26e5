/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the tracker's authority looks to its operator (org.p2pchat.Tracker1.Authority); leaves
 * being one to authority.h. */
#include "net/chain.h"
#include "tracker/authority.h"
#include "tracker/bus/door-internal.h"

static Authority *authority_of(const Door *d) {
        return tracker_get_authority(d->tracker);
}

static int explain(int r, Failure *failure) {
        switch (-r) {
        case EBUSY:
                return failure_set(failure, ERROR_BUSY,
                                   "The authority is being replaced already; look at Pin.");
        case EROFS:
                return failure_set(failure, ERROR_UNSUPPORTED,
                                   "The authority's key is a credential, which the tracker cannot "
                                   "replace: give it a new one, and the old one beside it, as "
                                   "p2pchat-trackerd(8) says.");
        case ENOSPC:
                return failure_set(failure, ERROR_CONFLICT,
                                   "The authority was replaced as often as it can be.");
        default:
                return failure_set(failure, ERROR_INTERNAL,
                                   "The authority is what it was, its new key could not be stored: "
                                   "%s.",
                                   strerrordesc_np(-r) ?: "unknown error");
        }
}

static void on_rotated(int r, const char *pin, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        DoorCall *c = userdata;
        Failure f;

        c->door->rotation = NULL;
        if (r < 0) {
                (void) explain(r, &f);
                door_call_done(c, &f);
                return;
        }
        property_watch_look(c->door->authority_watch);
        r = door_call_new_reply(c, NULL, &reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', pin);
        door_call_reply(c, r, reply);
}

static int run_rotate(DoorCall *c, Failure *failure) {
        int r;

        r = authority_rotate(authority_of(c->door), on_rotated, c);
        if (r < 0)
                return explain(r, failure);
        c->door->rotation = c;
        return 0;
}

void door_forget_rotation(Door *d) {
        DoorCall *c = TAKE_PTR(d->rotation);

        if (!c)
                return;
        authority_forget_rotation(authority_of(d));
        door_call_done(c, NULL);
}

static const DoorMethod methods[] = {
        { "Rotate", P2PCHAT_TRACKER_ACTION_ROTATE_AUTHORITY, false, true, NULL, run_rotate },
        {},
};

static int method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return door_call(userdata, m, methods, error);
}

static void read_pin(const void *object, PropertyValue *ret) {
        ret->s = authority_get_pin(authority_of(object));
}

static void read_tracker_id(const void *object, PropertyValue *ret) {
        ret->s = authority_get_tracker_id(authority_of(object));
}

static void read_created(const void *object, PropertyValue *ret) {
        ret->u =
                certificate_get_not_before(chain_get(authority_get_chain(authority_of(object)), 0));
}

static void read_source(const void *object, PropertyValue *ret) {
        ret->s = authority_is_credential(authority_of(object)) ? "credential" : "file";
}

static void read_previous_pins(const void *object, PropertyValue *ret) {
        const Chain *c = authority_get_chain(authority_of(object));

        for (size_t i = 1; i < chain_get_n(c) && ret->n_strings < ELEMENTSOF(ret->strings); i++)
                (void) snprintf(ret->strings[ret->n_strings++], sizeof(ret->strings[0]), "%s",
                                chain_get_pin_at(c, i));
}

const PropertySpec door_authority_properties[] = {
        { "Pin", "s", PROPERTY_PROMPT, read_pin },
        { "TrackerId", "s", PROPERTY_SILENT, read_tracker_id },
        { "Created", "t", PROPERTY_PROMPT, read_created },
        { "Source", "s", PROPERTY_SILENT, read_source },
        { "PreviousPins", "as", PROPERTY_PROMPT, read_previous_pins },
        {},
};

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return property_append(door_authority_properties, property, userdata, reply);
}

#define CHANGING SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
const sd_bus_vtable door_authority_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD_WITH_ARGS("Rotate", SD_BUS_ARGS("a{sv}", options), SD_BUS_RESULT("s", pin),
                                method, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_PROPERTY("Pin", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("TrackerId", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("Created", "t", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Source", "s", property_get, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        SD_BUS_PROPERTY("PreviousPins", "as", property_get, 0, CHANGING),
        SD_BUS_VTABLE_END,
};
