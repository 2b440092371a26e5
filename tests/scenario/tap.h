/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows every frame that is read in a world, by whom, from whom and when, with chance that depends
 * on nothing but who draws and when; leaves the story to the scenarios, and what must be equal. */
#pragma once

#include "scenario/support.h"

/* Two runs of one story are comparable, frame by frame, if what differs between them draws no
 * chance from the others: so each person has ids of its own seed (World.seed), and each draw of
 * time is a function of seed, person and moment. Ports, keys and certificates are new each time;
 * their names stand for them. Link with scenario_tap: it stands in front of functions of net and
 * base. One at a time. */
typedef struct Tap Tap;

/* Right after world_new(). */
Tap *tap_new(World *w, uint64_t seed);
/* Nothing is read any more: right after world_free(). */
void tap_end(Tap *t);
Tap *tap_free(Tap *t);
/* Who else reads, under that name. */
void tap_name(Tap *t, const Runtime *rt, const char *name);
/* How many frames that one reads of the other have these words in them. */
size_t tap_count(const Tap *t, const char *reader, const char *of, const char *words);
/* Fails the test at the first frame that is not the same in both, but those to and from `but`.
 * Returns how many there are. */
size_t tap_compare(const Tap *a, const Tap *b, const char *but);
