/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody at a terminal sees that something takes time, and how far it is; leaves what
 * it is to the verbs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* All zero to begin with. */
typedef struct Progress {
        bool is_shown;
} Progress;

/* One line on stderr, over the one before, and only where that is a terminal: the step, and how
 * many of how many; total 0: nobody knows. step is a text for people, already translated. */
void progress_show(Progress *p, const char *step, uint64_t done, uint64_t total);
/* Erases it; before anything else is written, and at the end. For _cleanup_() too. */
void progress_done(Progress *p);
