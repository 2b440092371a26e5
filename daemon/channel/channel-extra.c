/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what governance entries hold, as JSON text, and when nothing would change; leaves reading
 * them to channel.c. */
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
            (p->retention_days < 0 || (uint64_t) p->retention_days == c->retention.days))
                return 1;
        writer_begin_object(&w, NULL);
        if (p->view != VIEW_INVALID)
                writer_string(&w, "view_permission", view_permission_to_string(p->view));
        if (p->send != SEND_INVALID)
                writer_string(&w, "send_permission", send_permission_to_string(p->send));
        if (p->retention_days >= 0)
                writer_uint(&w, "retention_days", (uint64_t) p->retention_days);
        writer_end_object(&w);
        return writer_take(&w, ret, ret_n);
}

int channel_extra_role(const Channel *c, const char *target, Role role, char **ret, size_t *ret_n) {
        _cleanup_(writer_done) Writer w = {};

        *ret = NULL;
        if (role == channel_get_role(c, target))
                return 1;
        writer_begin_object(&w, NULL);
        writer_string(&w, "target", target);
        writer_string(&w, "role", role_to_string(role));
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
