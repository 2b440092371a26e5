/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person sees and changes of an account: its tracker, its devices, its password, its
 * end. */
#include "gui/view/preferences/account-page.h"

#include "gui/i18n.h"
#include "gui/model/now.h"
#include "gui/model/password.h"
#include "gui/model/sign-in.h"
#include "gui/model/text.h"
#include "gui/view/preferences/devices-group.h"

#define CHAT_TYPE_ACCOUNT_PAGE (chat_account_page_get_type())
G_DECLARE_FINAL_TYPE(ChatAccountPage, chat_account_page, CHAT, ACCOUNT_PAGE, AdwPreferencesPage)

struct _ChatAccountPage {
        AdwPreferencesPage parent;
        ChatAccount *account;

        ChatDevicesGroup *devices;
        AdwEntryRow *old, *new, *again, *deletion;
        GtkSwitch *keep_others;
        GtkLabel *strength;
        GtkButton *change, *delete;
        gboolean is_sure; /* of the deletion */
};

G_DEFINE_FINAL_TYPE(ChatAccountPage, chat_account_page, ADW_TYPE_PREFERENCES_PAGE)

static void toast(ChatAccountPage *self, const char *text) {
        GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(self));
        g_autofree char *escaped = g_markup_escape_text(text, -1);

        if (ADW_IS_PREFERENCES_WINDOW(root))
                adw_preferences_window_add_toast(ADW_PREFERENCES_WINDOW(root),
                                                 adw_toast_new(escaped));
}

static void toast_error(ChatAccountPage *self, const GError *error) {
        g_autofree char *text = chat_error_dup_text(error, NULL);

        if (!chat_error_is_cancelled(error))
                toast(self, text);
}

static const char *text_of(AdwEntryRow *row) {
        return gtk_editable_get_text(GTK_EDITABLE(row));
}

static GtkButton *button_new(const char *label, const char *class) {
        GtkWidget *button = gtk_button_new_with_label(label);

        gtk_widget_set_valign(button, GTK_ALIGN_CENTER);
        if (class)
                gtk_widget_add_css_class(button, class);
        return GTK_BUTTON(button);
}

static AdwPreferencesGroup *add_group(ChatAccountPage *self, const char *title,
                                      const char *description) {
        AdwPreferencesGroup *group = g_object_new(ADW_TYPE_PREFERENCES_GROUP, "title", title,
                                                  "description", description, NULL);

        adw_preferences_page_add(ADW_PREFERENCES_PAGE(self), group);
        return group;
}

/* Of texts of others: no markup. */
static AdwActionRow *row_new(const char *title, const char *subtitle) {
        AdwActionRow *row = ADW_ACTION_ROW(adw_action_row_new());

        adw_preferences_row_set_use_markup(ADW_PREFERENCES_ROW(row), FALSE);
        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title);
        adw_action_row_set_subtitle(row, subtitle);
        adw_action_row_set_subtitle_lines(row, 0);
        return row;
}

/* ---- who and where ---- */

static void on_copy_pin(ChatAccountPage *self) {
        gdk_clipboard_set_text(gtk_widget_get_clipboard(GTK_WIDGET(self)),
                               chat_remote_string(CHAT_REMOTE(self->account), "TrackerPin"));
        toast(self, _("The pin is on the clipboard."));
}

static void add_identity(ChatAccountPage *self) {
        AdwPreferencesGroup *group = add_group(self, _("Account"), NULL);
        ChatRemote *remote = CHAT_REMOTE(self->account);
        g_autofree char *name = chat_line(chat_account_get_username(self->account));
        g_autofree char *tracker = chat_line(chat_remote_string(remote, "Tracker"));
        g_autofree char *pin = chat_sign_in_group_pin(chat_remote_string(remote, "TrackerPin"));
        AdwActionRow *row = row_new(_("The tracker’s pin"), pin);
        GtkButton *copy = button_new(_("Copy"), "flat");

        adw_preferences_group_add(
                group, GTK_WIDGET(row_new(chat_account_is_guest(self->account) ? _("Guest")
                                                                               : _("Name"),
                                          name)));
        adw_preferences_group_add(group, GTK_WIDGET(row_new(_("Tracker"), tracker)));
        g_signal_connect_swapped(copy, "clicked", G_CALLBACK(on_copy_pin), self);
        adw_action_row_add_suffix(row, GTK_WIDGET(copy));
        adw_preferences_group_add(group, GTK_WIDGET(row));
}

/* ---- the password ---- */

static void update_password(ChatAccountPage *self) {
        ChatPasswordStrength strength = chat_password_strength(
                text_of(self->new), chat_account_get_username(self->account));
        const gboolean is_same = g_str_equal(text_of(self->new), text_of(self->again));

        gtk_label_set_label(self->strength, *text_of(self->new) == '\0' ? ""
                                            : *text_of(self->again) && !is_same
                                                    ? _("The two passwords differ.")
                                                    : chat_password_strength_text(strength));
        gtk_widget_set_sensitive(GTK_WIDGET(self->change), *text_of(self->old) != '\0' && is_same &&
                                                                   strength >= CHAT_PASSWORD_WEAK);
}

static void on_password_changed(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatAccountPage) self = userdata;
        g_autoptr(GError) error = NULL;
        gboolean is_done = chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error);
        AdwEntryRow *rows[] = { self->old, self->new, self->again };

        if (!self->account) /* the window is closed */
                return;
        update_password(self);
        if (!is_done) {
                toast_error(self, error);
                return;
        }
        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
                gtk_editable_set_text(GTK_EDITABLE(rows[i]), "");
        toast(self, _("The password is another one now."));
        chat_devices_group_refresh(self->devices);
}

static void on_change(ChatAccountPage *self) {
        gtk_widget_set_sensitive(GTK_WIDGET(self->change), FALSE);
        chat_account_change_password_async(self->account, text_of(self->old), text_of(self->new),
                                           gtk_switch_get_active(self->keep_others),
                                           on_password_changed, g_object_ref(self));
}

static AdwEntryRow *add_password(ChatAccountPage *self, AdwPreferencesGroup *group,
                                 const char *title, GCallback changed) {
        GtkWidget *row = adw_password_entry_row_new();

        adw_preferences_row_set_title(ADW_PREFERENCES_ROW(row), title);
        g_signal_connect_swapped(row, "changed", changed, self);
        adw_preferences_group_add(group, row);
        return ADW_ENTRY_ROW(row);
}

static void add_button(AdwPreferencesGroup *group, GtkButton *button, GtkLabel *beside) {
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);

        gtk_widget_set_margin_top(box, 12);
        gtk_widget_set_hexpand(GTK_WIDGET(beside), TRUE);
        gtk_label_set_xalign(beside, 0);
        gtk_label_set_wrap(beside, TRUE);
        gtk_box_append(GTK_BOX(box), GTK_WIDGET(beside));
        gtk_box_append(GTK_BOX(box), GTK_WIDGET(button));
        adw_preferences_group_add(group, box);
}

static void add_change(ChatAccountPage *self) {
        AdwPreferencesGroup *group = add_group(self, _("Password"), NULL);
        AdwActionRow *keep = row_new(_("Keep other devices signed in"),
                                     _("Unless it may be known to somebody else"));

        self->old = add_password(self, group, _("Present password"), G_CALLBACK(update_password));
        self->new = add_password(self, group, _("New password"), G_CALLBACK(update_password));
        self->again = add_password(self, group, _("New password again"),
                                   G_CALLBACK(update_password));
        self->keep_others = GTK_SWITCH(gtk_switch_new());
        gtk_widget_set_valign(GTK_WIDGET(self->keep_others), GTK_ALIGN_CENTER);
        adw_action_row_add_suffix(keep, GTK_WIDGET(self->keep_others));
        adw_action_row_set_activatable_widget(keep, GTK_WIDGET(self->keep_others));
        gtk_accessible_update_property(GTK_ACCESSIBLE(self->keep_others),
                                       GTK_ACCESSIBLE_PROPERTY_LABEL,
                                       _("Keep other devices signed in"), -1);
        adw_preferences_group_add(group, GTK_WIDGET(keep));
        self->strength = GTK_LABEL(gtk_label_new(NULL));
        self->change = button_new(_("Change the Password"), NULL);
        g_signal_connect_swapped(self->change, "clicked", G_CALLBACK(on_change), self);
        add_button(group, self->change, self->strength);
        update_password(self);
}

/* ---- the end ---- */

static void update_deletion(ChatAccountPage *self) {
        self->is_sure = FALSE;
        gtk_button_set_label(self->delete, _("Delete the Account"));
        gtk_widget_set_sensitive(GTK_WIDGET(self->delete), *text_of(self->deletion) != '\0');
}

static void on_deleted(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatAccountPage) self = userdata;
        g_autoptr(GError) error = NULL;
        gboolean is_done = chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error);
        GtkRoot *root = gtk_widget_get_root(GTK_WIDGET(self));

        if (!self->account) /* the window is closed */
                return;
        update_deletion(self);
        if (!is_done)
                toast_error(self, error);
        else if (root)
                gtk_window_destroy(GTK_WINDOW(root));
}

static void on_delete(ChatAccountPage *self) {
        if (!self->is_sure) {
                self->is_sure = TRUE;
                gtk_button_set_label(self->delete, _("Delete It for Ever"));
                return;
        }
        gtk_widget_set_sensitive(GTK_WIDGET(self->delete), FALSE);
        chat_account_delete_async(self->account, text_of(self->deletion), on_deleted,
                                  g_object_ref(self));
}

static void add_deletion(ChatAccountPage *self) {
        AdwPreferencesGroup *group = add_group(
                self, _("Delete the Account"),
                _("For ever: nobody gets this name again. Channels that you host end, and all that "
                  "is kept here of this account is erased. What others have copied stays theirs."));

        self->deletion =
                add_password(self, group, _("Password, once more"), G_CALLBACK(update_deletion));
        self->delete = button_new("", "destructive-action");
        g_signal_connect_swapped(self->delete, "clicked", G_CALLBACK(on_delete), self);
        add_button(group, self->delete, GTK_LABEL(gtk_label_new(NULL)));
        update_deletion(self);
}

static void chat_account_page_dispose(GObject *object) {
        ChatAccountPage *self = CHAT_ACCOUNT_PAGE(object);

        g_clear_object(&self->account);
        G_OBJECT_CLASS(chat_account_page_parent_class)->dispose(object);
}

static void chat_account_page_init(ChatAccountPage *self) {
}

static void chat_account_page_class_init(ChatAccountPageClass *class) {
        G_OBJECT_CLASS(class)->dispose = chat_account_page_dispose;
}

AdwPreferencesPage *chat_account_page_new(ChatAccount *account) {
        ChatAccountPage *self =
                g_object_new(CHAT_TYPE_ACCOUNT_PAGE, "title", _("Account"), "icon-name",
                             "avatar-default-symbolic", "name", "account", NULL);

        self->account = g_object_ref(account);
        add_identity(self);
        /* A guest has neither password nor other devices. */
        if (!chat_account_is_guest(account) && chat_account_is_signed_in(account)) {
                self->devices = CHAT_DEVICES_GROUP(chat_devices_group_new(account));
                adw_preferences_page_add(ADW_PREFERENCES_PAGE(self),
                                         ADW_PREFERENCES_GROUP(self->devices));
                add_change(self);
                add_deletion(self);
        }
        return ADW_PREFERENCES_PAGE(self);
}
