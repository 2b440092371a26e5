/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a channel's log adds up to; leaves the rules to channel-may.c, keeping the log, time
 * and members to others. */
#include "daemon/channel/channel-internal.h"

int channel_new(Channel **ret) {
        Channel *c = new0(Channel, 1);

        if (!c)
                return -ENOMEM;
        *c = (Channel){
                .view = VIEW_PUBLIC,
                .send = SEND_REGISTERED,
                .message_rate = MESSAGE_RATE_DEFAULT,
                .message_burst = MESSAGE_BURST_DEFAULT,
        };
        *ret = c;
        return 0;
}

Channel *channel_free(Channel *c) {
        if (!c)
                return NULL;
        standing_done(c);
        free(c->topic);
        free(c);
        return NULL;
}

const char *channel_get_id(const Channel *c) {
        return c->id;
}

const char *channel_get_owner(const Channel *c) {
        return c->owner;
}

const char *channel_get_topic(const Channel *c) {
        return c->topic ?: "";
}

uint64_t channel_get_epoch(const Channel *c) {
        return c->epoch;
}

uint64_t channel_get_last_seq(const Channel *c) {
        return c->last_seq;
}

const char *channel_get_last_id(const Channel *c) {
        return c->last_id;
}

ViewPermission channel_get_view(const Channel *c) {
        return c->view;
}

SendPermission channel_get_send(const Channel *c) {
        return c->send;
}

const RetentionRule *channel_get_retention(const Channel *c) {
        return &c->retention;
}

void channel_get_rates(const Channel *c, uint64_t *ret_message_rate, uint64_t *ret_message_burst) {
        *ret_message_rate = c->message_rate;
        *ret_message_burst = c->message_burst;
}

typedef struct CreateExtra {
        const char *owner, *channel_id;
        uint64_t epoch;
} CreateExtra;

static int apply_create(Channel *c, const Value *v) {
        static const Field table[] = {
                { "owner", FIELD_STRING, offsetof(CreateExtra, owner), true, 1, NAME_MAX_BYTES },
                { "channel_id", FIELD_STRING, offsetof(CreateExtra, channel_id), true, 1,
                  UUID_STRING_SIZE - 1 },
                { "epoch", FIELD_UINT, offsetof(CreateExtra, epoch), true, 1 },
                {},
        };
        CreateExtra x = {};
        const char *bad;

        if (fields_read(v, table, &x, &bad) < 0 || !name_is_valid(x.owner) ||
            !uuid_is_valid(x.channel_id) || c->id[0])
                return -EBADMSG;
        strcpy(c->owner, x.owner);
        strcpy(c->id, x.channel_id);
        c->epoch = x.epoch;
        return 0;
}

static int apply_host(Channel *c, const Value *v) {
        uint64_t epoch;

        if (value_uint(value_get(v, "epoch"), &epoch) < 0 || epoch < c->epoch)
                return -EBADMSG;
        c->epoch = epoch;
        return 0;
}

static int apply_topic(Channel *c, const Value *v) {
        const char *topic = value_string(value_get(v, "topic"), NULL);

        return topic ? free_and_strdup(&c->topic, topic) : -EBADMSG;
}

/* As the store does it, which removes by it. */
static void apply_retention(Channel *c, const Entry *e, const Value *v) {
        uint64_t days;

        if (value_uint(value_get(v, "retention_days"), &days) < 0 || days > RETENTION_DAYS_MAX)
                return;
        c->retention = (RetentionRule){ .days = days, .seq = e->seq, .time = e->time };
        memcpy(c->retention.username, e->username, sizeof(c->retention.username));
}

static int apply_view(Channel *c, const Entry *e, const Value *v) {
        const Value *view = value_get(v, "view_permission"),
                    *send = value_get(v, "send_permission"), *rate = value_get(v, "message_rate"),
                    *burst = value_get(v, "message_burst");
        ViewPermission new_view = c->view;
        SendPermission new_send = c->send;
        uint64_t new_rate = c->message_rate, new_burst = c->message_burst;

        if (view)
                new_view = view_permission_from_string(value_string(view, NULL) ?: "");
        if (send)
                new_send = send_permission_from_string(value_string(send, NULL) ?: "");
        if (new_view < 0 || new_send < 0 || (rate && value_uint(rate, &new_rate) < 0) ||
            (burst && value_uint(burst, &new_burst) < 0))
                return -EBADMSG;

        c->view = new_view;
        c->send = new_send;
        c->message_rate = new_rate;
        c->message_burst = new_burst;
        apply_retention(c, e, v);
        return 0;
}

static int apply_role(Channel *c, const Entry *e, const Value *v) {
        const char *target = value_string(value_get(v, "target"), NULL);
        Role role = role_from_string(value_string(value_get(v, "role"), NULL) ?: "");

        if (!target || !name_is_valid(target) || role < ROLE_NONE || role > ROLE_MODERATOR)
                return -EBADMSG;
        return standing_set_role(c, e, target, role, value_string(value_get(v, "reason"), NULL));
}

static int apply_effect(Channel *c, const Entry *e, const Value *v) {
        switch (e->kind) {
        case ENTRY_CREATE:
                return apply_create(c, v);
        case ENTRY_HOST:
                return apply_host(c, v);
        case ENTRY_TOPIC:
                return apply_topic(c, v);
        case ENTRY_VIEW:
                return apply_view(c, e, v);
        case ENTRY_ROLE:
                return apply_role(c, e, v);
        case ENTRY_KICK:
                return standing_kick(c, e, v);
        case ENTRY_BAN:
                return standing_ban(c, e, v);
        case ENTRY_UNBAN:
                return standing_unban(c, v);
        case ENTRY_MESSAGE:
        case ENTRY_REDACT:
        case ENTRY_OTHER:
        case ENTRY_KIND_MAX:
        case ENTRY_KIND_INVALID:
                return 0;
        }
        return 0;
}

int channel_apply(Channel *c, const Entry *e) {
        _cleanup_(value_unrefp) Value *v = NULL;
        int r;

        if (e->seq <= c->last_seq)
                return -EBADMSG;
        if (e->kind != ENTRY_MESSAGE) {
                if (!e->extra)
                        return -EBADMSG;
                r = value_parse(e->extra, e->n_extra, &v);
                if (r < 0)
                        return r;
                r = apply_effect(c, e, v);
                if (r < 0)
                        return r;
        }
        c->last_seq = e->seq;
        memcpy(c->last_id, e->id, sizeof(c->last_id));
        return 0;
}
