/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how it is told that messages wait, in whichever channel; leaves which to outbox-window.h. */
#include "gui/view/outbox/outbox-button.h"

#include "gui/i18n.h"

struct _ChatOutboxButton {
        AdwBin parent;
        GtkWidget *button;
};

G_DEFINE_FINAL_TYPE(ChatOutboxButton, chat_outbox_button, ADW_TYPE_BIN)

static void update(ChatOutboxButton *self, GParamSpec *spec, ChatDaemon *daemon) {
        guint n = (guint) chat_remote_number(CHAT_REMOTE(daemon), "OutboxCount");
        g_autofree char *text =
                g_strdup_printf(ngettext("%u message waits to be sent",
                                         "%u messages wait to be sent", n),
                                n);

        gtk_button_set_label(GTK_BUTTON(self->button), text);
        gtk_widget_set_visible(GTK_WIDGET(self), n > 0);
}

void chat_outbox_button_set_daemon(ChatOutboxButton *self, ChatDaemon *daemon) {
        g_signal_connect_object(daemon, "notify::outbox-count", G_CALLBACK(update), self,
                                G_CONNECT_SWAPPED);
        update(self, NULL, daemon);
}

static void chat_outbox_button_init(ChatOutboxButton *self) {
        self->button = gtk_button_new();
        gtk_actionable_set_action_name(GTK_ACTIONABLE(self->button), "win.outbox");
        gtk_widget_add_css_class(self->button, "flat");
        adw_bin_set_child(ADW_BIN(self), self->button);
        gtk_widget_set_visible(GTK_WIDGET(self), FALSE);
}

static void chat_outbox_button_class_init(ChatOutboxButtonClass *class) {
}
