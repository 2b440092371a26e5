/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where lines that were typed are kept from one chat to the next, for their writer alone.
 * Leaves which lines those are to the chat. */
#pragma once

#define HISTORY_LINES_MAX 500 /* as many as people look for; a file of some 30 KiB */

/* fn gets each line, the oldest first. What cannot be read is as if there was nothing. */
typedef void (*history_line_fn)(const char *line);
void history_file_read(history_line_fn fn);
/* What cannot be written is lost at the end of this chat, and no more than that. */
void history_file_add(const char *line);
