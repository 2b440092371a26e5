/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how all is shown that a person said and no host has yet, in whichever channel; leaves what
 * waits in one of them to model/outbox.h. */
#pragma once

#include "gui/view/window.h"

#define CHAT_TYPE_OUTBOX_WINDOW (chat_outbox_window_get_type())
G_DECLARE_FINAL_TYPE(ChatOutboxWindow, chat_outbox_window, CHAT, OUTBOX_WINDOW, AdwWindow)

/* Over parent, in which a channel is shown that is asked for. */
void chat_outbox_window_show(ChatWindow *parent);
