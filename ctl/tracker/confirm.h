/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody is asked before what cannot be undone. */
#pragma once

#include "ctl/ctl.h"

/* what: sentences that end with a newline, as told to a person; word: what they are to type. yes: they
 * have said so already, which is needed where nobody is at a terminal. EXIT_OK, or it was told. */
int confirm(Ctl *ctl, bool yes, const char *word, const char *what, ...) _printf_(4, 5);
