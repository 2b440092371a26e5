/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a channel's messages as they are shown, the log and behind it what waits; leaves each to
 * history.h and outbox.h. */
#pragma once

#include "gui/model/history.h"
#include "gui/model/outbox.h"

/* A GListModel of ChatMessage: those of the history, then those of the outbox; what is in both for
 * a moment is shown once. */
#define CHAT_TYPE_CONVERSATION (chat_conversation_get_type())
G_DECLARE_FINAL_TYPE(ChatConversation, chat_conversation, CHAT, CONVERSATION, GObject)

ChatConversation *chat_conversation_new(ChatChannel *channel, const char *own);

ChatChannel *chat_conversation_get_channel(ChatConversation *self);
ChatHistory *chat_conversation_get_history(ChatConversation *self);
ChatOutbox *chat_conversation_get_outbox(ChatConversation *self);
