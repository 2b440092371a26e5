/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where chance comes from; leaves what it is used for to its callers. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Two kinds: the system's (getrandom) and a seeded one, so that a scenario test can be repeated.
 * Keys and salts never come from here: OpenSSL and libxcrypt draw their own. */
typedef struct Random Random;

int random_new(Random **ret);
int random_new_seeded(uint64_t seed, Random **ret);
Random *random_free(Random *r);
DEFINE_CLEANUP(Random *, random_free);

uint64_t random_u64(Random *r);
/* Uniform in [0, bound); 0 when bound is 0. */
uint64_t random_below(Random *r, uint64_t bound);

#define UUID_STRING_SIZE 37 /* with NUL */
/* A version 4 UUID in lower case (libuuid's form, RFC 4122). */
void random_uuid(Random *r, char ret[static UUID_STRING_SIZE]);
