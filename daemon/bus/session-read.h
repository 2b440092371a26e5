/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how logind is asked whether a user is at the machine, and what counts as that, and whether
 * the user's services outlive the last session. Leaves when
 * to ask to session-watch.h. */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

#define LOGIND_NAME "org.freedesktop.login1"
#define LOGIND_PATH "/org/freedesktop/login1"
#define LOGIND_MANAGER LOGIND_NAME ".Manager"

/* Away: of the user's sessions (of class user, on a terminal or graphical, not being closed) there
 * is none that is active, not idle and not locked. A session over the network is always active, one
 * at a seat while it is the seat's foreground. */
typedef struct SessionRead SessionRead;
/* Once, from a later turn; free it there. lingers: -1 where it is not known. r -ESRCH: logind knows
 * no such user; else below 0: it is not there. */
typedef void (*session_read_fn)(int r, bool is_away, int lingers, void *userdata);
int session_read_new(sd_bus *bus, uid_t uid, session_read_fn fn, void *userdata /* weak */,
                     SessionRead **ret);
SessionRead *session_read_free(SessionRead *q);
DEFINE_CLEANUP(SessionRead *, session_read_free);
