/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the program as the desktop sees it: one process, its windows, actions and links; leaves
 * what is in a window to view/window.h. */
#pragma once

#include <adwaita.h>

#include "dbus/names.h"

#define CHAT_APPLICATION_ID P2PCHAT_WINDOW_BUS_NAME

#define CHAT_TYPE_APPLICATION (chat_application_get_type())
G_DECLARE_FINAL_TYPE(ChatApplication, chat_application, CHAT, APPLICATION, AdwApplication)

ChatApplication *chat_application_new(void);
