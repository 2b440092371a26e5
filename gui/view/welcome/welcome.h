/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the way from nothing to being signed in: a tracker whose pin a person compared, then a
 * name; leaves what comes after to the window. */
#pragma once

#include <adwaita.h>

#include "gui/model/daemon.h"

/* Property "busy": there is something that the person has to see first, though somebody is signed
 * in (the recovery code). Signal "settled": there is a tracker, and what comes next is to choose
 * who one is: nothing, where somebody is signed in. */
#define CHAT_TYPE_WELCOME (chat_welcome_get_type())
G_DECLARE_FINAL_TYPE(ChatWelcome, chat_welcome, CHAT, WELCOME, AdwBin)

void chat_welcome_set_daemon(ChatWelcome *self, ChatDaemon *daemon);
gboolean chat_welcome_is_busy(ChatWelcome *self);
/* As where nothing was done yet: the tracker, if none is set, else who one is. */
void chat_welcome_begin(ChatWelcome *self);
/* To another tracker; address: "" is to be typed. */
void chat_welcome_ask_tracker(ChatWelcome *self, const char *address);
