/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is known of whether others can come in here, and says no more than that; leaves being
 * reached to peer.h. */
#include <utlist.h>

#include "base/log.h"
#include "daemon/manager/manager-internal.h"

/* A member that knows the address from the directory is there within this, if it can be. */
#define NOBODY_YET_USEC USEC_PER_MINUTE

static bool is_hosting(const Manager *m) {
        const ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (channel_member_get_local_host(x->member))
                        return true;
        return false;
}

static bool listens_on_loopback_only(const Manager *m) {
        for (size_t i = 0; i < m->n_listening; i++)
                if (!address_is_loopback(&m->listening[i]))
                        return false;
        return m->n_listening > 0 && m->n_advertise == 0;
}

static ReachReason reason_of(const Manager *m) {
        if (peer_server_was_reached(m->peers))
                return REACH_REASON_NONE;
        if (listens_on_loopback_only(m))
                return REACH_LOOPBACK_ONLY;
        if (m->is_behind_nat)
                return REACH_BEHIND_NAT;
        return m->has_waited ? REACH_NOBODY_YET : REACH_REASON_NONE;
}

const char *manager_get_reachable(const Manager *m) {
        if (peer_server_was_reached(m->peers))
                return "yes";
        return listens_on_loopback_only(m) ? "no" : "unknown";
}

const char *manager_get_reachable_reason(const Manager *m) {
        static const char *const table[REACH_REASON_MAX] = {
                [REACH_REASON_NONE] = "",
                [REACH_NOBODY_YET] = "nobody-yet",
                [REACH_BEHIND_NAT] = "behind-nat",
                [REACH_LOOPBACK_ONLY] = "loopback-only",
        };

        return table[reason_of(m)];
}

const Address *manager_get_observed_address(const Manager *m) {
        return m->observed.size > 0 ? &m->observed : NULL;
}

static unsigned port_of(const Manager *m) {
        return m->n_advertised > 0  ? address_port(&m->advertised[0])
               : m->n_listening > 0 ? address_port(&m->listening[0])
                                    : 0;
}

/* Once for each way in which it cannot be known. */
static void tell(Manager *m) {
        ReachReason reason = is_hosting(m) ? reason_of(m) : REACH_REASON_NONE;
        char observed[ADDRESS_STRING_SIZE];

        if (reason == REACH_REASON_NONE || reason == m->reach_told)
                return;
        m->reach_told = reason;
        if (reason == REACH_NOBODY_YET)
                log_notice("Nobody has come in yet; port %u may be closed.", port_of(m));
        if (reason == REACH_BEHIND_NAT) {
                address_print_ip(&m->observed, observed);
                log_notice("This machine is behind NAT (the tracker sees %s): others come in only "
                           "where the router forwards port %u.",
                           observed, port_of(m));
        }
}

/* With Advertise= somebody has thought of it. */
static bool is_behind_nat(const Manager *m) {
        _cleanup_free_ OwnAddress *own = NULL;
        size_t n_own = 0;

        if (m->observed.size == 0 || m->n_advertise > 0 || address_is_loopback(&m->observed))
                return false;
        for (size_t i = 0; i < m->n_advertised; i++)
                if (address_equal_ip(&m->advertised[i], &m->observed))
                        return false;
        if (addresses_of_interfaces(&own, &n_own) < 0)
                return false;
        for (size_t i = 0; i < n_own; i++)
                if (address_equal_ip(&own[i].address, &m->observed))
                        return false;
        return true;
}

static void look(Manager *m) {
        m->is_behind_nat = is_behind_nat(m);
        tell(m);
        manager_changed(m);
}

static void on_waited(void *userdata) {
        Manager *m = userdata;

        m->has_waited = true;
        look(m);
}

int manager_reach_init(Manager *m) {
        return clock_timer_new(m->rt->clock, on_waited, m, &m->reach);
}

void manager_reach_hosting(Manager *m) {
        if (!m->has_waited && !clock_timer_is_armed(m->reach))
                clock_timer_arm(m->reach, NOBODY_YET_USEC);
        tell(m);
}

void manager_reach_observed(Manager *m, const char *observed) {
        Address a;

        if (!observed || address_parse(observed, true, &a) < 0 ||
            (m->observed.size > 0 && address_equal(&a, &m->observed)))
                return;
        m->observed = a;
        look(m);
}

void manager_reach_moved(Manager *m) {
        peer_server_forget_reached(m->peers);
        m->observed = (Address){};
        m->is_behind_nat = m->has_waited = false;
        m->reach_told = REACH_REASON_NONE;
        clock_timer_disarm(m->reach);
        if (is_hosting(m))
                manager_reach_hosting(m);
}
