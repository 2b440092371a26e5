/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of strangers' words a desktop may be shown; leaves when to who asks. */
#pragma once

#include <stddef.h>

#define POPUP_TEXT_CHARACTERS 256 /* a glance; desktops cut off at less */

/* One line: white space is one space, and what is not seen (controls, what turns the direction of
 * writing, what has no width) is left out; what is no text is U+FFFD; what is too much ends in "…".
 * *ret is the caller's. */
int popup_text_clean(const char *text, size_t n, char **ret);
/* As text in the markup of org.freedesktop.Notifications. */
int popup_text_escape(const char *text, char **ret);
