/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the properties Ignored and Notify are written on the bus, and that what the one hides
 * is marked; leaves what they mean to channel-member.h. */
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

static int set_notify(ChannelObject *o, sd_bus_message *m, sd_bus_error *error) {
        MemberOp *waiting = NULL;
        const char *notify;
        BusOperation *op;
        int r;

        r = sd_bus_message_read_basic(m, 's', &notify);
        if (r >= 0)
                r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_set_notify(o->member, notify, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int channel_object_set(ChannelObject *o, sd_bus_message *m, sd_bus_error *error) {
        static const struct {
                const char *name, *type;
                int (*set)(ChannelObject *o, sd_bus_message *m, sd_bus_error *error);
        } table[] = {
                { "Ignored", "as", set_ignored },
                { "Notify", "s", set_notify },
        };
        int r = 0;

        for (size_t i = 0; i < ELEMENTSOF(table) && r == 0; i++) {
                r = property_set_enter(m, P2PCHAT_INTERFACE_CHANNEL, table[i].name, table[i].type,
                                       error);
                if (r > 0)
                        return table[i].set(o, m, error);
        }
        return r;
}
