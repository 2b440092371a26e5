/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long a sign-out waits for the channels that are hosted, so that members get what was
 * acknowledged to them. Leaves forgetting who we were to manager-account.c. */
#include <utlist.h>

#include "base/log.h"
#include "daemon/manager/manager-internal.h"

/* Above what a host takes that ends now (CLOSE_USEC_MAX in daemon/host/channel-host-end.c): for one
 * that was ending already, at a disk that hangs. */
#define WAIT_USEC_MAX (4 * USEC_PER_SEC)

static void on_timer(void *userdata) {
        Manager *m = userdata;

        if (manager_waits_for_hosts(m))
                log_warning("The disk takes long; what is not stored yet is sent again.");
        account_left(m->account); /* ends in manager_sign_out_done() */
}

/* From the next turn: who tells it goes on with the channel. */
void manager_sign_out_check(Manager *m) {
        if (m->sign_out && !manager_waits_for_hosts(m))
                clock_timer_arm(m->sign_out, 0);
}

bool manager_sign_out_begin(Manager *m) {
        ManagedChannel *x;

        if (clock_timer_new(m->rt->clock, on_timer, m, &m->sign_out) < 0)
                return false;
        DL_FOREACH(m->channels, x)
                x->is_stopping = hosting_close(x);
        if (manager_waits_for_hosts(m))
                clock_timer_arm(m->sign_out, WAIT_USEC_MAX);
        else
                manager_sign_out_done(m);
        return m->sign_out;
}

void manager_sign_out_done(Manager *m) {
        m->sign_out = clock_timer_free(m->sign_out);
}
