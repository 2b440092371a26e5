/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which of one's channels have a text in their names, and which of those is meant; leaves
 * typing it to sidebar.h. */
#include "gui/view/sidebar/found-channels.h"

#include "gui/view/shown.h"
#include "gui/view/sidebar/sidebar-row.h"

struct _ChatFoundChannels {
        AdwBin parent;
        GtkStack *stack;
        GtkListView *list;
        GtkStringFilter *filter;
        GtkFilterListModel *found;
        GtkSingleSelection *selection;
};

G_DEFINE_FINAL_TYPE(ChatFoundChannels, chat_found_channels, ADW_TYPE_BIN)

ChatChannel *chat_found_channels_get_meant(ChatFoundChannels *self) {
        return gtk_single_selection_get_selected_item(self->selection);
}

static void mean(ChatFoundChannels *self, guint position) {
        gtk_single_selection_set_selected(self->selection, position);
        gtk_widget_activate_action(GTK_WIDGET(self->list), "list.scroll-to-item", "u", position);
}

void chat_found_channels_step(ChatFoundChannels *self, gboolean is_up) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->selection));
        guint at = gtk_single_selection_get_selected(self->selection);

        if (n > 0)
                mean(self, (at + (is_up ? n - 1 : 1)) % n);
}

void chat_found_channels_set_text(ChatFoundChannels *self, const char *text) {
        gtk_string_filter_set_search(self->filter, text);
        if (g_list_model_get_n_items(G_LIST_MODEL(self->selection)) > 0)
                mean(self, 0);
}

static void on_found(ChatFoundChannels *self) {
        gboolean is_found = g_list_model_get_n_items(G_LIST_MODEL(self->found)) > 0;

        gtk_stack_set_visible_child_name(self->stack, is_found ? "found" : "nothing");
}

void chat_found_channels_set_channels(ChatFoundChannels *self, GListModel *channels) {
        gtk_filter_list_model_set_model(self->found, channels);
}

/* A row that has the focus was chosen by a key. */
static void on_activate(ChatFoundChannels *self, guint position) {
        g_autoptr(ChatRemote) channel =
                g_list_model_get_item(G_LIST_MODEL(self->selection), position);

        gtk_widget_activate_action(GTK_WIDGET(self), "sidebar.open", "s",
                                   chat_remote_get_path(channel));
}

static void chat_found_channels_init(ChatFoundChannels *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        chat_shown_follow_pages(self->stack);
}

static void chat_found_channels_class_init(ChatFoundChannelsClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        g_type_ensure(CHAT_TYPE_CHANNEL);
        g_type_ensure(CHAT_TYPE_SIDEBAR_ROW);
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/sidebar/found-channels.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatFoundChannels, stack);
        gtk_widget_class_bind_template_child(widget_class, ChatFoundChannels, list);
        gtk_widget_class_bind_template_child(widget_class, ChatFoundChannels, filter);
        gtk_widget_class_bind_template_child(widget_class, ChatFoundChannels, found);
        gtk_widget_class_bind_template_child(widget_class, ChatFoundChannels, selection);
        gtk_widget_class_bind_template_callback(widget_class, on_found);
        gtk_widget_class_bind_template_callback(widget_class, on_activate);
}
