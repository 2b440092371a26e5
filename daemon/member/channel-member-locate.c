/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a channel makes of what the directory says: where its host is, and whether its name
 * still means it. Leaves dialling to channel-member-connect.c. */
#include "daemon/member/channel-member-internal.h"

static void not_there(ChannelMember *c) {
        Failure f;

        if (c->connected || c->connect_call || c->stored.closed)
                return;
        if (c->state == MEMBER_OFFLINE && !c->slot)
                member_set_away(c);
        failure_set(&f, ERROR_HOST_OFFLINE, "The channel's host is away.");
        if (!c->slot)
                member_settled(c, &f);
}

bool channel_member_is_displaced(const ChannelMember *c) {
        return c->stored.closed && c->stored.successor[0];
}

void channel_member_displace(ChannelMember *c, const char *successor, bool same_owner) {
        const char *reason = same_owner ? "new-log" : "another-channel";
        Failure f;

        if (channel_member_is_displaced(c) && streq(c->stored.successor, successor) &&
            streq_ptr(c->closed_reason, reason))
                return;
        member_detach(c);
        c->stored.closed = true;
        snprintf(c->stored.successor, sizeof(c->stored.successor), "%s", successor);
        (void) member_set_closed_reason(c, reason);
        if (c->stored.row != 0)
                member_save_soon(c);
        member_set_state(c, MEMBER_CLOSED, reason);
        failure_set(&f, ERROR_NO_SUCH_CHANNEL, "Another channel has the name %s now.",
                    c->stored.name);
        member_settled(c, &f);
}

/* The tracker was wrong for a while, or lied. */
void channel_member_come_back(ChannelMember *c) {
        c->stored.closed = false;
        c->stored.successor[0] = '\0';
        (void) member_set_closed_reason(c, NULL);
        member_save_soon(c);
        member_set_state(c, MEMBER_OFFLINE, c->stored.wanted ? "host-offline" : "disconnected");
}

bool channel_member_is_meant(const ChannelMember *c, const DirectoryEntry *e) {
        return streq(e->channel_id, c->stored.channel_id) &&
               (!c->stored.owner[0] || streq(e->owner, c->stored.owner));
}

/* A new sign-in is nothing that comes about by itself. */
static bool needs_person(const ChannelMember *c) {
        return c->state == MEMBER_DENIED && streq(c->reason, "revoked");
}

/* Of a channel that refuses whoever is no member: once for each time that the directory says so,
 * which may be wrong. */
static bool becomes_public(ChannelMember *c, const DirectoryEntry *e) {
        bool was_restricted = c->is_listed_restricted;

        c->is_listed_restricted = e->restricted;
        return was_restricted && !e->restricted && c->state == MEMBER_DENIED &&
               streq(c->reason, "restricted");
}

void channel_member_locate(ChannelMember *c, const DirectoryEntry *e) {
        bool is_search = c->is_searching, is_news, is_public_now;

        c->is_searching = false;
        if (c->stored.hosted || c->host)
                return;
        if (!e) {
                not_there(c);
                return;
        }
        if (!channel_member_is_meant(c, e)) {
                /* A host that is there, and says that it is the one, knows better. */
                if (!c->connected && !c->connect_call)
                        channel_member_displace(c, e->channel_id, streq(e->owner, c->stored.owner));
                return;
        }
        if (channel_member_is_displaced(c))
                channel_member_come_back(c);
        if (c->stored.closed)
                return;
        is_public_now = becomes_public(c, e);
        if (!streq(e->host, c->stored.host) && e->host[0]) {
                snprintf(c->stored.host, sizeof(c->stored.host), "%s", e->host);
                if (c->stored.row != 0)
                        member_save_soon(c);
        }
        if (e->n_addresses > 0)
                member_set_addresses(c, e->addresses, e->n_addresses);
        if (c->connected || c->connect_call) {
                host_slot_doubt(c->slot, c->stored.addresses, c->stored.n_addresses);
                return;
        }

        /* That the host which was just dialled in vain is there is no reason to dial it sooner. */
        is_news = !is_search ||
                  (c->slot && e->n_addresses > 0 &&
                   !host_slot_is_at(c->slot, c->stored.addresses, c->stored.n_addresses));
        if (c->slot && e->n_addresses > 0 &&
            !host_slot_set_addresses(c->slot, c->stored.addresses, c->stored.n_addresses))
                member_detach(c);
        if (!e->online || c->stored.n_addresses == 0) {
                not_there(c);
                return;
        }
        if (!c->slot && c->state != MEMBER_CLOSED && !needs_person(c) &&
            !streq(c->reason, SEEN_THERE))
                channel_member_start(c);
        else if (c->slot && !host_slot_is_up(c->slot)) {
                if (is_news)
                        host_slot_kick(c->slot, false);
        } else if (c->slot && (is_public_now ||
                               (c->state != MEMBER_DENIED && !clock_timer_is_armed(c->retry))))
                member_connect_now(c);
}
