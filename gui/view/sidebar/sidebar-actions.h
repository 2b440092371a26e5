/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the ways from channel to channel that have keys; leaves the keys to application.c. */
#pragma once

#include "gui/view/sidebar/sidebar.h"
#include "gui/view/window.h"

/* Adds win.next-channel, win.previous-channel, win.next-unread, win.go-to-channel and
 * win.nth-channel (i, from 1); once a window. */
void chat_sidebar_actions_add(ChatWindow *window, ChatSidebar *sidebar);
