/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the property Ignored on the bus, and that what it hides is marked; leaves what that means
 * to channel-member.h. */
#include "daemon/bus/channel-bus-internal.h"

bool channel_object_hides(const Entry *e, const void *member) {
        return channel_member_is_hidden(member, e);
}

int channel_object_set(ChannelObject *o, sd_bus_message *m, sd_bus_error *error) {
        _cleanup_(strv_freep) char **names = NULL;
        MemberOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = property_set_enter(m, P2PCHAT_INTERFACE_CHANNEL, "Ignored", "as", error);
        if (r <= 0)
                return r;
        r = sd_bus_message_read_strv(m, &names);
        if (r >= 0)
                r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_set_ignored(o->member, names, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}
