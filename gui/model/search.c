/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what of a channel's log has the words that a person looks for; leaves showing it to the
 * view. */
#include "gui/model/search.h"

#include "dbus/names.h"

struct _ChatSearch {
        GObject parent;
        ChatChannel *channel;
        char *own, *query;
        GError *error;    /* why there is no more; NULL: nothing failed */
        GPtrArray *found; /* of ChatMessage, the newest first */
        GCancellable *cancellable;
        guint64 anchor, first_seq;
        guint wanted; /* so many are to be found before it is enough */
        gboolean is_asking, is_complete;
};

enum { PROP_0, PROP_LOADING, PROP_FAILED, PROP_COMPLETE, PROP_FIRST_SEQ, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

static GType search_get_item_type(GListModel *model) {
        return CHAT_TYPE_MESSAGE;
}

static guint search_get_n_items(GListModel *model) {
        return CHAT_SEARCH(model)->found->len;
}

static gpointer search_get_item(GListModel *model, guint position) {
        GPtrArray *found = CHAT_SEARCH(model)->found;

        return position < found->len ? g_object_ref(found->pdata[position]) : NULL;
}

static void search_list_init(GListModelInterface *interface) {
        interface->get_item_type = search_get_item_type;
        interface->get_n_items = search_get_n_items;
        interface->get_item = search_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(ChatSearch, chat_search, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, search_list_init))

gboolean chat_search_is_loading(ChatSearch *self) {
        return self->is_asking;
}

gboolean chat_search_is_complete(ChatSearch *self) {
        return self->is_complete;
}

const char *chat_search_get_query(ChatSearch *self) {
        return self->query;
}

const GError *chat_search_get_error(ChatSearch *self) {
        return self->error;
}

guint64 chat_search_get_first_seq(ChatSearch *self) {
        return self->first_seq;
}

static void set_asking(ChatSearch *self, gboolean is_asking) {
        if (self->is_asking == is_asking)
                return;
        self->is_asking = is_asking;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_LOADING]);
}

static void set_complete(ChatSearch *self, gboolean is_complete) {
        if (self->is_complete == is_complete)
                return;
        self->is_complete = is_complete;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_COMPLETE]);
}

/* Takes error; NULL: none. */
static void set_error(ChatSearch *self, GError *error) {
        if (!self->error && !error)
                return;
        g_clear_error(&self->error);
        self->error = error;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_FAILED]);
}

static void take_entries(ChatSearch *self, GVariant *entries) {
        const guint before = self->found->len;

        /* They come ascending. */
        for (gsize i = g_variant_n_children(entries);
             i > 0 && self->found->len < CHAT_SEARCH_MAX; i--) {
                g_autoptr(GVariant) entry = g_variant_get_child_value(entries, i - 1);
                ChatMessage *message;
                guint64 seq;

                g_variant_get_child(entry, 0, "t", &seq);
                message = chat_message_new(seq);
                chat_message_fill(message, entry, NULL, self->own);
                g_ptr_array_add(self->found, message);
        }
        if (self->found->len > before)
                g_list_model_items_changed(G_LIST_MODEL(self), before, 0,
                                           self->found->len - before);
}

static void ask(ChatSearch *self);

static void on_found(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(source), result, &error);
        g_autoptr(GVariant) entries = NULL;
        g_autoptr(GVariant) page = NULL;
        g_autoptr(ChatSearch) self = NULL;
        guint64 next = 0;
        gboolean more = FALSE;

        if (!reply && chat_error_is_cancelled(error))
                return; /* who asked is gone, or asks for something else */
        self = g_object_ref(userdata);
        if (!reply) {
                set_error(self, g_steal_pointer(&error));
                set_asking(self, FALSE);
                return;
        }
        entries = g_variant_get_child_value(reply, 0);
        page = g_variant_get_child_value(reply, 1);
        g_variant_lookup(page, "more", "b", &more);
        g_variant_lookup(page, "next_anchor", "t", &next);
        g_variant_lookup(page, "first_seq", "t", &self->first_seq);
        take_entries(self, entries);
        /* Each page is of older entries than the one before: that ends, whatever is found. */
        if (!more || self->found->len >= CHAT_SEARCH_MAX || next == 0 ||
            (self->anchor > 0 && next >= self->anchor))
                set_complete(self, TRUE);
        self->anchor = next;
        /* A short page is not the end. */
        if (!self->is_complete && self->found->len < self->wanted)
                ask(self);
        else
                set_asking(self, FALSE);
}

static void ask(ChatSearch *self) {
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (self->anchor > 0)
                g_variant_builder_add(&options, "{sv}", "anchor",
                                      g_variant_new_uint64(self->anchor));
        set_asking(self, TRUE);
        chat_remote_call_async(CHAT_REMOTE(self->channel), P2PCHAT_INTERFACE_CHANNEL, "Search",
                               g_variant_new("(sua{sv})", self->query, CHAT_SEARCH_STEP, &options),
                               G_VARIANT_TYPE("(a(tssssta{sv})a{sv})"), self->cancellable, on_found,
                               self);
}

void chat_search_more(ChatSearch *self) {
        if (self->is_asking || self->is_complete || *self->query == '\0')
                return;
        set_error(self, NULL);
        self->wanted = self->found->len + CHAT_SEARCH_STEP;
        ask(self);
}

void chat_search_stop(ChatSearch *self) {
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
        self->cancellable = g_cancellable_new();
        set_asking(self, FALSE);
}

gboolean chat_search_set_query(ChatSearch *self, const char *query) {
        const guint n = self->found->len;

        if (g_str_equal(self->query, query))
                return FALSE;
        chat_search_stop(self);
        g_free(self->query);
        self->query = g_strdup(query);
        self->anchor = 0;
        g_ptr_array_set_size(self->found, 0);
        if (n > 0)
                g_list_model_items_changed(G_LIST_MODEL(self), 0, n, 0);
        set_error(self, NULL);
        set_complete(self, FALSE);
        chat_search_more(self);
        return TRUE;
}

static void chat_search_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        ChatSearch *self = CHAT_SEARCH(object);

        switch (id) {
        case PROP_LOADING:
                g_value_set_boolean(value, self->is_asking);
                return;
        case PROP_FAILED:
                g_value_set_boolean(value, self->error != NULL);
                return;
        case PROP_COMPLETE:
                g_value_set_boolean(value, self->is_complete);
                return;
        case PROP_FIRST_SEQ:
                g_value_set_uint64(value, self->first_seq);
                return;
        }
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_search_dispose(GObject *object) {
        g_cancellable_cancel(CHAT_SEARCH(object)->cancellable);
        G_OBJECT_CLASS(chat_search_parent_class)->dispose(object);
}

static void chat_search_finalize(GObject *object) {
        ChatSearch *self = CHAT_SEARCH(object);

        g_object_unref(self->cancellable);
        g_ptr_array_unref(self->found);
        g_object_unref(self->channel);
        g_free(self->own);
        g_free(self->query);
        g_clear_error(&self->error);
        G_OBJECT_CLASS(chat_search_parent_class)->finalize(object);
}

static void chat_search_init(ChatSearch *self) {
        self->cancellable = g_cancellable_new();
        self->found = g_ptr_array_new_with_free_func(g_object_unref);
        self->query = g_strdup("");
}

ChatSearch *chat_search_new(ChatChannel *channel, const char *own) {
        ChatSearch *self = g_object_new(CHAT_TYPE_SEARCH, NULL);

        self->channel = g_object_ref(channel);
        self->own = g_strdup(own);
        return self;
}

static void chat_search_class_init(ChatSearchClass *class) {
        GObjectClass *object_class = G_OBJECT_CLASS(class);
        const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

        object_class->get_property = chat_search_get_property;
        object_class->dispose = chat_search_dispose;
        object_class->finalize = chat_search_finalize;
        specs[PROP_LOADING] = g_param_spec_boolean("loading", NULL, NULL, FALSE, flags);
        specs[PROP_FAILED] = g_param_spec_boolean("failed", NULL, NULL, FALSE, flags);
        specs[PROP_COMPLETE] = g_param_spec_boolean("complete", NULL, NULL, FALSE, flags);
        specs[PROP_FIRST_SEQ] =
                g_param_spec_uint64("first-seq", NULL, NULL, 0, G_MAXUINT64, 0, flags);
        g_object_class_install_properties(object_class, N_PROPERTIES, specs);
}
