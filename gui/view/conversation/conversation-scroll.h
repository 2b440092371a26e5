/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where in a list one is: at its end, and staying there, or somewhere else; leaves what is in
 * the list to others. */
#pragma once

#include <gtk/gtk.h>

/* Property "at-end" (gboolean). It holds neither of the widgets. */
#define CHAT_TYPE_CONVERSATION_SCROLL (chat_conversation_scroll_get_type())
G_DECLARE_FINAL_TYPE(ChatConversationScroll, chat_conversation_scroll, CHAT, CONVERSATION_SCROLL,
                     GObject)

ChatConversationScroll *chat_conversation_scroll_new(GtkScrolledWindow *window, GtkListView *list);

gboolean chat_conversation_scroll_get_at_end(ChatConversationScroll *self);
/* Goes to the end, and follows it from then on. */
void chat_conversation_scroll_to_end(ChatConversationScroll *self);
/* The item comes into view, and the end is not followed. */
void chat_conversation_scroll_to(ChatConversationScroll *self, guint position);
/* An item that is in view as a whole stays where it is, however high those above it become. */
void chat_conversation_scroll_hold(ChatConversationScroll *self, guint position);
