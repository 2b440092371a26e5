/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person joins by a name or a link, and what a link of somebody else's may not do by
 * itself. */
#include "gui/view/directory/link-dialog.h"

#include "gui/i18n.h"
#include "gui/model/join.h"
#include "gui/model/sign-in.h"
#include "gui/model/text.h"

/* What a dialog is about, as long as it or what it began lasts. */
typedef struct Link {
        ChatWindow *parent;
        char *uri, *tracker;
        ChatLinkTracker on_tracker;
} Link;

static void link_free(Link *link) {
        g_object_unref(link->parent);
        g_free(link->uri);
        g_free(link->tracker);
        g_free(link);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_free)

static void on_joined(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) parent = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = chat_join_finish(CHAT_DAEMON(source), result, &error);

        if (path)
                chat_window_show_channel(parent, path);
        else
                chat_window_toast_error(parent, error);
}

static void join(ChatWindow *parent, const char *name_or_link) {
        chat_join_async(chat_window_get_daemon(parent), name_or_link, NULL, on_joined,
                        g_object_ref(parent));
}

static void on_answer(AdwMessageDialog *dialog, const char *answer, gpointer userdata) {
        g_autoptr(Link) link = userdata;

        if (g_str_equal(answer, "join"))
                join(link->parent, link->uri);
        else if (g_str_equal(answer, "tracker"))
                link->on_tracker(link->parent, link->tracker);
}

static AdwMessageDialog *dialog_new(ChatWindow *parent, const char *heading, const char *body) {
        AdwMessageDialog *dialog =
                ADW_MESSAGE_DIALOG(adw_message_dialog_new(GTK_WINDOW(parent), heading, body));

        adw_message_dialog_add_response(dialog, "cancel", _("Cancel"));
        adw_message_dialog_set_close_response(dialog, "cancel");
        return dialog;
}

static char *describe(const char *channel, const char *tracker, const char *pin,
                      const char *tracker_is, gboolean only_here) {
        g_autofree char *name = chat_isolate(channel), *place = chat_isolate(tracker);
        g_autofree char *grouped = chat_sign_in_group_pin(pin);

        if (g_str_equal(tracker_is, "same"))
                return g_strdup_printf(_("The link leads to the channel %s at your tracker."),
                                       name);
        if (g_str_equal(tracker_is, "other"))
                return g_strdup_printf(
                        _("The link leads to the channel %s at another tracker than yours, %s. To "
                          "join it, sign out first and sign in there."),
                        name, place);
        return g_strdup_printf(
                _("The link leads to the channel %s at the tracker %s, whose pin it says "
                  "is\n\n%s\n\n"
                  "Compare the pin with the one that the tracker’s operator gave you: a link can "
                  "say anything.%s"),
                name, place, grouped,
                only_here ? _(" This address leads to the computer itself, whoever uses it.") : "");
}

static void on_resolved(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(Link) link = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) values = chat_link_resolve_finish(CHAT_DAEMON(source), result, &error);
        const char *channel = "", *tracker = "", *pin = "", *tracker_is = "other";
        gboolean only_here = FALSE;
        g_autofree char *body = NULL;
        AdwMessageDialog *dialog;

        if (!values) {
                chat_window_toast_error(link->parent, error);
                return;
        }
        g_variant_lookup(values, "channel", "&s", &channel);
        g_variant_lookup(values, "tracker", "&s", &tracker);
        g_variant_lookup(values, "pin", "&s", &pin);
        g_variant_lookup(values, "tracker_is", "&s", &tracker_is);
        g_variant_lookup(values, "only_here", "b", &only_here);
        link->tracker = g_strdup(tracker);
        body = describe(channel, tracker, pin, tracker_is, only_here);
        dialog = dialog_new(link->parent, _("Join by a Link?"), body);
        if (g_str_equal(tracker_is, "same")) {
                adw_message_dialog_add_response(dialog, "join", _("Join"));
                adw_message_dialog_set_default_response(dialog, "join");
                adw_message_dialog_set_response_appearance(dialog, "join", ADW_RESPONSE_SUGGESTED);
        } else if (g_str_equal(tracker_is, "unset"))
                adw_message_dialog_add_response(dialog, "tracker", _("Go to This Tracker"));
        g_signal_connect(dialog, "response", G_CALLBACK(on_answer), g_steal_pointer(&link));
        gtk_window_present(GTK_WINDOW(dialog));
}

void chat_link_dialog_show(ChatWindow *parent, const char *uri, ChatLinkTracker tracker) {
        Link *link = g_new0(Link, 1);

        link->parent = g_object_ref(parent);
        link->uri = g_strdup(uri);
        link->on_tracker = tracker;
        chat_link_resolve_async(chat_window_get_daemon(parent), uri, NULL, on_resolved, link);
}

static void on_join_answer(AdwMessageDialog *dialog, const char *answer, ChatWindow *parent) {
        GtkEditable *entry = g_object_get_data(G_OBJECT(dialog), "entry");
        g_autofree char *typed = g_strdup(gtk_editable_get_text(entry));

        g_strstrip(typed);
        if (!g_str_equal(answer, "join") || *typed == '\0')
                return;
        if (g_str_has_prefix(typed, "p2pchat:"))
                chat_window_open_link(parent, typed);
        else
                join(parent, typed);
}

static void on_join_typed(GtkEditable *entry, AdwMessageDialog *dialog) {
        adw_message_dialog_set_response_enabled(dialog, "join",
                                                *gtk_editable_get_text(entry) != '\0');
}

void chat_join_dialog_show(ChatWindow *parent) {
        AdwMessageDialog *dialog =
                dialog_new(parent, _("Join a Channel"),
                           _("By its name at your tracker, or by a link that somebody gave you."));
        GtkWidget *entry = gtk_entry_new();

        gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
        gtk_accessible_update_property(GTK_ACCESSIBLE(entry), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                       _("Name or link"), -1);
        adw_message_dialog_set_extra_child(dialog, entry);
        adw_message_dialog_add_response(dialog, "join", _("Join"));
        adw_message_dialog_set_default_response(dialog, "join");
        adw_message_dialog_set_response_appearance(dialog, "join", ADW_RESPONSE_SUGGESTED);
        adw_message_dialog_set_response_enabled(dialog, "join", FALSE);
        g_object_set_data(G_OBJECT(dialog), "entry", entry);
        g_signal_connect(entry, "changed", G_CALLBACK(on_join_typed), dialog);
        g_signal_connect_object(dialog, "response", G_CALLBACK(on_join_answer), parent, 0);
        gtk_window_present(GTK_WINDOW(dialog));
        gtk_widget_grab_focus(entry);
}
