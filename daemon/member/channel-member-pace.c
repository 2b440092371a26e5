/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how fast the outbox may empty, so that the host has to refuse hardly any of it: the host's
 * bucket for us, as far as it can be known here. Leaves sending to channel-member-outbox.c. */
#include "daemon/member/channel-member-internal.h"

void channel_member_get_rates(const ChannelMember *c, uint64_t *ret_rate, uint64_t *ret_burst) {
        if (c->host && channel_host_is_loaded(c->host)) {
                channel_get_rates(channel_host_get_channel(c->host), ret_rate, ret_burst);
                return;
        }
        *ret_rate = c->message_rate;
        *ret_burst = c->message_burst;
}

/* One less than the burst is said at once: what is on its way for a shorter time than what was said
 * before comes sooner after it than it left. */
static TokenBucket *get_bucket(ChannelMember *c) {
        uint64_t rate, burst;

        channel_member_get_rates(c, &rate, &burst);
        token_bucket_change(&c->outbox.bucket, rate, MAX(burst, UINT64_C(2)) - 1,
                            clock_boottime(c->rt->clock));
        return &c->outbox.bucket;
}

size_t pace_room(ChannelMember *c, uint64_t *ret_wait_usec) {
        uint64_t now = clock_boottime(c->rt->clock);
        TokenBucket *b = get_bucket(c);
        uint64_t n = token_bucket_look(b, now);

        *ret_wait_usec = 0;
        if (n == 0) /* nothing is taken, then */
                (void) token_bucket_take(b, 1, now, ret_wait_usec);
        return (size_t) MIN(n, (uint64_t) MESSAGES_PER_REQUEST_MAX);
}

void pace_sent(ChannelMember *c, size_t n) {
        uint64_t now = clock_boottime(c->rt->clock);
        TokenBucket *b = get_bucket(c);

        if (!token_bucket_take(b, n, now, NULL))
                token_bucket_drain(b, now); /* slower since it was asked */
}

void pace_not_counted(ChannelMember *c, size_t n) {
        token_bucket_give_back(get_bucket(c), n);
}

void pace_refused(ChannelMember *c) {
        token_bucket_drain(get_bucket(c), clock_boottime(c->rt->clock));
}
