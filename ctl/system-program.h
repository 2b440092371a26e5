/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how --system becomes the tracker operator's program; leaves all else to that. */
#pragma once

#include "ctl/ctl.h"

/* Becomes p2pchat-trackerctl, with the same words but for argv[option], which is --system: the one
 * beside this program, else the one that PATH leads to. Returns only where there is none, which was
 * told. → exit status */
int system_program_run(Ctl *ctl, int option, char **argv);
