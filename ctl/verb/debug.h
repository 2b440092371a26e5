/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what debug is made of; leaves the rest of the verbs to verbs.h. */
#pragma once

#include "ctl/ctl.h"

/* Every connection that is in a channel hosted here, as the host has them. → exit status */
int debug_show_peers(Ctl *ctl, const char *name);
