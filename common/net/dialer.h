/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how to reach somebody by several addresses at once; leaves when to try again to its user.
 */
#pragma once

#include "net/conn.h"

/* One attempt: names are looked up on a worker, then at most ADDRESSES_MAX addresses are tried,
 * IPv6 and IPv4 interleaved in the order given, a new one every DIAL_STAGGER_USEC or as soon as one
 * fails. The first that completes the TLS handshake wins; the rest are closed. Where no pin is held
 * the first that offers one ends the attempt. */
#define DIAL_STAGGER_USEC (250 * USEC_PER_MSEC) /* protocol §4; RFC 8305 */

typedef struct Dialer Dialer;

typedef struct DialFailure {
        ConnClosed closed; /* the most telling one: pin > identity > TLS > refused > unreachable >
                              time-out */
        unsigned n_tried;
} DialFailure;

/* Exactly one of conn (owned by the callee, handlers to be set) and failure is not NULL. The dialer
 * may be freed inside. */
typedef void (*dialer_done_fn)(Conn *conn, const DialFailure *failure, void *userdata);

int dialer_new_addresses(const Runtime *rt, const Address *addresses, size_t n, TlsConfig *tls,
                         dialer_done_fn done, void *userdata /* weak */, Dialer **ret);
int dialer_new_name(const Runtime *rt, const char *host, uint16_t port, TlsConfig *tls,
                    dialer_done_fn done, void *userdata /* weak */, Dialer **ret);
Dialer *dialer_free(Dialer *d);
DEFINE_CLEANUP(Dialer *, dialer_free);
