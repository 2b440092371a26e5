/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which word somebody may have meant who typed another; leaves which words there are to who
 * asks. */
#pragma once

#include "base/near-names.h"

typedef struct Suggestion {
        const char *typed; /* weak */
        const char *best;  /* weak; NULL: nothing is near */
        unsigned distance; /* of best */
} Suggestion;

/* The candidate is taken that is nearest, of equal ones the first: a letter or two left out, added,
 * changed or swapped, and not more than a third of the word; or a word that begins with what was
 * typed, of at least three letters. */
void suggest(Suggestion *s, const char *candidate);
