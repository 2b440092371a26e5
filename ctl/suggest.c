/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which word somebody may have meant who typed another; leaves which words there are to who
 * asks. */
#include "ctl/suggest.h"

#include "base/cleanup.h"

#define PREFIX_MIN 3

static unsigned distance_of(const char *typed, const char *candidate) {
        size_t n = strlen(typed), longer = MAX(n, strlen(candidate));
        unsigned distance = name_distance(typed, candidate);

        if (distance <= MAX(longer / 3, (size_t) 1) && distance <= NEAR_DISTANCE_MAX &&
            distance < longer - 1)
                return distance;
        /* More than they typed is what they would have typed next. */
        if (n >= PREFIX_MIN && strncmp(typed, candidate, n) == 0)
                return NEAR_DISTANCE_MAX + 1;
        return UINT32_MAX;
}

void suggest(Suggestion *s, const char *candidate) {
        unsigned distance = distance_of(s->typed, candidate);

        if (distance == UINT32_MAX || (s->best && s->distance <= distance))
                return;
        s->best = candidate;
        s->distance = distance;
}
