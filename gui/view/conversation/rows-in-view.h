/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which messages of a list are in view; leaves moving it to conversation-scroll.h. */
#pragma once

#include <gtk/gtk.h>

/* Entries' numbers; 0: there is none. list has ChatMessageRow as its rows. */
guint64 chat_rows_first(GtkListView *list);
/* The first that is there to be read, as a whole: no placeholder. */
guint64 chat_rows_first_read(GtkListView *list);
