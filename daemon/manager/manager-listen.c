/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where this daemon listens and what it tells others about that; leaves connections to
 * peer.h. */
#include "base/log.h"
#include "daemon/addresses.h"
#include "daemon/manager/manager-internal.h"

/* The preferred port, or any when somebody has it: the advertised one counts (protocol §1). */
static int bind_address(const Address *wanted, int *ret_fd) {
        Address any_port = *wanted;
        int r;

        r = listener_bind(wanted, ret_fd);
        if (r != -EADDRINUSE)
                return r;
        address_set_port(&any_port, 0);
        return listener_bind(&any_port, ret_fd);
}

static int listen_at(Manager *m, const Address *wanted) {
        char text[ADDRESS_STRING_SIZE];
        int fd, r;

        r = bind_address(wanted, &fd);
        if (r < 0)
                return r;
        r = peer_server_listen(m->peers, fd);
        if (r < 0)
                return r;
        r = peer_server_get_address(m->peers, &m->listening[m->n_listening]);
        if (r < 0)
                return r;
        address_print(&m->listening[m->n_listening++], text);
        log_info("Listening on %s.", text);
        return 0;
}

static int listen_anywhere(Manager *m) {
        Address six, four;
        int r;

        (void) address_parse("[::]:22237", false, &six);
        (void) address_parse("0.0.0.0:22237", false, &four);
        r = listen_at(m, &six);
        if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL)
                r = listen_at(m, &four);
        return r;
}

static bool is_any_six(const Address *a) {
        return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

/* Where IPv6 is not there, [::] means what it can. */
static int listen_instead(Manager *m, const Address *wanted) {
        Address four;

        (void) address_parse("0.0.0.0:0", true, &four);
        address_set_port(&four, address_port(wanted));
        return listen_at(m, &four);
}

int manager_listen(Manager *m) {
        int r = m->n_listen == 0 ? listen_anywhere(m) : 0;

        for (size_t i = 0; i < m->n_listen && r >= 0; i++) {
                r = listen_at(m, &m->listen[i]);
                if ((r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) && is_any_six(&m->listen[i]))
                        r = listen_instead(m, &m->listen[i]);
        }
        if (r < 0)
                return r;
        (void) manager_refresh_addresses(m);
        return 0;
}

static size_t find_addresses(Manager *m, Address ret[static ADDRESSES_MAX]) {
        _cleanup_free_ OwnAddress *interfaces = NULL;
        size_t n_interfaces = 0, n = 0;

        if (m->n_advertise > 0) {
                n = MIN(m->n_advertise, (size_t) ADDRESSES_MAX);
                memcpy(ret, m->advertise, n * sizeof(Address));
                return n;
        }
        if (addresses_of_interfaces(&interfaces, &n_interfaces) < 0)
                return 0;
        for (size_t i = 0; i < m->n_listening; i++)
                n += addresses_select(&m->listening[i], interfaces, n_interfaces, ret + n,
                                      ADDRESSES_MAX - n);
        return n;
}

bool manager_refresh_addresses(Manager *m) {
        Address found[ADDRESSES_MAX] = {};
        size_t n = find_addresses(m, found);
        bool same = n == m->n_advertised, is_first = m->n_refreshed == 0;

        for (size_t i = 0; same && i < n; i++)
                same = address_equal(&found[i], &m->advertised[i]);
        if (same)
                return false;
        memcpy(m->advertised, found, sizeof(found));
        m->n_advertised = n;
        m->n_refreshed++;
        if (!is_first) {
                log_info("This machine's addresses have changed.");
                manager_reach_moved(m);
        }
        manager_changed(m);
        return true;
}
