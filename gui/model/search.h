/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a channel's log has the words that a person looks for; leaves showing it to the
 * view. */
#pragma once

#include "gui/model/channel.h"
#include "gui/model/message.h"

/* So many are asked for at once, and never more are held: who looks for one of more says a word
 * more. */
#define CHAT_SEARCH_STEP 50
#define CHAT_SEARCH_MAX 1000

/* A GListModel of ChatMessage, the newest first. Only what is kept here is searched.
 *
 * Properties: "loading" (gboolean), "failed" (gboolean), "complete" (gboolean: there is no more to
 * come), "first-seq" (guint64: what is older is not kept here). */
#define CHAT_TYPE_SEARCH (chat_search_get_type())
G_DECLARE_FINAL_TYPE(ChatSearch, chat_search, CHAT, SEARCH, GObject)

/* own: the username of who is signed in. */
ChatSearch *chat_search_new(ChatChannel *channel, const char *own);

/* Looks for that from now on; what was found for another goes. "" looks for nothing. FALSE: it is
 * the same as before, and nothing happens. */
gboolean chat_search_set_query(ChatSearch *self, const char *query);
/* The next page, or once more the one that failed; unless one is on its way or there is none. */
void chat_search_more(ChatSearch *self);
/* Nothing more is asked for; what was found stays, and chat_search_more() goes on. */
void chat_search_stop(ChatSearch *self);

gboolean chat_search_is_loading(ChatSearch *self);
gboolean chat_search_is_complete(ChatSearch *self);
const char *chat_search_get_query(ChatSearch *self);
const GError *chat_search_get_error(ChatSearch *self); /* the search's; NULL: none */
guint64 chat_search_get_first_seq(ChatSearch *self);
