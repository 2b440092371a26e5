/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a channel's log as a list of which only what somebody looks at is held; leaves what waits
 * to be sent to outbox.h, how it looks to the view. */
#pragma once

#include "gui/model/channel.h"
#include "gui/model/message.h"

/* A page is so many entries, and never more pages are held: what a window shows is less than three,
 * one more at either end is fetched before it is reached. */
#define CHAT_HISTORY_PAGE 100
#define CHAT_HISTORY_PAGES_MAX 6

/* A GListModel of ChatMessage: the i-th is entry i + 1, to the end of what the daemon has. Each is
 * one object as long as anybody holds it. Pages come for what is held by others (the rows of a list
 * view), and fill it in place: "items-changed" is said only where the log grows, or is another one.
 * Where somebody holds its end what is new comes filled; elsewhere as placeholders.
 *
 * Properties: "channel"; "loading" (gboolean: something near the view is on its way); "error"
 * (string, "": why what is in view cannot come; it is asked again by itself).
 *
 * Signals: "own-stored" (id): a message of own, which may be in the outbox too, is seen in the log.
 * "filling": placeholders that somebody holds may now become what they stand for, and higher. */
#define CHAT_TYPE_HISTORY (chat_history_get_type())
G_DECLARE_FINAL_TYPE(ChatHistory, chat_history, CHAT, HISTORY, GObject)

/* own: the username of who is signed in. */
ChatHistory *chat_history_new(ChatChannel *channel, const char *own);

ChatChannel *chat_history_get_channel(ChatHistory *self);
guint64 chat_history_get_last_seq(ChatHistory *self); /* of the newest item; 0: none */
/* For tests and figures: how many pages are held, how often something was asked for since the
 * begin, how many messages somebody holds. */
guint chat_history_get_n_pages(ChatHistory *self);
guint chat_history_get_n_asked(ChatHistory *self);
guint chat_history_get_n_live(ChatHistory *self);

/* Asks again now for what could not come. */
void chat_history_retry(ChatHistory *self);
/* What is too old by RetentionDays becomes a tombstone; it is done each minute by itself. */
void chat_history_sweep(ChatHistory *self);
/* TRUE: nothing is too old until it is said otherwise. */
void chat_history_set_clock_is_wrong(ChatHistory *self, gboolean is_wrong);

/* All is read. */
#define CHAT_HISTORY_READ G_MAXUINT64
/* Where the line "new" stands: behind this entry (0: at the log's begin), if a message of others
 * follows; CHAT_HISTORY_READ: nowhere. It stays until it is set again. */
void chat_history_set_unread_after(ChatHistory *self, guint64 seq);
/* The entry that has the line; 0: none is known. */
guint64 chat_history_get_first_unread(ChatHistory *self);
