/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a message that waits looks where it is not in its channel; leaves what is done with it
 * to outbox-window.h. */
#include "gui/view/outbox/outbox-row.h"

#include "gui/i18n.h"
#include "gui/model/text.h"
#include "gui/view/conversation/message-row.h"

struct _ChatOutboxRow {
        GtkBox parent;
        ChatOutbox *outbox; /* NULL: none */

        GtkButton *channel;
        ChatMessageRow *message;
};

enum { SIGNAL_RETRY, SIGNAL_CANCEL, SIGNAL_SHOW_CHANNEL, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatOutboxRow, chat_outbox_row, GTK_TYPE_BOX)

/* The channel stands above the first of its messages. */
static void update(ChatOutboxRow *self, ChatMessage *message) {
        gtk_widget_set_visible(GTK_WIDGET(self->channel), chat_message_begins_group(message));
}

static void name_channel(ChatOutboxRow *self) {
        ChatChannel *channel = chat_outbox_get_channel(self->outbox);
        g_autofree char *name = chat_line(chat_channel_get_name(channel));
        g_autofree char *isolated = chat_isolate(chat_channel_get_name(channel));
        g_autofree char *what = g_strdup_printf(_("Show the channel %s"), isolated);

        gtk_button_set_label(self->channel, name);
        gtk_accessible_update_property(GTK_ACCESSIBLE(self->channel),
                                       GTK_ACCESSIBLE_PROPERTY_LABEL, what, -1);
}

static void forget(ChatOutboxRow *self) {
        ChatMessage *message =
                self->message ? chat_message_row_get_message(self->message) : NULL;

        if (message)
                g_signal_handlers_disconnect_by_data(message, self);
        g_clear_object(&self->outbox);
}

void chat_outbox_row_set(ChatOutboxRow *self, ChatOutbox *outbox, ChatMessage *message) {
        forget(self);
        chat_message_row_set_message(self->message, message);
        if (!message)
                return;
        self->outbox = g_object_ref(outbox);
        g_signal_connect_swapped(message, "changed", G_CALLBACK(update), self);
        name_channel(self);
        update(self, message);
}

ChatOutbox *chat_outbox_row_get_outbox(ChatOutboxRow *self) {
        return self->outbox;
}

const char *chat_outbox_row_get_id(ChatOutboxRow *self) {
        return chat_message_get_id(chat_message_row_get_message(self->message));
}

GtkWidget *chat_outbox_row_new(void) {
        return g_object_new(CHAT_TYPE_OUTBOX_ROW, NULL);
}

static void on_retry(ChatOutboxRow *self) {
        g_signal_emit(self, signals[SIGNAL_RETRY], 0);
}

static void on_cancel(ChatOutboxRow *self) {
        g_signal_emit(self, signals[SIGNAL_CANCEL], 0);
}

static void on_channel(ChatOutboxRow *self) {
        g_signal_emit(self, signals[SIGNAL_SHOW_CHANNEL], 0);
}

static void chat_outbox_row_dispose(GObject *object) {
        forget(CHAT_OUTBOX_ROW(object));
        G_OBJECT_CLASS(chat_outbox_row_parent_class)->dispose(object);
}

static void chat_outbox_row_init(ChatOutboxRow *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

static guint signal_new(const char *name) {
        return g_signal_new(name, CHAT_TYPE_OUTBOX_ROW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                            G_TYPE_NONE, 0);
}

static void chat_outbox_row_class_init(ChatOutboxRowClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_outbox_row_dispose;
        g_type_ensure(CHAT_TYPE_MESSAGE_ROW);
        gtk_widget_class_set_template_from_resource(widget_class,
                                                    "/org/p2pchat/Chat/view/outbox/outbox-row.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatOutboxRow, channel);
        gtk_widget_class_bind_template_child(widget_class, ChatOutboxRow, message);
        gtk_widget_class_bind_template_callback(widget_class, on_retry);
        gtk_widget_class_bind_template_callback(widget_class, on_cancel);
        gtk_widget_class_bind_template_callback(widget_class, on_channel);
        signals[SIGNAL_RETRY] = signal_new("retry");
        signals[SIGNAL_CANCEL] = signal_new("cancel");
        signals[SIGNAL_SHOW_CHANNEL] = signal_new("show-channel");
}
