/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the operator's door (org.p2pchat.Tracker1 on the system bus): that it is there, for as long
 * as there is a bus; leaves who may come in to polkit, and what is done there to the tracker. */
#pragma once

#include "tracker/tracker.h"

typedef struct Door Door;

/* Free it before the tracker: who waits is answered `Cancelled`, and what was begun goes on. */
int door_new(const Runtime *rt /* weak */, Tracker *tracker /* weak */, Door **ret);
Door *door_free(Door *d);
DEFINE_CLEANUP(Door *, door_free);

/* Once the tracker serves: the system bus from now on, dialled again when it is lost. Without one
 * the tracker serves all the same. */
void door_open(Door *d);
/* What its properties show may differ from before. */
void door_look(Door *d);
/* Calls have no answer yet, or the name is asked for: a call that started this process is with the
 * bus until it is ours. */
bool door_is_needed(const Door *d);

/* Ahead of tracker_stop(), which waits for what was begun: the name is given back, so that who asks
 * from now on reaches the next one. What was sent to it before is done as ever. Those who wait for
 * polkit already are told to ask again. Say STOPPING=1 first: else the bus takes this process for
 * the next one. */
void door_stop(Door *d);
