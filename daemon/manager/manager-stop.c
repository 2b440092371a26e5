/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the order of a planned end: nobody new, nothing new, what is at the disk, a word to all,
 * what is still to be sent. Leaves each step to who does it, and the process to main(). */
#include <utlist.h>

#include "base/log.h"
#include "daemon/manager/manager-internal.h"

/* A disk that hangs holds nobody up for longer: what is not answered is asked again. */
#define DISK_USEC_MAX (3 * USEC_PER_SEC)
/* Above what a connection takes to end whose other side does not read (peer_server_go_away()). */
#define FAREWELL_USEC_MAX (7 * USEC_PER_SEC)

struct Stop {
        Manager *manager; /* weak */
        ClockTimer *timer;
        bool has_said_goodbye, has_ended;
};

Stop *stop_free(Stop *s) {
        if (!s)
                return NULL;
        clock_timer_free(s->timer);
        free(s);
        return NULL;
}

bool manager_waits_for_hosts(const Manager *m) {
        const ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (x->is_stopping)
                        return true;
        return false;
}

static void check(Stop *s) {
        if (s->has_ended)
                return;
        if (!s->has_said_goodbye ? !manager_waits_for_hosts(s->manager)
                                 : peer_server_get_n_peers(s->manager->peers) == 0)
                clock_timer_arm(s->timer, 0);
}

/* The step that goes on has ended, or takes too long. */
static void on_timer(void *userdata) {
        Stop *s = userdata;
        Manager *m = s->manager;

        if (!s->has_said_goodbye) {
                if (manager_waits_for_hosts(m))
                        log_warning("The disk takes long; what is not stored yet is sent again.");
                s->has_said_goodbye = true;
                peer_server_go_away(m->peers, "stopping");
                clock_timer_arm(s->timer, FAREWELL_USEC_MAX);
                check(s);
                return;
        }
        s->has_ended = true;
        if (m->observer.on_stopped)
                m->observer.on_stopped(m, m->observer_userdata);
}

void manager_stop_ended(ManagedChannel *x) {
        x->is_stopping = false;
        manager_sign_out_check(x->manager);
        check(x->manager->stop);
}

void manager_stop_peers_changed(Manager *m) {
        if (m->stop)
                check(m->stop);
}

int manager_stop(Manager *m) {
        ManagedChannel *x;
        Stop *s;
        int r;

        if (m->stop)
                return 0;
        s = new0(Stop, 1);
        if (!s)
                return -ENOMEM;
        s->manager = m;
        r = clock_timer_new(m->rt->clock, on_timer, s, &s->timer);
        if (r < 0) {
                stop_free(s);
                return r;
        }
        m->stop = s;
        peer_server_hold(m->peers, true);
        clock_timer_arm(s->timer, DISK_USEC_MAX);
        DL_FOREACH(m->channels, x)
                x->is_stopping = hosting_stop(x);
        check(s);
        return 0;
}
