/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person is about to say: a text of several lines that Enter sends; leaves sending it
 * to who shows it. */
#include "gui/view/conversation/composer.h"

#include <string.h>

#include "gui/i18n.h"

/* It is said from here on how much is left. */
#define NEAR_THE_END 15000

struct _ChatComposer {
        AdwBin parent;
        gboolean may_send;

        GtkTextView *entry;
        GtkTextBuffer *buffer;
        GtkLabel *placeholder, *hint;
        GtkButton *send;
        GtkBox *box;
};

enum { SIGNAL_SEND, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatComposer, chat_composer, ADW_TYPE_BIN)

char *chat_composer_dup_text(ChatComposer *self) {
        GtkTextIter begin, end;

        gtk_text_buffer_get_bounds(self->buffer, &begin, &end);
        return gtk_text_buffer_get_text(self->buffer, &begin, &end, FALSE);
}

void chat_composer_set_text(ChatComposer *self, const char *text) {
        gtk_text_buffer_set_text(self->buffer, text, -1);
}

static gboolean is_blank(const char *text) {
        return text[strspn(text, " \t\n\r")] == '\0';
}

static void update(ChatComposer *self) {
        g_autofree char *text = chat_composer_dup_text(self);
        g_autofree char *hint = NULL;
        gsize n = strlen(text);

        gtk_widget_set_visible(GTK_WIDGET(self->placeholder), n == 0);
        if (n > CHAT_COMPOSER_BYTES_MAX)
                hint = g_strdup_printf(_("%zu bytes too long for one message"),
                                       n - CHAT_COMPOSER_BYTES_MAX);
        else if (n > NEAR_THE_END)
                hint = g_strdup_printf(_("%zu bytes left"), CHAT_COMPOSER_BYTES_MAX - n);
        gtk_label_set_label(self->hint, hint ?: "");
        gtk_widget_set_visible(GTK_WIDGET(self->hint), hint != NULL);
        gtk_widget_set_sensitive(GTK_WIDGET(self->send),
                                 self->may_send && !is_blank(text) && n <= CHAT_COMPOSER_BYTES_MAX);
}

void chat_composer_set_refusal(ChatComposer *self, const char *why) {
        self->may_send = *why == '\0';
        gtk_text_view_set_editable(self->entry, self->may_send);
        gtk_label_set_label(self->placeholder, self->may_send ? _("Write a message") : why);
        update(self);
}

void chat_composer_focus(ChatComposer *self) {
        gtk_widget_grab_focus(GTK_WIDGET(self->entry));
}

static void send(ChatComposer *self) {
        if (gtk_widget_get_sensitive(GTK_WIDGET(self->send)))
                g_signal_emit(self, signals[SIGNAL_SEND], 0);
}

/* Before the entry sees it; an input method that is at work takes what is meant for it. */
static gboolean on_key(ChatComposer *self, guint key, guint code, GdkModifierType state,
                       GtkEventControllerKey *controller) {
        gboolean is_enter =
                key == GDK_KEY_Return || key == GDK_KEY_KP_Enter || key == GDK_KEY_ISO_Enter;

        if (!is_enter || (state & (GDK_SHIFT_MASK | GDK_CONTROL_MASK | GDK_ALT_MASK)))
                return FALSE;
        if (gtk_text_view_im_context_filter_keypress(
                    self->entry,
                    gtk_event_controller_get_current_event(GTK_EVENT_CONTROLLER(controller))))
                return TRUE;
        send(self);
        return TRUE;
}

static void chat_composer_init(ChatComposer *self) {
        GtkEventController *keys = gtk_event_controller_key_new();

        gtk_widget_init_template(GTK_WIDGET(self));
        self->may_send = TRUE;
        gtk_event_controller_set_propagation_phase(keys, GTK_PHASE_CAPTURE);
        g_signal_connect_swapped(keys, "key-pressed", G_CALLBACK(on_key), self);
        gtk_widget_add_controller(GTK_WIDGET(self->entry), keys);
        update(self);
}

static void chat_composer_class_init(ChatComposerClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/conversation/composer.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatComposer, box);
        gtk_widget_class_bind_template_child(widget_class, ChatComposer, entry);
        gtk_widget_class_bind_template_child(widget_class, ChatComposer, buffer);
        gtk_widget_class_bind_template_child(widget_class, ChatComposer, placeholder);
        gtk_widget_class_bind_template_child(widget_class, ChatComposer, hint);
        gtk_widget_class_bind_template_child(widget_class, ChatComposer, send);
        gtk_widget_class_bind_template_callback(widget_class, send);
        gtk_widget_class_bind_template_callback(widget_class, update);
        signals[SIGNAL_SEND] = g_signal_new("send", CHAT_TYPE_COMPOSER, G_SIGNAL_RUN_LAST, 0, NULL,
                                            NULL, NULL, G_TYPE_NONE, 0);
}
