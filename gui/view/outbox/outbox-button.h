/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how it is told that messages wait, in whichever channel; leaves which to outbox-window.h. */
#pragma once

#include "gui/model/daemon.h"

#include <adwaita.h>

#define CHAT_TYPE_OUTBOX_BUTTON (chat_outbox_button_get_type())
G_DECLARE_FINAL_TYPE(ChatOutboxButton, chat_outbox_button, CHAT, OUTBOX_BUTTON, AdwBin)

/* Once. */
void chat_outbox_button_set_daemon(ChatOutboxButton *self, ChatDaemon *daemon);
