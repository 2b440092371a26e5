/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the owner changes what a channel lets people do. */
#pragma once

#include "gui/model/channel.h"
#include "gui/view/window.h"

void chat_rules_dialog_show(ChatWindow *parent, ChatChannel *channel);
