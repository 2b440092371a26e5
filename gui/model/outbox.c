/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person said that the host does not have yet; leaves the log to history.h. */
#include "gui/model/outbox.h"

#include "dbus/names.h"

#define CHANNEL P2PCHAT_INTERFACE_CHANNEL

struct _ChatOutbox {
        GObject parent;
        ChatChannel *channel;
        char *own;
        GPtrArray *rows; /* of ChatMessage */
        GCancellable *cancellable;
        gboolean is_asking, is_stale; /* something changed since it was asked */
        GPtrArray *answer;            /* what came of it so far, of ChatMessage */
        GHashTable *dropped;          /* ids that an answer under way may still have */
};

static GType outbox_get_item_type(GListModel *model) {
        return CHAT_TYPE_MESSAGE;
}

static guint outbox_get_n_items(GListModel *model) {
        return CHAT_OUTBOX(model)->rows->len;
}

static gpointer outbox_get_item(GListModel *model, guint position) {
        ChatOutbox *self = CHAT_OUTBOX(model);

        return position < self->rows->len ? g_object_ref(self->rows->pdata[position]) : NULL;
}

static void outbox_list_init(GListModelInterface *interface) {
        interface->get_item_type = outbox_get_item_type;
        interface->get_n_items = outbox_get_n_items;
        interface->get_item = outbox_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(ChatOutbox, chat_outbox, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, outbox_list_init))

static ChatMessage *find(ChatOutbox *self, const char *id, guint *ret_position) {
        for (guint i = 0; i < self->rows->len; i++)
                if (g_str_equal(chat_message_get_id(self->rows->pdata[i]), id)) {
                        *ret_position = i;
                        return self->rows->pdata[i];
                }
        return NULL;
}

/* They follow each other as one group. */
static void group(ChatOutbox *self) {
        for (guint i = 0; i < self->rows->len; i++)
                chat_message_set_begins_group(self->rows->pdata[i], i == 0);
}

/* Takes rows; says only what differs. */
static void take_rows(ChatOutbox *self, GPtrArray *rows) {
        g_autoptr(GPtrArray) before = self->rows;
        guint begin = 0, end = 0, n = MIN(before->len, rows->len);

        while (begin < n && before->pdata[begin] == rows->pdata[begin])
                begin++;
        while (end < n - begin &&
               before->pdata[before->len - 1 - end] == rows->pdata[rows->len - 1 - end])
                end++;
        self->rows = rows;
        group(self);
        if (begin + end < before->len || begin + end < rows->len)
                g_list_model_items_changed(G_LIST_MODEL(self), begin, before->len - begin - end,
                                           rows->len - begin - end);
}

void chat_outbox_drop(ChatOutbox *self, const char *id) {
        guint position;
        gboolean is_shown = find(self, id, &position) != NULL;

        if (is_shown || self->is_asking)
                g_hash_table_add(self->dropped, g_strdup(id));
        if (!is_shown)
                return;
        g_ptr_array_remove_index(self->rows, position);
        group(self);
        g_list_model_items_changed(G_LIST_MODEL(self), position, 1, 0);
}

static void take_row(ChatOutbox *self, GVariant *row) {
        const char *id, *state;
        ChatMessage *known;
        guint position;

        g_variant_get(row, "(&s&stu&sa{sv})", &id, NULL, NULL, NULL, &state, NULL);
        if (!g_str_equal(state, "queued") && !g_str_equal(state, "failed"))
                return;
        known = find(self, id, &position);
        if (known)
                chat_message_take_row(known, row);
        g_ptr_array_add(self->answer,
                        known ? g_object_ref(known) : chat_message_new_outbox(row, self->own));
}

/* What the answer says of rows that are in the log by now is old. */
static GPtrArray *without_dropped(ChatOutbox *self) {
        GPtrArray *rows = g_ptr_array_new_with_free_func(g_object_unref);
        g_autoptr(GHashTable) still = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

        for (guint i = 0; i < self->answer->len; i++) {
                const char *id = chat_message_get_id(self->answer->pdata[i]);

                if (g_hash_table_contains(self->dropped, id))
                        g_hash_table_add(still, g_strdup(id));
                else
                        g_ptr_array_add(rows, g_object_ref(self->answer->pdata[i]));
        }
        g_hash_table_unref(self->dropped);
        self->dropped = g_steal_pointer(&still);
        return rows;
}

/* then() may ask for what is after it. */
static void ask(ChatOutbox *self, const char *after, GAsyncReadyCallback then) {
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (*after)
                g_variant_builder_add(&options, "{sv}", "after", g_variant_new_string(after));
        self->is_asking = TRUE;
        chat_remote_call_async(CHAT_REMOTE(self->channel), CHANNEL, "GetOutbox",
                               g_variant_new("(a{sv})", &options),
                               G_VARIANT_TYPE("(a(sstusa{sv})s)"), self->cancellable, then, self);
}

static void begin(ChatOutbox *self, GAsyncReadyCallback then) {
        self->is_stale = FALSE;
        g_ptr_array_set_size(self->answer, 0);
        ask(self, "", then);
}

static void on_rows(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(source), result, &error);
        g_autoptr(GVariant) rows = NULL;
        g_autoptr(ChatOutbox) self = NULL;
        const char *next = "";

        if (!reply && chat_error_is_cancelled(error))
                return; /* who asked is gone */
        self = g_object_ref(userdata);
        self->is_asking = FALSE;
        if (self->is_stale) {
                begin(self, on_rows);
                return;
        }
        if (!reply) /* the next change, or the next daemon, makes it right */
                return;
        rows = g_variant_get_child_value(reply, 0);
        for (gsize i = 0; i < g_variant_n_children(rows); i++) {
                g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
                take_row(self, row);
        }
        g_variant_get_child(reply, 1, "&s", &next);
        if (*next && g_variant_n_children(rows) > 0)
                ask(self, next, on_rows);
        else
                take_rows(self, without_dropped(self));
}

static void refresh(ChatOutbox *self) {
        if (chat_remote_get_away(CHAT_REMOTE(self->channel)))
                return;
        if (self->is_asking)
                self->is_stale = TRUE;
        else
                begin(self, on_rows);
}

static void call(ChatOutbox *self, const char *method, const char *id, GCancellable *cancellable,
                 GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self->channel), CHANNEL, method,
                               g_variant_new("(s@a{sv})", id, chat_no_options()), NULL, cancellable,
                               callback, userdata);
}

void chat_outbox_cancel_async(ChatOutbox *self, const char *id, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer userdata) {
        call(self, "Cancel", id, cancellable, callback, userdata);
}

void chat_outbox_retry_async(ChatOutbox *self, const char *id, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer userdata) {
        call(self, "Retry", id, cancellable, callback, userdata);
}

ChatChannel *chat_outbox_get_channel(ChatOutbox *self) {
        return self->channel;
}

static void chat_outbox_dispose(GObject *object) {
        g_cancellable_cancel(CHAT_OUTBOX(object)->cancellable);
        G_OBJECT_CLASS(chat_outbox_parent_class)->dispose(object);
}

static void chat_outbox_finalize(GObject *object) {
        ChatOutbox *self = CHAT_OUTBOX(object);

        g_object_unref(self->cancellable);
        g_ptr_array_unref(self->rows);
        g_ptr_array_unref(self->answer);
        g_hash_table_unref(self->dropped);
        g_object_unref(self->channel);
        g_free(self->own);
        G_OBJECT_CLASS(chat_outbox_parent_class)->finalize(object);
}

static void chat_outbox_init(ChatOutbox *self) {
        self->cancellable = g_cancellable_new();
        self->rows = g_ptr_array_new_with_free_func(g_object_unref);
        self->answer = g_ptr_array_new_with_free_func(g_object_unref);
        self->dropped = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

ChatOutbox *chat_outbox_new(ChatChannel *channel, const char *own) {
        ChatOutbox *self = g_object_new(CHAT_TYPE_OUTBOX, NULL);

        self->channel = g_object_ref(channel);
        self->own = g_strdup(own);
        g_signal_connect_object(channel, "outbox-changed", G_CALLBACK(refresh), self,
                                G_CONNECT_SWAPPED);
        g_signal_connect_object(channel, "refreshed", G_CALLBACK(refresh), self, G_CONNECT_SWAPPED);
        refresh(self);
        return self;
}

static void chat_outbox_class_init(ChatOutboxClass *class) {
        G_OBJECT_CLASS(class)->dispose = chat_outbox_dispose;
        G_OBJECT_CLASS(class)->finalize = chat_outbox_finalize;
}
