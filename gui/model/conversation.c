/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a channel's messages as they are shown, the log and behind it what waits; leaves each to
 * history.h and outbox.h. */
#include "gui/model/conversation.h"

struct _ChatConversation {
        GObject parent;
        ChatHistory *history;
        ChatOutbox *outbox;
};

static guint count(gpointer list) {
        return g_list_model_get_n_items(G_LIST_MODEL(list));
}

static GType conversation_get_item_type(GListModel *model) {
        return CHAT_TYPE_MESSAGE;
}

static guint conversation_get_n_items(GListModel *model) {
        ChatConversation *self = CHAT_CONVERSATION(model);

        return count(self->history) + count(self->outbox);
}

static gpointer conversation_get_item(GListModel *model, guint position) {
        ChatConversation *self = CHAT_CONVERSATION(model);
        guint n = count(self->history);

        return position < n ? g_list_model_get_item(G_LIST_MODEL(self->history), position)
                            : g_list_model_get_item(G_LIST_MODEL(self->outbox), position - n);
}

static void conversation_list_init(GListModelInterface *interface) {
        interface->get_item_type = conversation_get_item_type;
        interface->get_n_items = conversation_get_n_items;
        interface->get_item = conversation_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(ChatConversation, chat_conversation, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, conversation_list_init))

ChatChannel *chat_conversation_get_channel(ChatConversation *self) {
        return chat_history_get_channel(self->history);
}

ChatHistory *chat_conversation_get_history(ChatConversation *self) {
        return self->history;
}

ChatOutbox *chat_conversation_get_outbox(ChatConversation *self) {
        return self->outbox;
}

static void on_history_changed(ChatConversation *self, guint position, guint removed, guint added) {
        g_list_model_items_changed(G_LIST_MODEL(self), position, removed, added);
}

static void on_outbox_changed(ChatConversation *self, guint position, guint removed, guint added) {
        g_list_model_items_changed(G_LIST_MODEL(self), count(self->history) + position, removed,
                                   added);
}

static void on_own_stored(ChatConversation *self, const char *id) {
        chat_outbox_drop(self->outbox, id);
}

static void chat_conversation_finalize(GObject *object) {
        ChatConversation *self = CHAT_CONVERSATION(object);

        g_clear_object(&self->history);
        g_clear_object(&self->outbox);
        G_OBJECT_CLASS(chat_conversation_parent_class)->finalize(object);
}

static void chat_conversation_init(ChatConversation *self) {
}

ChatConversation *chat_conversation_new(ChatChannel *channel, const char *own) {
        ChatConversation *self = g_object_new(CHAT_TYPE_CONVERSATION, NULL);

        self->history = chat_history_new(channel, own);
        self->outbox = chat_outbox_new(channel, own);
        g_signal_connect_object(self->history, "items-changed", G_CALLBACK(on_history_changed),
                                self, G_CONNECT_SWAPPED);
        g_signal_connect_object(self->history, "own-stored", G_CALLBACK(on_own_stored), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(self->outbox, "items-changed", G_CALLBACK(on_outbox_changed), self,
                                G_CONNECT_SWAPPED);
        return self;
}

static void chat_conversation_class_init(ChatConversationClass *class) {
        G_OBJECT_CLASS(class)->finalize = chat_conversation_finalize;
}
