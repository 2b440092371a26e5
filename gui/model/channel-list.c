/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows in which order one's channels stand, and which is next to which; leaves what each says to
 * channel.h. */
#include "gui/model/channel-list.h"

typedef enum Rank { RANK_MENTIONS, RANK_UNREAD, RANK_READ } Rank;

typedef struct Entry {
        ChatChannelList *list; /* weak */
        ChatChannel *channel;
        Rank rank; /* of the one that is shown: as it was when it became that */
        char *key; /* of its name, for strcmp() */
} Entry;

struct _ChatChannelList {
        GObject parent;
        GListModel *channels;
        GPtrArray *known;   /* of Entry, owned, in the order of channels */
        GPtrArray *entries; /* of Entry, in the order of this list */
        ChatChannel *shown; /* NULL: none */
        gboolean is_held;
};

static GType list_get_item_type(GListModel *model) {
        return CHAT_TYPE_CHANNEL;
}

static guint list_get_n_items(GListModel *model) {
        return CHAT_CHANNEL_LIST(model)->entries->len;
}

static gpointer list_get_item(GListModel *model, guint position) {
        GPtrArray *entries = CHAT_CHANNEL_LIST(model)->entries;

        return position < entries->len ? g_object_ref(((Entry *) entries->pdata[position])->channel)
                                       : NULL;
}

static void list_init(GListModelInterface *interface) {
        interface->get_item_type = list_get_item_type;
        interface->get_n_items = list_get_n_items;
        interface->get_item = list_get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(ChatChannelList, chat_channel_list, G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(G_TYPE_LIST_MODEL, list_init))

static Rank rank_of(ChatChannel *channel) {
        if (chat_channel_get_mentions(channel) > 0)
                return RANK_MENTIONS;
        return chat_channel_get_unread(channel) > 0 ? RANK_UNREAD : RANK_READ;
}

static char *key_of(ChatChannel *channel) {
        g_autofree char *folded = g_utf8_casefold(chat_channel_get_name(channel), -1);

        return g_utf8_collate_key(folded, -1);
}

/* Of two names that are the same to people, the path decides. */
static int compare(const Entry *a, const Entry *b) {
        int r = (int) a->rank - (int) b->rank;

        if (r == 0)
                r = strcmp(a->key, b->key);
        return r != 0 ? r
                      : strcmp(chat_remote_get_path(CHAT_REMOTE(a->channel)),
                               chat_remote_get_path(CHAT_REMOTE(b->channel)));
}

static int compare_items(gconstpointer a, gconstpointer b) {
        return compare(*(const Entry *const *) a, *(const Entry *const *) b);
}

/* Where it belongs among entries, which are in order and do not have it. */
static guint find_place(GPtrArray *entries, const Entry *entry) {
        guint low = 0, high = entries->len;

        while (low < high) {
                guint middle = low + (high - low) / 2;
                if (compare(entries->pdata[middle], entry) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static guint position_of(ChatChannelList *self, const Entry *entry) {
        guint position = 0;
        gboolean is_there = g_ptr_array_find(self->entries, entry, &position);

        g_assert(is_there);
        return position;
}

static Entry *find_entry(ChatChannelList *self, ChatChannel *channel, guint *ret_position) {
        for (guint i = 0; i < self->entries->len; i++) {
                Entry *entry = self->entries->pdata[i];
                if (entry->channel != channel)
                        continue;
                if (ret_position)
                        *ret_position = i;
                return entry;
        }
        return NULL;
}

/* The one that is out of order goes to its place. */
static void settle(ChatChannelList *self, Entry *entry) {
        guint from = position_of(self, entry), to, n;

        g_ptr_array_remove_index(self->entries, from);
        to = find_place(self->entries, entry);
        g_ptr_array_insert(self->entries, (int) to, entry);
        n = MAX(from, to) - MIN(from, to) + 1;
        if (from != to)
                g_list_model_items_changed(G_LIST_MODEL(self), MIN(from, to), n, n);
}

/* All of them. */
static void settle_all(ChatChannelList *self) {
        g_autoptr(GPtrArray) before = g_ptr_array_copy(self->entries, NULL, NULL);
        guint begin = 0, end = before->len;

        g_ptr_array_sort(self->entries, compare_items);
        while (begin < end && before->pdata[begin] == self->entries->pdata[begin])
                begin++;
        while (end > begin && before->pdata[end - 1] == self->entries->pdata[end - 1])
                end--;
        if (begin < end)
                g_list_model_items_changed(G_LIST_MODEL(self), begin, end - begin, end - begin);
}

static void update_rank(ChatChannelList *self, Entry *entry) {
        Rank rank = entry->channel == self->shown ? entry->rank : rank_of(entry->channel);

        if (rank == entry->rank)
                return;
        entry->rank = rank;
        if (!self->is_held)
                settle(self, entry);
}

static void on_counts(Entry *entry) {
        update_rank(entry->list, entry);
}

static void on_name(Entry *entry) {
        g_free(entry->key);
        entry->key = key_of(entry->channel);
        if (!entry->list->is_held)
                settle(entry->list, entry);
}

static Entry *entry_new(ChatChannelList *self, ChatChannel *channel) {
        Entry *entry = g_new0(Entry, 1);

        entry->list = self;
        entry->channel = g_object_ref(channel);
        entry->rank = rank_of(channel);
        entry->key = key_of(channel);
        g_signal_connect_swapped(channel, "notify::unread", G_CALLBACK(on_counts), entry);
        g_signal_connect_swapped(channel, "notify::mentions", G_CALLBACK(on_counts), entry);
        g_signal_connect_swapped(channel, "notify::name", G_CALLBACK(on_name), entry);
        return entry;
}

static void entry_free(gpointer p) {
        Entry *entry = p;

        g_signal_handlers_disconnect_by_data(entry->channel, entry);
        g_object_unref(entry->channel);
        g_free(entry->key);
        g_free(entry);
}

static void drop(ChatChannelList *self, Entry *entry) {
        guint position = position_of(self, entry);

        g_ptr_array_remove_index(self->entries, position);
        g_list_model_items_changed(G_LIST_MODEL(self), position, 1, 0);
}

static void add(ChatChannelList *self, Entry *entry) {
        guint position = self->is_held ? self->entries->len : find_place(self->entries, entry);

        g_ptr_array_insert(self->entries, (int) position, entry);
        g_list_model_items_changed(G_LIST_MODEL(self), position, 0, 1);
}

static void on_channels(GListModel *channels, guint position, guint n_removed, guint n_added,
                        ChatChannelList *self) {
        for (guint i = 0; i < n_removed; i++) {
                Entry *entry = g_ptr_array_steal_index(self->known, position);
                drop(self, entry);
                entry_free(entry);
        }
        for (guint i = 0; i < n_added; i++) {
                g_autoptr(ChatChannel) channel = g_list_model_get_item(channels, position + i);
                Entry *entry = entry_new(self, channel);
                g_ptr_array_insert(self->known, (int) (position + i), entry);
                add(self, entry);
        }
}

void chat_channel_list_set_shown(ChatChannelList *self, ChatChannel *channel) {
        Entry *before = self->shown ? find_entry(self, self->shown, NULL) : NULL;

        if (g_set_object(&self->shown, channel) && before)
                update_rank(self, before);
}

void chat_channel_list_set_held(ChatChannelList *self, gboolean is_held) {
        if (self->is_held == is_held)
                return;
        self->is_held = is_held;
        if (!is_held)
                settle_all(self);
}

ChatChannel *chat_channel_list_next(ChatChannelList *self, ChatChannel *from, gboolean is_up,
                                    gboolean is_unread) {
        guint n = self->entries->len, at = 0;
        gboolean is_there = from && find_entry(self, from, &at);

        if (!is_there)
                at = is_up ? 0 : n - 1; /* the step goes round the end */
        for (guint i = 1; i <= n; i++) {
                Entry *entry = self->entries->pdata[(at + (is_up ? n - i : i)) % n];
                if (!is_unread || (entry->channel != from && rank_of(entry->channel) != RANK_READ))
                        return entry->channel;
        }
        return NULL;
}

static void chat_channel_list_dispose(GObject *object) {
        ChatChannelList *self = CHAT_CHANNEL_LIST(object);

        if (self->channels)
                g_signal_handlers_disconnect_by_data(self->channels, self);
        g_clear_object(&self->channels);
        g_clear_object(&self->shown);
        G_OBJECT_CLASS(chat_channel_list_parent_class)->dispose(object);
}

static void chat_channel_list_finalize(GObject *object) {
        ChatChannelList *self = CHAT_CHANNEL_LIST(object);

        g_ptr_array_unref(self->entries);
        g_ptr_array_unref(self->known);
        G_OBJECT_CLASS(chat_channel_list_parent_class)->finalize(object);
}

static void chat_channel_list_init(ChatChannelList *self) {
        self->known = g_ptr_array_new_with_free_func(entry_free);
        self->entries = g_ptr_array_new();
}

ChatChannelList *chat_channel_list_new(GListModel *channels) {
        ChatChannelList *self = g_object_new(CHAT_TYPE_CHANNEL_LIST, NULL);

        self->channels = g_object_ref(channels);
        g_signal_connect(channels, "items-changed", G_CALLBACK(on_channels), self);
        on_channels(channels, 0, 0, g_list_model_get_n_items(channels), self);
        return self;
}

static void chat_channel_list_class_init(ChatChannelListClass *class) {
        G_OBJECT_CLASS(class)->dispose = chat_channel_list_dispose;
        G_OBJECT_CLASS(class)->finalize = chat_channel_list_finalize;
}
