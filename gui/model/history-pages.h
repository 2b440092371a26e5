/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the pages of a log that are held, entry by entry; leaves which are wanted, and where they
 * come from, to history.c. */
#pragma once

#include <gio/gio.h>

#include "gui/model/history.h"

/* Page i has the entries i · CHAT_HISTORY_PAGE + 1 and on, and the one before them, so that the
 * first can be told how it stands to it. */
typedef struct ChatPages ChatPages;

ChatPages *chat_pages_new(void);
void chat_pages_free(ChatPages *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChatPages, chat_pages_free)

guint64 chat_pages_index_of(guint64 seq);

guint chat_pages_get_n(const ChatPages *self);
guint64 chat_pages_get_index(const ChatPages *self, guint i); /* of the i-th that is held */
gboolean chat_pages_has(const ChatPages *self, guint64 index);

/* From now on it is held; at most CHAT_HISTORY_PAGES_MAX are. */
void chat_pages_hold(ChatPages *self, guint64 index);
void chat_pages_drop(ChatPages *self, guint64 index);
void chat_pages_clear(ChatPages *self);

/* The pages'; NULL: it is not held. */
GVariant *chat_pages_get(const ChatPages *self, guint64 seq);
/* Where its page is held, in place of what was there. */
void chat_pages_put(ChatPages *self, guint64 seq, GVariant *entry);
/* Of a page, held or not: first to last have all that is missing, of a log that ends with end;
 * FALSE: nothing is. */
gboolean chat_pages_missing(const ChatPages *self, guint64 index, guint64 end, guint64 *ret_first,
                            guint64 *ret_last);
