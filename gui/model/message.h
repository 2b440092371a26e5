/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one row of a conversation: an entry of the log, or a text that waits to be one; leaves
 * where it comes from to history.h and outbox.h. */
#pragma once

#include <gio/gio.h>

typedef enum ChatMessageState {
        CHAT_MESSAGE_PLACEHOLDER, /* only its number is known yet */
        CHAT_MESSAGE_STORED,
        CHAT_MESSAGE_QUEUED, /* of the outbox */
        CHAT_MESSAGE_FAILED, /* of the outbox; reason says why */
} ChatMessageState;

/* Messages of one sender stand together while each comes so soon after the one before it. */
#define CHAT_MESSAGE_GROUP_USEC G_GINT64_CONSTANT(300000000)

/* Mutable: signal "changed" when anything below is another than before. */
#define CHAT_TYPE_MESSAGE (chat_message_get_type())
G_DECLARE_FINAL_TYPE(ChatMessage, chat_message, CHAT, MESSAGE, GObject)

/* A placeholder. */
ChatMessage *chat_message_new(guint64 seq);
/* A row of GetOutbox, (sstusa{sv}), written by username. */
ChatMessage *chat_message_new_outbox(GVariant *row, const char *username);

/* entry: of GetMessages, (tssssta{sv}). before: the one in front of it, NULL at the log's begin.
 * own: the username of who is signed in. */
void chat_message_fill(ChatMessage *self, GVariant *entry, GVariant *before, const char *own);
/* A key of extra.redacted that is ours (t, days): its age removed it here. The daemon names with by
 * and seq the entry that set how long messages are kept. */
#define CHAT_MESSAGE_EXPIRED "x-days"
/* It is a tombstone from now on that says words. Of another kind than message nothing happens. */
void chat_message_remove(ChatMessage *self, const char *words);
/* Of the outbox: the same row, as it is said now. */
void chat_message_take_row(ChatMessage *self, GVariant *row);

ChatMessageState chat_message_get_state(ChatMessage *self);
guint64 chat_message_get_seq(ChatMessage *self);      /* 0: of the outbox */
const char *chat_message_get_id(ChatMessage *self);   /* "" of a placeholder */
const char *chat_message_get_kind(ChatMessage *self); /* "message", "topic", …; "" placeholder */
const char *chat_message_get_sender(ChatMessage *self); /* username */
gboolean chat_message_is_guest(ChatMessage *self);
gboolean chat_message_is_own(ChatMessage *self);
gint64 chat_message_get_time(ChatMessage *self); /* µs since the epoch */
/* What it says: the text; of another kind than message a sentence of governance (words.h); what
 * stands in place of what was removed or is hidden. Plain text, with what could leave its row taken
 * out. */
const char *chat_message_get_text(ChatMessage *self);
gboolean chat_message_is_governance(ChatMessage *self); /* another kind than message */
gboolean chat_message_is_removed(ChatMessage *self);    /* a tombstone */
gboolean chat_message_is_hidden(ChatMessage *self);     /* of who is ignored */
gboolean chat_message_mentions_own(ChatMessage *self);
const char *chat_message_get_reason(ChatMessage *self); /* of a failed one; else "" */

/* How it stands to the row before it. */
gboolean chat_message_begins_day(ChatMessage *self);   /* a date stands above it */
gboolean chat_message_begins_group(ChatMessage *self); /* its sender stands above it */
void chat_message_set_begins_group(ChatMessage *self, gboolean begins); /* of the outbox */
gboolean chat_message_begins_unread(ChatMessage *self); /* a line "new" stands above it */
void chat_message_set_begins_unread(ChatMessage *self, gboolean begins);
