/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which page is shown and how something is told that no page tells; leaves what is on a page
 * to the page. */
#pragma once

#include <adwaita.h>

#include "gui/application.h"
#include "gui/model/conversation.h"
#include "gui/model/daemon.h"

/* Property "channel": the ChatChannel that is shown, NULL: none. */
#define CHAT_TYPE_WINDOW (chat_window_get_type())
G_DECLARE_FINAL_TYPE(ChatWindow, chat_window, CHAT, WINDOW, AdwApplicationWindow)

ChatWindow *chat_window_new(ChatApplication *application, ChatDaemon *daemon);
/* The window that a widget is in; NULL: it is in none yet. */
ChatWindow *chat_window_of(GtkWidget *widget);

ChatDaemon *chat_window_get_daemon(ChatWindow *self); /* the window's */

/* Of the channel that is shown, the window's; NULL: none. */
ChatConversation *chat_window_get_conversation(ChatWindow *self);

/* path: of the channel's object; what is not there (yet) is shown once it is. */
void chat_window_show_channel(ChatWindow *self, const char *path);
void chat_window_show_directory(ChatWindow *self);
/* A p2pchat: link, from outside: nothing is done before the person says so. */
void chat_window_open_link(ChatWindow *self, const char *uri);

/* A line that goes away by itself; plain text. */
void chat_window_toast(ChatWindow *self, const char *text);
/* What failed, and what to do next. Of a cancelled one nothing is said. */
void chat_window_toast_error(ChatWindow *self, const GError *error);
