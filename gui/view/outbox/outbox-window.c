/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how all is shown that a person said and no host has yet, in whichever channel; leaves what
 * waits in one of them to model/outbox.h. */
#include "gui/view/outbox/outbox-window.h"

#include "gui/i18n.h"
#include "gui/model/outbox.h"
#include "gui/view/outbox/outbox-row.h"
#include "gui/view/shown.h"

struct _ChatOutboxWindow {
        AdwWindow parent;
        GtkFlattenListModel *messages; /* of a ChatOutbox a channel */

        AdwToastOverlay *toasts;
        GtkStack *stack;
        GtkListView *list;
};

G_DEFINE_FINAL_TYPE(ChatOutboxWindow, chat_outbox_window, ADW_TYPE_WINDOW)

static void on_done(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatOutboxWindow) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL, *escaped = NULL;

        if (chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error) || !self->messages)
                return;
        text = chat_error_dup_text(error, NULL);
        escaped = g_markup_escape_text(text, -1);
        adw_toast_overlay_add_toast(self->toasts, adw_toast_new(escaped));
}

static void on_retry(ChatOutboxRow *row, ChatOutboxWindow *self) {
        chat_outbox_retry_async(chat_outbox_row_get_outbox(row), chat_outbox_row_get_id(row), NULL,
                                on_done, g_object_ref(self));
}

static void on_cancel(ChatOutboxRow *row, ChatOutboxWindow *self) {
        chat_outbox_cancel_async(chat_outbox_row_get_outbox(row), chat_outbox_row_get_id(row), NULL,
                                 on_done, g_object_ref(self));
}

static void on_show_channel(ChatOutboxRow *row, ChatOutboxWindow *self) {
        ChatChannel *channel = chat_outbox_get_channel(chat_outbox_row_get_outbox(row));
        GtkWindow *parent = gtk_window_get_transient_for(GTK_WINDOW(self));

        if (parent)
                chat_window_show_channel(CHAT_WINDOW(parent),
                                         chat_remote_get_path(CHAT_REMOTE(channel)));
        gtk_window_close(GTK_WINDOW(self));
}

static void on_setup(ChatOutboxWindow *self, GtkListItem *item) {
        GtkWidget *row = chat_outbox_row_new();

        g_signal_connect(row, "retry", G_CALLBACK(on_retry), self);
        g_signal_connect(row, "cancel", G_CALLBACK(on_cancel), self);
        g_signal_connect(row, "show-channel", G_CALLBACK(on_show_channel), self);
        gtk_list_item_set_activatable(item, FALSE);
        gtk_list_item_set_child(item, row);
}

static void on_bind(ChatOutboxWindow *self, GtkListItem *item) {
        GListModel *outbox = gtk_flatten_list_model_get_model_for_item(
                self->messages, gtk_list_item_get_position(item));

        chat_outbox_row_set(CHAT_OUTBOX_ROW(gtk_list_item_get_child(item)), CHAT_OUTBOX(outbox),
                            gtk_list_item_get_item(item));
}

static void on_unbind(ChatOutboxWindow *self, GtkListItem *item) {
        chat_outbox_row_set(CHAT_OUTBOX_ROW(gtk_list_item_get_child(item)), NULL, NULL);
}

static void update(ChatOutboxWindow *self) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->messages));

        gtk_stack_set_visible_child_name(self->stack, n > 0 ? "messages" : "none");
}

static int by_name(gconstpointer a, gconstpointer b, gpointer userdata) {
        return g_utf8_collate(chat_channel_get_name(CHAT_CHANNEL((gpointer) a)),
                              chat_channel_get_name(CHAT_CHANNEL((gpointer) b)));
}

/* Takes channel. */
static gpointer outbox_of(gpointer channel, gpointer own) {
        g_autoptr(ChatChannel) held = channel;

        return chat_outbox_new(held, own);
}

static void set_daemon(ChatOutboxWindow *self, ChatDaemon *daemon) {
        ChatAccount *account = chat_daemon_get_account(daemon);
        const char *own = account ? chat_account_get_username(account) : "";
        GListModel *channels = chat_daemon_get_channels(daemon);
        GtkSortListModel *sorted =
                gtk_sort_list_model_new(g_object_ref(channels),
                                        GTK_SORTER(gtk_custom_sorter_new(by_name, NULL, NULL)));
        GtkMapListModel *outboxes =
                gtk_map_list_model_new(G_LIST_MODEL(sorted), outbox_of, g_strdup(own), g_free);

        self->messages = gtk_flatten_list_model_new(G_LIST_MODEL(outboxes));
        g_signal_connect_object(self->messages, "items-changed", G_CALLBACK(update), self,
                                G_CONNECT_SWAPPED);
        gtk_list_view_set_model(self->list,
                                GTK_SELECTION_MODEL(gtk_no_selection_new(
                                        g_object_ref(G_LIST_MODEL(self->messages)))));
        update(self);
}

static void chat_outbox_window_dispose(GObject *object) {
        g_clear_object(&CHAT_OUTBOX_WINDOW(object)->messages);
        G_OBJECT_CLASS(chat_outbox_window_parent_class)->dispose(object);
}

static void chat_outbox_window_init(ChatOutboxWindow *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        chat_shown_follow_pages(self->stack);
}

void chat_outbox_window_show(ChatWindow *parent) {
        ChatOutboxWindow *self =
                g_object_new(CHAT_TYPE_OUTBOX_WINDOW, "transient-for", parent, NULL);

        set_daemon(self, chat_window_get_daemon(parent));
        gtk_window_present(GTK_WINDOW(self));
}

#define BIND(name) gtk_widget_class_bind_template_child(widget_class, ChatOutboxWindow, name)

static void chat_outbox_window_class_init(ChatOutboxWindowClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_outbox_window_dispose;
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/outbox/outbox-window.ui");
        BIND(toasts);
        BIND(stack);
        BIND(list);
        gtk_widget_class_bind_template_callback(widget_class, on_setup);
        gtk_widget_class_bind_template_callback(widget_class, on_bind);
        gtk_widget_class_bind_template_callback(widget_class, on_unbind);
        gtk_widget_class_add_binding_action(widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}
