/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows org.p2pchat.Peer1.Moderation; leaves who may to channel.h, at the host, and whom it
 * sends out to moderation-bus-people.c. */
#include "base/text.h"
#include "daemon/bus/channel-bus-internal.h"

typedef struct PermissionOptions {
        const char *view, *send;
        uint64_t retention_days, message_rate, message_burst;
} PermissionOptions;

/* What was not said stays unsaid. */
static int get_number(uint64_t value, uint64_t max, const char *name, const char *zero, int *ret,
                      sd_bus_error *error) {
        if (value == UINT64_MAX)
                return 0;
        if (value > max)
                return bus_error_code(error, ERROR_BAD_REQUEST, "%s is at most %" PRIu64 "; %s.",
                                      name, max, zero);
        *ret = (int) value;
        return 0;
}

static int method_set_permissions(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        static const Option table[] = {
                { "view_permission", OPTION_STRING, offsetof(PermissionOptions, view) },
                { "send_permission", OPTION_STRING, offsetof(PermissionOptions, send) },
                { "retention_days", OPTION_UINT, offsetof(PermissionOptions, retention_days) },
                { "message_rate", OPTION_UINT, offsetof(PermissionOptions, message_rate) },
                { "message_burst", OPTION_UINT, offsetof(PermissionOptions, message_burst) },
                {},
        };
        PermissionOptions options = { .retention_days = UINT64_MAX,
                                      .message_rate = UINT64_MAX,
                                      .message_burst = UINT64_MAX };
        Permissions p = PERMISSIONS_UNSAID;
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        BusOperation *op;
        int r;

        r = options_read(m, table, &options, error);
        if (r < 0)
                return r;
        if (options.view && (p.view = view_permission_from_string(options.view)) == VIEW_INVALID)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "view_permission must be public or restricted.");
        if (options.send && (p.send = send_permission_from_string(options.send)) == SEND_INVALID)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "send_permission must be everyone, registered or members.");
        r = get_number(options.retention_days, RETENTION_DAYS_MAX, "retention_days", "0 keeps all",
                       &p.retention_days, error);
        if (r >= 0)
                r = get_number(options.message_rate, MESSAGE_RATE_MAX, "message_rate",
                               "0 is no limit", &p.message_rate, error);
        if (r >= 0)
                r = get_number(options.message_burst, MESSAGE_BURST_MAX, "message_burst",
                               "0 is one after the other", &p.message_burst, error);
        if (r < 0)
                return r;
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_set_permissions(o->member, &p, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

static int method_set_topic(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        BusOperation *op;
        const char *topic;
        int r;

        r = sd_bus_message_read(m, "s", &topic);
        if (r >= 0)
                r = options_read(m, NULL, NULL, error);
        if (r < 0)
                return r;
        if (strlen(topic) > TOPIC_BYTES_MAX || !text_is_valid(topic, strlen(topic), false))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "A topic is one line of at most %d bytes.", TOPIC_BYTES_MAX);
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_set_topic(o->member, topic, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

int moderation_read_name(const char *name, char ret[static NAME_SIZE], sd_bus_error *error) {
        if (name_fold(name, ret) < 0 || !name_is_valid(ret))
                return bus_error_code(error, ERROR_INVALID_NAME, "\"%.64s\" is no user's name.",
                                      name);
        return 0;
}

static int read_reason(sd_bus_message *m, const char **ret, sd_bus_error *error) {
        static const Option table[] = { { "reason", OPTION_STRING, 0 }, {} };
        int r;

        r = options_read(m, table, ret, error);
        if (r < 0)
                return r;
        if (*ret && (strlen(*ret) > REASON_BYTES_MAX || !text_is_valid(*ret, strlen(*ret), false)))
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "A reason is one line of at most %d bytes.",
                                      REASON_BYTES_MAX);
        return 0;
}

static int method_authorize(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *username, *role_name, *reason = NULL;
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        char target[NAME_SIZE];
        BusOperation *op;
        Role role;
        int r;

        r = sd_bus_message_read(m, "ss", &username, &role_name);
        if (r >= 0)
                r = read_reason(m, &reason, error);
        if (r < 0)
                return r;
        role = role_from_string(role_name);
        if (role == ROLE_INVALID || role == ROLE_OWNER)
                return bus_error_code(error, ERROR_BAD_REQUEST,
                                      "role must be moderator, member or none.");
        r = moderation_read_name(username, target, error);
        if (r < 0)
                return r;
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_authorize(o->member, target, role, reason, channel_object_on_done, op,
                                     &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

static int method_redact(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *reason = NULL;
        ChannelObject *o = userdata;
        MemberOp *waiting = NULL;
        BusOperation *op;
        uint64_t seq;
        int r;

        r = sd_bus_message_read(m, "t", &seq);
        if (r >= 0)
                r = read_reason(m, &reason, error);
        if (r < 0)
                return r;
        r = channel_object_new_operation(o, m, &op);
        if (r < 0)
                return r;
        r = channel_member_redact(o->member, seq, reason, channel_object_on_done, op, &waiting);
        return bus_operation_park(op, r, waiting, member_op_cancel, error);
}

const sd_bus_vtable moderation_vtable[] = {
        SD_BUS_VTABLE_START(SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("SetPermissions", SD_BUS_ARGS("a{sv}", options), SD_BUS_NO_RESULT,
                                method_set_permissions, 0),
        SD_BUS_METHOD_WITH_ARGS("SetTopic", SD_BUS_ARGS("s", topic, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_set_topic, 0),
        SD_BUS_METHOD_WITH_ARGS("Authorize",
                                SD_BUS_ARGS("s", username, "s", role, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_authorize, 0),
        SD_BUS_METHOD_WITH_ARGS("Kick", SD_BUS_ARGS("s", username, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_kick, 0),
        SD_BUS_METHOD_WITH_ARGS("Ban", SD_BUS_ARGS("s", username, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_ban, 0),
        SD_BUS_METHOD_WITH_ARGS("Unban", SD_BUS_ARGS("s", username, "a{sv}", options),
                                SD_BUS_NO_RESULT, method_unban, 0),
        SD_BUS_METHOD_WITH_ARGS("ListAuthorized", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(ssta{sv})", authorized, "s", next),
                                method_list_authorized, 0),
        SD_BUS_METHOD_WITH_ARGS("ListBanned", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a(sssta{sv})", banned, "s", next),
                                method_list_banned, 0),
        SD_BUS_METHOD_WITH_ARGS("Redact", SD_BUS_ARGS("t", seq, "a{sv}", options), SD_BUS_NO_RESULT,
                                method_redact, 0),
        SD_BUS_METHOD_WITH_ARGS("GetDebug", SD_BUS_ARGS("a{sv}", options),
                                SD_BUS_RESULT("a{sv}", debug), method_get_debug, 0),
        SD_BUS_VTABLE_END,
};
