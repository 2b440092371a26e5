/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the program says of itself, and what helps somebody who looks for a fault. */
#pragma once

#include "gui/view/window.h"

void chat_about_show(ChatWindow *parent);
