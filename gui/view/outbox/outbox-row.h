/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a message that waits looks where it is not in its channel; leaves what is done with it
 * to outbox-window.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/outbox.h"

/* Signals: "retry", "cancel", "show-channel". */
#define CHAT_TYPE_OUTBOX_ROW (chat_outbox_row_get_type())
G_DECLARE_FINAL_TYPE(ChatOutboxRow, chat_outbox_row, CHAT, OUTBOX_ROW, GtkBox)

GtkWidget *chat_outbox_row_new(void);
/* message: one of outbox. NULL for both: none. */
void chat_outbox_row_set(ChatOutboxRow *self, ChatOutbox *outbox, ChatMessage *message);
ChatOutbox *chat_outbox_row_get_outbox(ChatOutboxRow *self); /* the row's; NULL: none */
const char *chat_outbox_row_get_id(ChatOutboxRow *self);     /* of the message; the row's */
