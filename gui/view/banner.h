/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a state that lasts is told above a page, with one thing to do about it; leaves which
 * state to who shows it. */
#pragma once

#include <gtk/gtk.h>

/* Signal "activated": the button was pressed. */
#define CHAT_TYPE_BANNER (chat_banner_get_type())
G_DECLARE_FINAL_TYPE(ChatBanner, chat_banner, CHAT, BANNER, GtkWidget)

/* text: plain; "": nothing is shown. button_label: "": there is no button. */
void chat_banner_set(ChatBanner *self, const char *text, const char *button_label);
