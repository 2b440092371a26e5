/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what can be done with one message; leaves the list to conversation-view.h. */
#include "gui/view/conversation/message-menu.h"

#include "gui/i18n.h"
#include "gui/model/moderation.h"
#include "gui/view/ask.h"

/* As long as the menu is there; what it asks takes what it needs. */
typedef struct Menu {
        ChatWindow *window;
        ChatChannel *channel;
        ChatMessage *message;
        chat_mention_fn mention;
        gpointer userdata;
} Menu;

/* A question about one entry. */
typedef struct About {
        ChatChannel *channel;
        guint64 seq;
} About;

static void menu_free(gpointer userdata) {
        Menu *menu = userdata;

        g_object_unref(menu->window);
        g_object_unref(menu->channel);
        g_object_unref(menu->message);
        g_free(menu);
}

static void about_free(gpointer userdata) {
        About *about = userdata;

        g_object_unref(about->channel);
        g_free(about);
}

static void on_done(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) window = userdata;
        g_autoptr(GError) error = NULL;

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                chat_window_toast_error(window, error);
}

static void on_ignored(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) window = userdata;
        g_autoptr(GError) error = NULL;

        if (chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                chat_window_toast(window, _("What they say in this channel is hidden from you. "
                                            "Nobody else hears of it."));
        else
                chat_window_toast_error(window, error);
}

static void on_copy(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        Menu *menu = userdata;

        gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(menu->window)),
                               chat_message_get_text(menu->message));
        chat_window_toast(menu->window, _("The text is on the clipboard."));
}

static void on_mention(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        Menu *menu = userdata;

        menu->mention(chat_message_get_sender(menu->message), menu->userdata);
}

static void on_remove_said(ChatWindow *window, const char *reason, guint choice,
                           gpointer userdata) {
        About *about = userdata;

        chat_channel_redact_async(about->channel, about->seq, reason, on_done,
                                  g_object_ref(window));
}

static void on_remove(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        Menu *menu = userdata;
        About *about = g_new0(About, 1);
        const ChatQuestion question = {
                .heading = _("Remove This Message?"),
                .body = _("Its text goes for everybody, and its place says by whom and why. It "
                          "does not come back."),
                .label = _("Reason"),
                .answer = _("Remove"),
                .is_destructive = TRUE,
        };

        about->channel = g_object_ref(menu->channel);
        about->seq = chat_message_get_seq(menu->message);
        chat_ask(menu->window, &question, on_remove_said, about, about_free);
}

static void on_ignore(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        Menu *menu = userdata;
        const char *name = chat_message_get_sender(menu->message);
        const gboolean is_ignored = chat_channel_is_ignored(menu->channel, name);

        chat_channel_set_ignored_async(menu->channel, name, !is_ignored,
                                       is_ignored ? on_done : on_ignored,
                                       g_object_ref(menu->window));
}

static GMenu *menu_new(const Menu *menu) {
        const gboolean is_own = chat_message_is_own(menu->message);
        const gboolean is_read =
                !chat_message_is_removed(menu->message) && !chat_message_is_hidden(menu->message);
        const gboolean is_stored =
                chat_message_get_state(menu->message) == CHAT_MESSAGE_STORED;
        const gboolean is_ignored = chat_channel_is_ignored(
                menu->channel, chat_message_get_sender(menu->message));
        GMenu *model = g_menu_new();

        if (is_read)
                g_menu_append(model, _("Copy the Text"), "message.copy");
        if (!is_own) {
                g_menu_append(model, _("Speak to the Sender"), "message.mention");
                g_menu_append(model,
                              is_ignored ? _("Stop Ignoring the Sender") : _("Ignore the Sender"),
                              "message.ignore");
        }
        if (is_stored && !chat_message_is_removed(menu->message) &&
            (is_own || chat_channel_is_ruled_by_us(menu->channel)))
                g_menu_append(model, _("Remove…"), "message.remove");
        return model;
}

static void unparent(gpointer popover) {
        if (gtk_widget_get_parent(popover))
                gtk_widget_unparent(popover);
        g_object_unref(popover);
}

static void on_closed(GtkPopover *popover) {
        /* What was chosen is done first. */
        g_idle_add_once(unparent, g_object_ref(popover));
}

void chat_message_menu_popdown(ChatMessageRow *row) {
        GtkWidget *child = gtk_widget_get_first_child(GTK_WIDGET(row));

        for (; child; child = gtk_widget_get_next_sibling(child))
                if (GTK_IS_POPOVER(child))
                        gtk_popover_popdown(GTK_POPOVER(child));
}

static gboolean has_menu(ChatMessage *message) {
        return message && chat_message_get_state(message) != CHAT_MESSAGE_PLACEHOLDER &&
               !chat_message_is_governance(message) &&
               !(chat_message_is_own(message) && chat_message_is_removed(message));
}

void chat_message_menu_popup(ChatMessageRow *row, ChatChannel *channel, double x, double y,
                             chat_mention_fn mention, gpointer userdata) {
        static const GActionEntry entries[] = {
                { .name = "copy", .activate = on_copy },
                { .name = "mention", .activate = on_mention },
                { .name = "remove", .activate = on_remove },
                { .name = "ignore", .activate = on_ignore },
        };
        ChatMessage *message = chat_message_row_get_message(row);
        g_autoptr(GSimpleActionGroup) group = NULL;
        g_autoptr(GMenu) model = NULL;
        GtkWidget *popover;
        Menu *menu;

        if (!has_menu(message))
                return;
        menu = g_new0(Menu, 1);
        menu->window = g_object_ref(chat_window_of(GTK_WIDGET(row)));
        menu->channel = g_object_ref(channel);
        menu->message = g_object_ref(message);
        menu->mention = mention;
        menu->userdata = userdata;
        model = menu_new(menu);
        popover = gtk_popover_menu_new_from_model(G_MENU_MODEL(model));
        group = g_simple_action_group_new();
        g_action_map_add_action_entries(G_ACTION_MAP(group), entries, G_N_ELEMENTS(entries), menu);
        g_object_set_data_full(G_OBJECT(group), "chat-menu", menu, menu_free);
        gtk_widget_insert_action_group(popover, "message", G_ACTION_GROUP(group));
        gtk_widget_set_parent(popover, GTK_WIDGET(row));
        gtk_popover_set_has_arrow(GTK_POPOVER(popover), FALSE);
        gtk_widget_set_halign(popover, GTK_ALIGN_START);
        gtk_popover_set_pointing_to(GTK_POPOVER(popover),
                                    &(GdkRectangle){ (int) x, (int) y, 1, 1 });
        g_signal_connect(popover, "closed", G_CALLBACK(on_closed), NULL);
        gtk_popover_popup(GTK_POPOVER(popover));
}
