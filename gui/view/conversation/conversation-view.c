/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel is read and written in: where in its messages one is, what is new, what is
 * said; leaves one message to message-row.h, what is typed to composer.h. */
#include "gui/view/conversation/conversation-view.h"

#include "gui/i18n.h"
#include "gui/model/text.h"
#include "gui/model/words.h"
#include "gui/view/banner.h"
#include "gui/view/conversation/composer.h"
#include "gui/view/conversation/conversation-scroll.h"
#include "gui/view/conversation/message-menu.h"
#include "gui/view/conversation/message-row.h"
#include "gui/view/conversation/reading.h"
#include "gui/view/conversation/rows-in-view.h"
#include "gui/view/conversation/search-page.h"
#include "gui/view/shown.h"
#include "gui/view/window.h"

/* What stays of a channel while another one is shown. */
typedef struct Place {
        char *draft;
        guint64 seq; /* the first entry in view; 0: the end is followed */
} Place;

struct _ChatConversationView {
        AdwBin parent;
        ChatDaemon *daemon;
        ChatChannel *channel; /* NULL: none */
        ChatConversation *conversation;
        ChatConversationScroll *scroll;
        ChatReading *reading;
        GCancellable *cancellable;
        GHashTable *places; /* path of the channel → Place */
        guint64 awaited;    /* to be shown once it is there; 0: none */
        guint64 found;      /* what a search led to, told from the others; 0: none */

        ChatBanner *banner;
        GtkScrolledWindow *scrolled;
        GtkListView *list;
        GtkStack *stack;
        AdwStatusPage *empty;
        GtkButton *to_end, *to_unread;
        ChatComposer *composer;
        ChatSearchPage *search;
        guint n_frames; /* so many are drawn until rows are where they belong */
        gboolean is_searching;
};

enum { PROP_0, PROP_SEARCHING, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

G_DEFINE_FINAL_TYPE(ChatConversationView, chat_conversation_view, ADW_TYPE_BIN)

static void place_free(gpointer p) {
        Place *place = p;

        g_free(place->draft);
        g_free(place);
}

/* The first row that is read stays where it is, whatever comes above it. */
static void hold_first_read(ChatConversationView *self) {
        guint64 seq = chat_conversation_scroll_get_at_end(self->scroll)
                              ? 0
                              : chat_rows_first_read(self->list);

        if (seq > 0)
                chat_conversation_scroll_hold(self->scroll, (guint) seq - 1);
}

static void keep_place(ChatConversationView *self) {
        Place *place;

        if (!self->channel)
                return;
        place = g_new0(Place, 1);
        place->draft = chat_composer_dup_text(self->composer);
        place->seq = chat_conversation_scroll_get_at_end(self->scroll) ? 0 : chat_rows_first(self->list);
        g_hash_table_replace(self->places,
                             g_strdup(chat_remote_get_path(CHAT_REMOTE(self->channel))), place);
}

/* Shown while what is new begins above what is shown. */
static void update_to_unread(ChatConversationView *self) {
        guint64 unread = chat_reading_get_line(self->reading);
        guint64 first = unread > 0 ? chat_rows_first(self->list) : 0;

        gtk_widget_set_visible(GTK_WIDGET(self->to_unread), first > 0 && unread < first);
}

static gboolean on_frame(GtkWidget *widget, GdkFrameClock *clock, gpointer userdata) {
        ChatConversationView *self = userdata;

        update_to_unread(self);
        return --self->n_frames > 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* Rows are where they were before the list is laid out, which the first frame does at last. */
static void on_scrolled(ChatConversationView *self) {
        if (self->n_frames == 0)
                gtk_widget_add_tick_callback(GTK_WIDGET(self), on_frame, self, NULL);
        self->n_frames = 2;
}

static void update_jumps(ChatConversationView *self) {
        gboolean at_end = chat_conversation_scroll_get_at_end(self->scroll);
        guint unread = self->channel ? chat_channel_get_unread(self->channel) : 0;
        g_autofree char *label = unread > 0
                                         ? g_strdup_printf(g_dngettext(NULL, "%u new message",
                                                                       "%u new messages", unread),
                                                           unread)
                                         : g_strdup(_("Jump to the newest"));

        update_to_unread(self);
        gtk_button_set_label(self->to_end, label);
        gtk_widget_set_visible(GTK_WIDGET(self->to_end), self->conversation && !at_end);
}

static void update_state(ChatConversationView *self) {
        const char *state = self->channel ? chat_channel_get_state(self->channel) : "";
        gboolean is_live = g_str_equal(state, "live"), is_closed = g_str_equal(state, "closed");
        gboolean is_denied = g_str_equal(state, "denied");
        const char *text =
                self->channel ? chat_remote_string(CHAT_REMOTE(self->channel), "StateText") : "";

        if (!self->channel)
                return;
        if (*text == '\0' && !is_live)
                text = chat_words_state(state);
        chat_banner_set(self->banner, is_live && *text == '\0' ? "" : text,
                        g_str_equal(state, "offline") || is_denied ? _("Try Now") : "");
        chat_composer_set_refusal(self->composer, is_closed   ? _("This channel is closed")
                                                  : is_denied ? _("You may not write here")
                                                              : "");
}

static void update_empty(ChatConversationView *self) {
        guint n =
                self->conversation ? g_list_model_get_n_items(G_LIST_MODEL(self->conversation)) : 0;

        gtk_stack_set_visible_child_name(self->stack, self->is_searching ? "search"
                                                      : n > 0            ? "messages"
                                                                         : "empty");
}

static void show_awaited(ChatConversationView *self) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->conversation));

        if (self->awaited == 0 || self->awaited > n)
                return;
        chat_conversation_scroll_to(self->scroll, (guint) self->awaited - 1);
        self->awaited = 0;
}

static void on_items_changed(ChatConversationView *self) {
        update_empty(self);
        if (!self->conversation)
                return;
        show_awaited(self);
}

void chat_conversation_view_show_entry(ChatConversationView *self, guint64 seq) {
        self->awaited = seq;
        if (self->conversation)
                show_awaited(self);
}

ChatConversation *chat_conversation_view_get_conversation(ChatConversationView *self) {
        return self->conversation;
}

static void update_clock(ChatConversationView *self) {
        if (self->conversation)
                chat_history_set_clock_is_wrong(chat_conversation_get_history(self->conversation),
                                                chat_daemon_clock_is_wrong(self->daemon));
}

static void go_to_place(ChatConversationView *self) {
        const char *path = chat_remote_get_path(CHAT_REMOTE(self->channel));
        Place *place = g_hash_table_lookup(self->places, path);
        guint unread = chat_channel_get_unread(self->channel);
        guint64 read = chat_channel_get_read_seq(self->channel);

        chat_composer_set_text(self->composer, place ? place->draft : "");
        if (place && place->seq > 0)
                chat_conversation_view_show_entry(self, place->seq);
        else if (unread > 0)
                chat_conversation_view_show_entry(self, read + 1);
        else
                chat_conversation_scroll_to_end(self->scroll);
}

static void forget_channel(ChatConversationView *self) {
        if (self->channel)
                g_signal_handlers_disconnect_by_data(self->channel, self);
        if (self->conversation)
                g_signal_handlers_disconnect_by_data(self->conversation, self);
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
        chat_reading_set_conversation(self->reading, NULL);
        g_clear_object(&self->channel);
        g_clear_object(&self->conversation);
        self->awaited = self->found = 0;
}

void chat_conversation_view_set_channel(ChatConversationView *self, ChatChannel *channel) {
        g_autoptr(GtkNoSelection) model = NULL;
        ChatAccount *account;

        if (self->channel == channel)
                return;
        keep_place(self);
        chat_conversation_view_set_searching(self, FALSE);
        forget_channel(self);
        chat_search_page_set_channel(self->search, NULL, "");
        gtk_list_view_set_model(self->list, NULL);
        if (!channel)
                return;
        account = chat_daemon_get_account(self->daemon);
        self->cancellable = g_cancellable_new();
        self->channel = g_object_ref(channel);
        self->conversation =
                chat_conversation_new(channel, account ? chat_account_get_username(account) : "");
        g_signal_connect_swapped(channel, "notify::unread", G_CALLBACK(update_jumps), self);
        g_signal_connect_swapped(channel, "notify::state", G_CALLBACK(update_state), self);
        g_signal_connect_swapped(channel, "notify::state-text", G_CALLBACK(update_state), self);
        g_signal_connect_swapped(self->conversation, "items-changed", G_CALLBACK(on_items_changed),
                                 self);
        g_signal_connect_object(chat_conversation_get_history(self->conversation), "filling",
                                G_CALLBACK(hold_first_read), self, G_CONNECT_SWAPPED);
        chat_search_page_set_channel(self->search, channel,
                                     account ? chat_account_get_username(account) : "");
        chat_reading_set_conversation(self->reading, self->conversation);
        update_clock(self);
        model = gtk_no_selection_new(G_LIST_MODEL(g_object_ref(self->conversation)));
        gtk_list_view_set_model(self->list, GTK_SELECTION_MODEL(model));
        go_to_place(self);
        update_state(self);
        update_empty(self);
        update_jumps(self);
}

void chat_conversation_view_focus(ChatConversationView *self) {
        chat_composer_focus(self->composer);
}

static ChatWindow *window_of(ChatConversationView *self) {
        return chat_window_of(GTK_WIDGET(self));
}

/* What was sent is not a draft any more; what was typed meanwhile is. */
static void drop_sent(ChatConversationView *self, ChatChannel *channel, const char *sent) {
        Place *place =
                g_hash_table_lookup(self->places, chat_remote_get_path(CHAT_REMOTE(channel)));
        g_autofree char *now = NULL;

        if (channel == self->channel) {
                now = chat_composer_dup_text(self->composer);
                if (!g_str_has_prefix(now, sent))
                        return;
                chat_composer_set_text(self->composer, now + strlen(sent));
                chat_conversation_scroll_to_end(self->scroll);
        } else if (place && g_str_has_prefix(place->draft, sent)) {
                now = g_steal_pointer(&place->draft);
                place->draft = g_strdup(now + strlen(sent));
        }
}

/* The text stands in the entry until it is in the outbox, on disk. */
static void on_sent(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatConversationView) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *id = chat_channel_send_finish(CHAT_CHANNEL(source), result, &error);
        g_autofree char *sent = g_object_steal_data(source, "chat-sending");

        if (!id && window_of(self))
                chat_window_toast_error(window_of(self), error);
        else if (id && sent && self->places)
                drop_sent(self, CHAT_CHANNEL(source), sent);
}

static void on_send(ChatConversationView *self) {
        g_autofree char *text = NULL;

        /* One at a time, so that they stand in the order in which they were said. */
        if (!self->channel || g_object_get_data(G_OBJECT(self->channel), "chat-sending"))
                return;
        text = chat_composer_dup_text(self->composer);
        chat_channel_send_async(self->channel, text, NULL, on_sent, g_object_ref(self));
        g_object_set_data_full(G_OBJECT(self->channel), "chat-sending", g_steal_pointer(&text),
                               g_free);
}

static void on_outbox_done(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatConversationView) self = userdata;
        g_autoptr(GError) error = NULL;

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error) && window_of(self))
                chat_window_toast_error(window_of(self), error);
}

static void on_retry(ChatMessageRow *row, ChatConversationView *self) {
        chat_outbox_retry_async(chat_conversation_get_outbox(self->conversation),
                                chat_message_get_id(chat_message_row_get_message(row)), NULL,
                                on_outbox_done, g_object_ref(self));
}

static void on_cancel(ChatMessageRow *row, ChatConversationView *self) {
        chat_outbox_cancel_async(chat_conversation_get_outbox(self->conversation),
                                 chat_message_get_id(chat_message_row_get_message(row)), NULL,
                                 on_outbox_done, g_object_ref(self));
}

static void on_open_link(ChatMessageRow *row, const char *uri, ChatConversationView *self) {
        if (g_str_has_prefix(uri, "p2pchat:"))
                chat_window_open_link(window_of(self), uri);
        else
                gtk_show_uri(GTK_WINDOW(window_of(self)), uri, GDK_CURRENT_TIME);
}

static void mention(const char *username, gpointer userdata) {
        ChatConversationView *self = userdata;
        g_autofree char *draft = chat_composer_dup_text(self->composer);
        g_autofree char *name = chat_line(username);
        const gboolean is_apart = *draft == '\0' || g_ascii_isspace(draft[strlen(draft) - 1]);
        g_autofree char *text = g_strdup_printf("%s%s@%s ", draft, is_apart ? "" : " ", name);

        chat_composer_set_text(self->composer, text);
        chat_composer_focus(self->composer);
}

static void on_menu(ChatMessageRow *row, double x, double y, ChatConversationView *self) {
        if (self->channel)
                chat_message_menu_popup(row, self->channel, x, y, mention, self);
}

/* The menu key, on the row that has the focus. */
static gboolean on_menu_key(GtkWidget *list, GVariant *arguments, gpointer userdata) {
        ChatConversationView *self = userdata;
        GtkWidget *item = gtk_widget_get_focus_child(list);
        GtkWidget *row = item ? gtk_widget_get_first_child(item) : NULL;

        if (!CHAT_IS_MESSAGE_ROW(row))
                return FALSE;
        on_menu(CHAT_MESSAGE_ROW(row), 48, 12, self);
        return TRUE;
}

static void on_setup(ChatConversationView *self, GtkListItem *item) {
        GtkWidget *row = chat_message_row_new();

        g_signal_connect(row, "retry", G_CALLBACK(on_retry), self);
        g_signal_connect(row, "cancel", G_CALLBACK(on_cancel), self);
        g_signal_connect(row, "open-link", G_CALLBACK(on_open_link), self);
        g_signal_connect(row, "menu", G_CALLBACK(on_menu), self);
        gtk_list_item_set_activatable(item, FALSE);
        gtk_list_item_set_child(item, row);
}

static void on_bind(ChatConversationView *self, GtkListItem *item) {
        ChatMessageRow *row = CHAT_MESSAGE_ROW(gtk_list_item_get_child(item));

        chat_message_row_set_message(row, gtk_list_item_get_item(item));
        chat_rows_mark_one(row, self->found);
}

static void on_unbind(ChatConversationView *self, GtkListItem *item) {
        ChatMessageRow *row = CHAT_MESSAGE_ROW(gtk_list_item_get_child(item));

        chat_message_menu_popdown(row);
        chat_message_row_set_message(row, NULL);
}

void chat_conversation_view_set_searching(ChatConversationView *self, gboolean is_searching) {
        if (self->is_searching == is_searching) {
                if (is_searching)
                        chat_search_page_begin(self->search);
                return;
        }
        self->is_searching = is_searching;
        update_empty(self);
        if (is_searching)
                chat_search_page_begin(self->search);
        else {
                chat_search_page_end(self->search);
                chat_composer_focus(self->composer);
        }
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_SEARCHING]);
}

static void set_found(ChatConversationView *self, guint64 seq) {
        self->found = seq;
        chat_rows_mark(self->list, seq);
}

static void on_found(ChatConversationView *self, guint64 seq) {
        chat_conversation_view_set_searching(self, FALSE);
        set_found(self, seq);
        chat_conversation_view_show_entry(self, seq);
}

static void on_search_closed(ChatConversationView *self) {
        chat_conversation_view_set_searching(self, FALSE);
}

static void on_to_unread(ChatConversationView *self) {
        chat_conversation_view_show_entry(self, chat_reading_get_line(self->reading));
}

static void on_to_end(ChatConversationView *self) {
        chat_conversation_scroll_to_end(self->scroll);
        chat_composer_focus(self->composer);
}

static void on_connected(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatConversationView) self = userdata;
        g_autoptr(GError) error = NULL;

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error) && window_of(self))
                chat_window_toast_error(window_of(self), error);
}

static void on_banner_activated(ChatConversationView *self) {
        chat_channel_connect_async(self->channel, self->cancellable, on_connected,
                                   g_object_ref(self));
}

void chat_conversation_view_set_daemon(ChatConversationView *self, ChatDaemon *daemon) {
        g_set_object(&self->daemon, daemon);
        g_signal_connect_object(daemon, "notify::clock-offset", G_CALLBACK(update_clock), self,
                                G_CONNECT_SWAPPED);
}

static void chat_conversation_view_get_property(GObject *object, guint id, GValue *value,
                                                GParamSpec *spec) {
        if (id == PROP_SEARCHING)
                g_value_set_boolean(value, CHAT_CONVERSATION_VIEW(object)->is_searching);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_conversation_view_set_property(GObject *object, guint id, const GValue *value,
                                                GParamSpec *spec) {
        if (id == PROP_SEARCHING)
                chat_conversation_view_set_searching(CHAT_CONVERSATION_VIEW(object),
                                                     g_value_get_boolean(value));
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_conversation_view_dispose(GObject *object) {
        ChatConversationView *self = CHAT_CONVERSATION_VIEW(object);

        if (self->reading)
                forget_channel(self);
        g_clear_object(&self->reading);
        g_clear_object(&self->scroll);
        g_clear_object(&self->daemon);
        g_clear_pointer(&self->places, g_hash_table_unref);
        G_OBJECT_CLASS(chat_conversation_view_parent_class)->dispose(object);
}

static void add_menu_key(ChatConversationView *self) {
        GtkEventController *keys = gtk_shortcut_controller_new();

        gtk_shortcut_controller_add_shortcut(
                GTK_SHORTCUT_CONTROLLER(keys),
                gtk_shortcut_new(gtk_alternative_trigger_new(
                                         gtk_keyval_trigger_new(GDK_KEY_Menu, 0),
                                         gtk_keyval_trigger_new(GDK_KEY_F10, GDK_SHIFT_MASK)),
                                 gtk_callback_action_new(on_menu_key, self, NULL)));
        gtk_widget_add_controller(GTK_WIDGET(self->list), keys);
}

static void chat_conversation_view_init(ChatConversationView *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        self->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, place_free);
        chat_shown_follow_pages(self->stack);
        self->scroll = chat_conversation_scroll_new(self->scrolled, self->list);
        self->reading = chat_reading_new(GTK_WIDGET(self->scrolled), self->scroll);
        g_signal_connect_swapped(self->scroll, "notify::at-end", G_CALLBACK(update_jumps), self);
        g_signal_connect_object(gtk_scrolled_window_get_vadjustment(self->scrolled),
                                "value-changed", G_CALLBACK(on_scrolled), self,
                                G_CONNECT_SWAPPED);
        add_menu_key(self);
}

static void chat_conversation_view_class_init(ChatConversationViewClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_conversation_view_dispose;
        G_OBJECT_CLASS(class)->get_property = chat_conversation_view_get_property;
        G_OBJECT_CLASS(class)->set_property = chat_conversation_view_set_property;
        specs[PROP_SEARCHING] = g_param_spec_boolean(
                "searching", NULL, NULL, FALSE,
                G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
        g_type_ensure(CHAT_TYPE_SEARCH_PAGE);
        g_type_ensure(CHAT_TYPE_BANNER);
        g_type_ensure(CHAT_TYPE_COMPOSER);
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/conversation/conversation-view.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, banner);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, scrolled);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, list);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, stack);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, empty);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, to_end);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, to_unread);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, composer);
        gtk_widget_class_bind_template_child(widget_class, ChatConversationView, search);
        gtk_widget_class_bind_template_callback(widget_class, on_to_unread);
        gtk_widget_class_bind_template_callback(widget_class, on_found);
        gtk_widget_class_bind_template_callback(widget_class, on_search_closed);
        gtk_widget_class_bind_template_callback(widget_class, on_setup);
        gtk_widget_class_bind_template_callback(widget_class, on_bind);
        gtk_widget_class_bind_template_callback(widget_class, on_unbind);
        gtk_widget_class_bind_template_callback(widget_class, on_to_end);
        gtk_widget_class_bind_template_callback(widget_class, on_send);
        gtk_widget_class_bind_template_callback(widget_class, on_banner_activated);
}
