/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows ExplainAccess of org.p2pchat.Peer1.Channel; leaves who may ask to channel.h, at the host.
 */
#include "daemon/bus/channel-bus-internal.h"

static int append_access(sd_bus_message *reply, const MemberAccess *x) {
        const Access *a = &x->access;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "username", "s", x->username,
                        "user_type", "s", user_type_of_name(x->username), "role", "s",
                        role_to_string(a->role), "can_view", "b", a->can_view, "can_send", "b",
                        a->can_send, "can_moderate", "b", a->can_moderate);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "why");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < x->n_why; i++)
                r = sd_bus_message_append_basic(reply, 's', x->why[i]);
        for (unsigned i = 0; r >= 0 && i < 4; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static void on_access(const Failure *f, const MemberAccess *access, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = append_access(reply, access);
        bus_operation_reply(userdata, r, reply);
}

int method_explain_access(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        const char *username;
        char name[NAME_SIZE];
        BusOperation *op;
        int r;

        r = sd_bus_message_read(m, "s", &username);
        if (r >= 0)
                r = options_read(m, NULL, NULL, error);
        if (r < 0)
                return r;
        if (*username && (name_fold(username, name) < 0 || !name_is_valid(name)))
                return bus_error_code(error, ERROR_INVALID_NAME, "\"%.64s\" is no user's name.",
                                      username);
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_explain_access(o->member, *username ? name : NULL, on_access, op,
                                          &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}
