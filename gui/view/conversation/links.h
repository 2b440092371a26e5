/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a plain text is a link; leaves opening it to who shows it. */
#pragma once

#include <glib.h>

/* text as Pango markup, to be freed, with http:, https: and p2pchat: links that can be activated
 * and all else as it is. Nothing in text is markup. */
char *chat_links_markup(const char *text);
