/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which lines typed in a chat are not known to be stored yet, and tells of those that were
 * refused; leaves the talk to chat.c. */
#pragma once

#include "ctl/client.h"

/* A line typed in this chat: a list, the newest first. */
typedef struct Said Said;
Said *said_free_all(Said *list);
/* name, path: of the channel that it was said in. 0 or -ENOMEM. */
int said_add(Said **list, const char *id, const char *name, const char *path);
/* Tells on stderr what was refused, and why, once each; forgets that and what is stored. */
void said_look(Ctl *ctl, Said **list);
