/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person at a terminal is led through who does not know yet what comes next; leaves
 * programs and scripts, whom nobody asks anything, to the verbs. All return EXIT_OK, or told what
 * was wrong and return an exit status. */
#pragma once

#include "base/names.h"
#include "ctl/verb/identity.h"

/* Whether somebody is there to be asked: a terminal, and nothing that says this is a program. */
bool guided_may_ask(const Ctl *ctl, bool has_password_fd);
/* A tracker is set and its pin accepted, or asked for until it is. */
int guided_tracker(Ctl *ctl);
/* A name that a user may have. */
int guided_name(Ctl *ctl, char ret[static NAME_SIZE]);
/* From nothing to an account. name NULL: asked for. */
int guided_sign_up(Ctl *ctl, const char *name);
