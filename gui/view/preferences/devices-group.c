/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the devices are shown on which an account is signed in, and that one can be signed out
 * from here; leaves the rest of the account to account-page.h. */
#include "gui/view/preferences/devices-group.h"

#include "gui/i18n.h"
#include "gui/model/now.h"

struct _ChatDevicesGroup {
        AdwPreferencesGroup parent;
        ChatAccount *account;
        GPtrArray *rows;       /* of GtkWidget, the group's */
        GCancellable *listing; /* the one under way, or the last */
        gboolean is_first;     /* no page of it has come yet */
};

G_DEFINE_FINAL_TYPE(ChatDevicesGroup, chat_devices_group, ADW_TYPE_PREFERENCES_GROUP)

static const char *key_of(GtkButton *revoke) {
        return g_object_get_data(G_OBJECT(revoke), "key");
}

static void toast(ChatDevicesGroup *self, const char *text) {
        GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(self));
        g_autofree char *escaped = g_markup_escape_text(text, -1);

        if (ADW_IS_PREFERENCES_WINDOW(root))
                adw_preferences_window_add_toast(ADW_PREFERENCES_WINDOW(root),
                                                 adw_toast_new(escaped));
}

static void on_revoked(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatDevicesGroup) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                text = chat_error_dup_text(error, NULL);
        if (!self->account) /* the window is closed */
                return;
        toast(self, text ?: _("That device is signed out."));
        chat_devices_group_refresh(self);
}

static void name_button(GtkButton *revoke, gboolean is_asked) {
        const char *key = key_of(revoke);
        g_autofree char *name = is_asked ? g_strdup_printf(_("Really sign out device %.8s"), key)
                                         : g_strdup_printf(_("Sign out device %.8s"), key);

        gtk_button_set_label(revoke, is_asked ? _("Really Sign Out") : _("Sign Out"));
        gtk_accessible_update_property(GTK_ACCESSIBLE(revoke), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                       -1);
}

/* Twice: it cannot be taken back from here. */
static void on_revoke(GtkButton *button, ChatDevicesGroup *self) {
        if (!gtk_widget_has_css_class(GTK_WIDGET(button), "destructive-action")) {
                gtk_widget_remove_css_class(GTK_WIDGET(button), "flat");
                gtk_widget_add_css_class(GTK_WIDGET(button), "destructive-action");
                name_button(button, TRUE);
                return;
        }
        gtk_widget_set_sensitive(GTK_WIDGET(button), FALSE);
        chat_account_revoke_async(self->account, key_of(button), on_revoked, g_object_ref(self));
}

static GtkWidget *revoke_button(ChatDevicesGroup *self, const char *key) {
        GtkWidget *revoke = gtk_button_new();

        g_object_set_data_full(G_OBJECT(revoke), "key", g_strdup(key), g_free);
        name_button(GTK_BUTTON(revoke), FALSE);
        gtk_widget_set_valign(revoke, GTK_ALIGN_CENTER);
        gtk_widget_add_css_class(revoke, "flat");
        g_signal_connect(revoke, "clicked", G_CALLBACK(on_revoke), self);
        return revoke;
}

static void add(ChatDevicesGroup *self, GVariant *device) {
        const char *key;
        guint64 created, seen;
        gboolean is_this = FALSE;
        g_autoptr(GVariant) extra = NULL;
        g_autofree char *begin = NULL, *last = NULL, *when = NULL, *title = NULL;
        GtkWidget *row = adw_action_row_new();

        g_variant_get(device, "(&stt@a{sv})", &key, &created, &seen, &extra);
        g_variant_lookup(extra, "this", "b", &is_this);
        begin = chat_date((gint64) MIN(created, (guint64) G_MAXINT64));
        last = chat_date((gint64) MIN(seen, (guint64) G_MAXINT64));
        when = g_strdup_printf(_("Since %s, last seen %s"), begin, last);
        title = is_this ? g_strdup(_("This device")) : g_strdup_printf(_("Device %.8s"), key);
        adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title);
        adw_action_row_set_subtitle(ADW_ACTION_ROW(row), when);
        if (!is_this)
                adw_action_row_add_suffix(ADW_ACTION_ROW(row), revoke_button(self, key));
        adw_preferences_group_add(ADW_PREFERENCES_GROUP(self), row);
        g_ptr_array_add(self->rows, row);
}

static void clear(ChatDevicesGroup *self) {
        for (guint i = 0; i < self->rows->len; i++)
                adw_preferences_group_remove(ADW_PREFERENCES_GROUP(self), self->rows->pdata[i]);
        g_ptr_array_set_size(self->rows, 0);
}

static void describe(ChatDevicesGroup *self, const char *text) {
        g_autofree char *escaped = g_markup_escape_text(text, -1);

        adw_preferences_group_set_description(ADW_PREFERENCES_GROUP(self), escaped);
}

static void on_listed(GObject *source, GAsyncResult *result, gpointer userdata);

static void ask(ChatDevicesGroup *self, const char *after) {
        chat_account_list_devices_async(self->account, after, self->listing, on_listed,
                                        g_object_ref(self));
}

/* The rows of before stay until there is an answer, so that nothing jumps. */
static void on_listed(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatDevicesGroup) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) devices =
                chat_account_list_devices_finish(CHAT_ACCOUNT(source), result, &error);
        g_autofree char *text = NULL;
        const char *last = "";

        if (!devices && chat_error_is_cancelled(error)) /* by a newer one, or the end */
                return;
        if (self->is_first)
                clear(self);
        self->is_first = FALSE;
        if (!devices) {
                text = chat_error_dup_text(error, NULL);
                describe(self, text);
                return;
        }
        for (gsize i = 0; i < g_variant_n_children(devices); i++) {
                g_autoptr(GVariant) device = g_variant_get_child_value(devices, i);

                add(self, device);
                g_variant_get_child(device, 0, "&s", &last);
        }
        if (*last)
                ask(self, last);
}

void chat_devices_group_refresh(ChatDevicesGroup *self) {
        g_cancellable_cancel(self->listing);
        g_clear_object(&self->listing);
        self->listing = g_cancellable_new();
        self->is_first = TRUE;
        describe(self, _("Where this account is signed in. One that is signed out keeps what it "
                         "holds, and hears nothing new."));
        ask(self, "");
}

static void chat_devices_group_dispose(GObject *object) {
        ChatDevicesGroup *self = CHAT_DEVICES_GROUP(object);

        g_cancellable_cancel(self->listing);
        g_clear_object(&self->listing);
        g_clear_object(&self->account);
        g_clear_pointer(&self->rows, g_ptr_array_unref);
        G_OBJECT_CLASS(chat_devices_group_parent_class)->dispose(object);
}

static void chat_devices_group_init(ChatDevicesGroup *self) {
        self->rows = g_ptr_array_new();
}

GtkWidget *chat_devices_group_new(ChatAccount *account) {
        ChatDevicesGroup *self =
                g_object_new(CHAT_TYPE_DEVICES_GROUP, "title", _("Devices"), NULL);

        self->account = g_object_ref(account);
        chat_devices_group_refresh(self);
        return GTK_WIDGET(self);
}

static void chat_devices_group_class_init(ChatDevicesGroupClass *class) {
        G_OBJECT_CLASS(class)->dispose = chat_devices_group_dispose;
}
