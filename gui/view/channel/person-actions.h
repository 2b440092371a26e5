/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what is done to one person of a channel, and asks before it; leaves whether it may be done
 * to the host. */
#pragma once

#include "gui/model/channel.h"
#include "gui/model/member.h"
#include "gui/view/window.h"

/* done: may be NULL; called when something was done, that a roster shows next. */
typedef void (*chat_done_fn)(gpointer userdata);

/* Actions "person.explain", ".member", ".moderator", ".visitor", ".kick", ".ban",
 * ".unban", ".ignore", ".listen", each of a username (s). To be inserted as "person". The object
 * that is given last is held weakly, done() is called with it. */
GActionGroup *chat_person_actions_new(ChatWindow *window, ChatChannel *channel, chat_done_fn done,
                                      GObject *about);

/* What is offered about this person to who is signed in as own; NULL: nothing. */
GMenuModel *chat_person_menu_new(ChatChannel *channel, ChatMember *member, const char *own);

/* Asks whom to let in, and how. */
void chat_person_authorize(ChatWindow *window, ChatChannel *channel, chat_done_fn done,
                           GObject *about);
/* Shows why this person ("": oneself) may do what. */
void chat_person_explain(ChatWindow *window, ChatChannel *channel, const char *username);
