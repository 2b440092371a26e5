/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a state that lasts is told above a page, with one thing to do about it; leaves which
 * state to who shows it. */
#include "gui/view/banner.h"

#include "gui/view/shown.h"

struct _ChatBanner {
        GtkWidget parent;
        GtkRevealer *revealer;
        GtkLabel *label;
        GtkButton *button;
};

enum { SIGNAL_ACTIVATED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatBanner, chat_banner, GTK_TYPE_WIDGET)

/* What was said stays readable while it slides away. */
void chat_banner_set(ChatBanner *self, const char *text, const char *button_label) {
        gtk_revealer_set_reveal_child(self->revealer, *text != '\0');
        if (*text == '\0')
                return;
        if (!g_str_equal(gtk_label_get_label(self->label), text))
                gtk_label_set_label(self->label, text);
        gtk_button_set_label(self->button, button_label);
        gtk_widget_set_visible(GTK_WIDGET(self->button), *button_label != '\0');
}

static void on_clicked(ChatBanner *self) {
        g_signal_emit(self, signals[SIGNAL_ACTIVATED], 0);
}

static void chat_banner_dispose(GObject *object) {
        gtk_widget_unparent(GTK_WIDGET(CHAT_BANNER(object)->revealer));
        G_OBJECT_CLASS(chat_banner_parent_class)->dispose(object);
}

static void chat_banner_init(ChatBanner *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        chat_shown_follow(gtk_revealer_get_child(self->revealer));
}

static void chat_banner_class_init(ChatBannerClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_banner_dispose;
        gtk_widget_class_set_template_from_resource(widget_class,
                                                    "/org/p2pchat/Chat/view/banner.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatBanner, revealer);
        gtk_widget_class_bind_template_child(widget_class, ChatBanner, label);
        gtk_widget_class_bind_template_child(widget_class, ChatBanner, button);
        gtk_widget_class_bind_template_callback(widget_class, on_clicked);
        gtk_widget_class_set_layout_manager_type(widget_class, GTK_TYPE_BIN_LAYOUT);
        signals[SIGNAL_ACTIVATED] = g_signal_new("activated", CHAT_TYPE_BANNER, G_SIGNAL_RUN_LAST,
                                                 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
