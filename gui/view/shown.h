/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how who cannot see learns what is not on the screen: GTK 4.8 tells of pages behind others
 * as if they were there. */
#pragma once

#include <gtk/gtk.h>

/* While widget is not mapped, it is hidden to assistive technology, with all that is in it. */
void chat_shown_follow(GtkWidget *widget);
/* The same for each page of a stack. */
void chat_shown_follow_pages(GtkStack *stack);
