/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what governance entries hold, as JSON text, and when nothing would change; leaves reading
 * them to channel.c. */
#include "base/timestamp.h"
#include "daemon/channel/channel-internal.h"

int channel_extra_create(const char *owner, const char *channel_id, uint64_t epoch,
                         const char *previous, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "owner", owner);
        writer_string(&w, "channel_id", channel_id);
        writer_uint(&w, "epoch", epoch);
        if (previous)
                writer_string(&w, "previous", previous);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_host(uint64_t epoch, const char *host, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_uint(&w, "epoch", epoch);
        writer_string(&w, "host", host);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_topic(const Channel *c, const char *topic, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        *ret = NULL;
        if (streq(topic, channel_get_topic(c)))
                return 1;
        writer_begin_object(&w, NULL);
        writer_string(&w, "topic", topic);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_view(const Channel *c, const Permissions *p, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        *ret = NULL;
        if ((p->view == VIEW_INVALID || p->view == c->view) &&
            (p->send == SEND_INVALID || p->send == c->send) &&
            (p->retention_days < 0 || (uint64_t) p->retention_days == c->retention.days) &&
            (p->message_rate < 0 || (uint64_t) p->message_rate == c->message_rate) &&
            (p->message_burst < 0 || (uint64_t) p->message_burst == c->message_burst))
                return 1;
        writer_begin_object(&w, NULL);
        if (p->view != VIEW_INVALID)
                writer_string(&w, "view_permission", view_permission_to_string(p->view));
        if (p->send != SEND_INVALID)
                writer_string(&w, "send_permission", send_permission_to_string(p->send));
        if (p->retention_days >= 0)
                writer_uint(&w, "retention_days", (uint64_t) p->retention_days);
        if (p->message_rate >= 0)
                writer_uint(&w, "message_rate", (uint64_t) p->message_rate);
        if (p->message_burst >= 0)
                writer_uint(&w, "message_burst", (uint64_t) p->message_burst);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_role(const Channel *c, const char *target, Role role, const char *reason,
                       char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        *ret = NULL;
        if (role == channel_get_role(c, target))
                return 1;
        writer_begin_object(&w, NULL);
        writer_string(&w, "target", target);
        writer_string(&w, "role", role_to_string(role));
        writer_string(&w, "reason", reason);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_redact(uint64_t target_seq, const char *reason, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_uint(&w, "target_seq", target_seq);
        writer_string(&w, "reason", reason);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_kick(const char *target, const char *key_id, const char *reason, char **ret,
                       size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "target", target);
        writer_string(&w, "key", key_id[0] ? key_id : NULL);
        writer_string(&w, "reason", reason);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_ban(const Channel *c, const char *target, const char *key_id, const char *reason,
                      uint64_t until, uint64_t now, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};
        const ChannelBan *ban;
        Actor a;

        *ret = NULL;
        actor_named(target, &a);
        strcpy(a.key_id, key_id);
        ban = channel_find_ban(c, &a, now);
        if (ban && ban->until == until - until % USEC_PER_MSEC &&
            streq(ban->reason, reason ?: "") && channel_get_role(c, target) == ROLE_NONE)
                return 1;
        writer_begin_object(&w, NULL);
        writer_string(&w, "target", target);
        writer_string(&w, "key", key_id[0] ? key_id : NULL);
        writer_string(&w, "reason", reason);
        if (until > 0)
                writer_time(&w, "until", until);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_unban(const Channel *c, const char *target, const char *reason, uint64_t now,
                        char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};
        Actor a;

        *ret = NULL;
        actor_named(target, &a);
        if (!channel_find_ban(c, &a, now))
                return 1;
        writer_begin_object(&w, NULL);
        writer_string(&w, "target", target);
        writer_string(&w, "reason", reason);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}
