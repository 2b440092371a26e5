/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows in which order one's channels stand, and which is next to which; leaves what each says to
 * channel.h. */
#pragma once

#include "gui/model/channel.h"

/* A GListModel of ChatChannel. First those with mentions, then those with other unread messages,
 * then the rest; each of the three by name. How many there are does not count.
 *
 * What is looked at does not move away:
 * - The channel that is shown stands where it stood when it became the shown one, whatever is read
 *   or comes in it. It goes to its place when another one is shown.
 * - While the list is held (a pointer is about to hit a row of it), nothing moves at all, and what
 *   is new stands at the end. Once it is let go all of them go to their places.
 * A move is one "items-changed" of all that it passes, so a selection model keeps what it has. */
#define CHAT_TYPE_CHANNEL_LIST (chat_channel_list_get_type())
G_DECLARE_FINAL_TYPE(ChatChannelList, chat_channel_list, CHAT, CHANNEL_LIST, GObject)

/* channels: of ChatChannel, in any order. */
ChatChannelList *chat_channel_list_new(GListModel *channels);

void chat_channel_list_set_shown(ChatChannelList *self, ChatChannel *channel); /* NULL: none */
void chat_channel_list_set_held(ChatChannelList *self, gboolean is_held);

/* The channel one below from (is_up: above), round the ends; the first or last where from is NULL.
 * is_unread: the nearest that has unread messages, and is not from. The list's; NULL: none. */
ChatChannel *chat_channel_list_next(ChatChannelList *self, ChatChannel *from, gboolean is_up,
                                    gboolean is_unread);
