/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the insides of a channel's host are asked for and given on the bus; leaves what they
 * are to channel-member.h. */
#include "daemon/bus/channel-bus-internal.h"

/* Each row takes below 512 bytes on the bus: so many stay below the bound in bytes, too. */
static_assert(MEMBERS_LIMIT_MAX * 512 <= P2PCHAT_PAGE_BYTES_MAX, "a page must fit");

static int append_sessions(sd_bus_message *reply, const MemberDebug *d) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', "members");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "aa{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < d->n; i++) {
                const SessionDebug *s = &d->sessions[i];

                r = sd_bus_message_append(reply, "a{sv}", 7, "username", "s", s->username,
                                          "user_type", "s", user_type_to_bus(s->user_type), "key",
                                          "s", s->key_id, "cursor", "t", s->cursor, "lag", "t",
                                          s->lag, "queued_bytes", "t", s->queued_bytes, "invisible",
                                          "b", (int) s->is_invisible);
        }
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_debug(sd_bus_message *reply, const MemberDebug *d) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "connections", "t",
                                          d->n_connections, "store", "a{sv}", 2, "commits", "t",
                                          d->n_commits, "commit_ms_p99", "t", d->commit_msec_p99,
                                          "uptime_s", "t", d->uptime_sec, "version", "s",
                                          d->version, "next", "s", d->next ?: "");
        if (r >= 0)
                r = append_sessions(reply, d);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void on_debug(const Failure *f, const MemberDebug *d, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = append_debug(reply, d);
        bus_operation_reply(userdata, r, reply);
}

int method_get_debug(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        PeoplePage page;
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = people_page_read(m, &page, error);
        if (r < 0)
                return r;
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_get_debug(o->member, page.after, (unsigned) page.limit, on_debug, op,
                                     &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}
