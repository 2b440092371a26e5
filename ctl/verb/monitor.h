/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what happens in all channels, or in some, as one line after the other; leaves what is asked
 * for to the verb. */
#pragma once

#include "ctl/client/client.h"
#include "ctl/verb/cursor-file.h"

typedef struct Watched {
        char *path, *id, *name;
        char *state, *reason; /* as they were told */
        uint32_t outbox, members;
        uint64_t cursor; /* the newest entry that was told */
        uint64_t added;  /* how far the log was when the channel appeared; 0: nobody knew */
        bool is_placed;  /* the cursor is where it begins */
        bool is_here;
        bool has_entries, has_outbox, has_members; /* a signal said so since they were told */
} Watched;

typedef struct Monitor {
        Ctl *ctl;
        char **wanted;       /* borrowed, ends with NULL; names or ids; empty: all channels */
        const char *kinds;   /* borrowed; with commas between; NULL: all */
        const char *command; /* borrowed; NULL: lines go to stdout */
        bool shows_ignored;
        uint64_t n_before;  /* entries of each channel that are told at the beginning */
        CursorFile *file;   /* weak; NULL: nothing is noted */
        Watched **channels; /* they stay where they are while commands run, and others come */
        size_t n_channels;
        Snapshot last; /* its account is what was told; of channels it has none */
        bool is_begun, is_away;
        bool has_changes; /* a signal told of something else than entries */
        bool has_failed;  /* and the same is asked again soon */
} Monitor;

/* What a line is about; NULL and 0 where that is not in it. Strings are borrowed. */
typedef struct MonitorLine {
        const Watched *channel;
        const EntryView *entry;
        const char *kind; /* of an entry: its own */
        const char *state, *reason;
        const AccountView *account;
        uint32_t count;
        bool has_count;
} MonitorLine;

/* To stdout, or to the command, which has ended when this returns. EXIT_OK, or what is wrong was
 * told. */
int monitor_tell(Monitor *m, const MonitorLine *line);
/* Runs command with /bin/sh: json on its standard input, and what else is told in environment, as
 * NAME=VALUE, ends with NULL. *ret_status is its exit status, 128 and a signal's number where that
 * ended it. Meanwhile the bus is heard. 0 or negative errno. */
int monitor_run(Ctl *ctl, const char *command, const char *json, char *const *environment,
                int *ret_status);
/* Until nobody reads it any more. → exit status */
int monitor_run_all(Monitor *m);
void monitor_done(Monitor *m);
