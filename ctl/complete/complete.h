/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a completion gathers; complete.c thinks of the tables, complete-names.c asks the
 * daemon. */
#pragma once

#include "ctl/ctl.h"

typedef struct Completion {
        Ctl *ctl; /* weak */
        const Verb *verb;
        char **words; /* weak: behind the verb, before the one that is completed */
        size_t n_words;
        const char *current; /* what is to be completed, or the part of it behind "--option=" */
        const char *before;  /* that "--option=", with n_before bytes */
        size_t n_before;
        const char *channel; /* that these words name; NULL: none yet */
} Completion;

/* One word that may stand here, told if it goes on from what there is. description may be NULL.
 * What could not be typed as it is, is not told. */
void complete_offer(const Completion *c, const char *word, const char *description);

/* What stands for kind ("CHANNEL", "USER", "KEY", …) as the daemon knows it now; nothing where it
 * is of no such kind. */
void complete_names(const Completion *c, const char *kind);

extern const Verb verbs_complete[];
