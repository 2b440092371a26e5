/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long texts are given to a pager, where people read them at a terminal; leaves the texts
 * to who shows them. */
#pragma once

#include "ctl/ctl.h"

/* From here on stdout goes to the pager, and so does stderr where it is the same terminal:
 * $P2PCHAT_PAGER, $PAGER, or less. Nothing happens without a terminal, with --no-pager, for JSON in
 * lines, with a pager that is "" or "cat", or where there is none; not to be called by what
 * follows. Who leaves the pager early ends the program, with success. → 1: it is open */
int pager_open(Ctl *ctl);
/* Waits until who reads is done; program_run() does that. */
void pager_close(Ctl *ctl);
