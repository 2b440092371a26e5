/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how moments are spelt on the wire; leaves what time it is to base/clock.h. */
#pragma once

#include <stdint.h>

#define TIME_STRING_SIZE 25 /* YYYY-MM-DDTHH:MM:SS.mmmZ and NUL */

/* µs since the epoch ⇄ RFC 3339 with milliseconds in UTC, the form of protocol §2, nothing else.
 * What is beyond the year 9999 is printed as its last millisecond. */
void time_print(uint64_t realtime_usec, char ret[static TIME_STRING_SIZE]);
/* The same for the names of files, where a colon is of no good: YYYY-MM-DDTHH-MM-SS.mmmZ. */
void time_print_name(uint64_t realtime_usec, char ret[static TIME_STRING_SIZE]);
/* -EINVAL for any other form, for days that do not exist and for what was before 1970. */
int time_parse(const char *s, uint64_t *ret_usec);
