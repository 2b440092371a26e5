/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows under which addresses this machine can be dialled; leaves telling others to the manager. */
#pragma once

#include "base/address.h"
#include "base/cleanup.h"

/* The addresses of the interfaces that are up, without ports. *ret is the caller's. */
int addresses_of_interfaces(Address **ret, size_t *ret_n);

/* What to advertise for one listening socket: its own address, or, where that is unspecified, the
 * interfaces' of the families it takes ([::] takes both), with its port. Unusable ones are left
 * out; those that others may reach come first, IPv6 and IPv4 in turn, loopback comes last and keeps
 * up to two places of max. */
size_t addresses_select(const Address *listening, const Address *interfaces, size_t n_interfaces,
                        Address *ret, size_t max);
