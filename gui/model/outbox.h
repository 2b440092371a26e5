/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person said that the host does not have yet; leaves the log to history.h. */
#pragma once

#include "gui/model/channel.h"
#include "gui/model/message.h"

/* A GListModel of ChatMessage, queued and failed ones, oldest first; read anew with each
 * "outbox-changed", the rows that stay keep their objects. */
#define CHAT_TYPE_OUTBOX (chat_outbox_get_type())
G_DECLARE_FINAL_TYPE(ChatOutbox, chat_outbox, CHAT, OUTBOX, GObject)

ChatOutbox *chat_outbox_new(ChatChannel *channel, const char *own);
ChatChannel *chat_outbox_get_channel(ChatOutbox *self); /* the outbox's */

/* It is in the log now: no row of it is shown any more, whatever an answer under way says. */
void chat_outbox_drop(ChatOutbox *self, const char *id);

/* End with chat_remote_call_finish_void() of the channel. */
void chat_outbox_cancel_async(ChatOutbox *self, const char *id, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer userdata);
void chat_outbox_retry_async(ChatOutbox *self, const char *id, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer userdata);
