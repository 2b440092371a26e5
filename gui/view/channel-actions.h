/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person does with a channel as a whole: reading it off, being told of it, inviting
 * to it, leaving it; leaves ruling it to channel/. */
#pragma once

#include "gui/view/window.h"

/* Actions of one channel: "read", "notify" (its state is all, mentions or none), "invite", "leave"
 * (also: to stop hosting it) and "host". Those that cannot be done now are disabled. window: weak,
 * has to outlive them. */
GSimpleActionGroup *chat_channel_actions_new(ChatWindow *window, ChatChannel *channel);
/* Whether it was hosted here, and is not now. */
gboolean chat_channel_can_host(ChatChannel *channel);
/* How one's part in it ends, by "channel.leave". */
const char *chat_channel_leave_label(ChatChannel *channel);
/* A menu of them, where the group's name is "channel". */
GMenuModel *chat_channel_menu_new(ChatChannel *channel);

/* In the window those of the channel that it shows are channel.read, …; once a window. */
void chat_channel_actions_add(ChatWindow *window);
