/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the person does about their own presence: being seen, signing out. */
#pragma once

#include "gui/view/window.h"

/* Adds win.invisible (a state) and win.sign-out; once a window. */
void chat_account_actions_add(ChatWindow *window);
