/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether messages are looked at, what of them is read by that, and where what is new begins;
 * leaves where in them one is to conversation-scroll.h. */
#pragma once

#include "gui/model/conversation.h"
#include "gui/view/conversation/conversation-scroll.h"

#define CHAT_TYPE_READING (chat_reading_get_type())
G_DECLARE_FINAL_TYPE(ChatReading, chat_reading, CHAT, READING, GObject)

/* messages: the widget that shows them, whose end scroll knows; it is not held. */
ChatReading *chat_reading_new(GtkWidget *messages, ChatConversationScroll *scroll);

/* What is shown from now on; NULL is nothing. */
void chat_reading_set_conversation(ChatReading *self, ChatConversation *conversation);
/* The entry that has the line "new" above it; 0: none is known. */
guint64 chat_reading_get_line(ChatReading *self);
