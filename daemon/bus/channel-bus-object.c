/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows org.p2pchat.Peer1.Channel: its properties, its table, and the methods about membership.
 * Leaves messages and the outbox to channel-bus-messages.c and channel-bus-send.c. */
#include "daemon/bus/channel-bus-internal.h"

int channel_object_new_operation(ChannelObject *o, sd_bus_message *m, BusOperation **ret) {
        return bus_operation_new(bus_get_operations(o->bus), m, o, ret);
}

void member_op_cancel(void *op) {
        member_op_free(op);
}

static void manager_op_cancel(void *op) {
        manager_op_free(op);
}

void channel_object_on_done(const Failure *f, void *userdata) {
        bus_operation_done(userdata, f);
}

const char *user_type_to_bus(UserType t) {
        return t == USER_GUEST ? "guest" : "registered";
}

const char *user_type_of_name(const char *username) {
        return user_type_to_bus(name_is_guest(username) ? USER_GUEST : USER_REGISTERED);
}

int people_page_read(sd_bus_message *m, PeoplePage *ret, sd_bus_error *error) {
        static const Option table[] = {
                { "after", OPTION_STRING, offsetof(PeoplePage, after) },
                { "limit", OPTION_UINT, offsetof(PeoplePage, limit) },
                {},
        };
        int r;

        *ret = (PeoplePage){ .limit = MEMBERS_LIMIT_MAX };
        r = options_read(m, table, ret, error);
        if (r < 0)
                return r;
        if (ret->limit == 0 || ret->limit > MEMBERS_LIMIT_MAX)
                return bus_error_code(error, ERROR_BAD_REQUEST, "limit must be 1 to %d.",
                                      MEMBERS_LIMIT_MAX);
        if (ret->after && !*ret->after)
                ret->after = NULL;
        return 0;
}

static int append_member(sd_bus_message *reply, const ChannelMember *c, const RosterEntry *m) {
        return sd_bus_message_append(
                reply, "(ssssa{sv})", m->username, user_type_to_bus(m->user_type),
                role_to_string(m->role), presence_to_string(m->status), 2, "since", "t", m->since,
                "ignored", "b", (int) channel_member_is_ignored(c, m->username));
}

static void on_members(const Failure *f, const RosterEntry *members, size_t n, const char *next,
                       void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const ChannelObject *o = bus_operation_get_object(userdata);
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "(ssssa{sv})");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_member(reply, o->member, &members[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', next ?: "");
        bus_operation_reply(userdata, r, reply);
}

static int method_get_members(sd_bus_message *m, void *userdata, sd_bus_error *error) {
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
        r = channel_member_get_members(o->member, page.after, (unsigned) page.limit, on_members, op,
                                       &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

static int append_person(sd_bus_message *reply, const ListedPerson *p, bool is_banned) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "username", "s", p->username,
                                          "user_type", "s", user_type_of_name(p->username));
        if (r >= 0 && !is_banned)
                r = sd_bus_message_append(reply, "{sv}", "role", "s", role_to_string(p->role));
        if (r >= 0 && !is_banned && p->n_keys > 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}", "key", "s", p->key_id, "key_since",
                                          "t", p->key_since, "keys", "t", p->n_keys);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "by", "s", p->by, "since", "t",
                                          p->since);
        if (r >= 0 && is_banned)
                r = sd_bus_message_append(reply, "{sv}{sv}", "reason", "s", p->reason, "until", "t",
                                          p->until);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_people(sd_bus_message *reply, const char *key, const ListedPerson *people,
                         size_t n, bool are_banned) {
        int r;

        r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(reply, 's', key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "aa{sv}");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = append_person(reply, &people[i], are_banned);
        for (unsigned i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_info(sd_bus_message *reply, const ChannelMember *c, const MemberInfo *info) {
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "channel_name", "s",
                        channel_member_get_name(c), "channel_id", "s", channel_member_get_id(c),
                        "owner", "s", channel_member_get_owner(c), "role", "s",
                        role_to_string(channel_member_get_role(c)), "view_permission", "s",
                        view_permission_to_string(channel_member_get_view(c)), "send_permission",
                        "s", send_permission_to_string(channel_member_get_send(c)), "topic", "s",
                        channel_member_get_topic(c), "last_seq", "t",
                        channel_member_get_last_seq(c), "members_online", "t",
                        channel_member_get_n_online(c));
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "epoch", "t", info->epoch,
                                          "message_rate", "t", info->message_rate, "message_burst",
                                          "t", info->message_burst, "generation", "t",
                                          info->generation, "retention_days", "t",
                                          channel_member_get_retention_days(c));
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}", "state", "s",
                                          member_state_to_string(channel_member_get_state(c)),
                                          "state_reason", "s", channel_member_get_state_reason(c),
                                          "state_text", "s", channel_member_get_state_text(c),
                                          "previous", "s", channel_member_get_previous(c),
                                          "successor", "s", channel_member_get_successor(c),
                                          "diverged_seq", "t", channel_member_get_diverged_seq(c));
        if (r >= 0)
                r = append_people(reply, "authorized", info->authorized, info->n_authorized, false);
        if (r >= 0 && info->sees_banned)
                r = append_people(reply, "banned", info->banned, info->n_banned, true);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static void on_info(const Failure *f, const MemberInfo *info, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const ChannelObject *o = bus_operation_get_object(userdata);
        int r;

        r = bus_operation_new_reply(userdata, f, &reply);
        if (r >= 0)
                r = append_info(reply, o->member, info);
        bus_operation_reply(userdata, r, reply);
}

static int method_get_info(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = options_read(m, NULL, NULL, error);
        if (r >= 0)
                r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_get_info(o->member, on_info, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

typedef int (*change_fn)(ChannelMember *c, member_done_fn done, void *userdata, MemberOp **ret);

static int change_connection(ChannelObject *o, sd_bus_message *m, change_fn change,
                             sd_bus_error *error) {
        MemberOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = options_read(m, NULL, NULL, error);
        if (r >= 0)
                r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = change(o->member, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

static int method_connect(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_connection(userdata, m, channel_member_connect, error);
}

static int method_disconnect(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return change_connection(userdata, m, channel_member_disconnect, error);
}

static int end_by(ChannelObject *o, sd_bus_message *m, channel_end_fn end, bool forget,
                  sd_bus_error *error) {
        ManagerOp *waiting = NULL;
        BusOperation *op;
        int r;

        /* Not this object's: its end may be what is waited for. */
        r = bus_operation_new(bus_get_operations(o->bus), m, NULL, &op);
        if (r < 0)
                return r;
        r = end(o->manager, o->member, forget, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, manager_op_cancel, error);
}

int channel_object_end(ChannelObject *o, sd_bus_message *m, channel_end_fn end,
                       sd_bus_error *error) {
        static const Option table[] = { { "forget", OPTION_BOOL, 0 }, {} };
        bool forget = false;
        int r;

        r = options_read(m, table, &forget, error);
        return r < 0 ? r : end_by(o, m, end, forget, error);
}

typedef struct LeaveOptions {
        bool forget, end;
} LeaveOptions;

static int method_leave(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = {
                { "forget", OPTION_BOOL, offsetof(LeaveOptions, forget) },
                { "end", OPTION_BOOL, offsetof(LeaveOptions, end) },
                {},
        };
        LeaveOptions options = {};
        int r;

        r = options_read(m, table, &options, error);
        if (r < 0)
                return r;
        return end_by(userdata, m, options.end ? manager_end : manager_leave, options.forget,
                      error);
}

static int method_make_invite(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const ChannelObject *o = userdata;
        char link[INVITE_SIZE];
        Failure f;
        int r;

        r = options_read(m, NULL, NULL, error);
        if (r < 0)
                return r;
        if (manager_make_invite(o->manager, o->member, link, &f) < 0)
                return bus_error_failure(error, &f);
        return sd_bus_reply_method_return(m, "s", link);
}

static uint64_t get_rate(const ChannelMember *c) {
        uint64_t rate, burst;

        channel_member_get_rates(c, &rate, &burst);
        return rate;
}

static uint64_t get_burst(const ChannelMember *c) {
        uint64_t rate, burst;

        channel_member_get_rates(c, &rate, &burst);
        return burst;
}

#define READER(name, field, expression)                                                            \
        static void read_##name(const void *object, PropertyValue *ret) {                          \
                const ChannelMember *c = ((const ChannelObject *) object)->member;                 \
                                                                                                   \
                ret->field = (expression);                                                         \
        }

READER(id, s, channel_member_get_id(c))
READER(name, s, channel_member_get_name(c))
READER(tracker, s, channel_member_get_tracker_id(c))
READER(topic, s, channel_member_get_topic(c))
READER(owner, s, channel_member_get_owner(c))
READER(host, s, channel_member_get_host(c))
READER(role, s, role_to_string(channel_member_get_role(c)))
READER(view, s, view_permission_to_string(channel_member_get_view(c)))
READER(send, s, send_permission_to_string(channel_member_get_send(c)))
READER(rate, u, get_rate(c))
READER(burst, u, get_burst(c))
READER(retention, u, channel_member_get_retention_days(c))
READER(state, s, member_state_to_string(channel_member_get_state(c)))
READER(state_reason, s, channel_member_get_state_reason(c))
READER(state_text, s, channel_member_get_state_text(c))
READER(previous, s, channel_member_get_previous(c))
READER(successor, s, channel_member_get_successor(c))
READER(next_retry, u, channel_member_get_next_retry(c))
READER(first_seq, u, channel_member_get_first_seq(c))
READER(synced_seq, u, channel_member_get_synced_seq(c))
READER(last_seq, u, channel_member_get_last_seq(c))
READER(read_seq, u, channel_member_get_read_seq(c))
READER(unread, u, channel_member_get_n_unread(c))
READER(mentions, u, channel_member_get_n_mentions(c))
READER(notify, s, notify_to_string(channel_member_get_notify(c)))
READER(outbox, u, channel_member_get_n_outbox(c))
READER(online, u, channel_member_get_n_online(c))

static void read_ignored(const void *object, PropertyValue *ret) {
        const ChannelMember *c = ((const ChannelObject *) object)->member;

        ret->names = channel_member_get_ignored(c);
        ret->u = channel_member_get_ignored_generation(c);
}

static void read_account(const void *object, PropertyValue *ret) {
        const ChannelMember *c = ((const ChannelObject *) object)->member;

        bus_path_account(channel_member_get_tracker_id(c), ret->path);
        ret->s = ret->path;
}

const PropertySpec channel_properties[] = {
        { "Id", "s", PROPERTY_SILENT, read_id },
        { "Name", "s", PROPERTY_SILENT, read_name },
        { "Tracker", "s", PROPERTY_SILENT, read_tracker },
        { "Account", "o", PROPERTY_SILENT, read_account },
        { "Topic", "s", PROPERTY_PACED, read_topic },
        { "Owner", "s", PROPERTY_PACED, read_owner },
        { "Host", "s", PROPERTY_PACED, read_host },
        { "Role", "s", PROPERTY_PACED, read_role },
        { "ViewPermission", "s", PROPERTY_PACED, read_view },
        { "SendPermission", "s", PROPERTY_PACED, read_send },
        { "MessageRate", "u", PROPERTY_PACED, read_rate },
        { "MessageBurst", "u", PROPERTY_PACED, read_burst },
        { "RetentionDays", "u", PROPERTY_PACED, read_retention },
        { "State", "s", PROPERTY_PROMPT, read_state },
        { "StateReason", "s", PROPERTY_PROMPT, read_state_reason },
        { "StateText", "s", PROPERTY_PACED, read_state_text },
        { "Previous", "s", PROPERTY_PACED, read_previous },
        { "Successor", "s", PROPERTY_PACED, read_successor },
        { "NextRetry", "t", PROPERTY_PACED, read_next_retry },
        { "FirstSeq", "t", PROPERTY_PACED, read_first_seq },
        { "SyncedSeq", "t", PROPERTY_PACED, read_synced_seq },
        { "LastSeq", "t", PROPERTY_PACED, read_last_seq },
        { "ReadSeq", "t", PROPERTY_PACED, read_read_seq },
        { "Unread", "u", PROPERTY_PACED, read_unread },
        { "Mentions", "u", PROPERTY_PACED, read_mentions },
        { "OutboxCount", "u", PROPERTY_PACED, read_outbox },
        { "MembersOnline", "u", PROPERTY_PACED, read_online },
        { "Ignored", "as", PROPERTY_PACED, read_ignored },
        { "Notify", "s", PROPERTY_PACED, read_notify },
        {},
};

static int property_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return property_append(channel_properties, property, userdata, reply);
}

#define CONSTANT SD_BUS_VTABLE_PROPERTY_CONST
#define CHANGING SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
const sd_bus_vtable channel_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("Send", SD_BUS_ARGS("s", text, "a{sv}", options),
                                SD_BUS_RESULT("s", id, "t", seq), method_send, 0),
        SD_BUS_METHOD_WITH_ARGS(
                "GetMessages", SD_BUS_ARGS("t", anchor, "u", limit, "a{sv}", options),
                SD_BUS_RESULT("a(tssssta{sv})", entries, "a{sv}", page), method_get_messages, 0),
        SD_BUS_METHOD_WITH_ARGS("Search", SD_BUS_ARGS("s", query, "u", limit, "a{sv}", options),
                                SD_BUS_RESULT("a(tssssta{sv})", entries, "a{sv}", page),
                                method_search, 0),
        SD_BUS_METHOD_WITH_ARGS("GetOutbox", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(sstusa{sv})", rows, "s", next), method_get_outbox,
                                0),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_ARGS("s", id, "a{sv}", options), SD_BUS_NO_RESULT,
                                method_cancel, 0),
        SD_BUS_METHOD_WITH_ARGS("Retry", SD_BUS_ARGS("s", id, "a{sv}", options), SD_BUS_NO_RESULT,
                                method_retry, 0),
        SD_BUS_METHOD_WITH_ARGS("MarkRead", SD_BUS_ARGS("t", seq, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_mark_read, 0),
        SD_BUS_METHOD_WITH_ARGS("GetMembers", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(ssssa{sv})", members, "s", next),
                                method_get_members, 0),
        SD_BUS_METHOD_WITH_ARGS("GetInfo", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", info), method_get_info, 0),
        SD_BUS_METHOD_WITH_ARGS("ExplainAccess", SD_BUS_ARGS("s", username, "a{sv}", options),
                                SD_BUS_RESULT("a{sv}", access), method_explain_access, 0),
        SD_BUS_METHOD_WITH_ARGS("MakeInvite", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("s", uri), method_make_invite, 0),
        SD_BUS_METHOD_WITH_ARGS("Export", SD_BUS_ARGS("h", fd, "a{sv}", options), SD_BUS_NO_RESULT,
                                method_export, 0),
        SD_BUS_METHOD_WITH_ARGS("Connect", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
                                method_connect, 0),
        SD_BUS_METHOD_WITH_ARGS("Disconnect", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
                                method_disconnect, 0),
        SD_BUS_METHOD_WITH_ARGS("Leave", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
                                method_leave, 0),
        SD_BUS_SIGNAL_WITH_ARGS("EntriesAppended",
                                SD_BUS_ARGS("t", first, "t", last, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("OutboxChanged", SD_BUS_ARGS("t", generation, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("Mentioned", SD_BUS_ARGS("t", seq, "a{sv}", details), 0),
        SD_BUS_SIGNAL_WITH_ARGS("MembersChanged", SD_BUS_ARGS("t", generation, "a{sv}", details),
                                0),
        SD_BUS_PROPERTY("Id", "s", property_get, 0, CONSTANT),
        SD_BUS_PROPERTY("Name", "s", property_get, 0, CONSTANT),
        SD_BUS_PROPERTY("Tracker", "s", property_get, 0, CONSTANT),
        SD_BUS_PROPERTY("Account", "o", property_get, 0, CONSTANT),
        SD_BUS_PROPERTY("Topic", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Owner", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Host", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Role", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ViewPermission", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("SendPermission", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("MessageRate", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("MessageBurst", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("RetentionDays", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("State", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("StateReason", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("StateText", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Previous", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Successor", "s", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("NextRetry", "t", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("FirstSeq", "t", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("SyncedSeq", "t", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("LastSeq", "t", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("ReadSeq", "t", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Unread", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("Mentions", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("OutboxCount", "u", property_get, 0, CHANGING),
        SD_BUS_PROPERTY("MembersOnline", "u", property_get, 0, CHANGING),
        SD_BUS_WRITABLE_PROPERTY("Ignored", "as", property_get, property_set_elsewhere, 0,
                                 CHANGING),
        SD_BUS_WRITABLE_PROPERTY("Notify", "s", property_get, property_set_elsewhere, 0, CHANGING),
        SD_BUS_VTABLE_END,
};
