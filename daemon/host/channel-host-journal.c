/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the journal tells the operator of a host who was let in and sent out, and what the
 * channel permits. Leaves reasons and all that people write to the channel's own log. */
#include <stdarg.h>

#include "base/log.h"
#include "daemon/host/channel-host-internal.h"
#include "daemon/message-ids.h"

static const char *get(const Value *v, const char *key) {
        return value_string(value_get(v, key), NULL) ?: "";
}

_printf_(5, 6) static void tell_change(const ChannelHost *h, const char *message_id, const Entry *e,
                                       const char *user, const char *format, ...) {
        char text[640]; /* two names, a channel's, a key, a time, and the words between them */
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_CHANNEL", h->name, "CHAT_USER", user,
                              "CHAT_BY", e->username),
                   "%s", text);
}

static void tell_role(const ChannelHost *h, const Entry *e, const Value *v, const char *target) {
        const char *role = get(v, "role");

        if (streq(role, "none"))
                tell_change(h, MESSAGE_ROLE_CHANGED, e, target, "%s took the role in %s from %s",
                            e->username, h->name, target);
        else
                tell_change(h, MESSAGE_ROLE_CHANGED, e, target, "%s made %s a %s of %s",
                            e->username, target, role, h->name);
}

void journal_tell(const ChannelHost *h, const Entry *e) {
        _cleanup_(value_unrefp) Value *v = NULL;
        const char *target, *until;

        if (e->kind < ENTRY_VIEW || e->kind > ENTRY_UNBAN ||
            value_parse(e->extra, e->n_extra, &v) < 0)
                return;
        target = get(v, "target");
        until = get(v, "until");
        if (e->kind == ENTRY_VIEW)
                tell_change(h, MESSAGE_PERMISSIONS_CHANGED, e, e->username,
                            "%s set what %s permits: view %s, send %s", e->username, h->name,
                            view_permission_to_string(channel_get_view(h->channel)),
                            send_permission_to_string(channel_get_send(h->channel)));
        else if (e->kind == ENTRY_ROLE)
                tell_role(h, e, v, target);
        else if (e->kind == ENTRY_BAN)
                tell_change(h, MESSAGE_USER_BANNED, e, target, "%s banned %s from %s %s%s",
                            e->username, target, h->name, until[0] ? "until " : "for good", until);
        else if (e->kind == ENTRY_KICK)
                tell_change(h, MESSAGE_USER_KICKED, e, target, "%s sent %s out of %s", e->username,
                            target, h->name);
        else
                tell_change(h, MESSAGE_USER_UNBANNED, e, target, "%s lifted the ban of %s from %s",
                            e->username, target, h->name);
}
