/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what can be done with one message; leaves the list to conversation-view.h. */
#pragma once

#include "gui/model/channel.h"
#include "gui/view/conversation/message-row.h"

/* Opens at x, y of the row. mention(): the person wants to speak to that username; userdata must
 * live as long as the row does. */
typedef void (*chat_mention_fn)(const char *username, gpointer userdata);
void chat_message_menu_popup(ChatMessageRow *row, ChatChannel *channel, double x, double y,
                             chat_mention_fn mention, gpointer userdata);
/* The row stands for another message from now on. */
void chat_message_menu_popdown(ChatMessageRow *row);
