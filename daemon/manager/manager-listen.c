/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where this daemon listens and what it tells others about that; leaves connections to
 * peer.h. */
#include <utlist.h>

#include "base/log.h"
#include "daemon/addresses.h"
#include "daemon/manager/manager-internal.h"

/* ---- sockets of the process before this one ---- */

static bool is_named(const Manager *m, const Address *bound) {
        for (size_t i = 0; i < m->n_listen; i++)
                if (address_equal(&m->listen[i], bound))
                        return true;
        return false;
}

/* One that the settings name is nobody else's. */
static PassedSocket *find_passed(Manager *m, const Address *wanted, bool any_port) {
        for (size_t i = 0; i < m->n_passed; i++) {
                Address bound;

                if (m->passed[i].fd >= 0 && listener_check(m->passed[i].fd, &bound) >= 0 &&
                    (any_port ? address_equal_ip(&bound, wanted) && !is_named(m, &bound)
                              : address_equal(&bound, wanted)))
                        return &m->passed[i];
        }
        return NULL;
}

static int take(PassedSocket *p) {
        p->is_used = true;
        return TAKE_FD(p->fd);
}

static bool is_any_six(const Address *a) {
        return a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
}

static bool is_any_four(const Address *a) {
        return a->sa.sa_family == AF_INET && a->in.sin_addr.s_addr == htonl(INADDR_ANY);
}

/* Where IPv6 is not there, [::] means 0.0.0.0. */
static bool is_wanted(const Manager *m, const Address *bound) {
        for (size_t i = 0; i < m->n_listen; i++) {
                Address any_port = m->listen[i];
                int fd;

                if (address_equal_ip(&any_port, bound))
                        return true;
                if (!is_any_six(&any_port) || !is_any_four(bound))
                        continue;
                address_set_port(&any_port, 0);
                if (listener_bind(&any_port, &fd) < 0)
                        return true;
                close(fd);
        }
        return false;
}

static void refuse_passed(PassedSocket *p, const Address *bound) {
        char text[ADDRESS_STRING_SIZE];

        if (bound) {
                address_print(bound, text);
                log_notice("Not listening on %s any more: the settings name another address.",
                           text);
        } else
                log_warning("What was passed in as \"%s\" is no listening TCP socket, and is not "
                            "used. Nothing but the sockets that p2pchatd itself has stored can be "
                            "passed to it.",
                            p->name);
        p->fd = close_fd(p->fd);
}

/* Those that cannot be ours are gone before anything is bound: one may be in the way. */
static void check_passed(Manager *m) {
        for (size_t i = 0; i < m->n_passed; i++) {
                Address bound;

                if (listener_check(m->passed[i].fd, &bound) < 0)
                        refuse_passed(&m->passed[i], NULL);
                else if (!is_wanted(m, &bound))
                        refuse_passed(&m->passed[i], &bound);
        }
}

static void drop_passed(Manager *m) {
        for (size_t i = 0; i < m->n_passed; i++) {
                Address bound;

                if (m->passed[i].fd >= 0 && listener_check(m->passed[i].fd, &bound) >= 0)
                        refuse_passed(&m->passed[i], &bound);
        }
        m->passed = NULL;
        m->n_passed = 0;
}

/* ---- where we listen ---- */

/* The preferred port, or any when somebody has it: the advertised one counts (protocol §1). */
static int get_socket(Manager *m, const Address *wanted, int *ret_fd) {
        PassedSocket *passed = find_passed(m, wanted, address_port(wanted) == 0);
        Address any_port = *wanted;
        int r;

        if (!passed) {
                r = listener_bind(wanted, ret_fd);
                if (r != -EADDRINUSE)
                        return r;
                passed = find_passed(m, wanted, true);
        }
        if (passed) {
                *ret_fd = take(passed);
                return 0;
        }
        address_set_port(&any_port, 0);
        return listener_bind(&any_port, ret_fd);
}

int manager_listen_on(Manager *m, const Address *wanted, int fd) {
        char text[ADDRESS_STRING_SIZE];
        int r;

        r = peer_server_listen(m->peers, fd);
        if (r < 0)
                return r;
        r = peer_server_get_address(m->peers, &m->listening[m->n_listening]);
        if (r < 0)
                return r;
        m->listening_for[m->n_listening] = *wanted;
        address_print(&m->listening[m->n_listening++], text);
        log_info("Listening on %s.", text);
        return 0;
}

static int listen_at(Manager *m, const Address *wanted) {
        int fd, r;

        r = get_socket(m, wanted, &fd);
        return r < 0 ? r : manager_listen_on(m, wanted, fd);
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

/* Where IPv6 is not there, [::] means what it can. */
static int listen_instead(Manager *m, const Address *wanted) {
        Address four;
        int r;

        (void) address_parse("0.0.0.0:0", true, &four);
        address_set_port(&four, address_port(wanted));
        r = listen_at(m, &four);
        if (r >= 0)
                m->listening_for[m->n_listening - 1] = *wanted;
        return r;
}

/* ---- when others come in ---- */

/* A member waits as long for the other side's part of a handshake, and half of that is spared. */
#define DOOR_USEC_MAX (TLS_TIMEOUT_USEC / 2)

static void open_door(void *userdata) {
        Manager *m = userdata;

        m->door = clock_timer_free(m->door);
        if (!m->stop)
                peer_server_hold(m->peers, false);
}

static bool is_ready(const Manager *m) {
        const ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (managed_channel_is_to_be_hosted(x) && !channel_member_get_local_host(x->member))
                        return false;
        return true;
}

/* Who waited while nobody was here finds who it means, and its channel. */
static int close_door(Manager *m) {
        int r;

        r = clock_timer_new(m->rt->clock, open_door, m, &m->door);
        if (r >= 0)
                peer_server_hold(m->peers, true);
        return r;
}

void manager_state_is_read(Manager *m) {
        if (m->door)
                clock_timer_arm(m->door, DOOR_USEC_MAX);
        manager_check_door(m);
}

void manager_check_door(Manager *m) {
        if (m->door && clock_timer_is_armed(m->door) && is_ready(m))
                clock_timer_arm(m->door, 0);
}

/* ---- what others are told of it ---- */

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

int manager_listen(Manager *m) {
        int r;

        check_passed(m);
        r = m->n_listen == 0 ? listen_anywhere(m) : 0;
        for (size_t i = 0; i < m->n_listen && r >= 0; i++) {
                r = listen_at(m, &m->listen[i]);
                if ((r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) && is_any_six(&m->listen[i]))
                        r = listen_instead(m, &m->listen[i]);
        }
        drop_passed(m);
        if (r >= 0)
                r = close_door(m);
        if (r < 0)
                return r;
        (void) manager_refresh_addresses(m);
        return 0;
}
