/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how SQLite's files come to be those of a FaultDisk; leaves what fails to fault-disk.h. */
#pragma once

#include "support/fault-disk.h"

/* Before the first database is opened: all that are opened from then on go through a shim around
 * SQLite's own file system. Where the folder has no FaultDisk, it only leaves out the fsync. Locks
 * and the WAL's index are SQLite's own. */
void fault_vfs_register(void);
