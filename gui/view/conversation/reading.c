/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether messages are looked at, what of them is read by that, and where what is new begins;
 * leaves where in them one is to conversation-scroll.h. */
#include "gui/view/conversation/reading.h"

/* No more often is it told how far was read. */
#define READ_AGAIN_MS 1000

struct _ChatReading {
        GObject parent;
        GtkWidget *messages; /* weak; NULL: it is gone */
        ChatConversationScroll *scroll;
        ChatConversation *conversation; /* NULL: none */
        guint telling;                  /* a source: it is told soon how far was read */
        gboolean is_looked_at;
};

G_DEFINE_FINAL_TYPE(ChatReading, chat_reading, G_TYPE_OBJECT)

static ChatChannel *get_channel(ChatReading *self) {
        return chat_conversation_get_channel(self->conversation);
}

static ChatHistory *get_history(ChatReading *self) {
        return chat_conversation_get_history(self->conversation);
}

guint64 chat_reading_get_line(ChatReading *self) {
        return self->conversation ? chat_history_get_first_unread(get_history(self)) : 0;
}

static gboolean tell(gpointer userdata) {
        ChatReading *self = userdata;
        guint64 last = chat_history_get_last_seq(get_history(self));

        self->telling = 0;
        if (self->is_looked_at && chat_conversation_scroll_get_at_end(self->scroll) &&
            last > chat_channel_get_read_seq(get_channel(self)))
                chat_channel_mark_read_async(get_channel(self), last, NULL, NULL, NULL);
        return G_SOURCE_REMOVE;
}

/* Something was seen, or something new can be. */
static void note(ChatReading *self) {
        if (self->telling == 0 && self->conversation)
                self->telling = g_timeout_add(READ_AGAIN_MS, tell, self);
}

/* Behind what was read before, as long as it is looked at: what comes then is read. */
static void place_line(ChatReading *self) {
        gboolean is_read =
                self->is_looked_at && chat_channel_get_unread(get_channel(self)) == 0;

        chat_history_set_unread_after(get_history(self),
                                      is_read ? CHAT_HISTORY_READ
                                              : chat_channel_get_read_seq(get_channel(self)));
}

static gboolean is_shown(ChatReading *self) {
        GtkRoot *root = self->messages ? gtk_widget_get_root(self->messages) : NULL;

        return GTK_IS_WINDOW(root) && gtk_widget_get_mapped(self->messages) &&
               gtk_window_is_active(GTK_WINDOW(root));
}

/* Who looks again sees what is new since. */
static void update(ChatReading *self) {
        const gboolean is_looked_at = is_shown(self);

        if (self->is_looked_at == is_looked_at)
                return;
        self->is_looked_at = is_looked_at;
        if (self->conversation && (!is_looked_at || chat_reading_get_line(self) == 0))
                place_line(self);
        note(self);
}

static void forget(ChatReading *self) {
        g_clear_handle_id(&self->telling, g_source_remove);
        if (self->conversation)
                g_signal_handlers_disconnect_by_data(self->conversation, self);
        g_clear_object(&self->conversation);
}

void chat_reading_set_conversation(ChatReading *self, ChatConversation *conversation) {
        forget(self);
        if (!conversation)
                return;
        self->conversation = g_object_ref(conversation);
        g_signal_connect_swapped(conversation, "items-changed", G_CALLBACK(note), self);
        place_line(self);
        note(self);
}

static void on_root(ChatReading *self) {
        GtkRoot *root = gtk_widget_get_root(self->messages);

        if (GTK_IS_WINDOW(root))
                g_signal_connect_object(root, "notify::is-active", G_CALLBACK(update), self,
                                        G_CONNECT_SWAPPED);
}

static void chat_reading_dispose(GObject *object) {
        ChatReading *self = CHAT_READING(object);

        forget(self);
        g_clear_weak_pointer(&self->messages);
        g_clear_object(&self->scroll);
        G_OBJECT_CLASS(chat_reading_parent_class)->dispose(object);
}

static void chat_reading_init(ChatReading *self) {
}

ChatReading *chat_reading_new(GtkWidget *messages, ChatConversationScroll *scroll) {
        ChatReading *self = g_object_new(CHAT_TYPE_READING, NULL);

        g_set_weak_pointer(&self->messages, messages);
        self->scroll = g_object_ref(scroll);
        g_signal_connect_object(scroll, "notify::at-end", G_CALLBACK(note), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(messages, "notify::root", G_CALLBACK(on_root), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(messages, "map", G_CALLBACK(update), self, G_CONNECT_SWAPPED);
        g_signal_connect_object(messages, "unmap", G_CALLBACK(update), self, G_CONNECT_SWAPPED);
        return self;
}

static void chat_reading_class_init(ChatReadingClass *class) {
        G_OBJECT_CLASS(class)->dispose = chat_reading_dispose;
}
