/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows every key of the window and what it does: the same table makes it work and shows it. */
#pragma once

#include <adwaita.h>

void chat_shortcuts_add(GtkApplication *application);
void chat_shortcuts_show(GtkWindow *parent);
