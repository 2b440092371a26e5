/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether the user is at this machine or away, and whether the user's services outlive the
 * last session, by logind on the system bus, and when that may have changed. Leaves what counts as
 * away to session-read.h, and who is told to its owner. */
#pragma once

#include "base/runtime.h"

/* Begins with "not away", which holds as well where there is no system bus, no logind on it, or no
 * such user to it; each of them may come later. fn is told each change: away once it is so for a
 * few seconds, and not away soon. lingers: -1 where it is not known. */
typedef struct SessionWatch SessionWatch;
typedef void (*session_watch_fn)(bool is_away, int lingers, void *userdata);
int session_watch_new(const Runtime *rt /* weak */, session_watch_fn fn, void *userdata /* weak */,
                      SessionWatch **ret);
SessionWatch *session_watch_free(SessionWatch *w);
DEFINE_CLEANUP(SessionWatch *, session_watch_free);
