/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a network, or a host that lies, stands between a host and its members: it has the keys
 * of both, sees each frame and decides what becomes of it. Leaves what is wrong to the scenarios.
 */
#pragma once

#include "scenario/support.h"

typedef struct Relay Relay;

typedef enum RelayVerdict {
        RELAY_PASS,
        RELAY_DROP,
        RELAY_TWICE,
        RELAY_SWAP, /* behind the next one that passes in that direction */
        RELAY_CUT,  /* dropped, and with it the connection, both ways */
} RelayVerdict;

/* line: one frame without its LF. */
typedef RelayVerdict (*relay_fn)(Person *member, bool to_member, const char *line, void *userdata);

/* Everybody who dials host from now on comes through it; host begins anew for that. The world ends
 * after it. */
Relay *relay_new(Person *host);
Relay *relay_free(Relay *r);
DEFINE_CLEANUP(Relay *, relay_free);
void relay_set_hook(Relay *r, relay_fn hook, void *userdata); /* NULL: all passes */

/* The connections that there are: nothing passes any more, and neither side learns of the other's
 * end. Back to life only where nobody has gone meanwhile. */
void relay_freeze(Relay *r, Person *member);
void relay_thaw(Relay *r, Person *member);
/* … of this member: a reset, seen by both. */
void relay_cut(Relay *r, Person *member);
/* How many the host has through it; how many have ever been. */
unsigned relay_get_n_links(const Relay *r, const Person *member);
unsigned relay_get_n_dialled(const Relay *r, const Person *member);
/* What the member said over a frozen connection reaches the host after all. */
void relay_say_late(Relay *r, Person *member, const char *line);
