/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a small file that an operator put somewhere is read; leaves what it means to others. */
#pragma once

#include <sys/types.h>

/* → its bytes, behind which is a NUL. -E2BIG: there is no room for them and the NUL. Never waits,
 * whatever kind of file it is. ret may hold part of it after a failure: erase it where it is a
 * secret. */
ssize_t small_file_read(int dir_fd, const char *name, char *ret, size_t size);
