/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows that the host hears whether we are to be seen, and how, and that we do not stay where that
 * is not heeded. Leaves what others are shown to the host. */
#include "daemon/member/channel-member-internal.h"

#include "base/log.h"

#define REFUSED_RETRY_USEC USEC_PER_HOUR /* a host may have learnt it since */

static void write_status(const ChannelMember *c, Writer *w) {
        writer_string(w, "status", c->presence.is_away ? "away" : "online");
}

void member_write_presence(ChannelMember *c, Writer *w) {
        c->telling = c->presence;
        writer_bool(w, "invisible", c->presence.invisible);
        write_status(c, w);
}

/* Nothing of it leads to another try at once: in an hour, or when she is to be seen again. */
void member_leave_visible(ChannelMember *c) {
        Failure f;

        log_fields(LOG_WARNING, 0,
                   LOG_FIELDS("CHAT_CHANNEL", c->stored.name, "CHAT_PEER", c->stored.host),
                   "The host of channel %s does not let a member be invisible: it is left, rather "
                   "than be seen there",
                   c->stored.name);
        c->connected = c->slot && host_slot_is_up(c->slot); /* by an earlier CONNECT, maybe */
        member_go(c);
        clock_timer_arm(c->retry, REFUSED_RETRY_USEC);
        member_set_state(c, MEMBER_OFFLINE, SEEN_THERE);
        failure_set(&f, ERROR_UNSUPPORTED,
                    "The host of %s does not let you be invisible. To be seen there: p2pchatctl "
                    "invisible off.",
                    c->stored.name);
        member_settled(c, &f);
}

static void tell_again(ChannelMember *c, uint64_t retry_after_ms) {
        clock_timer_arm(c->retry, MIN(MAX(retry_after_ms * USEC_PER_MSEC, USEC_PER_SEC),
                                      (uint64_t) USEC_PER_MINUTE));
}

static void on_told(int r, const Value *payload, const Failure *failure, void *userdata) {
        ChannelMember *c = userdata;

        c->presence_call = NULL;
        if (r == -ETIMEDOUT)
                member_connect_now(c); /* it may not know: CONNECT says it anew */
        if (r < 0)
                return; /* the connection is gone: its end says more */
        if (!failure)
                member_presence_told(c);
        else if (failure->code == ERROR_BUSY || failure->code == ERROR_RATE_LIMITED ||
                 failure->code == ERROR_INTERNAL)
                tell_again(c, failure->retry_after_ms);
        else if (c->telling.invisible == c->told.invisible) /* a host that knows no STATUS */
                member_presence_told(c);
        else if (c->telling.invisible)
                member_leave_visible(c);
        else
                member_connect_now(c);
}

static void tell(ChannelMember *c) {
        _cleanup_(writer_done) Writer w = {};
        bool seen = c->presence.invisible != c->told.invisible;

        if (!c->connected || c->presence_call || (!seen && c->presence.is_away == c->told.is_away))
                return;
        c->telling = c->told;
        member_begin_request(c, &w);
        if (seen) {
                c->telling.invisible = c->presence.invisible;
                writer_bool(&w, "invisible", c->presence.invisible);
        } else {
                c->telling.is_away = c->presence.is_away;
                write_status(c, &w);
        }
        writer_end_object(&w);
        if (host_slot_call(c->slot, seen ? "INVISIBLE" : "STATUS", &w, 0, on_told, c,
                           &c->presence_call) < 0)
                tell_again(c, 0);
}

void member_presence_told(ChannelMember *c) {
        c->told = c->telling;
        tell(c);
}

void channel_member_set_presence(ChannelMember *c, const MemberPresence *p) {
        bool may_return = !p->invisible && c->presence.invisible && streq(c->reason, SEEN_THERE);

        c->presence = *p;
        if (may_return)
                channel_member_start(c);
        else
                tell(c);
}
