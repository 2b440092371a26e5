/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the journal tells the operator of a host who was let in and sent out, and what the
 * channel permits. Leaves reasons and all that people write to the channel's own log. */
#include "base/log.h"
#include "daemon/host/channel-host-internal.h"
#include "daemon/message-ids.h"

typedef struct Line {
        const char *message_id, *user;
        char text[640]; /* two names, a channel's, a key, a time, and the words between them */
} Line;

static const char *get(const Value *v, const char *key) {
        return value_string(value_get(v, key), NULL) ?: "";
}

static void tell_role(const ChannelHost *h, const Entry *e, const Value *v, Line *l) {
        const char *role = get(v, "role");

        l->message_id = MESSAGE_ROLE_CHANGED;
        if (streq(role, "none"))
                snprintf(l->text, sizeof(l->text), "%s took the role in %s from %s", e->username,
                         h->name, l->user);
        else
                snprintf(l->text, sizeof(l->text), "%s made %s a %s of %s", e->username, l->user,
                         role, h->name);
}

static void tell_ban(const ChannelHost *h, const Entry *e, const Value *v, Line *l) {
        const char *until = get(v, "until");

        l->message_id = MESSAGE_USER_BANNED;
        snprintf(l->text, sizeof(l->text), "%s banned %s from %s %s%s", e->username, l->user,
                 h->name, until[0] ? "until " : "for good", until);
}

static void tell_view(const ChannelHost *h, const Entry *e, Line *l) {
        l->message_id = MESSAGE_PERMISSIONS_CHANGED;
        l->user = e->username;
        snprintf(l->text, sizeof(l->text), "%s set what %s permits: view %s, send %s", e->username,
                 h->name, view_permission_to_string(channel_get_view(h->channel)),
                 send_permission_to_string(channel_get_send(h->channel)));
}

void journal_tell(const ChannelHost *h, const Entry *e) {
        _cleanup_(value_unrefp) Value *v = NULL;
        Line l = {};

        if (e->kind < ENTRY_VIEW || e->kind > ENTRY_UNBAN ||
            value_parse(e->extra, e->n_extra, &v) < 0)
                return;
        l.user = get(v, "target");
        if (e->kind == ENTRY_VIEW)
                tell_view(h, e, &l);
        else if (e->kind == ENTRY_ROLE)
                tell_role(h, e, v, &l);
        else if (e->kind == ENTRY_BAN)
                tell_ban(h, e, v, &l);
        else if (e->kind == ENTRY_KICK) {
                l.message_id = MESSAGE_USER_KICKED;
                snprintf(l.text, sizeof(l.text), "%s sent %s out of %s", e->username, l.user,
                         h->name);
        } else {
                l.message_id = MESSAGE_USER_UNBANNED;
                snprintf(l.text, sizeof(l.text), "%s lifted the ban of %s from %s", e->username,
                         l.user, h->name);
        }
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", l.message_id, "CHAT_CHANNEL", h->name, "CHAT_USER",
                              l.user, "CHAT_BY", e->username),
                   "%s", l.text);
}
