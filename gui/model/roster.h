/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the people of a channel: who is there now, who has a role, and for moderators who is
 * banned; leaves what is done to them to moderation.h. */
#pragma once

#include "gui/model/channel.h"
#include "gui/model/member.h"

/* As many are shown of each sort: there are, who is authorized, who is banned. */
#define CHAT_ROSTER_MAX 5000

/* A GListModel of ChatMember, in their order; read anew, soon, when somebody says that it is
 * another one. What the host cannot say stays as it was said last.
 *
 * Properties: "loading" (gboolean), "error" (string, "": why it is not as it is now), "online"
 * (guint: how many are there). */
#define CHAT_TYPE_ROSTER (chat_roster_get_type())
G_DECLARE_FINAL_TYPE(ChatRoster, chat_roster, CHAT, ROSTER, GObject)

ChatRoster *chat_roster_new(ChatChannel *channel);

guint chat_roster_get_online(ChatRoster *self);
const char *chat_roster_get_error(ChatRoster *self);
/* Reads it anew: something was done that it does not hear of. */
void chat_roster_refresh(ChatRoster *self);
