/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon as a whole looks on the bus (org.p2pchat.Peer1.Manager); leaves what it does
 * to manager.h. */
#pragma once

#include "bus/bus.h"
#include "daemon/manager/manager.h"
#include "daemon/notify/notifier.h"

typedef struct ManagerBus ManagerBus;

int manager_bus_new(const Runtime *rt /* weak */, Bus *bus /* weak */, Manager *m /* weak */,
                    Notifier *notifier /* weak */, ManagerBus **ret);
ManagerBus *manager_bus_free(ManagerBus *b);
DEFINE_CLEANUP(ManagerBus *, manager_bus_free);
int manager_bus_add_objects(ManagerBus *b, sd_bus *connection);
void manager_bus_changed(ManagerBus *b);
void manager_bus_progress(ManagerBus *b, const char *step, uint64_t n_done, uint64_t n_total);
void manager_bus_directory_changed(ManagerBus *b, uint64_t generation);
