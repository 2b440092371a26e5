/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a disk that fails and that forgets: what of a folder is durable, what only the operating
 * system has, and when the next operation goes wrong. Leaves how SQLite and our own calls come to
 * it to fault-vfs.c and fault-calls.c. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* The files of one folder (not of folders below it). The files themselves are what the operating
 * system has. Beside them is kept what would be there after a power loss:
 *  - of a file what was written before its last fsync; a name, new or gone or renamed, from the
 *    next fsync of the folder on. SQLite asks for that itself: with the first sync of a journal or
 *    WAL that it made, and with the deletion of a rollback journal.
 *  - an fsync that fails makes nothing durable, now or later: what was written before it counts as
 *    clean (Linux does that), and only what is written again has another chance.
 *  - whatever is not synced may be durable all the same, in any part and order:
 * fault_disk_reboot(). Everything here fails the test itself instead of returning an error. */
typedef struct FaultDisk FaultDisk;

/* All that is there is durable. At most one a folder. */
FaultDisk *fault_disk_new(const char *directory);
FaultDisk *fault_disk_free(FaultDisk *d); /* no file of it is open */
DEFINE_CLEANUP(FaultDisk *, fault_disk_free);

typedef enum FaultOps {
        FAULT_WRITE = 1 << 0,
        FAULT_SYNC = 1 << 1, /* of a file or of the folder */
        FAULT_TRUNCATE = 1 << 2,
        FAULT_OPEN = 1 << 3,
        FAULT_DELETE = 1 << 4,
        FAULT_SHM = 1 << 5,    /* more of the WAL's index */
        FAULT_RENAME = 1 << 6, /* rename and link */
        FAULT_READ = 1 << 7,
        FAULT_CHANGES = (1 << 7) - 1, /* all but reads */
} FaultOps;

#define FAULT_POWER (-1)

typedef struct FaultPlan {
        unsigned ops; /* FaultOps that are counted */
        uint64_t at;  /* the so-manieth of them from now on, from 1; 0: only counted */
        int error;    /* EIO, ENOSPC, EROFS, or FAULT_POWER: all is off from there on */
        bool lasts;   /* all of them from there on, until it heals */
        bool is_told; /* a message says what struck */
} FaultPlan;

void fault_disk_plan(FaultDisk *d, const FaultPlan *plan);
void fault_disk_heal(FaultDisk *d); /* nothing fails, nothing is counted */
uint64_t fault_disk_get_count(const FaultDisk *d);
bool fault_disk_has_struck(const FaultDisk *d);
bool fault_disk_is_off(const FaultDisk *d);
/* What struck, in words; "" */
const char *fault_disk_get_struck(const FaultDisk *d);
/* An fsync says that it is done, and does nothing: a disk that lies, or synchronous=OFF. */
void fault_disk_set_lying(FaultDisk *d, bool is_lying);

/* Nothing of it is open any more: the power comes back, the folder is what was durable. seed 0: and
 * nothing else. Otherwise by chance some of what was not synced, too: names, writes, and parts of
 * writes in sectors of 512 bytes. */
void fault_disk_reboot(FaultDisk *d, uint64_t seed);

/* ---- for fault-vfs.c and fault-calls.c ---- */

typedef struct FaultNode FaultNode; /* one file, whatever its names */

/* Of the folder that the path is in; NULL: nobody's. */
FaultDisk *fault_disk_of(const char *path);
FaultDisk *fault_disk_of_folder(const char *directory);
/* 0, or the error (positive errno) that the operation ends with, which is told by the name. */
int fault_disk_strike(FaultDisk *d, FaultOps op, const char *name);
void fault_disk_sync_names(FaultDisk *d);
FaultNode *fault_disk_open(FaultDisk *d, const char *path);
void fault_disk_close(FaultDisk *d);
void fault_node_write(FaultDisk *d, FaultNode *n, uint64_t offset, const void *data, size_t size);
void fault_node_truncate(FaultDisk *d, FaultNode *n, uint64_t size);
void fault_node_sync(FaultDisk *d, FaultNode *n);
void fault_node_sync_all(FaultDisk *d, const char *path); /* of one that was written past us */
void fault_node_lose(FaultDisk *d, FaultNode *n);         /* an fsync failed */
