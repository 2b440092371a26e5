/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person looks for words in a channel and picks what was found; leaves finding to
 * model/search.h, showing the place to conversation-view.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/channel.h"

/* Signals: "found" (guint64 seq): that is to be shown; "closed": no more is looked for. */
#define CHAT_TYPE_SEARCH_PAGE (chat_search_page_get_type())
G_DECLARE_FINAL_TYPE(ChatSearchPage, chat_search_page, CHAT, SEARCH_PAGE, AdwBin)

/* channel: NULL is none. own: who is signed in. */
void chat_search_page_set_channel(ChatSearchPage *self, ChatChannel *channel, const char *own);
/* It is shown, and what is typed is looked for. */
void chat_search_page_begin(ChatSearchPage *self);
/* It is not shown any more: nothing is looked for; what was found stays. */
void chat_search_page_end(ChatSearchPage *self);
