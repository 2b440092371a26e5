/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which entries are asked for by what is in them; leaves reading and showing to the verbs. */
#pragma once

#include <regex.h>

#include "ctl/client/client.h"

#define PATTERN_BYTES_MAX 1024 /* it is matched with every entry */

/* All zero takes every entry. */
typedef struct EntryFilter {
        const char *from; /* borrowed; NULL: everybody */
        bool events_only; /* not what was said */
        bool has_pattern;
        regex_t pattern;
} EntryFilter;
void entry_filter_done(EntryFilter *f);

/* An extended regular expression of POSIX, in any case where it has no capital letter; ^ and $ are
 * of a line. EXIT_OK, or what is wrong was told. */
int entry_filter_set_pattern(Ctl *ctl, EntryFilter *f, const char *pattern);
bool entry_filter_takes(const EntryFilter *f, const EntryView *e);
