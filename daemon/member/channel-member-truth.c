/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which entries of a log change what a member shows of the channel; leaves judging to the
 * host, whose word they are. */
#include "daemon/member/channel-member-internal.h"

static bool is_me(const ChannelMember *c, const Value *extra) {
        const char *target = value_string(value_get(extra, "target"), NULL);

        return target && streq(target, c->me.username);
}

static void apply_view(ChannelMember *c, const Value *extra) {
        uint64_t days, rate, burst;
        const char *view = value_string(value_get(extra, "view_permission"), NULL);
        const char *send = value_string(value_get(extra, "send_permission"), NULL);

        if (view && view_permission_from_string(view) >= 0)
                c->stored.view = view_permission_from_string(view);
        if (send && send_permission_from_string(send) >= 0)
                c->stored.send = send_permission_from_string(send);
        if (value_uint(value_get(extra, "message_rate"), &rate) >= 0)
                c->message_rate = rate;
        if (value_uint(value_get(extra, "message_burst"), &burst) >= 0)
                c->message_burst = burst;
        if (value_uint(value_get(extra, "retention_days"), &days) >= 0 &&
            days <= RETENTION_DAYS_MAX)
                c->stored.retention_days = days;
}

static void apply_role(ChannelMember *c, const Value *extra) {
        const char *role = value_string(value_get(extra, "role"), NULL);

        if (is_me(c, extra) && role && role_from_string(role) >= 0)
                c->stored.role = role_from_string(role);
}

/* What the first entry says stays true, whenever it comes here. */
static void apply_create(ChannelMember *c, const Entry *e) {
        _cleanup_(value_unrefp) Value *extra = NULL;
        const char *previous;

        if (e->seq != 1 || value_parse(e->extra, e->n_extra, &extra) < 0)
                return;
        previous = value_string(value_get(extra, "previous"), NULL);
        if (!previous || !uuid_is_valid(previous) || streq(previous, c->stored.previous))
                return;
        memcpy(c->stored.previous, previous, sizeof(c->stored.previous));
        member_save_soon(c);
        member_changed(c);
}

void member_apply(ChannelMember *c, const Entry *e) {
        _cleanup_(value_unrefp) Value *extra = NULL;
        const char *topic;

        if (e->kind == ENTRY_CREATE) {
                apply_create(c, e);
                return;
        }
        if (e->seq <= c->truth_seq || e->kind == ENTRY_MESSAGE || e->kind == ENTRY_OTHER)
                return;
        if (value_parse(e->extra, e->n_extra, &extra) < 0)
                return;
        switch (e->kind) {
        case ENTRY_TOPIC:
                topic = value_string(value_get(extra, "topic"), NULL);
                if (topic)
                        (void) member_set_topic(c, topic);
                break;
        case ENTRY_VIEW:
                apply_view(c, extra);
                break;
        case ENTRY_ROLE:
                apply_role(c, extra);
                break;
        case ENTRY_BAN:
                if (is_me(c, extra))
                        c->stored.role = ROLE_NONE;
                break;
        case ENTRY_HOST:
                (void) value_uint(value_get(extra, "epoch"), &c->stored.epoch);
                break;
        case ENTRY_MESSAGE:
        case ENTRY_CREATE:
        case ENTRY_KICK:
        case ENTRY_UNBAN:
        case ENTRY_REDACT:
        case ENTRY_OTHER:
        case ENTRY_KIND_MAX:
        case ENTRY_KIND_INVALID:
                return;
        }
        member_save_soon(c);
}

/* ---- what CONNECT was answered ---- */

typedef struct RetentionFields {
        uint64_t days, seq;
        const char *by, *time;
} RetentionFields;

/* One that is no rule is none: what it would remove stays. */
static int read_retention(const Value *v, RetentionRule *ret) {
        static const Field table[] = {
                { "days", FIELD_UINT, offsetof(RetentionFields, days), true, 1,
                  RETENTION_DAYS_MAX },
                { "seq", FIELD_UINT, offsetof(RetentionFields, seq), true, 1, NUMBER_MAX },
                { "by", FIELD_STRING, offsetof(RetentionFields, by), true, 1, NAME_MAX_BYTES },
                { "time", FIELD_STRING, offsetof(RetentionFields, time), true },
                {},
        };
        RetentionFields x;
        const char *bad;

        if (!v || fields_read(v, table, &x, &bad) < 0 || !name_is_valid(x.by))
                return -EBADMSG;
        *ret = (RetentionRule){ .days = x.days, .seq = x.seq };
        strcpy(ret->username, x.by);
        return time_parse(x.time, &ret->time);
}

void member_keep_rule(ChannelMember *c) {
        if (c->stored.row != 0 && c->rule.days > 0)
                (void) store_set_retention(c->store, c->stored.row, &c->rule);
}

/* The log says it too; a copy that begins later does not hold that. */
void member_take_retention(ChannelMember *c, const Value *v) {
        if (read_retention(v, &c->rule) < 0)
                c->rule = (RetentionRule){};
        c->stored.retention_days = c->rule.days;
        if (c->rule.seq > member_since(c))
                c->rule.days = 0; /* it comes with what follows */
        member_keep_rule(c);
}
