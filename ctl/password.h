/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how passwords and codes are asked for, so that they are never arguments; leaves their use
 * to verb-identity and verb-account. */
#pragma once

#include "ctl/ctl.h"

#define PASSWORD_SIZE 258 /* 256 bytes (protocol §2), an LF, a NUL */

/* From fd (its next line) when fd >= 0, else asked for at the terminal without echo, twice where
 * confirm. what: "password", "recovery code". EXIT_OK, or it was told and is the exit status. The
 * caller erases ret. */
int password_get(Ctl *ctl, int fd, const char *what, bool confirm, char ret[static PASSWORD_SIZE]);
/* Asked for at the terminal twice, without echo; nothing is told. 0 or negative errno: -EAGAIN (the
 * two differ), -ENODATA (nothing was typed), -EINTR, -E2BIG, -ENXIO (no terminal). */
int password_try(Ctl *ctl, const char *prompt, char ret[static PASSWORD_SIZE]);
/* At the terminal, with echo. */
int terminal_ask(Ctl *ctl, const char *prompt, char ret[static PASSWORD_SIZE]);
/* --password-fd=: UINT64_MAX is -1, for none. */
int password_parse_fd(Ctl *ctl, uint64_t option, int *ret_fd);
