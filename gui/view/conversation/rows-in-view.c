/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which messages of a list are in view, and which of them is told from the others; leaves
 * moving it to conversation-scroll.h. */
#include "gui/view/conversation/rows-in-view.h"

/* No row is lower, pixels. */
#define ROW_STEP 16

/* The row at that height of what is shown; NULL: none. */
static ChatMessageRow *row_at(GtkWidget *list, double y) {
        GtkWidget *at =
                gtk_widget_pick(list, gtk_widget_get_width(list) / 2.0, y, GTK_PICK_DEFAULT);
        GtkWidget *row = at ? gtk_widget_get_ancestor(at, CHAT_TYPE_MESSAGE_ROW) : NULL;

        if (!row && at)
                row = gtk_widget_get_first_child(at);
        return CHAT_IS_MESSAGE_ROW(row) && chat_message_row_get_message(CHAT_MESSAGE_ROW(row))
                       ? CHAT_MESSAGE_ROW(row)
                       : NULL;
}

guint64 chat_rows_first(GtkListView *list) {
        ChatMessageRow *row = row_at(GTK_WIDGET(list), 4);

        return row ? chat_message_get_seq(chat_message_row_get_message(row)) : 0;
}

static gboolean is_read(GtkWidget *list, ChatMessageRow *row) {
        graphene_rect_t r;

        return chat_message_get_state(chat_message_row_get_message(row)) == CHAT_MESSAGE_STORED &&
               gtk_widget_compute_bounds(GTK_WIDGET(row), list, &r) && r.origin.y >= 0 &&
               r.origin.y + r.size.height <= gtk_widget_get_height(list);
}

guint64 chat_rows_first_read(GtkListView *list) {
        int height = gtk_widget_get_height(GTK_WIDGET(list));

        for (int y = 0; y < height; y += ROW_STEP) {
                ChatMessageRow *row = row_at(GTK_WIDGET(list), y);

                if (row && is_read(GTK_WIDGET(list), row))
                        return chat_message_get_seq(chat_message_row_get_message(row));
        }
        return 0;
}

void chat_rows_mark_one(ChatMessageRow *row, guint64 seq) {
        ChatMessage *message = chat_message_row_get_message(row);

        if (message && seq > 0 && chat_message_get_seq(message) == seq)
                gtk_widget_add_css_class(GTK_WIDGET(row), "found");
        else
                gtk_widget_remove_css_class(GTK_WIDGET(row), "found");
}

void chat_rows_mark(GtkListView *list, guint64 seq) {
        GtkWidget *item = gtk_widget_get_first_child(GTK_WIDGET(list));

        for (; item; item = gtk_widget_get_next_sibling(item)) {
                GtkWidget *row = gtk_widget_get_first_child(item);

                if (CHAT_IS_MESSAGE_ROW(row))
                        chat_rows_mark_one(CHAT_MESSAGE_ROW(row), seq);
        }
}
