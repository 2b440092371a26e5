/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one message looks: what stands above it, who said it, how far it is; leaves the list to
 * conversation-view.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/message.h"

/* Signals: "retry", "cancel" (of a row of the outbox), "open-link" (uri), "menu" (x, y: pixels in the
 * row; it was clicked with the other button, or held). */
#define CHAT_TYPE_MESSAGE_ROW (chat_message_row_get_type())
G_DECLARE_FINAL_TYPE(ChatMessageRow, chat_message_row, CHAT, MESSAGE_ROW, GtkBox)

GtkWidget *chat_message_row_new(void);
/* message: NULL is none. */
void chat_message_row_set_message(ChatMessageRow *self, ChatMessage *message);
ChatMessage *chat_message_row_get_message(ChatMessageRow *self); /* the row's; NULL: none */
