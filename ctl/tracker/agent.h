/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody at a terminal is asked for a password by polkit; leaves who must be to the
 * service. */
#pragma once

#include "ctl/ctl.h"

/* Has polkit's own program ask at the terminal, where there is one and nobody is root. Where it cannot
 * be started, or another agent is there, everything goes on without it. */
void agent_open(Ctl *ctl);
void agent_close(Ctl *ctl);
