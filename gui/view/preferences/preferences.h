/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which preferences there are; leaves each page to its own file. */
#pragma once

#include "gui/view/window.h"

void chat_preferences_show(ChatWindow *parent);
