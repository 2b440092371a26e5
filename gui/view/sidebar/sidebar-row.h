/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a channel is seen in the list: its name, its state, what is unread. */
#pragma once

#include <gtk/gtk.h>

#include "gui/model/channel.h"

#define CHAT_TYPE_SIDEBAR_ROW (chat_sidebar_row_get_type())
G_DECLARE_FINAL_TYPE(ChatSidebarRow, chat_sidebar_row, CHAT, SIDEBAR_ROW, GtkBox)

GtkWidget *chat_sidebar_row_new(void);
/* channel: NULL is none. */
void chat_sidebar_row_set_channel(ChatSidebarRow *self, ChatChannel *channel);
