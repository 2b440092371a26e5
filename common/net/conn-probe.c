/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a connection that is in doubt is put to the test, and how one that leads nowhere is
 * given up; leaves when that is to its owner. */
#include <netinet/tcp.h>

#include "net/conn-internal.h"

/* One question a second, from the first silent second on. Where bytes of ours are under way the
 * kernel asks nothing, and the time after which it gives those up counts. */
#define PROBE_INTERVAL_SEC 1
#define PROBES_MAX 5

static void conn_set_keepalive(Conn *c, bool on) {
        const int interval = PROBE_INTERVAL_SEC, n = PROBES_MAX,
                  unheard_ms = on ? PROBE_INTERVAL_SEC * PROBES_MAX * 1000 : 0;
        const int enabled = on;

        /* Where one is refused the silence that conn counts ends the connection, later. */
        (void) setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPIDLE, &interval, sizeof(interval));
        (void) setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
        (void) setsockopt(c->fd, IPPROTO_TCP, TCP_KEEPCNT, &n, sizeof(n));
        (void) setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unheard_ms, sizeof(unheard_ms));
        (void) setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &enabled, sizeof(enabled));
        c->is_probed = on;
}

void conn_probe(Conn *c) {
        if (c->stage != CONN_OPEN || c->why.message[0])
                return;
        conn_set_keepalive(c, true);
        /* A second more, so that it is the kernel that comes first. */
        clock_timer_arm(c->deadline, CONN_PROBE_USEC + USEC_PER_SEC);
}

void conn_probe_end(Conn *c) {
        conn_set_keepalive(c, false);
}

void conn_abandon(Conn *c, int error, const char *message) {
        if (c->stage >= CONN_CLOSING)
                return;
        conn_set_reason(c, error, "%s", message);
        clock_timer_arm(c->deadline, 0);
}
