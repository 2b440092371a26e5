/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who watches the directory and when they are told (protocol §4 WATCH); leaves what changed
 * to directory.h. */
#pragma once

#include "base/runtime.h"
#include "tracker/asker.h"

#define WATCH_IMPORTANT_USEC (500 * USEC_PER_MSEC) /* protocol: within 1 s; the rest is the way */
#define WATCH_COUNTS_USEC (30 * USEC_PER_SEC)

typedef struct Watch Watch;     /* all of them */
typedef struct Watcher Watcher; /* one */

int watch_new(const Runtime *rt /* weak */, Directory *directory /* weak */, Watch **ret);
/* Watchers must be gone (asserted). */
Watch *watch_free(Watch *h);
DEFINE_CLEANUP(Watch *, watch_free);
/* The directory has, or may have, a new generation. */
void watch_changed(Watch *h);

/* A cursor into the changes: what comes after `generation` is written when the connection takes
 * it. Who has not taken the last news when the next are due is told to begin anew, once. */
int watcher_new(Watch *h, Conn *conn /* weak */, uint64_t generation, Watcher **ret);
Watcher *watcher_free(Watcher *w);
DEFINE_CLEANUP(Watcher *, watcher_free);
