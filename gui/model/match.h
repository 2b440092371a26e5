/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where in a message the words stand that a person looked for; leaves which messages have
 * them to the daemon, by whose rules (Channel.Search) it goes. */
#pragma once

#include <glib.h>

/* More are not shown. */
#define CHAT_MATCHES_MAX 64
/* So much of the text stands before the first match in an excerpt, characters. */
#define CHAT_EXCERPT_BEFORE 40

/* Bytes of the text. */
typedef struct ChatMatch {
        gsize begin, end;
} ChatMatch;

/* Of ChatMatch, ascending, each behind the one before; g_array_unref() it. Any case, and Latin
 * letters without their accents; words in quotation marks are one. text and query: UTF-8. */
GArray *chat_match_find(const char *text, const char *query);

/* The text from shortly before the first match, an ellipsis ahead of what was left out; all of it
 * where the match is near its begin, or there is none. To be freed. */
char *chat_match_excerpt(const char *text, const char *query);
