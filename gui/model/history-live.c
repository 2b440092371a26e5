/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which messages of a log somebody holds, without holding them; leaves filling them to
 * history.c. */
#include "gui/model/history-live.h"

struct ChatLive {
        GHashTable *by_seq; /* &one->seq → ChatLiveOne */
};

/* It is gone already. */
static void on_gone(gpointer data, GObject *where) {
        ChatLiveOne *one = data;

        one->message = NULL;
        g_hash_table_remove(one->table->by_seq, &one->seq);
}

static void one_free(gpointer data) {
        ChatLiveOne *one = data;

        if (one->message)
                g_object_weak_unref(G_OBJECT(one->message), on_gone, one);
        g_free(one);
}

guint chat_live_get_n(const ChatLive *self) {
        return g_hash_table_size(self->by_seq);
}

ChatLiveOne *chat_live_find(const ChatLive *self, guint64 seq) {
        return g_hash_table_lookup(self->by_seq, &seq);
}

ChatLiveOne *chat_live_add(ChatLive *self, ChatMessage *message) {
        ChatLiveOne *one = g_new0(ChatLiveOne, 1);

        one->message = message;
        one->seq = chat_message_get_seq(message);
        one->table = self;
        g_object_weak_ref(G_OBJECT(message), on_gone, one);
        g_hash_table_replace(self->by_seq, &one->seq, one);
        return one;
}

void chat_live_clear(ChatLive *self) {
        g_hash_table_remove_all(self->by_seq);
}

GPtrArray *chat_live_list(const ChatLive *self) {
        GPtrArray *all = g_ptr_array_new_full(chat_live_get_n(self), g_object_unref);
        GHashTableIter i;
        gpointer one;

        g_hash_table_iter_init(&i, self->by_seq);
        while (g_hash_table_iter_next(&i, NULL, &one))
                g_ptr_array_add(all, g_object_ref(((ChatLiveOne *) one)->message));
        return all;
}

void chat_live_each(const ChatLive *self, chat_live_fn fn, gpointer userdata) {
        GHashTableIter i;
        gpointer one;

        g_hash_table_iter_init(&i, self->by_seq);
        while (g_hash_table_iter_next(&i, NULL, &one))
                fn(one, userdata);
}

void chat_live_free(ChatLive *self) {
        g_hash_table_unref(self->by_seq);
        g_free(self);
}

ChatLive *chat_live_new(void) {
        ChatLive *self = g_new0(ChatLive, 1);

        self->by_seq = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, one_free);
        return self;
}
