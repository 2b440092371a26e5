/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which names somebody may have meant who wrote one that nobody has; leaves where the names
 * come from to others. */
#pragma once

#include "base/names.h"

#define NEAR_NAMES_MAX 3    /* told; more is a list to search, and to harvest */
#define NEAR_DISTANCE_MAX 2 /* letters left out, added, changed, or two swapped */

/* Damerau-Levenshtein: how many letters were left out, added, changed, or swapped with the one
 * beside them. NEAR_DISTANCE_MAX + 1: more than NEAR_DISTANCE_MAX, or a string that is longer than
 * a name may be. At most ≈ 300 steps, whatever the strings are. */
unsigned name_distance(const char *a, const char *b);

/* The nearest ones so far, nearest first, those that are as near in byte order. */
typedef struct NearNames {
        char wanted[NAME_SIZE];
        size_t n;
        struct {
                char name[NAME_SIZE];
                unsigned distance;
        } found[NEAR_NAMES_MAX];
} NearNames;

/* wanted: what name_is_valid() admits; copied. */
void near_names_init(NearNames *near, const char *wanted);
/* Takes a copy of a name that is near enough: at most NEAR_DISTANCE_MAX from `wanted`, not
 * `wanted` itself, with at least one letter in common. One that is there is not taken twice. */
void near_names_add(NearNames *near, const char *name);
/* "alice", "alice or bob", "alice, bob or carol"; ret "" with none. */
#define NEAR_NAMES_TEXT_SIZE (NEAR_NAMES_MAX * (NAME_SIZE + 4))
void near_names_print(const NearNames *near, char ret[static NEAR_NAMES_TEXT_SIZE]);

/* Each valid name at distance 1 of `name`, some of them more than once, ≈ 2,700 of the longest
 * name. Ends early with what fn returns unless that is 0. */
typedef int (*name_each_near_fn)(const char *name, void *userdata);
int name_each_near(const char *name, name_each_near_fn fn, void *userdata);
