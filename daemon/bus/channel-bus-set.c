/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how properties of a channel are set that are on disk before the call is answered, which a
 * vtable cannot do; leaves what they mean to channel-member.h. */
#include "daemon/bus/channel-bus-internal.h"

bool channel_object_hides(const Entry *e, const void *member) {
        return channel_member_is_hidden(member, e);
}

static int set_ignored(ChannelObject *o, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(strv_freep) char **names = NULL;
        MemberOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = sd_bus_message_read_strv(m, &names);
        if (r >= 0)
                r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_set_ignored(o->member, names, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int property_set_elsewhere(sd_bus *bus, const char *path, const char *interface,
                           const char *property, sd_bus_message *value, void *userdata,
                           sd_bus_error *error) {
        return -EROFS;
}

static const struct {
        const char *property, *type;
        int (*set)(ChannelObject *o, sd_bus_message *m, sd_bus_error *error); /* in the variant */
} settable[] = {
        { "Ignored", "as", set_ignored },
};

int channel_object_set(ChannelObject *o, sd_bus_message *m, sd_bus_error *error) {
        const char *interface, *property, *contents;
        int r;

        if (!sd_bus_message_has_signature(m, "ssv"))
                return 0;
        r = sd_bus_message_read(m, "ss", &interface, &property);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(settable); i++) {
                if (!streq(interface, P2PCHAT_INTERFACE_CHANNEL) ||
                    !streq(settable[i].property, property))
                        continue;
                r = sd_bus_message_peek_type(m, NULL, &contents);
                if (r < 0)
                        return r;
                if (!streq(contents, settable[i].type))
                        return bus_error_arguments(error, "%s is of type %s, not %s.", property,
                                                   settable[i].type, contents);
                r = sd_bus_message_enter_container(m, 'v', settable[i].type);
                return r < 0 ? r : settable[i].set(o, m, error);
        }
        r = sd_bus_message_rewind(m, true);
        return MIN(r, 0);
}
