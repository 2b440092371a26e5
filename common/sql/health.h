/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether a database can be used at all, since when not, and when to look again; leaves the
 * looking, and what a request is told, to sql.c. */
#pragma once

#include "sql/sql.h"

typedef struct Health Health;

/* try_again runs on the loop, when it is time, and says what came of it by health_tried(). */
int health_new(const Runtime *rt /* weak */, void (*try_again)(void *userdata),
               void *userdata /* weak */, Health **ret);
Health *health_free(Health *h);
DEFINE_CLEANUP(Health *, health_free);

void health_watch(Health *h, sql_trouble_fn fn, void *userdata /* weak */);

/* On any thread: what was met. What is no trouble is ignored; a worse one takes the place of what
 * was met before. */
void health_note(Health *h, int r);
int health_get(const Health *h);

/* On the loop, whenever something may have been met: who watches is told, from a later turn. */
void health_look(Health *h);
/* How the try ended: 0 or more is the end of the trouble. */
void health_tried(Health *h, int r);
/* The damaged one is no longer what is at work, or was whole all along. */
void health_mended(Health *h);
