/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel that moves, closes, or whose daemon stops, ends without a loss: what is at
 * the disk is stored and answered, members get all of the log. Leaves what members are told then to
 * channel_host_free(). */
#include "daemon/host/channel-host-internal.h"

/* For members to take what they lack, from the last commit on; and, where the log moves, for our
 * other devices, of which one goes on with it. That one waits longer. */
#define PUMP_USEC_MAX USEC_PER_SEC
#define PUMP_NEXT_USEC_MAX (4 * USEC_PER_SEC)
#define CLOSE_USEC_MAX (3 * USEC_PER_SEC) /* in all */

static bool lags(const HostSession *s) {
        return s->connect ||
               (s->connected && s->source && s->cursor < channel_get_last_seq(s->host->channel));
}

static bool is_pumped(const ChannelHost *h) {
        const HostSession *s;

        DL_FOREACH(h->sessions, s)
                if (lags(s))
                        return false;
        return true;
}

static bool next_host_lags(const ChannelHost *h) {
        const HostSession *s;

        DL_FOREACH(h->sessions, s)
                if (lags(s) && s->actor.user_type == USER_REGISTERED &&
                    streq(s->actor.username, h->me.username))
                        return true;
        return false;
}

static void end(ChannelHost *h) {
        h->end_timer = clock_timer_free(h->end_timer);
        h->handlers.on_ended(h, h->userdata);
}

static void on_end_timer(void *userdata) {
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);

        /* At a disk that hangs there is nothing to take yet. */
        if (h->ending == HOST_MOVES && !h->append_job && !h->waits_for_next && next_host_lags(h)) {
                h->waits_for_next = true;
                clock_timer_arm(h->end_timer, PUMP_NEXT_USEC_MAX - PUMP_USEC_MAX);
        } else
                end(h);
}

int channel_host_end(ChannelHost *h, HostEnding how) {
        Failure f;
        int r;

        if (h->ending != HOST_GOES_ON) {
                /* A log that moves waits for the disk as long as it takes, a person does not. */
                if (how == HOST_CLOSES && h->end_timer && !clock_timer_is_armed(h->end_timer))
                        clock_timer_arm(h->end_timer, CLOSE_USEC_MAX);
                return 0;
        }
        if (h->closing || !h->loaded || !h->handlers.on_ended)
                return -ESHUTDOWN;
        r = clock_timer_new(h->rt->clock, on_end_timer, h, &h->end_timer);
        if (r < 0)
                return r;

        host_enter(h);
        h->ending = how;
        if (how == HOST_CLOSES)
                clock_timer_arm(h->end_timer, CLOSE_USEC_MAX);
        if (how == HOST_STOPS)
                roster_save_now(&h->roster);
        (void) queue_admit(h, 0, &f);
        queue_fail_waiting(h, &f);
        host_end_soon(h);
        host_leave(h);
        return 0;
}

bool channel_host_is_ending(const ChannelHost *h) {
        return h->ending != HOST_GOES_ON;
}

void host_end_soon(ChannelHost *h) {
        if (h->end_timer && !h->append_job && !h->closing)
                (void) sd_event_source_set_enabled(h->pump, SD_EVENT_ONESHOT);
}

void host_end_check(ChannelHost *h) {
        if (!h->end_timer || h->append_job)
                return;
        if (is_pumped(h))
                end(h);
        else if (!clock_timer_is_armed(h->end_timer))
                clock_timer_arm(h->end_timer, PUMP_USEC_MAX);
}
