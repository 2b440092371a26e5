/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how lines come from a pipe, or from a terminal that edits them itself. */
#pragma once

#include "ctl/chat/chat.h"

typedef struct Plain {
        char *bytes; /* that are no whole line yet */
        size_t n;
} Plain;
void plain_done(Plain *p);
/* What there is on stdin now, as lines; at its end the talk ends. 0 or negative errno. */
int plain_read(Plain *p, Chat *c);
