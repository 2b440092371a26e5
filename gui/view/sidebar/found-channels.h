/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which of one's channels have a text in their names, and which of those is meant; leaves
 * typing it to sidebar.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/channel.h"

#define CHAT_TYPE_FOUND_CHANNELS (chat_found_channels_get_type())
G_DECLARE_FINAL_TYPE(ChatFoundChannels, chat_found_channels, CHAT, FOUND_CHANNELS, AdwBin)

/* channels: of ChatChannel, in the order in which they are found. */
void chat_found_channels_set_channels(ChatFoundChannels *self, GListModel *channels);
/* In any case; the first that has it is meant then. */
void chat_found_channels_set_text(ChatFoundChannels *self, const char *text);
/* The one above or below is meant. */
void chat_found_channels_step(ChatFoundChannels *self, gboolean is_up);
ChatChannel *chat_found_channels_get_meant(ChatFoundChannels *self); /* weak; NULL: none has it */
