/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which strings of strangers are names and ids; leaves their meaning to others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/address.h"
#include "base/text.h"
#include "base/timestamp.h"

#define NAME_MAX_BYTES 32 /* protocol §2: [a-z0-9][a-z0-9._-]{1,31} */
#define NAME_SIZE (NAME_MAX_BYTES + 1)
#define TRACKER_ID_SIZE 33 /* 32 lower-case hex digits and NUL */
#define KEY_ID_SIZE 65     /* lower-case hex SHA-256 of an SPKI and NUL */

/* A channel's or any account's name by its form alone, lower case already. */
bool name_is_valid(const char *s);
/* … and one that a registered user may have: not reserved, not guest-…. */
bool name_is_user(const char *s);
/* … and a guest's: `guest-` + 2–26 characters that are a name too and do not begin `guest-`. */
bool name_is_guest(const char *s);
/* ASCII letters to lower case, the rest as it is. At most NAME_MAX_BYTES are kept: longer input
 * gives -EINVAL. */
int name_fold(const char *s, char ret[static NAME_SIZE]);

bool uuid_is_valid(const char *s);                 /* lower case, 8-4-4-4-12 */
bool hex_is_valid(const char *s, size_t n_digits); /* exactly n lower-case hex digits */
