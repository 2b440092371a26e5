/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what there is to know of a channel beside its messages: its topic, who hosts it, who is in
 * it, what one may do there; leaves changing its rules to rules-dialog.h, its people to
 * person-actions.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/daemon.h"

#define CHAT_TYPE_DETAILS (chat_details_get_type())
G_DECLARE_FINAL_TYPE(ChatDetails, chat_details, CHAT, DETAILS, AdwBin)

void chat_details_set_daemon(ChatDetails *self, ChatDaemon *daemon);
/* channel: NULL is none. */
void chat_details_set_channel(ChatDetails *self, ChatChannel *channel);
