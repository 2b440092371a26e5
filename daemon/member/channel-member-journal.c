/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which changes of a channel's state the journal is told by an id: those that its story
 * consists of; leaves the states to channel-member.c. */
#include "base/log-pace.h"
#include "daemon/member/channel-member-internal.h"
#include "daemon/message-ids.h"

static void tell(const ChannelMember *c, int level, const char *message_id, const char *reason,
                 const char *what) {
        log_paced(c->rt->pace, c->stored.name, level,
                  LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_CHANNEL", c->stored.name,
                             "CHAT_REASON", reason[0] ? reason : "none", "CHAT_PEER",
                             c->stored.host),
                  "Channel %s %s%s%s", c->stored.name, what, reason[0] ? ": " : "", reason);
}

/* Of what is hosted here the host's own lines tell. */
void member_tell_state(ChannelMember *c, MemberState state, const char *reason) {
        const MemberState told = c->journaled;

        if (c->host || c->stored.hosted || state == told || state == MEMBER_CONNECTING ||
            state == MEMBER_SYNCING)
                return;
        if (state == MEMBER_OFFLINE && told != MEMBER_LIVE)
                return;
        c->journaled = state;
        switch (state) {
        case MEMBER_LIVE:
                if (c->is_away)
                        tell(c, LOG_INFO, MESSAGE_HOST_BACK, "", "goes on: its host is back");
                else
                        tell(c, LOG_INFO, MESSAGE_JOINED, "", "is here, with all that was said");
                c->is_away = false;
                return;
        case MEMBER_OFFLINE:
                c->is_away = !streq(reason, "disconnected");
                if (c->is_away)
                        tell(c, LOG_INFO, MESSAGE_HOST_AWAY, reason, "waits for its host");
                else
                        tell(c, LOG_INFO, MESSAGE_LEFT, reason, "was left");
                return;
        case MEMBER_DENIED:
                tell(c, LOG_NOTICE, MESSAGE_JOIN_DENIED, reason, "does not let us in");
                break;
        case MEMBER_CLOSED:
                if (streq(reason, "left"))
                        tell(c, LOG_INFO, MESSAGE_LEFT, reason, "was left");
                else
                        tell(c, LOG_NOTICE, MESSAGE_CLOSED, reason, "has ended for us");
                break;
        case MEMBER_DIVERGED:
                tell(c, LOG_WARNING, MESSAGE_DIVERGED, reason, "has another log than the one here");
                break;
        case MEMBER_CONNECTING:
        case MEMBER_SYNCING:
        case MEMBER_STATE_MAX:
        case MEMBER_STATE_INVALID:
                break;
        }
        c->is_away = false;
}
