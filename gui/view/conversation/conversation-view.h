/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel is read and written in: where in its messages one is, what is new, what is
 * said; leaves one message to message-row.h, what is typed to composer.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/conversation.h"
#include "gui/model/daemon.h"

#define CHAT_TYPE_CONVERSATION_VIEW (chat_conversation_view_get_type())
G_DECLARE_FINAL_TYPE(ChatConversationView, chat_conversation_view, CHAT, CONVERSATION_VIEW, AdwBin)

void chat_conversation_view_set_daemon(ChatConversationView *self, ChatDaemon *daemon);
/* channel: NULL is none. What was typed in the one before stays with it, and so does the place. */
void chat_conversation_view_set_channel(ChatConversationView *self, ChatChannel *channel);
/* What is typed goes to it. */
void chat_conversation_view_focus(ChatConversationView *self);
/* The entry comes into view; what is not there yet does when it is. */
void chat_conversation_view_show_entry(ChatConversationView *self, guint64 seq);
ChatConversation *chat_conversation_view_get_conversation(
        ChatConversationView *self); /* NULL: none */

/* Instead of its messages, what is found in them. Property "searching" says which. */
void chat_conversation_view_set_searching(ChatConversationView *self, gboolean is_searching);
