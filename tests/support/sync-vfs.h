/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a test stands between SQLite and the disk's fsync, to hold it, to count it or to leave
 * it out; leaves disks that fail and forget to fault-vfs.h. */
#pragma once

#include <stdbool.h>

/* On SQLite's thread, ahead of each fsync. False: there is none, and SQLite takes it for done. */
typedef bool (*sync_vfs_fn)(bool is_wal, void *userdata);

/* All databases that are opened from then on go through it, once fn is set. No thread may be inside
 * SQLite meanwhile. NULL: fsync as it is. */
void sync_vfs_set(sync_vfs_fn fn, void *userdata);
