/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a channel's log as a list of which only what somebody looks at is held; leaves what waits
 * to be sent to outbox.h, how it looks to the view. */
#include "gui/model/history-internal.h"

enum { PROP_0, PROP_CHANNEL, PROP_LOADING, PROP_ERROR, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];
enum { SIGNAL_OWN_STORED, SIGNAL_FILLING, N_SIGNALS };
static guint signals[N_SIGNALS];

/* Positions are guint; what waits in the outbox stands behind them. */
#define ITEMS_MAX ((guint64) G_MAXINT)

static GType history_get_item_type(GListModel *model) {
        return CHAT_TYPE_MESSAGE;
}

static guint history_get_n_items(GListModel *model) {
        return (guint) CHAT_HISTORY(model)->n;
}

/* What stands before it is here; TRUE where nothing will. */
static gboolean find_before(ChatHistory *self, guint64 seq, GVariant **ret) {
        guint64 index = chat_pages_index_of(seq);

        *ret = seq > 1 ? chat_pages_get(self->pages, seq - 1) : NULL;
        return seq == 1 || *ret || g_hash_table_contains(self->failed, &index);
}

static void fill(ChatHistory *self, ChatMessage *message) {
        ChatLiveOne *one = chat_live_find(self->live, chat_message_get_seq(message));
        GVariant *held, *held_before;

        if (!one || one->message != message || one->generation == self->generation)
                return;
        held = chat_pages_get(self->pages, one->seq);
        if (held && find_before(self, one->seq, &held_before)) {
                g_autoptr(GVariant) entry = g_variant_ref(held);
                g_autoptr(GVariant) before = held_before ? g_variant_ref(held_before) : NULL;

                /* Without the one before, it is told anew when that can come. */
                if (before || one->seq == 1)
                        one->generation = self->generation;
                chat_message_set_begins_unread(message, self->unread_seq == one->seq);
                chat_message_fill(message, entry, before, self->own);
        }
}

void history_fill(ChatHistory *self) {
        g_autoptr(GPtrArray) live = NULL;

        g_signal_emit(self, signals[SIGNAL_FILLING], 0);
        live = chat_live_list(self->live);
        for (guint i = 0; i < live->len; i++)
                fill(self, live->pdata[i]);
}

static gpointer history_get_item(GListModel *model, guint position) {
        ChatHistory *self = CHAT_HISTORY(model);
        ChatLiveOne *one;
        ChatMessage *message;

        if (position >= self->n)
                return NULL;
        self->asked = (guint64) position + 1;
        one = chat_live_find(self->live, self->asked);
        if (one)
                return g_object_ref(one->message);
        message = chat_message_new(self->asked);
        one = chat_live_add(self->live, message);
        fill(self, message);
        history_pump(self);
        return message;
}

static void history_list_init(GListModelInterface *interface) {
        interface->get_item_type = history_get_item_type;
        interface->get_n_items = history_get_n_items;
        interface->get_item = history_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(ChatHistory, chat_history, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, history_list_init))

ChatChannel *chat_history_get_channel(ChatHistory *self) {
        return self->channel;
}

guint64 chat_history_get_last_seq(ChatHistory *self) {
        return self->n;
}

guint chat_history_get_n_pages(ChatHistory *self) {
        return chat_pages_get_n(self->pages);
}

guint chat_history_get_n_asked(ChatHistory *self) {
        return self->n_asked;
}

guint chat_history_get_n_live(ChatHistory *self) {
        return chat_live_get_n(self->live);
}

void history_announce(ChatHistory *self, guint64 to) {
        guint64 n = self->n;

        if (to <= n)
                return;
        self->n = to;
        g_list_model_items_changed(G_LIST_MODEL(self), (guint) n, 0, (guint) (to - n));
}

void history_set_error(ChatHistory *self, const char *error) {
        if (g_str_equal(self->error, error))
                return;
        g_free(self->error);
        self->error = g_strdup(error);
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_ERROR]);
}

static gboolean is_loading(ChatHistory *self) {
        guint64 index;

        return self->asks_page && history_find_wanted(self, &index);
}

void history_tell_loading(ChatHistory *self) {
        gboolean loading = is_loading(self);

        if (loading == self->was_loading)
                return;
        self->was_loading = loading;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_LOADING]);
}

/* Nothing that was read counts any more; what is shown stays until it is read again. */
static void refresh(ChatHistory *self) {
        history_cancel(self);
        self->generation++;
        chat_pages_clear(self->pages);
        g_hash_table_remove_all(self->failed);
        self->end_failed = FALSE;
        history_set_error(self, "");
        history_pump(self);
}

void history_reset(ChatHistory *self, guint64 end) {
        guint64 n = self->n;

        refresh(self);
        chat_live_clear(self->live);
        self->n = self->end = self->looked_to = end;
        self->asked = 0;
        self->unread_after = CHAT_HISTORY_READ;
        self->unread_cursor = self->unread_seq = 0;
        if (n > 0 || end > 0)
                g_list_model_items_changed(G_LIST_MODEL(self), 0, (guint) n, (guint) end);
}

void chat_history_retry(ChatHistory *self) {
        g_clear_handle_id(&self->retry, g_source_remove);
        g_hash_table_remove_all(self->failed);
        self->end_failed = FALSE;
        history_pump(self);
}

void chat_history_sweep(ChatHistory *self) {
        history_expire(self);
}

void chat_history_set_clock_is_wrong(ChatHistory *self, gboolean is_wrong) {
        self->clock_is_wrong = is_wrong;
        history_expire(self);
}

static void mark_unread(ChatHistory *self, guint64 seq, gboolean begins) {
        ChatLiveOne *one = chat_live_find(self->live, seq);
        g_autoptr(ChatMessage) message = one ? g_object_ref(one->message) : NULL;

        if (message)
                chat_message_set_begins_unread(message, begins);
}

static gboolean is_of_others(ChatHistory *self, GVariant *entry) {
        g_autoptr(GVariant) extra = g_variant_get_child_value(entry, 6);
        gboolean is_hidden = FALSE;
        const char *kind, *sender;

        g_variant_get(entry, "(t&s&s&s&sta{sv})", NULL, NULL, &kind, &sender, NULL, NULL, NULL);
        g_variant_lookup(extra, "hidden", "b", &is_hidden);
        return !is_hidden && g_str_equal(kind, "message") && g_strcmp0(sender, self->own) != 0;
}

void history_find_unread(ChatHistory *self) {
        GVariant *entry;

        if (self->unread_after == CHAT_HISTORY_READ || self->unread_seq > 0)
                return;
        while ((entry = chat_pages_get(self->pages, self->unread_cursor + 1))) {
                self->unread_cursor++;
                if (!is_of_others(self, entry))
                        continue;
                self->unread_seq = self->unread_cursor;
                mark_unread(self, self->unread_seq, TRUE);
                return;
        }
}

void chat_history_set_unread_after(ChatHistory *self, guint64 seq) {
        guint64 before = self->unread_seq;

        self->unread_after = self->unread_cursor = seq;
        self->unread_seq = 0;
        history_find_unread(self);
        if (before != self->unread_seq)
                mark_unread(self, before, FALSE);
}

guint64 chat_history_get_first_unread(ChatHistory *self) {
        return self->unread_seq;
}

static void heard_of_end(ChatHistory *self, guint64 end) {
        if (end <= self->end)
                return;
        self->end = MIN(end, ITEMS_MAX);
        history_pump(self);
}

static void on_synced(ChatHistory *self) {
        guint64 end = MIN(chat_channel_get_synced_seq(self->channel), ITEMS_MAX);

        if (end < self->end)
                history_reset(self, end);
        else
                heard_of_end(self, end);
}

static void on_appended(ChatHistory *self, guint64 first, guint64 last) {
        heard_of_end(self, last);
}

static void on_state(ChatHistory *self) {
        const char *state = chat_channel_get_state(self->channel);
        gboolean is_diverged = g_str_equal(state, "diverged");

        /* It may be the host's log from now on: any entry with another id will show it. */
        if (self->was_diverged && !is_diverged)
                refresh(self);
        self->was_diverged = is_diverged;
        if (g_str_equal(state, "live"))
                chat_history_retry(self);
}

static gboolean on_sweep(gpointer userdata) {
        chat_history_sweep(userdata);
        return G_SOURCE_CONTINUE;
}

static void on_retention(ChatHistory *self) {
        const gboolean is_kept =
                chat_remote_number(CHAT_REMOTE(self->channel), "RetentionDays") == 0;

        g_clear_handle_id(&self->sweep, g_source_remove);
        if (is_kept)
                return;
        self->sweep = g_timeout_add_seconds(HISTORY_SWEEP_SECONDS, on_sweep, self);
        chat_history_sweep(self);
}

static void chat_history_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        ChatHistory *self = CHAT_HISTORY(object);

        switch (id) {
        case PROP_CHANNEL:
                g_value_set_object(value, self->channel);
                return;
        case PROP_LOADING:
                g_value_set_boolean(value, is_loading(self));
                return;
        case PROP_ERROR:
                g_value_set_string(value, self->error);
                return;
        }
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_history_dispose(GObject *object) {
        ChatHistory *self = CHAT_HISTORY(object);

        g_cancellable_cancel(self->cancellable);
        g_clear_handle_id(&self->pump, g_source_remove);
        g_clear_handle_id(&self->retry, g_source_remove);
        g_clear_handle_id(&self->sweep, g_source_remove);
        G_OBJECT_CLASS(chat_history_parent_class)->dispose(object);
}

static void chat_history_finalize(GObject *object) {
        ChatHistory *self = CHAT_HISTORY(object);

        g_object_unref(self->cancellable);
        g_hash_table_unref(self->failed);
        chat_pages_free(self->pages);
        chat_live_free(self->live);
        g_object_unref(self->channel);
        g_free(self->error);
        g_free(self->own);
        G_OBJECT_CLASS(chat_history_parent_class)->finalize(object);
}

static void chat_history_init(ChatHistory *self) {
        self->cancellable = g_cancellable_new();
        self->failed = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
        self->pages = chat_pages_new();
        self->live = chat_live_new();
        self->error = g_strdup("");
        self->generation = 1;
        self->unread_after = CHAT_HISTORY_READ;
}

ChatHistory *chat_history_new(ChatChannel *channel, const char *own) {
        ChatHistory *self = g_object_new(CHAT_TYPE_HISTORY, NULL);
        const struct {
                const char *signal;
                GCallback heard;
        } signals_of_channel[] = {
                { "notify::synced-seq", G_CALLBACK(on_synced) },
                { "notify::state", G_CALLBACK(on_state) },
                { "notify::ignored", G_CALLBACK(refresh) },
                { "notify::retention-days", G_CALLBACK(on_retention) },
                { "notify::away", G_CALLBACK(history_pump) },
                { "entries-appended", G_CALLBACK(on_appended) },
                { "refreshed", G_CALLBACK(refresh) },
        };

        self->channel = g_object_ref(channel);
        self->own = g_strdup(own);
        self->n = MIN(chat_channel_get_synced_seq(channel), ITEMS_MAX);
        self->end = self->looked_to = self->n;
        self->was_diverged = g_str_equal(chat_channel_get_state(channel), "diverged");
        for (gsize i = 0; i < G_N_ELEMENTS(signals_of_channel); i++)
                g_signal_connect_object(channel, signals_of_channel[i].signal,
                                        signals_of_channel[i].heard, self, G_CONNECT_SWAPPED);
        on_retention(self);
        return self;
}

static void chat_history_class_init(ChatHistoryClass *class) {
        GObjectClass *object_class = G_OBJECT_CLASS(class);
        const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

        object_class->get_property = chat_history_get_property;
        object_class->dispose = chat_history_dispose;
        object_class->finalize = chat_history_finalize;
        specs[PROP_CHANNEL] = g_param_spec_object("channel", NULL, NULL, CHAT_TYPE_CHANNEL, flags);
        specs[PROP_LOADING] = g_param_spec_boolean("loading", NULL, NULL, FALSE, flags);
        specs[PROP_ERROR] = g_param_spec_string("error", NULL, NULL, "", flags);
        g_object_class_install_properties(object_class, N_PROPERTIES, specs);
        signals[SIGNAL_OWN_STORED] =
                g_signal_new("own-stored", CHAT_TYPE_HISTORY, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                             NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
        signals[SIGNAL_FILLING] = g_signal_new("filling", CHAT_TYPE_HISTORY, G_SIGNAL_RUN_LAST, 0,
                                               NULL, NULL, NULL, G_TYPE_NONE, 0);
}
