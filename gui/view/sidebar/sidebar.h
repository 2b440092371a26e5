/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the list of one's channels and which of them is chosen; leaves what a row shows to
 * sidebar-row.h, what is behind it to the window. */
#pragma once

#include <adwaita.h>

#include "gui/model/daemon.h"

/* Property "selected" (ChatChannel, NULL: none; writable). Signal "activated": a person chose the
 * selected one, maybe again. */
#define CHAT_TYPE_SIDEBAR (chat_sidebar_get_type())
G_DECLARE_FINAL_TYPE(ChatSidebar, chat_sidebar, CHAT, SIDEBAR, AdwBin)

void chat_sidebar_set_daemon(ChatSidebar *self, ChatDaemon *daemon);
ChatChannel *chat_sidebar_get_selected(ChatSidebar *self); /* the list's */
void chat_sidebar_select(ChatSidebar *self, ChatChannel *channel);
