/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an account looks on the bus (org.p2pchat.Peer1.Account); leaves what it is to
 * account.h.
 */
#pragma once

#include "bus/bus.h"
#include "daemon/account/account.h"

/* The objects below /org/p2pchat/Peer1/account: one, or none while no tracker was ever accepted. */
typedef struct AccountBus AccountBus;

int account_bus_new(const Runtime *rt /* weak */, Bus *bus /* weak */, AccountBus **ret);
AccountBus *account_bus_free(AccountBus *b);
DEFINE_CLEANUP(AccountBus *, account_bus_free);
int account_bus_add_objects(AccountBus *b, sd_bus *connection);
void account_bus_set(AccountBus *b, Account *a /* weak; NULL: it is going */);
void account_bus_changed(AccountBus *b);
