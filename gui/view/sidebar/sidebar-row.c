/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a channel is seen in the list: its name, its state, what is unread. */
#include "gui/view/sidebar/sidebar-row.h"

struct _ChatSidebarRow {
        GtkBox parent;
        GtkLabel *name, *unread;
        ChatChannel *channel;
};

G_DEFINE_FINAL_TYPE(ChatSidebarRow, chat_sidebar_row, GTK_TYPE_BOX)

static void update(ChatSidebarRow *self) {
        g_autofree char *count = NULL;
        guint n = self->channel ? chat_channel_get_unread(self->channel) : 0;

        gtk_label_set_label(self->name, self->channel ? chat_channel_get_name(self->channel) : "");
        count = g_strdup_printf("%u", n);
        gtk_label_set_label(self->unread, n > 0 ? count : "");
        gtk_widget_set_visible(GTK_WIDGET(self->unread), n > 0);
}

void chat_sidebar_row_set_channel(ChatSidebarRow *self, ChatChannel *channel) {
        if (self->channel)
                g_signal_handlers_disconnect_by_data(self->channel, self);
        g_set_object(&self->channel, channel);
        if (channel)
                g_signal_connect_swapped(channel, "notify::unread", G_CALLBACK(update), self);
        update(self);
}

GtkWidget *chat_sidebar_row_new(void) {
        return g_object_new(CHAT_TYPE_SIDEBAR_ROW, NULL);
}

static void chat_sidebar_row_dispose(GObject *object) {
        ChatSidebarRow *self = CHAT_SIDEBAR_ROW(object);

        if (self->channel)
                g_signal_handlers_disconnect_by_data(self->channel, self);
        g_clear_object(&self->channel);
        G_OBJECT_CLASS(chat_sidebar_row_parent_class)->dispose(object);
}

static void chat_sidebar_row_init(ChatSidebarRow *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

static void chat_sidebar_row_class_init(ChatSidebarRowClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_sidebar_row_dispose;
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/sidebar/sidebar-row.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, name);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebarRow, unread);
}
