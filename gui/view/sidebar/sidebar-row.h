/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a channel is seen in the list: its name, its topic or why it is not live, what is
 * unread or waits; leaves which channels there are to sidebar.h. */
#pragma once

#include <gtk/gtk.h>

#include "gui/model/channel.h"

/* Property "channel" (ChatChannel, NULL: none; writable). The widget that the row is in by then is
 * named after it. A click activates the action "sidebar.open" with the channel's path. */
#define CHAT_TYPE_SIDEBAR_ROW (chat_sidebar_row_get_type())
G_DECLARE_FINAL_TYPE(ChatSidebarRow, chat_sidebar_row, CHAT, SIDEBAR_ROW, GtkBox)
