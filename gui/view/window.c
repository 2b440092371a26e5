/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which page is shown and how something is told that no page tells; leaves what is on a page
 * to the page. */
#include "gui/view/window.h"

#include "gui/i18n.h"
#include "gui/view/about.h"
#include "gui/view/account-actions.h"
#include "gui/view/banner.h"
#include "gui/view/channel-actions.h"
#include "gui/view/channel/details.h"
#include "gui/view/conversation/conversation-view.h"
#include "gui/view/directory/directory-page.h"
#include "gui/view/directory/link-dialog.h"
#include "gui/view/directory/new-channel.h"
#include "gui/view/outbox/outbox-button.h"
#include "gui/view/outbox/outbox-window.h"
#include "gui/view/preferences/preferences.h"
#include "gui/view/shortcuts.h"
#include "gui/view/shown.h"
#include "gui/view/sidebar/sidebar-actions.h"
#include "gui/view/sidebar/sidebar.h"
#include "gui/view/welcome/welcome.h"

struct _ChatWindow {
        AdwApplicationWindow parent;
        ChatDaemon *daemon;
        ChatAccount *account; /* whose properties are heard */
        ChatChannel *channel;
        char *link;    /* from outside, to be asked about once the daemon is there; NULL: none */
        char *awaited; /* the path of a channel to be shown once it is there; NULL: none */
        gboolean has_begun; /* what the daemon has was seen once: it stays on the screen */
        gboolean is_asking; /* the welcome was gone to for a tracker: until it has settled */

        AdwToastOverlay *toasts;
        GtkStack *pages, *content;
        AdwLeaflet *leaflet;
        AdwWindowTitle *sidebar_title, *content_title;
        ChatBanner *banner;
        ChatSidebar *sidebar;
        ChatConversationView *conversation;
        ChatWelcome *welcome;
        ChatDirectoryPage *directory;
        ChatDetails *details;
        ChatOutboxButton *outbox;
        GtkToggleButton *show_details;
        AdwFlap *flap;
        GtkBox *sidebar_pane, *content_pane;
};

enum { PROP_0, PROP_CHANNEL, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

G_DEFINE_FINAL_TYPE(ChatWindow, chat_window, ADW_TYPE_APPLICATION_WINDOW)

ChatWindow *chat_window_of(GtkWidget *widget) {
        GtkRoot *root = gtk_widget_get_root(widget);

        return CHAT_IS_WINDOW(root) ? CHAT_WINDOW(root) : NULL;
}

ChatDaemon *chat_window_get_daemon(ChatWindow *self) {
        return self->daemon;
}

ChatConversation *chat_window_get_conversation(ChatWindow *self) {
        return chat_conversation_view_get_conversation(self->conversation);
}

void chat_window_toast(ChatWindow *self, const char *text) {
        g_autofree char *escaped = g_markup_escape_text(text, -1);

        adw_toast_overlay_add_toast(self->toasts, adw_toast_new(escaped));
}

void chat_window_toast_error(ChatWindow *self, const GError *error) {
        g_autofree char *text = chat_error_dup_text(error, NULL);

        if (!chat_error_is_cancelled(error))
                chat_window_toast(self, text);
}

/* Who looks at a channel needs no pop-up of it. */
static void update_focus(ChatWindow *self) {
        GtkApplication *application = gtk_window_get_application(GTK_WINDOW(self));
        GtkWindow *active =
                application ? gtk_application_get_active_window(application) : GTK_WINDOW(self);

        if (active != GTK_WINDOW(self))
                return;
        chat_daemon_set_focus(self->daemon,
                              gtk_window_is_active(GTK_WINDOW(self)) ? self->channel : NULL);
}

static void window_set_channel(ChatWindow *self, ChatChannel *channel) {
        if (!g_set_object(&self->channel, channel))
                return;
        adw_window_title_set_title(self->content_title,
                                   channel ? chat_channel_get_name(channel) : "");
        gtk_stack_set_visible_child_name(self->content, channel ? "conversation" : "empty");
        chat_conversation_view_set_channel(self->conversation, channel);
        chat_details_set_channel(self->details, channel);
        gtk_widget_set_visible(GTK_WIDGET(self->show_details), channel != NULL);
        update_focus(self);
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_CHANNEL]);
}

static void on_selected(ChatWindow *self) {
        window_set_channel(self, chat_sidebar_get_selected(self->sidebar));
}

static void on_channel_activated(ChatWindow *self) {
        window_set_channel(self, chat_sidebar_get_selected(self->sidebar));
        if (!self->channel)
                return;
        adw_leaflet_set_visible_child_name(self->leaflet, "content");
        chat_conversation_view_focus(self->conversation);
}

static void on_sidebar_wanted(ChatWindow *self) {
        adw_leaflet_set_visible_child_name(self->leaflet, "sidebar");
}

static void show_awaited(ChatWindow *self) {
        ChatChannel *channel =
                self->awaited ? chat_daemon_find_channel(self->daemon, self->awaited) : NULL;

        if (!channel)
                return;
        g_clear_pointer(&self->awaited, g_free);
        chat_sidebar_select(self->sidebar, channel);
        adw_leaflet_set_visible_child_name(self->leaflet, "content");
        chat_conversation_view_focus(self->conversation);
}

void chat_window_show_channel(ChatWindow *self, const char *path) {
        g_free(self->awaited);
        self->awaited = g_strdup(path);
        show_awaited(self);
}

void chat_window_show_directory(ChatWindow *self) {
        chat_sidebar_select(self->sidebar, NULL);
        adw_window_title_set_title(self->content_title, _("Channels"));
        gtk_stack_set_visible_child_name(self->content, "directory");
        adw_leaflet_set_visible_child_name(self->leaflet, "content");
}

/* Where a link's tracker is not known yet, the way goes through the welcome: its pin is compared.
 */
static void ask_tracker(ChatWindow *self, const char *address) {
        self->is_asking = TRUE;
        chat_welcome_ask_tracker(self->welcome, address);
        gtk_stack_set_visible_child_name(self->pages, "welcome");
}

void chat_window_open_link(ChatWindow *self, const char *uri) {
        if (chat_daemon_get_state(self->daemon) == CHAT_DAEMON_RUNNING) {
                chat_link_dialog_show(self, uri, ask_tracker);
                return;
        }
        g_free(self->link);
        self->link = g_strdup(uri);
}

static gboolean is_signed_in(ChatWindow *self) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);

        return account && chat_account_is_signed_in(account);
}

static void update_page(ChatWindow *self) {
        switch (chat_daemon_get_state(self->daemon)) {
        case CHAT_DAEMON_STARTING:
                if (!self->has_begun)
                        gtk_stack_set_visible_child_name(self->pages, "starting");
                return;
        case CHAT_DAEMON_AWAY:
                if (!self->has_begun)
                        gtk_stack_set_visible_child_name(self->pages, "away");
                return;
        case CHAT_DAEMON_RUNNING:
                self->has_begun = TRUE;
                if (is_signed_in(self) && !self->is_asking && !chat_welcome_is_busy(self->welcome)) {
                        gtk_stack_set_visible_child_name(self->pages, "main");
                        return;
                }
                if (!g_str_equal(gtk_stack_get_visible_child_name(self->pages), "welcome"))
                        chat_welcome_begin(self->welcome);
                gtk_stack_set_visible_child_name(self->pages, "welcome");
                return;
        }
}

/* The tracker showed another pin than the one that was accepted. */
static gboolean is_pin_asked(ChatWindow *self) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);
        const char *state = account ? chat_remote_string(CHAT_REMOTE(account), "TrackerState") : "";

        return g_str_equal(state, "mismatch") || g_str_equal(state, "untrusted");
}

static void update_banner(ChatWindow *self) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);
        const char *trouble = "";

        switch (chat_daemon_get_state(self->daemon)) {
        case CHAT_DAEMON_STARTING:
                chat_banner_set(self->banner, _("The chat service is starting."), "");
                return;
        case CHAT_DAEMON_AWAY:
                chat_banner_set(self->banner,
                                _("The chat service is not running. What is shown is what it "
                                  "said last."),
                                _("Start"));
                return;
        case CHAT_DAEMON_RUNNING:
                break;
        }
        if (!g_str_equal(chat_remote_string(CHAT_REMOTE(self->daemon), "StoreState"), "ok"))
                trouble = chat_remote_string(CHAT_REMOTE(self->daemon), "StoreReason");
        if (*trouble == '\0' && account)
                trouble = chat_remote_string(CHAT_REMOTE(account), "TrackerReason");
        chat_banner_set(self->banner, trouble, is_pin_asked(self) ? _("Compare the Pin…") : "");
}

static void on_account_changed(ChatWindow *self) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);

        adw_window_title_set_subtitle(self->sidebar_title,
                                      account ? chat_account_get_username(account) : "");
        update_page(self);
        update_banner(self);
}

/* The account is another one. */
static void on_account(ChatWindow *self) {
        ChatAccount *account = chat_daemon_get_account(self->daemon);

        if (self->account)
                g_signal_handlers_disconnect_by_data(self->account, self);
        g_set_object(&self->account, account);
        if (account)
                g_signal_connect_object(account, "notify", G_CALLBACK(on_account_changed), self,
                                        G_CONNECT_SWAPPED);
        on_account_changed(self);
}

static void on_state(ChatWindow *self) {
        if (!self->daemon)
                return;
        update_page(self);
        update_banner(self);
        if (self->link && chat_daemon_get_state(self->daemon) == CHAT_DAEMON_RUNNING) {
                g_autofree char *link = g_steal_pointer(&self->link);
                chat_link_dialog_show(self, link, ask_tracker);
        }
}

static void on_settled(ChatWindow *self) {
        self->is_asking = FALSE;
        on_state(self);
}

static void on_banner_activated(ChatWindow *self) {
        if (chat_daemon_get_state(self->daemon) != CHAT_DAEMON_RUNNING)
                chat_daemon_start(self->daemon);
        else if (is_pin_asked(self))
                ask_tracker(self, chat_remote_string(
                                          CHAT_REMOTE(chat_daemon_get_account(self->daemon)),
                                          "Tracker"));
}

static void on_folded(ChatWindow *self) {
        if (!adw_leaflet_get_folded(self->leaflet))
                return;
        adw_leaflet_set_visible_child_name(self->leaflet, self->channel ? "content" : "sidebar");
}

static void start_daemon(GtkWidget *widget, const char *name, GVariant *parameter) {
        chat_daemon_start(CHAT_WINDOW(widget)->daemon);
}

static void go_back(GtkWidget *widget, const char *name, GVariant *parameter) {
        adw_leaflet_navigate(CHAT_WINDOW(widget)->leaflet, ADW_NAVIGATION_DIRECTION_BACK);
}

static void show_new_channel(GtkWidget *widget, const char *name, GVariant *parameter) {
        gtk_window_present(GTK_WINDOW(chat_new_channel_new(CHAT_WINDOW(widget))));
}

static void show_join(GtkWidget *widget, const char *name, GVariant *parameter) {
        chat_join_dialog_show(CHAT_WINDOW(widget));
}

static void show_outbox(GtkWidget *widget, const char *name, GVariant *parameter) {
        chat_outbox_window_show(CHAT_WINDOW(widget));
}

static void show_preferences(GtkWidget *widget, const char *name, GVariant *parameter) {
        chat_preferences_show(CHAT_WINDOW(widget));
}

static void show_shortcuts(GtkWidget *widget, const char *name, GVariant *parameter) {
        chat_shortcuts_show(GTK_WINDOW(widget));
}

static void show_about(GtkWidget *widget, const char *name, GVariant *parameter) {
        chat_about_show(CHAT_WINDOW(widget));
}

static void show_details(GtkWidget *widget, const char *name, GVariant *parameter) {
        ChatWindow *self = CHAT_WINDOW(widget);

        if (self->channel)
                gtk_toggle_button_set_active(self->show_details,
                                             !gtk_toggle_button_get_active(self->show_details));
}

static void show_search(GtkWidget *widget, const char *name, GVariant *parameter) {
        ChatWindow *self = CHAT_WINDOW(widget);

        if (self->channel)
                chat_conversation_view_set_searching(self->conversation, TRUE);
}

static void show_directory(GtkWidget *widget, const char *name, GVariant *parameter) {
        chat_window_show_directory(CHAT_WINDOW(widget));
}

static void chat_window_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        if (id == PROP_CHANNEL)
                g_value_set_object(value, CHAT_WINDOW(object)->channel);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_window_dispose(GObject *object) {
        ChatWindow *self = CHAT_WINDOW(object);

        if (self->daemon)
                g_signal_handlers_disconnect_by_data(self->daemon, self);
        if (self->account)
                g_signal_handlers_disconnect_by_data(self->account, self);
        /* What is done there holds the window. */
        if (self->details)
                chat_details_set_channel(self->details, NULL);
        g_clear_object(&self->channel);
        g_clear_object(&self->account);
        g_clear_object(&self->daemon);
        g_clear_pointer(&self->awaited, g_free);
        g_clear_pointer(&self->link, g_free);
        G_OBJECT_CLASS(chat_window_parent_class)->dispose(object);
}

static void chat_window_init(ChatWindow *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        chat_shown_follow_pages(self->pages);
        chat_shown_follow_pages(self->content);
        chat_shown_follow(GTK_WIDGET(self->details));
        chat_shown_follow(GTK_WIDGET(self->sidebar_pane));
        chat_shown_follow(GTK_WIDGET(self->content_pane));
}

ChatWindow *chat_window_new(ChatApplication *application, ChatDaemon *daemon) {
        ChatWindow *self = g_object_new(CHAT_TYPE_WINDOW, "application", application, NULL);

        self->daemon = g_object_ref(daemon);
        chat_sidebar_set_daemon(self->sidebar, daemon);
        chat_conversation_view_set_daemon(self->conversation, daemon);
        chat_details_set_daemon(self->details, daemon);
        chat_welcome_set_daemon(self->welcome, daemon);
        chat_directory_page_set_daemon(self->directory, daemon);
        chat_outbox_button_set_daemon(self->outbox, daemon);
        g_signal_connect_object(chat_daemon_get_channels(daemon), "items-changed",
                                G_CALLBACK(show_awaited), self, G_CONNECT_SWAPPED);
        g_signal_connect_swapped(daemon, "notify::state", G_CALLBACK(on_state), self);
        g_signal_connect_swapped(daemon, "notify::store-state", G_CALLBACK(on_state), self);
        g_signal_connect_swapped(daemon, "notify::account", G_CALLBACK(on_account), self);
        g_signal_connect(self, "notify::is-active", G_CALLBACK(update_focus), NULL);
        chat_account_actions_add(self);
        chat_channel_actions_add(self);
        chat_sidebar_actions_add(self, self->sidebar);
        on_account(self);
        return self;
}

static void chat_window_class_init(ChatWindowClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_window_dispose;
        G_OBJECT_CLASS(class)->get_property = chat_window_get_property;
        specs[PROP_CHANNEL] = g_param_spec_object("channel", NULL, NULL, CHAT_TYPE_CHANNEL,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
        g_type_ensure(CHAT_TYPE_BANNER);
        g_type_ensure(CHAT_TYPE_DETAILS);
        g_type_ensure(CHAT_TYPE_DIRECTORY_PAGE);
        g_type_ensure(CHAT_TYPE_OUTBOX_BUTTON);
        g_type_ensure(CHAT_TYPE_WELCOME);
        g_type_ensure(CHAT_TYPE_CONVERSATION_VIEW);
        g_type_ensure(CHAT_TYPE_SIDEBAR);
        gtk_widget_class_set_template_from_resource(widget_class,
                                                    "/org/p2pchat/Chat/view/window.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, toasts);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, pages);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, content);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, leaflet);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, sidebar_title);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, content_title);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, banner);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, sidebar);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, welcome);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, directory);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, conversation);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, details);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, outbox);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, show_details);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, flap);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, sidebar_pane);
        gtk_widget_class_bind_template_child(widget_class, ChatWindow, content_pane);
        gtk_widget_class_bind_template_callback(widget_class, on_selected);
        gtk_widget_class_bind_template_callback(widget_class, on_channel_activated);
        gtk_widget_class_bind_template_callback(widget_class, on_sidebar_wanted);
        gtk_widget_class_bind_template_callback(widget_class, on_banner_activated);
        gtk_widget_class_bind_template_callback(widget_class, on_folded);
        gtk_widget_class_bind_template_callback(widget_class, on_settled);
        gtk_widget_class_bind_template_callback(widget_class, on_state);
        gtk_widget_class_install_action(widget_class, "win.start-daemon", NULL, start_daemon);
        gtk_widget_class_install_action(widget_class, "win.back", NULL, go_back);
        gtk_widget_class_install_action(widget_class, "win.new-channel", NULL, show_new_channel);
        gtk_widget_class_install_action(widget_class, "win.join", NULL, show_join);
        gtk_widget_class_install_action(widget_class, "win.outbox", NULL, show_outbox);
        gtk_widget_class_install_action(widget_class, "win.preferences", NULL, show_preferences);
        gtk_widget_class_install_action(widget_class, "win.shortcuts", NULL, show_shortcuts);
        gtk_widget_class_install_action(widget_class, "win.about", NULL, show_about);
        gtk_widget_class_install_action(widget_class, "win.details", NULL, show_details);
        gtk_widget_class_install_action(widget_class, "win.search", NULL, show_search);
        gtk_widget_class_install_action(widget_class, "win.directory", NULL, show_directory);
}
