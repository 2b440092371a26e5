/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person says of a channel that they make; leaves making it to model/join.h. */
#pragma once

#include <adwaita.h>

#include "gui/view/window.h"

#define CHAT_TYPE_NEW_CHANNEL (chat_new_channel_get_type())
G_DECLARE_FINAL_TYPE(ChatNewChannel, chat_new_channel, CHAT, NEW_CHANNEL, AdwWindow)

/* A dialog over parent, which shows the channel once it is there. */
ChatNewChannel *chat_new_channel_new(ChatWindow *parent);
