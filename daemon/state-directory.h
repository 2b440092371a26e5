/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the directory that is one person's memory, and that one daemon at a time has it; leaves the
 * files in it to others. */
#pragma once

#include <sys/types.h>

#include "base/cleanup.h"

typedef struct StateDirectory StateDirectory;

/* Made when missing, with its parents (0700). -EBUSY: another daemon has it, whatever name it calls
 * the directory by; *ret_holder (may be NULL) is its process then, 0: not known. -EPERM: it belongs to
 * somebody else. -ENOTDIR. A directory of ours that others may enter is closed to them. */
int state_directory_new(const char *path, pid_t *ret_holder, StateDirectory **ret);
StateDirectory *state_directory_free(StateDirectory *d); /* gives the lock back */
DEFINE_CLEANUP(StateDirectory *, state_directory_free);

/* The path of a file in it; the caller's. */
int state_directory_path(const StateDirectory *d, const char *name, char **ret);
