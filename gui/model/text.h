/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how texts of others are made harmless before they are shown; leaves what they say to who
 * shows them. */
#pragma once

#include <glib.h>

/* What a text of others may have at most when it is shown, bytes: a message has 16,384, and each
 * byte that is none of text becomes three. What is more is cut, with an ellipsis. */
#define CHAT_TEXT_BYTES_MAX 65536
/* A name, a topic or a reason: the longest that the API carries has 512. */
#define CHAT_LINE_BYTES_MAX 2048

/* Plain text of several lines, to be freed: what is no text or is a control becomes U+FFFD, any
 * separator of lines a newline; what sets a direction holds at most to the end of its line, and
 * what turns letters round is left out. NULL is "". */
char *chat_text(const char *text);
/* The same as one line. */
char *chat_line(const char *text);
/* One line, which stands in a text of ours without changing its direction: between FSI and PDI.
 * "" stays "". */
char *chat_isolate(const char *text);
