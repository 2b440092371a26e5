/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which messages of a list are in view, and which of them is told from the others; leaves
 * moving it to conversation-scroll.h. */
#pragma once

#include "gui/view/conversation/message-row.h"

/* Entries' numbers; 0: there is none. list has ChatMessageRow as its rows. */
guint64 chat_rows_first(GtkListView *list);
/* The first that is there to be read, as a whole: no placeholder. */
guint64 chat_rows_first_read(GtkListView *list);

/* The message of that number looks like what was found, and no other; 0: none does. */
void chat_rows_mark(GtkListView *list, guint64 seq);
void chat_rows_mark_one(ChatMessageRow *row, guint64 seq); /* that one as well */
