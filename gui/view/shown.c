/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how who cannot see learns what is not on the screen: GTK 4.8 tells of pages behind others
 * as if they were there. */
#include "gui/view/shown.h"

static void tell(GtkWidget *widget, gpointer is_hidden) {
        gtk_accessible_update_state(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_STATE_HIDDEN,
                                    GPOINTER_TO_INT(is_hidden), -1);
}

void chat_shown_follow(GtkWidget *widget) {
        g_signal_connect(widget, "map", G_CALLBACK(tell), GINT_TO_POINTER(FALSE));
        g_signal_connect(widget, "unmap", G_CALLBACK(tell), GINT_TO_POINTER(TRUE));
        tell(widget, GINT_TO_POINTER(!gtk_widget_get_mapped(widget)));
}

void chat_shown_follow_pages(GtkStack *stack) {
        g_autoptr(GtkSelectionModel) pages = gtk_stack_get_pages(stack);
        guint n = g_list_model_get_n_items(G_LIST_MODEL(pages));

        for (guint i = 0; i < n; i++) {
                GtkStackPage *page = g_list_model_get_item(G_LIST_MODEL(pages), i);
                chat_shown_follow(gtk_stack_page_get_child(page));
                g_object_unref(page);
        }
}
