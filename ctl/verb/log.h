/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the entries of one channel are read and shown, and those to come waited for; leaves
 * what is asked for to the verb. */
#pragma once

#include "ctl/client/client.h"
#include "ctl/verb/cursor-file.h"
#include "ctl/verb/entry-filter.h"
#include "ctl/verb/entry-form.h"

typedef struct Log {
        Ctl *ctl;
        const char *path, *id; /* borrowed; of the channel */
        EntryForm form;
        EntryStyle style;
        EntryFilter filter;
        uint64_t after;        /* entries above this one alone */
        uint64_t since, until; /* µs since the epoch; until 0: no end */
        bool shows_ignored;
        CursorFile *file; /* weak; NULL: nothing is noted */
        uint64_t cursor;  /* the newest entry that was looked at */
        uint64_t n_hidden;
        bool wake; /* something happened on the bus since the last look */
} Log;

/* All of these → exit status, with what is wrong told. */

/* Newest first, at most n. */
int log_show_reverse(Log *l, uint64_t n);
/* The newest n, oldest first. */
int log_show_newest(Log *l, uint64_t n);
/* All. */
int log_show_all(Log *l);
/* None; following begins at the end. */
int log_skip_to_end(Log *l);
/* What was shown is out of our hands, and then noted: who is killed in between shows it again. */
int log_settle(Log *l);
/* What comes above the cursor, until nobody reads it any more. on_event was watching since before
 * the first look, so that nothing falls between the two. */
int log_follow(Log *l);
void log_on_event(Ctl *ctl, const char *path, const char *member, void *log);
