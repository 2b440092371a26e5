/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person does next whom the daemon has refused something; leaves what went wrong to
 * the daemon's own words, which are for every client. */
#pragma once

#include "ctl/ctl.h"

/* A sentence with a command in it, translated; NULL: none is known. error: a name of the bus. */
const char *next_step(const Ctl *ctl, const char *error);
