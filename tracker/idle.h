/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how long nobody has needed us; leaves what needing is, and going, to its user. */
#pragma once

#include "base/runtime.h"

typedef struct Idle Idle;

/* is_idle is asked whenever idle_look() is called, and once more before fn. fn: it has been true
 * for that long without an end; true: that is all, false: asked again after as long. */
int idle_new(const Runtime *rt /* weak */, bool (*is_idle)(void *userdata),
             bool (*fn)(void *userdata), void *userdata /* weak */, Idle **ret);
Idle *idle_free(Idle *i);
DEFINE_CLEANUP(Idle *, idle_free);

/* 0: never. What has passed already counts. */
void idle_set_usec(Idle *i, uint64_t usec);
/* Something happened that may have begun or ended it. */
void idle_look(Idle *i);
