/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the journal tells who was let in and sent out, and what a channel permits; leaves
 * reasons and all that people write to the channel's own log. */
#include "daemon/channel-journal.h"

#include <stdarg.h>

#include "base/timestamp.h"
#include "daemon/message-ids.h"

typedef struct Line {
        LogPace *pace; /* weak */
        const char *channel, *user, *by;
} Line;

static const char *get(const Value *v, const char *key) {
        return value_string(value_get(v, key), NULL) ?: "";
}

_printf_(3, 4) static void tell_change(const Line *l, const char *message_id, const char *format,
                                       ...) {
        char text[640]; /* two names, a channel's, a key, a time, and the words between them */
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        log_paced(l->pace, l->channel, LOG_INFO,
                  LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_CHANNEL", l->channel, "CHAT_USER",
                             l->user, "CHAT_BY", l->by),
                  "%s", text);
}

static void tell_role(const Line *l, const Value *v) {
        Role role = role_from_string(get(v, "role"));

        if (role == ROLE_NONE)
                tell_change(l, MESSAGE_ROLE_CHANGED, "%s took the role in %s from %s", l->by,
                            l->channel, l->user);
        else if (role >= 0)
                tell_change(l, MESSAGE_ROLE_CHANGED, "%s made %s a %s of %s", l->by, l->user,
                            role_to_string(role), l->channel);
}

static void tell_ban(const Line *l, const Value *v) {
        const char *until = get(v, "until");
        uint64_t usec;

        if (until[0] && time_parse(until, &usec) < 0)
                return;
        tell_change(l, MESSAGE_USER_BANNED, "%s banned %s from %s %s%s", l->by, l->user, l->channel,
                    until[0] ? "until " : "for good", until);
}

void channel_journal_entry(LogPace *pace, const char *channel_name, ViewPermission view,
                           SendPermission send, const Entry *e) {
        Line l = { .pace = pace, .channel = channel_name, .by = e->username };
        _cleanup_(value_unrefp) Value *v = NULL;

        if (e->kind < ENTRY_VIEW || e->kind > ENTRY_UNBAN ||
            value_parse(e->extra, e->n_extra, &v) < 0)
                return;
        l.user = e->kind == ENTRY_VIEW ? e->username : get(v, "target");
        if (!name_is_valid(l.user) || !name_is_valid(l.by))
                return;
        if (e->kind == ENTRY_VIEW)
                tell_change(&l, MESSAGE_PERMISSIONS_CHANGED,
                            "%s set what %s permits: view %s, send %s", l.by, l.channel,
                            view_permission_to_string(view), send_permission_to_string(send));
        else if (e->kind == ENTRY_ROLE)
                tell_role(&l, v);
        else if (e->kind == ENTRY_BAN)
                tell_ban(&l, v);
        else if (e->kind == ENTRY_KICK)
                tell_change(&l, MESSAGE_USER_KICKED, "%s sent %s out of %s", l.by, l.user,
                            l.channel);
        else
                tell_change(&l, MESSAGE_USER_UNBANNED, "%s lifted the ban of %s from %s", l.by,
                            l.user, l.channel);
}
