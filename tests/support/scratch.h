/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a directory that is a test's own, where the system has its temporary files, and how it goes
 * with all that is in it; leaves what is written there to the test. */
#pragma once

#include "base/cleanup.h"

/* All fail the test themselves instead of returning an error. */

/* Empty, and below TMPDIR: for its owner to free. */
char *scratch_new(void);
/* NULL: nothing to remove. */
char *scratch_free(char *directory);
DEFINE_CLEANUP(char *, scratch_free);
/* to becomes what from is, whatever it was. */
void scratch_copy(const char *from, const char *to);
