/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what time of day it is and how times are told to people; leaves which times to the others.
 */
#pragma once

#include <glib.h>

/* µs since the epoch. The only door to it, so that a test can stop the clock. */
gint64 chat_now(void);
/* For tests: from now on it is this time; 0: the real one. */
void chat_now_set(gint64 usec);

/* In the person's zone and language, to be freed: "14:05"; "Monday, 23 November 2026"; both. What
 * is no time that can be told is "". */
char *chat_time_of_day(gint64 usec);
char *chat_date(gint64 usec);
char *chat_date_and_time(gint64 usec);
/* "Today", "Yesterday", or the date. */
char *chat_day(gint64 usec);
/* Whether two times are of one day there. */
gboolean chat_is_same_day(gint64 a, gint64 b);
