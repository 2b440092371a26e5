/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a channel shows of itself; changes nothing. */
#include "daemon/member/channel-member-internal.h"

const StoredChannel *channel_member_get_stored(const ChannelMember *c) {
        return &c->stored;
}

const char *channel_member_get_id(const ChannelMember *c) {
        return c->stored.channel_id;
}

const char *channel_member_get_name(const ChannelMember *c) {
        return c->stored.name;
}

const char *channel_member_get_tracker_id(const ChannelMember *c) {
        return c->tracker_id;
}

const char *channel_member_get_topic(const ChannelMember *c) {
        return c->topic;
}

const char *channel_member_get_owner(const ChannelMember *c) {
        return c->stored.owner;
}

const char *channel_member_get_host(const ChannelMember *c) {
        return c->stored.host;
}

Role channel_member_get_role(const ChannelMember *c) {
        return c->stored.role;
}

ViewPermission channel_member_get_view(const ChannelMember *c) {
        return c->stored.view;
}

SendPermission channel_member_get_send(const ChannelMember *c) {
        return c->stored.send;
}

uint64_t channel_member_get_retention_days(const ChannelMember *c) {
        return c->stored.retention_days;
}

MemberState channel_member_get_state(const ChannelMember *c) {
        return c->state;
}

bool channel_member_is_connected(const ChannelMember *c) {
        return c->connected;
}

uint64_t channel_member_get_n_missing(const ChannelMember *c) {
        return c->ended_seq > c->stored.synced_seq ? c->ended_seq - c->stored.synced_seq : 0;
}

bool channel_member_is_settled(const ChannelMember *c) {
        return !c->stream.copy && c->stream.n_queue == 0 && !c->save;
}

const char *channel_member_get_state_reason(const ChannelMember *c) {
        return c->reason;
}

const char *channel_member_get_state_text(const ChannelMember *c) {
        return c->state_text ?: "";
}

const char *channel_member_get_previous(const ChannelMember *c) {
        return c->stored.previous;
}

const char *channel_member_get_successor(const ChannelMember *c) {
        return c->stored.closed ? c->stored.successor : "";
}

uint64_t channel_member_get_diverged_seq(const ChannelMember *c) {
        return c->state == MEMBER_DIVERGED ? c->stored.diverged_seq : 0;
}

uint64_t channel_member_get_next_retry(const ChannelMember *c) {
        uint64_t now = clock_boottime(c->rt->clock), at = 0;

        if (c->slot)
                at = host_slot_get_next_retry(c->slot);
        if (at == 0 && clock_timer_is_armed(c->retry))
                at = clock_timer_deadline(c->retry);
        if (at == 0)
                return 0;
        return clock_realtime(c->rt->clock) + (at > now ? at - now : 0);
}

uint64_t channel_member_get_first_seq(const ChannelMember *c) {
        return c->stored.first_seq;
}

uint64_t channel_member_get_synced_seq(const ChannelMember *c) {
        return c->stored.synced_seq;
}

uint64_t channel_member_get_last_seq(const ChannelMember *c) {
        return c->stored.last_seq;
}

uint64_t channel_member_get_read_seq(const ChannelMember *c) {
        return c->stored.read_seq;
}

uint64_t channel_member_get_n_unread(const ChannelMember *c) {
        return c->stored.n_unread;
}

uint64_t channel_member_get_n_outbox(const ChannelMember *c) {
        return c->stored.n_outbox;
}

uint64_t channel_member_get_n_online(const ChannelMember *c) {
        return c->n_online;
}

ChannelHost *channel_member_get_local_host(const ChannelMember *c) {
        return c->host;
}

uint64_t channel_member_get_lease_until(const ChannelMember *c) {
        return c->lease_until;
}

const StoredRoleKey *channel_member_get_key_news(const ChannelMember *c) {
        return c->key_news.since > 0 ? &c->key_news : NULL;
}
