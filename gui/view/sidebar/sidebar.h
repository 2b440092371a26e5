/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the list of one's channels, which of them is chosen, and how another one is reached; leaves
 * what a row shows to sidebar-row.h, what is behind it to the window. */
#pragma once

#include <adwaita.h>

#include "gui/model/daemon.h"

/* Properties: "selected" (ChatChannel, NULL: none; writable), "folded" (boolean: nothing else is on
 * the screen beside it). Signals: "activated": a person chose the selected one, maybe again;
 * "wanted": a person goes to the list, which may not be on the screen. */
#define CHAT_TYPE_SIDEBAR (chat_sidebar_get_type())
G_DECLARE_FINAL_TYPE(ChatSidebar, chat_sidebar, CHAT, SIDEBAR, AdwBin)

void chat_sidebar_set_daemon(ChatSidebar *self, ChatDaemon *daemon);
ChatChannel *chat_sidebar_get_selected(ChatSidebar *self); /* the list's */
void chat_sidebar_select(ChatSidebar *self, ChatChannel *channel);

/* As if a person had chosen it. Nothing happens where there is no such channel. */
void chat_sidebar_open_next(ChatSidebar *self, gboolean is_up, gboolean is_unread);
void chat_sidebar_open_nth(ChatSidebar *self, guint n); /* from 1 */
/* A channel is asked for by a part of its name. */
void chat_sidebar_search(ChatSidebar *self);
