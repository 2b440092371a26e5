/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who has to hear that this machine's network changed, and in which order; leaves noticing it
 * to network-watch.h. */
#include "base/log.h"
#include "daemon/manager/manager-internal.h"

/* What hangs on a lost address goes first, so that nobody says anything new on it. */
static void on_network(const NetworkChange *x, void *userdata) {
        Manager *m = userdata;
        bool is_elsewhere = manager_refresh_addresses(m);

        peer_server_network_changed(m->peers, x);
        if (m->links)
                host_links_network_changed(m->links, x);
        if (!m->account)
                return;
        account_network_changed(m->account, x);
        if (is_elsewhere && account_is_online(m->account))
                manager_register_all(m);
}

int manager_network_init(Manager *m) {
        int r;

        r = network_watch_new(m->rt, on_network, m, &m->network);
        if (r == -EAFNOSUPPORT || r == -EPERM || r == -EACCES) {
                log_notice("Nobody tells that this machine's network changes (%s): it is found out "
                           "when nothing is heard any more.",
                           strerror(-r));
                return 0;
        }
        return r;
}
