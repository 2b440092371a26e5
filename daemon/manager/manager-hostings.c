/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is done with all channels that are hosted here when the tracker comes and goes; leaves
 * a single one to manager-host.c. */
#include <utlist.h>

#include "daemon/manager/manager-host-internal.h"

void manager_register_all(Manager *m) {
        ManagedChannel *x, *next;

        if (!account_may_host(m->account))
                return;
        DL_FOREACH_SAFE(m->channels, x, next)
                if (managed_channel_is_to_be_hosted(x) && hosting_get(x) >= 0)
                        (void) hosting_register(x->hosting);
}

void manager_register_missing(Manager *m) {
        ManagedChannel *x, *next;

        DL_FOREACH_SAFE(m->channels, x, next)
                if (x->hosting && managed_channel_is_to_be_hosted(x) &&
                    (!x->hosting->registered || x->hosting->n_refreshed != m->n_refreshed) &&
                    x->hosting->held_until < clock_boottime(m->rt->clock) &&
                    x->hosting->delisted_until < clock_boottime(m->rt->clock))
                        (void) hosting_register(x->hosting);
}

void manager_serve_all(Manager *m) {
        ManagedChannel *x, *next;

        if (!account_may_host_alone(m->account))
                return;
        DL_FOREACH_SAFE(m->channels, x, next)
                if (managed_channel_is_to_be_hosted(x) && !hosting_has_flow(x) &&
                    channel_member_get_stored(x->member)->epoch > 0 && hosting_get(x) >= 0 &&
                    !x->hosting->host && x->hosting->held_until == 0)
                        hosting_serve(x->hosting, channel_member_get_stored(x->member)->epoch);
        manager_lease_schedule(m);
}

void manager_stop_hosting(Manager *m, const char *closed_reason, const char *reason) {
        ManagedChannel *x, *next;

        DL_FOREACH_SAFE(m->channels, x, next)
                if (x->hosting && (x->hosting->host || !x->hosting->flow))
                        hosting_give_up(x->hosting, closed_reason, reason);
                else if (!x->hosting && managed_channel_is_to_be_hosted(x))
                        channel_member_show_closed(x->member, reason);
}
