/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when to look for messages that are too old, and when no clock is good enough to tell;
 * leaves which they are to the store. */
#include <utlist.h>

#include "base/log.h"
#include "base/remote-time.h"
#include "daemon/manager/manager-internal.h"

#define SWEEP_SOON_USEC USEC_PER_SEC /* after a change of rules, or of what time it is */
/* What becomes too old one by one goes together: a minute after its time no file holds it. */
#define SWEEP_MIN_USEC (20 * USEC_PER_SEC)
#define SWEEP_MAX_USEC USEC_PER_HOUR /* clocks are set */

static void tell_channel(Manager *m, uint64_t row) {
        ManagedChannel *x;

        DL_FOREACH(m->channels, x) {
                ChannelHost *h = channel_member_get_local_host(x->member);

                if (channel_member_get_stored(x->member)->row != row)
                        continue;
                if (h)
                        channel_host_content_removed(h);
                channel_member_count_mentions(x->member);
        }
}

static void on_swept(int r, const uint64_t *touched, size_t n, bool more, uint64_t due_usec,
                     void *userdata) {
        Manager *m = userdata;

        m->sweep_job = NULL;
        r = MIN(r, 0);
        for (size_t i = 0; i < n; i++)
                tell_channel(m, touched[i]);
        if (r < 0) {
                if (r != -ENOBUFS && r != m->sweep_error)
                        log_error_errno(r, "Cannot remove messages that are too old yet");
                m->sweep_error = r;
                clock_timer_arm(m->sweep, SWEEP_MIN_USEC);
                return;
        }
        m->sweep_error = 0;
        if (more)
                clock_timer_arm(m->sweep, 0);
        else if (due_usec != UINT64_MAX)
                clock_timer_arm(m->sweep, MIN(MAX(due_usec, SWEEP_MIN_USEC), SWEEP_MAX_USEC));
}

static bool has_rule(const Manager *m) {
        const ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (channel_member_get_retention_days(x->member) > 0)
                        return true;
        return false;
}

/* What one clock says must not empty every log for ever: what is kept too long can still go. */
static void hold(Manager *m) {
        int64_t offset = manager_get_clock_offset(m);
        char off[CLOCK_OFF_TEXT_SIZE];

        /* A connection to the tracker tells by itself that there is one. */
        if (!clock_is_wrong(offset)) {
                clock_timer_arm(m->sweep, SWEEP_MAX_USEC);
                return;
        }
        if (!m->sweep_held && has_rule(m)) {
                log_warning("No message is removed by age while your clock is %s, by the "
                            "tracker's: set it (timedatectl set-ntp true); if it is right, tell "
                            "the tracker's operator.",
                            clock_describe_off(offset, false, off));
                m->sweep_held = true;
        }
        clock_timer_arm(m->sweep, SWEEP_MIN_USEC);
}

/* Entries of other hosts bear their clocks, which ours is not: the tracker's is between them. */
static void on_sweep(void *userdata) {
        Manager *m = userdata;
        uint64_t ours, theirs;
        int r;

        if (m->sweep_job)
                return;
        if (!m->account || !account_clocks_agree(m->account, &ours, &theirs)) {
                hold(m);
                return;
        }
        m->sweep_held = false;
        r = store_sweep_retention(m->store, ours, theirs, on_swept, m, &m->sweep_job);
        if (r < 0)
                clock_timer_arm(m->sweep, SWEEP_MIN_USEC);
}

void manager_sweep_soon(Manager *m) {
        clock_timer_arm(m->sweep, SWEEP_SOON_USEC);
}

int manager_sweep_init(Manager *m) {
        int r;

        r = clock_timer_new(m->rt->clock, on_sweep, m, &m->sweep);
        if (r < 0)
                return r;
        clock_timer_arm(m->sweep, SWEEP_MIN_USEC);
        return 0;
}

void manager_sweep_done(Manager *m) {
        m->sweep_job = job_free(m->sweep_job);
        m->sweep = clock_timer_free(m->sweep);
}
