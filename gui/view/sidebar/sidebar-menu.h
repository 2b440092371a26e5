/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the menu of a channel in the list is opened: by the pointer, a finger, a key; leaves
 * what is in it to channel-actions.h. */
#pragma once

#include <gtk/gtk.h>

/* list: of rows of sidebar-row.h. → the popover, which is parent's until it is unparented. */
GtkWidget *chat_sidebar_menu_new(GtkWidget *parent, GtkListView *list);
