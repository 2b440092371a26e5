/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the owner changes what a channel lets people do. */
#include "gui/view/channel/rules-dialog.h"

#include "gui/i18n.h"
#include "gui/model/moderation.h"

#define CHAT_TYPE_RULES_DIALOG (chat_rules_dialog_get_type())
G_DECLARE_FINAL_TYPE(ChatRulesDialog, chat_rules_dialog, CHAT, RULES_DIALOG, AdwWindow)

struct _ChatRulesDialog {
        AdwWindow parent;
        ChatChannel *channel;
        gboolean is_sure; /* that messages are removed */

        AdwComboRow *view, *sending;
        GtkSpinButton *rate, *burst, *days;
        GtkLabel *error;
        GtkButton *apply;
};

G_DEFINE_FINAL_TYPE(ChatRulesDialog, chat_rules_dialog, ADW_TYPE_WINDOW)

/* In the order of the rows' lists. */
static const char *const view_words[] = { "public", "restricted", NULL };
static const char *const send_words[] = { "everyone", "registered", "members", NULL };

static guint find(const char *const *words, const char *word) {
        for (guint i = 0; words[i]; i++)
                if (g_str_equal(words[i], word))
                        return i;
        return 0;
}

static void tell(ChatRulesDialog *self, const char *text) {
        gtk_label_set_label(self->error, text);
        gtk_widget_set_visible(GTK_WIDGET(self->error), *text != '\0');
}

/* What was typed counts before it is left, too. */
static guint number(GtkSpinButton *button) {
        gtk_spin_button_update(button);
        return (guint) gtk_spin_button_get_value_as_int(button);
}

static void on_applied(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatRulesDialog) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;
        gboolean is_done = chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error);

        if (!self->channel) /* it is closed */
                return;
        gtk_widget_set_sensitive(GTK_WIDGET(self->apply), TRUE);
        if (is_done) {
                gtk_window_destroy(GTK_WINDOW(self));
                return;
        }
        text = chat_error_dup_text(error, NULL);
        tell(self, text);
}

/* What is older is removed at once, for everybody: that is said before it is done. */
static gboolean removes_messages(ChatRulesDialog *self) {
        guint64 before = chat_remote_number(CHAT_REMOTE(self->channel), "RetentionDays");
        guint now = number(self->days);

        return now > 0 && (before == 0 || now < before);
}

static void on_apply(ChatRulesDialog *self) {
        const ChatRules rules = {
                .view_permission = view_words[adw_combo_row_get_selected(self->view)],
                .send_permission = send_words[adw_combo_row_get_selected(self->sending)],
                .message_rate = number(self->rate),
                .message_burst = number(self->burst),
                .retention_days = number(self->days),
        };

        if (removes_messages(self) && !self->is_sure) {
                self->is_sure = TRUE;
                gtk_button_set_label(self->apply, _("Remove and Apply"));
                tell(self, _("Messages that are older lose their content at once, for everybody. "
                             "It does not come back."));
                return;
        }
        gtk_widget_set_sensitive(GTK_WIDGET(self->apply), FALSE);
        chat_channel_set_rules_async(self->channel, &rules, on_applied, g_object_ref(self));
}

static void on_changed(ChatRulesDialog *self) {
        self->is_sure = FALSE;
        gtk_button_set_label(self->apply, _("Apply"));
        tell(self, "");
}

static void chat_rules_dialog_dispose(GObject *object) {
        g_clear_object(&CHAT_RULES_DIALOG(object)->channel);
        G_OBJECT_CLASS(chat_rules_dialog_parent_class)->dispose(object);
}

static void chat_rules_dialog_init(ChatRulesDialog *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

static void chat_rules_dialog_class_init(ChatRulesDialogClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_rules_dialog_dispose;
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/channel/rules-dialog.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatRulesDialog, view);
        gtk_widget_class_bind_template_child(widget_class, ChatRulesDialog, sending);
        gtk_widget_class_bind_template_child(widget_class, ChatRulesDialog, rate);
        gtk_widget_class_bind_template_child(widget_class, ChatRulesDialog, burst);
        gtk_widget_class_bind_template_child(widget_class, ChatRulesDialog, days);
        gtk_widget_class_bind_template_child(widget_class, ChatRulesDialog, error);
        gtk_widget_class_bind_template_child(widget_class, ChatRulesDialog, apply);
        gtk_widget_class_bind_template_callback(widget_class, on_apply);
        gtk_widget_class_bind_template_callback(widget_class, on_changed);
}

void chat_rules_dialog_show(ChatWindow *parent, ChatChannel *channel) {
        ChatRemote *remote = CHAT_REMOTE(channel);
        ChatRulesDialog *self =
                g_object_new(CHAT_TYPE_RULES_DIALOG, "transient-for", parent, NULL);

        self->channel = g_object_ref(channel);
        adw_combo_row_set_selected(self->view,
                                   find(view_words, chat_remote_string(remote, "ViewPermission")));
        adw_combo_row_set_selected(self->sending,
                                   find(send_words, chat_remote_string(remote, "SendPermission")));
        gtk_spin_button_set_value(self->rate, (double) chat_remote_number(remote, "MessageRate"));
        gtk_spin_button_set_value(self->burst, (double) chat_remote_number(remote, "MessageBurst"));
        gtk_spin_button_set_value(self->days, (double) chat_remote_number(remote, "RetentionDays"));
        on_changed(self);
        gtk_window_present(GTK_WINDOW(self));
}
