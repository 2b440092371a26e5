/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one's part in a channel and asks the daemon about it; leaves its messages to history.h and
 * outbox.h, its people to roster.h. */
#pragma once

#include "gui/model/remote.h"

/* GObject properties as of org.p2pchat.Peer1.Channel and .Host: "id", "name", "account", "topic",
 * "owner", "host", "role", "view-permission", "send-permission", "message-rate", "message-burst",
 * "retention-days", "state", "state-reason", "state-text", "previous", "successor", "next-retry",
 * "first-seq", "synced-seq", "last-seq", "read-seq", "unread", "mentions", "outbox-count",
 * "members-online", "ignored", "notify-about" (Notify), "connections", "addresses", "reachable",
 * "reachable-reason"; and "hosted": it is hosted here.
 *
 * Signals, beside those of ChatRemote: "entries-appended" (guint64 first, guint64 last),
 * "outbox-changed", "members-changed", "mentioned" (guint64 seq). */
#define CHAT_TYPE_CHANNEL (chat_channel_get_type())
G_DECLARE_FINAL_TYPE(ChatChannel, chat_channel, CHAT, CHANNEL, ChatRemote)

ChatChannel *chat_channel_new(ChatBus *bus, const char *path);

const char *chat_channel_get_name(ChatChannel *self);
const char *chat_channel_get_state(ChatChannel *self); /* a word of the API */
gboolean chat_channel_is_hosted(ChatChannel *self);
guint64 chat_channel_get_first_seq(ChatChannel *self);
guint64 chat_channel_get_synced_seq(ChatChannel *self);
guint64 chat_channel_get_read_seq(ChatChannel *self);
guint chat_channel_get_unread(ChatChannel *self);
guint chat_channel_get_mentions(ChatChannel *self);

/* Each ends with chat_remote_call_finish_void() unless it has a finish of its own. */

/* The text is in the outbox, on disk, when it ends well. */
void chat_channel_send_async(ChatChannel *self, const char *text, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer userdata);
/* → the message's id, owned by who asks. */
char *chat_channel_send_finish(ChatChannel *self, GAsyncResult *result, GError **error);

/* Comes back after a refusal or a disconnect, now. */
void chat_channel_connect_async(ChatChannel *self, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer userdata);

void chat_channel_mark_read_async(ChatChannel *self, guint64 seq, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer userdata);

/* Of what the desktop tells: all, mentions, none. Ends with chat_remote_call_finish_void(). */
void chat_channel_set_notify_async(ChatChannel *self, const char *notify, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer userdata);

/* What GetMessages is asked for: at most limit entries after anchor, or before it. */
typedef struct ChatMessagesQuery {
        guint64 anchor; /* exclusive */
        guint limit;    /* 1–500 */
        gboolean before;
        const char *kind; /* only these; NULL: all */
} ChatMessagesQuery;

void chat_channel_get_messages_async(ChatChannel *self, const ChatMessagesQuery *query,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer userdata);
/* → a(tssssta{sv}), ascending, owned by who asks. ret_more: the log goes on beyond ret_next, which
 * is the next anchor. */
GVariant *chat_channel_get_messages_finish(ChatChannel *self, GAsyncResult *result,
                                           gboolean *ret_more, guint64 *ret_next, GError **error);
