/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one person of a channel looks in the list, and opens the menu of what is done to them;
 * leaves the doing to person-actions.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/channel.h"
#include "gui/model/member.h"

#define CHAT_TYPE_PERSON_ROW (chat_person_row_get_type())
G_DECLARE_FINAL_TYPE(ChatPersonRow, chat_person_row, CHAT, PERSON_ROW, GtkBox)

GtkWidget *chat_person_row_new(void);
/* member: NULL is none. own: who is signed in. */
void chat_person_row_set(ChatPersonRow *self, ChatChannel *channel, ChatMember *member,
                         const char *own);
