/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows of which messages the desktop tells the person, channel by channel. */
#include "gui/view/preferences/notifications-page.h"

#include "gui/i18n.h"
#include "gui/model/text.h"

/* In the order of the rows' lists. */
static const char *const words[] = { "all", "mentions", "none" };

static guint find(const char *word) {
        for (guint i = 0; i < G_N_ELEMENTS(words); i++)
                if (g_str_equal(words[i], word))
                        return i;
        return 0;
}

static AdwPreferencesWindow *window_of(GtkWidget *widget) {
        GtkRoot *root = gtk_widget_get_root(widget);

        return ADW_IS_PREFERENCES_WINDOW(root) ? ADW_PREFERENCES_WINDOW(root) : NULL;
}

/* What the daemon says is what is shown, whoever changed it. */
static void show(ChatChannel *channel, GParamSpec *spec, AdwComboRow *row) {
        guint now = find(chat_remote_string(CHAT_REMOTE(channel), "Notify"));

        if (adw_combo_row_get_selected(row) != now)
                adw_combo_row_set_selected(row, now);
}

static void on_set(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(AdwComboRow) row = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        if (chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                return;
        show(CHAT_CHANNEL(source), NULL, row);
        text = g_markup_escape_text(error->message, -1);
        if (window_of(GTK_WIDGET(row)))
                adw_preferences_window_add_toast(window_of(GTK_WIDGET(row)), adw_toast_new(text));
}

static void on_selected(AdwComboRow *row, GParamSpec *spec, ChatChannel *channel) {
        const char *word = words[MIN(adw_combo_row_get_selected(row), G_N_ELEMENTS(words) - 1)];

        if (!g_str_equal(word, chat_remote_string(CHAT_REMOTE(channel), "Notify")))
                chat_channel_set_notify_async(channel, word, NULL, on_set, g_object_ref(row));
}

static GtkWidget *row_new(gpointer item, gpointer userdata) {
        ChatChannel *channel = item;
        const char *choices[] = { _("All messages"), _("What speaks to me"), _("Nothing"), NULL };
        g_autoptr(GtkStringList) model = gtk_string_list_new(choices);
        g_autofree char *name = chat_line(chat_channel_get_name(channel));
        GtkWidget *row = adw_combo_row_new();

        adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), name);
        adw_combo_row_set_model(ADW_COMBO_ROW(row), G_LIST_MODEL(model));
        show(channel, NULL, ADW_COMBO_ROW(row));
        g_signal_connect_object(row, "notify::selected", G_CALLBACK(on_selected), channel, 0);
        g_signal_connect_object(channel, "notify::notify-about", G_CALLBACK(show), row, 0);
        return row;
}

static void describe(GListModel *channels, guint position, guint removed, guint added,
                     AdwPreferencesGroup *group) {
        const gboolean is_any = g_list_model_get_n_items(channels) > 0;
        GtkWidget *list = g_object_get_data(G_OBJECT(group), "list");

        adw_preferences_group_set_description(
                group, is_any ? _("While you look at a channel it is quiet about it. Messages of "
                                  "who is ignored are never told.")
                              : _("There is no channel yet. Join one, and it is shown here."));
        gtk_widget_set_visible(list, is_any);
}

AdwPreferencesPage *chat_notifications_page_new(ChatDaemon *daemon) {
        GListModel *channels = chat_daemon_get_channels(daemon);
        AdwPreferencesPage *page = g_object_new(
                ADW_TYPE_PREFERENCES_PAGE, "title", _("Notifications"), "icon-name",
                "preferences-system-notifications-symbolic", "name", "notifications", NULL);
        GtkWidget *group = g_object_new(ADW_TYPE_PREFERENCES_GROUP, "title",
                                        _("What the Desktop Tells You"), NULL);
        GtkWidget *list = gtk_list_box_new();

        gtk_list_box_set_selection_mode(GTK_LIST_BOX(list), GTK_SELECTION_NONE);
        gtk_widget_add_css_class(list, "boxed-list");
        gtk_accessible_update_property(GTK_ACCESSIBLE(list), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                       _("What the Desktop Tells You"), -1);
        gtk_list_box_bind_model(GTK_LIST_BOX(list), channels, row_new, NULL, NULL);
        adw_preferences_group_add(ADW_PREFERENCES_GROUP(group), list);
        g_object_set_data(G_OBJECT(group), "list", list);
        g_signal_connect_object(channels, "items-changed", G_CALLBACK(describe), group, 0);
        describe(channels, 0, 0, 0, ADW_PREFERENCES_GROUP(group));
        adw_preferences_page_add(page, ADW_PREFERENCES_GROUP(group));
        return page;
}
