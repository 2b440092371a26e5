/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person says of a channel that they make; leaves making it to model/join.h. */
#include "gui/view/directory/new-channel.h"

#include "base/names.h"
#include "gui/i18n.h"
#include "gui/model/join.h"

struct _ChatNewChannel {
        AdwWindow parent;
        ChatDaemon *daemon;
        GCancellable *cancellable; /* of what is under way; NULL: nothing */
        gboolean new_log;          /* the person said that the name goes on with a new one */

        AdwEntryRow *name, *topic;
        AdwComboRow *view, *sending;
        GtkLabel *error, *hint;
        GtkButton *create;
        GtkSpinner *spinner;
};

G_DEFINE_FINAL_TYPE(ChatNewChannel, chat_new_channel, ADW_TYPE_WINDOW)

/* In the order of the rows' lists. */
static const char *const view_words[] = { "public", "restricted" };
static const char *const send_words[] = { "everyone", "registered", "members" };

static const char *text_of(AdwEntryRow *row) {
        return gtk_editable_get_text(GTK_EDITABLE(row));
}

static void tell(ChatNewChannel *self, const char *text) {
        gtk_label_set_label(self->error, text);
        gtk_widget_set_visible(GTK_WIDGET(self->error), *text != '\0');
}

static void on_changed(ChatNewChannel *self) {
        char name[NAME_SIZE];
        gboolean is_good = name_fold(text_of(self->name), name) >= 0 && name_is_valid(name);

        gtk_widget_set_sensitive(GTK_WIDGET(self->create), is_good && !self->cancellable);
        gtk_widget_set_visible(GTK_WIDGET(self->hint), *text_of(self->name) != '\0' && !is_good);
        self->new_log = FALSE;
        gtk_button_set_label(self->create, _("Create"));
        tell(self, "");
}

/* The name has had another log before: what that means is said, and the next press does it. */
static gboolean offer_new_log(ChatNewChannel *self, const GError *error) {
        if (!g_error_matches(error, CHAT_ERROR, ERROR_STALE_EPOCH) || self->new_log)
                return FALSE;
        self->new_log = TRUE;
        gtk_button_set_label(self->create, _("Begin Anew"));
        return TRUE;
}

static void on_hosted(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatNewChannel) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *path = chat_join_finish(CHAT_DAEMON(source), result, &error);
        g_autofree char *text = NULL;
        GtkWindow *parent = gtk_window_get_transient_for(GTK_WINDOW(self));
        const char *step;

        if (!path && chat_error_is_cancelled(error))
                return;
        g_clear_object(&self->cancellable);
        gtk_spinner_set_spinning(self->spinner, FALSE);
        gtk_widget_set_sensitive(GTK_WIDGET(self->create), TRUE);
        if (path) {
                if (parent)
                        chat_window_show_channel(CHAT_WINDOW(parent), path);
                gtk_window_close(GTK_WINDOW(self));
                return;
        }
        step = offer_new_log(self, error) ? _("“Begin Anew” gives the name to a new channel.")
                                          : NULL;
        text = chat_error_dup_text(error, step);
        tell(self, text);
}

static void on_create(ChatNewChannel *self) {
        const ChatHosting how = {
                .name = text_of(self->name),
                .topic = text_of(self->topic),
                .view_permission = view_words[adw_combo_row_get_selected(self->view)],
                .send_permission = send_words[adw_combo_row_get_selected(self->sending)],
                .new_log = self->new_log,
        };

        if (!gtk_widget_get_sensitive(GTK_WIDGET(self->create)))
                return;
        self->cancellable = g_cancellable_new();
        gtk_spinner_set_spinning(self->spinner, TRUE);
        gtk_widget_set_sensitive(GTK_WIDGET(self->create), FALSE);
        chat_host_async(self->daemon, &how, self->cancellable, on_hosted, g_object_ref(self));
}

static void chat_new_channel_dispose(GObject *object) {
        ChatNewChannel *self = CHAT_NEW_CHANNEL(object);

        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
        g_clear_object(&self->daemon);
        G_OBJECT_CLASS(chat_new_channel_parent_class)->dispose(object);
}

static void chat_new_channel_init(ChatNewChannel *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        on_changed(self);
}

ChatNewChannel *chat_new_channel_new(ChatWindow *parent) {
        ChatNewChannel *self = g_object_new(CHAT_TYPE_NEW_CHANNEL, "transient-for", parent, NULL);

        self->daemon = g_object_ref(chat_window_get_daemon(parent));
        return self;
}

#define BIND(name) gtk_widget_class_bind_template_child(widget_class, ChatNewChannel, name)

static void chat_new_channel_class_init(ChatNewChannelClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_new_channel_dispose;
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/directory/new-channel.ui");
        BIND(name);
        BIND(topic);
        BIND(view);
        BIND(sending);
        BIND(error);
        BIND(hint);
        BIND(create);
        BIND(spinner);
        gtk_widget_class_bind_template_callback(widget_class, on_changed);
        gtk_widget_class_bind_template_callback(widget_class, on_create);
        gtk_widget_class_add_binding_action(widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}
