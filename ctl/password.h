/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a password is asked for, so that it is never an argument; leaves its use to
 * verb-identity. */
#pragma once

#include "ctl/ctl.h"

#define PASSWORD_SIZE 258 /* 256 bytes (protocol §2), an LF, a NUL */

/* From fd (one line) when fd >= 0, else asked for at the terminal without echo, twice where
 * confirm. EXIT_OK, or it was told and is the exit status. The caller erases ret. */
int password_get(Ctl *ctl, int fd, bool confirm, char ret[static PASSWORD_SIZE]);
