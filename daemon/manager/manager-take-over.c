/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long a copy waits that has become the host: for the device before it, and for our disk.
 * Leaves what follows to manager-host.c. */
#include "base/log.h"
#include "daemon/manager/manager-host-internal.h"

/* The directory tells that host within a second; where it does not, its next heartbeat does, unless
 * leases are so long that nobody would wait. */
#define HEARTBEAT_USEC_MAX (20 * USEC_PER_SEC)
/* Above a heartbeat of the host before us: for its answer, and for what that host still sends (up
 * to PUMP_NEXT_USEC_MAX of its daemon/host/channel-host-end.c). */
#define MARGIN_USEC (6 * USEC_PER_SEC)
#define SETTLE_USEC (50 * USEC_PER_MSEC)

struct TakeOver {
        ManagedChannel *channel; /* weak */
        ClockTimer *timer;
        bool has_ended;
};

/* The host before us has said that its log has more than is here: we are no host of it. */
static void fall_short(ManagedChannel *x) {
        uint64_t n = channel_member_get_n_missing(x->member);
        HostFlow *flow = TAKE_PTR(x->hosting->flow);
        Failure f;

        (void) failure_set(&f, ERROR_CONFLICT,
                           "The device that hosted %s has %" PRIu64 " entr%s that %s not here yet. "
                           "Host it there again with --take-over; try again here when State is "
                           "live.",
                           channel_member_get_name(x->member), n, n == 1 ? "y" : "ies",
                           n == 1 ? "is" : "are");
        log_fields(LOG_WARNING, 0, LOG_FIELDS("CHAT_CHANNEL", hosting_get_name(x->hosting)), "%s",
                   f.message);
        manager_release(x);
        hosting_end(x, NULL, "");
        if (flow)
                (void) host_flow_end(flow, &f);
        manager_locate(x);
}

static void on_timer(void *userdata) {
        TakeOver *t = userdata;
        const ChannelMember *c = t->channel->member;

        if (!t->has_ended)
                log_fields(LOG_WARNING, 0, LOG_FIELDS("CHAT_CHANNEL", channel_member_get_name(c)),
                           "Channel %s is taken over from a device that still serves it",
                           channel_member_get_name(c));
        t->has_ended = true;
        if (!channel_member_is_settled(c))
                clock_timer_arm(t->timer, SETTLE_USEC);
        else if (channel_member_get_n_missing(c) > 0)
                fall_short(t->channel);
        else
                hosting_taken_over(t->channel);
}

TakeOver *take_over_free(TakeOver *t) {
        if (!t)
                return NULL;
        clock_timer_free(t->timer);
        free(t);
        return NULL;
}

void take_over_ended(TakeOver *t) {
        t->has_ended = true;
        clock_timer_arm(t->timer, 0);
}

TakeOver *take_over_new(ManagedChannel *x) {
        TakeOver *t;

        if (!channel_member_is_connected(x->member) && channel_member_is_settled(x->member))
                return NULL;
        t = new0(TakeOver, 1);
        if (!t)
                return NULL;
        t->channel = x;
        if (clock_timer_new(x->manager->rt->clock, on_timer, t, &t->timer) < 0)
                return take_over_free(t);
        if (channel_member_is_connected(x->member))
                clock_timer_arm(t->timer,
                                MIN(x->manager->lease_usec / 3, HEARTBEAT_USEC_MAX) + MARGIN_USEC);
        else
                take_over_ended(t);
        return t;
}

void take_over_back(ManagedChannel *x, const HostFlow *flow) {
        if (flow && !x->manager->stop && x->hosting && hosting_is_leaving(x->hosting) &&
            !manager_unhost_ended(x))
                manager_left_log(x);
}
