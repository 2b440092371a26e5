/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channels the tracker lists, as many as somebody looks at; leaves joining to join.h.
 */
#include "gui/model/directory.h"

#include "dbus/names.h"
#include "gui/model/text.h"

#define ROW "(sssssua{sv})"

/* So long after the tracker said that something changed, and not more often, it is read anew. */
#define AGAIN_MS 500

struct _ChatDirectoryEntry {
        GObject parent;
        GVariant *row;
        char *topic, *id;
        gboolean is_online;
};

G_DEFINE_FINAL_TYPE(ChatDirectoryEntry, chat_directory_entry, G_TYPE_OBJECT)

struct _ChatDirectory {
        GObject parent;
        ChatDaemon *daemon;
        GCancellable *cancellable; /* of the page that was asked for; NULL: none */
        GPtrArray *entries;        /* ChatDirectoryEntry */
        GPtrArray *anew;           /* read in their place; NULL: a page more is */
        gboolean is_other;         /* entries are of another query */
        guint wanted;              /* so many are asked for now, where there are */
        char *query, *next;        /* what was said of the page behind the last; "" the end */
        GError *error;
        ChatDirectoryState state;
        guint again; /* a source */
};

enum { PROP_0, PROP_STATE, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

static GType directory_get_item_type(GListModel *model) {
        return CHAT_TYPE_DIRECTORY_ENTRY;
}

static guint directory_get_n_items(GListModel *model) {
        return CHAT_DIRECTORY(model)->entries->len;
}

static gpointer directory_get_item(GListModel *model, guint position) {
        GPtrArray *entries = CHAT_DIRECTORY(model)->entries;

        return position < entries->len ? g_object_ref(entries->pdata[position]) : NULL;
}

static void directory_list_init(GListModelInterface *interface) {
        interface->get_item_type = directory_get_item_type;
        interface->get_n_items = directory_get_n_items;
        interface->get_item = directory_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(ChatDirectory, chat_directory, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, directory_list_init))

static const char *column(ChatDirectoryEntry *self, gsize i) {
        const char *s;

        g_variant_get_child(self->row, i, "&s", &s);
        return s;
}

const char *chat_directory_entry_get_name(ChatDirectoryEntry *self) {
        return column(self, 0);
}

const char *chat_directory_entry_get_id(ChatDirectoryEntry *self) {
        return self->id;
}

const char *chat_directory_entry_get_owner(ChatDirectoryEntry *self) {
        return column(self, 1);
}

const char *chat_directory_entry_get_topic(ChatDirectoryEntry *self) {
        return self->topic;
}

gboolean chat_directory_entry_is_restricted(ChatDirectoryEntry *self) {
        return g_str_equal(column(self, 4), "restricted");
}

gboolean chat_directory_entry_is_online(ChatDirectoryEntry *self) {
        return self->is_online;
}

guint chat_directory_entry_get_members(ChatDirectoryEntry *self) {
        guint n;

        g_variant_get_child(self->row, 5, "u", &n);
        return n;
}

static ChatDirectoryEntry *entry_new(GVariant *row) {
        ChatDirectoryEntry *self = g_object_new(CHAT_TYPE_DIRECTORY_ENTRY, NULL);
        g_autoptr(GVariant) extra = g_variant_get_child_value(row, 6);

        self->row = g_variant_ref(row);
        self->topic = chat_line(column(self, 3));
        if (!g_variant_lookup(extra, "id", "s", &self->id))
                self->id = g_strdup("");
        if (!g_variant_lookup(extra, "online", "b", &self->is_online))
                self->is_online = TRUE;
        return self;
}

static void directory_set_state(ChatDirectory *self, ChatDirectoryState state) {
        self->state = state;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_STATE]);
}

ChatDirectoryState chat_directory_get_state(ChatDirectory *self) {
        return self->state;
}

const GError *chat_directory_get_error(ChatDirectory *self) {
        return self->error;
}

const char *chat_directory_get_query(ChatDirectory *self) {
        return self->query;
}

static gboolean is_same(ChatDirectoryEntry *a, ChatDirectoryEntry *b) {
        return g_variant_equal(a->row, b->row);
}

/* What is the same at both ends keeps its objects: who looks at it sees nothing move. */
static void take_place(ChatDirectory *self, GPtrArray *anew) {
        GPtrArray *old = self->entries;
        guint head = 0, tail = 0, removed, added;

        while (head < MIN(old->len, anew->len) && is_same(old->pdata[head], anew->pdata[head]))
                head++;
        while (tail < MIN(old->len, anew->len) - head &&
               is_same(old->pdata[old->len - 1 - tail], anew->pdata[anew->len - 1 - tail]))
                tail++;
        for (guint i = 0; i < head; i++)
                g_set_object((GObject **) &anew->pdata[i], old->pdata[i]);
        for (guint i = 1; i <= tail; i++)
                g_set_object((GObject **) &anew->pdata[anew->len - i], old->pdata[old->len - i]);
        removed = old->len - head - tail;
        added = anew->len - head - tail;
        self->entries = g_ptr_array_ref(anew);
        self->is_other = FALSE;
        g_ptr_array_unref(old);
        if (removed + added > 0)
                g_list_model_items_changed(G_LIST_MODEL(self), head, removed, added);
}

/* → whether there was room for all of them. */
static gboolean take_rows(ChatDirectory *self, GVariant *rows) {
        GPtrArray *into = self->anew ?: self->entries;
        const guint before = into->len;
        GVariantIter i;
        GVariant *row;

        g_variant_iter_init(&i, rows);
        while (into->len < CHAT_DIRECTORY_MAX && (row = g_variant_iter_next_value(&i))) {
                g_ptr_array_add(into, entry_new(row));
                g_variant_unref(row);
        }
        if (!self->anew && into->len > before)
                g_list_model_items_changed(G_LIST_MODEL(self), before, 0, into->len - before);
        return into->len - before == g_variant_n_children(rows);
}

/* Where it does not lead on it is the end. */
static void take_next(ChatDirectory *self, GVariant *reply) {
        g_autofree char *before = g_steal_pointer(&self->next);

        g_variant_get_child(reply, 1, "s", &self->next);
        if (g_str_equal(self->next, before))
                *self->next = '\0';
}

static void ask(ChatDirectory *self);

static void take_page(ChatDirectory *self, GVariant *reply) {
        g_autoptr(GVariant) rows = g_variant_get_child_value(reply, 0);
        const gboolean is_whole = take_rows(self, rows);

        take_next(self, reply);
        /* A short page is not the end, nor is an empty one. */
        if (*self->next && (self->anew ?: self->entries)->len < self->wanted) {
                ask(self);
                return;
        }
        if (self->anew) {
                g_autoptr(GPtrArray) anew = g_steal_pointer(&self->anew);
                take_place(self, anew);
        }
        if (*self->next == '\0' && is_whole)
                directory_set_state(self, CHAT_DIRECTORY_COMPLETE);
        else
                directory_set_state(self, self->entries->len < CHAT_DIRECTORY_MAX
                                                  ? CHAT_DIRECTORY_PARTIAL
                                                  : CHAT_DIRECTORY_FULL);
}

static void forget_other(ChatDirectory *self) {
        g_autoptr(GPtrArray) none = g_ptr_array_new_with_free_func(g_object_unref);

        if (self->is_other)
                take_place(self, none);
}

static void on_page(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(source), result, &error);
        g_autoptr(ChatDirectory) self = NULL;

        if (!reply && chat_error_is_cancelled(error))
                return; /* who asked is gone */
        self = g_object_ref(userdata);
        g_clear_object(&self->cancellable);
        if (reply) {
                g_clear_error(&self->error);
                take_page(self, reply);
                return;
        }
        g_clear_pointer(&self->anew, g_ptr_array_unref);
        g_clear_error(&self->error);
        self->error = g_steal_pointer(&error);
        forget_other(self);
        directory_set_state(self, CHAT_DIRECTORY_FAILED);
}

static void ask(ChatDirectory *self) {
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&options, "{sv}", "limit",
                              g_variant_new_uint32(CHAT_DIRECTORY_PAGE_ENTRIES));
        if (*self->query)
                g_variant_builder_add(&options, "{sv}", "query", g_variant_new_string(self->query));
        if (*self->next)
                g_variant_builder_add(&options, "{sv}", "after", g_variant_new_string(self->next));
        self->cancellable = g_cancellable_new();
        chat_remote_call_async(CHAT_REMOTE(self->daemon), P2PCHAT_INTERFACE_MANAGER,
                               "ListDirectory", g_variant_new("(a{sv})", &options),
                               G_VARIANT_TYPE("(a" ROW "s)"), self->cancellable, on_page,
                               self);
}

static void stop(ChatDirectory *self) {
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
        g_clear_handle_id(&self->again, g_source_remove);
        g_clear_pointer(&self->anew, g_ptr_array_unref);
}

static guint so_many(guint n) {
        return CLAMP(n, CHAT_DIRECTORY_PAGE_ENTRIES, CHAT_DIRECTORY_MAX);
}

void chat_directory_reload(ChatDirectory *self) {
        stop(self);
        self->wanted = so_many(self->is_other ? 0 : self->entries->len);
        self->anew = g_ptr_array_new_with_free_func(g_object_unref);
        g_free(self->next);
        self->next = g_strdup("");
        directory_set_state(self, CHAT_DIRECTORY_LOADING);
        ask(self);
}

void chat_directory_set_query(ChatDirectory *self, const char *query) {
        if (g_str_equal(self->query, query))
                return;
        g_free(self->query);
        self->query = g_strdup(query);
        self->is_other = TRUE;
        chat_directory_reload(self);
}

void chat_directory_more(ChatDirectory *self) {
        if (self->state != CHAT_DIRECTORY_PARTIAL)
                return;
        self->wanted = so_many(self->entries->len + CHAT_DIRECTORY_PAGE_ENTRIES);
        directory_set_state(self, CHAT_DIRECTORY_LOADING);
        ask(self);
}

static gboolean on_again(gpointer userdata) {
        ChatDirectory *self = userdata;

        self->again = 0;
        chat_directory_reload(self);
        return G_SOURCE_REMOVE;
}

static void on_changed(ChatDirectory *self) {
        if (self->again == 0)
                self->again = g_timeout_add(AGAIN_MS, on_again, self);
}

static void chat_directory_get_property(GObject *object, guint id, GValue *value,
                                        GParamSpec *spec) {
        if (id == PROP_STATE)
                g_value_set_uint(value, CHAT_DIRECTORY(object)->state);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_directory_dispose(GObject *object) {
        ChatDirectory *self = CHAT_DIRECTORY(object);

        stop(self);
        if (self->daemon)
                g_signal_handlers_disconnect_by_data(self->daemon, self);
        g_clear_object(&self->daemon);
        G_OBJECT_CLASS(chat_directory_parent_class)->dispose(object);
}

static void chat_directory_finalize(GObject *object) {
        ChatDirectory *self = CHAT_DIRECTORY(object);

        g_ptr_array_unref(self->entries);
        g_clear_error(&self->error);
        g_free(self->query);
        g_free(self->next);
        G_OBJECT_CLASS(chat_directory_parent_class)->finalize(object);
}

static void chat_directory_init(ChatDirectory *self) {
        self->entries = g_ptr_array_new_with_free_func(g_object_unref);
        self->query = g_strdup("");
        self->next = g_strdup("");
}

ChatDirectory *chat_directory_new(ChatDaemon *daemon) {
        ChatDirectory *self = g_object_new(CHAT_TYPE_DIRECTORY, NULL);

        self->daemon = g_object_ref(daemon);
        g_signal_connect_swapped(daemon, "directory-changed", G_CALLBACK(on_changed), self);
        g_signal_connect_swapped(daemon, "refreshed", G_CALLBACK(on_changed), self);
        chat_directory_reload(self);
        return self;
}

static void chat_directory_class_init(ChatDirectoryClass *class) {
        G_OBJECT_CLASS(class)->get_property = chat_directory_get_property;
        G_OBJECT_CLASS(class)->dispose = chat_directory_dispose;
        G_OBJECT_CLASS(class)->finalize = chat_directory_finalize;
        specs[PROP_STATE] = g_param_spec_uint("state", NULL, NULL, 0, CHAT_DIRECTORY_FAILED, 0,
                                              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
}

static void chat_directory_entry_finalize(GObject *object) {
        ChatDirectoryEntry *self = CHAT_DIRECTORY_ENTRY(object);

        g_variant_unref(self->row);
        g_free(self->topic);
        g_free(self->id);
        G_OBJECT_CLASS(chat_directory_entry_parent_class)->finalize(object);
}

static void chat_directory_entry_init(ChatDirectoryEntry *self) {
}

static void chat_directory_entry_class_init(ChatDirectoryEntryClass *class) {
        G_OBJECT_CLASS(class)->finalize = chat_directory_entry_finalize;
}
