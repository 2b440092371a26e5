/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows under which addresses this machine can be dialled; leaves telling others to the manager. */
#pragma once

#include "base/address.h"
#include "base/cleanup.h"

typedef struct OwnAddress {
        Address address; /* without a port */
        unsigned prefix; /* bits that all on its link have in common */
        bool is_running; /* a carrier is there */
} OwnAddress;

/* The addresses of the interfaces that are up. *ret is the caller's. */
int addresses_of_interfaces(OwnAddress **ret, size_t *ret_n);

/* What to advertise for one listening socket: its own address, or, where that is unspecified, the
 * interfaces' of the families it takes ([::] takes both), with its port. Unusable ones are left
 * out; those that others may reach come first, IPv6 and IPv4 in turn, loopback comes last and keeps
 * up to two places of max. */
size_t addresses_select(const Address *listening, const OwnAddress *interfaces, size_t n_interfaces,
                        Address *ret, size_t max);

/* The order in which somebody else's are tried, stable, judged by what this machine has: loopback
 * (whoever is told of it is on the same machine), own links, what is public, others' private nets,
 * and last families that this machine has no way into. */
void addresses_order(Address *addresses, size_t n, const OwnAddress *own, size_t n_own);
