/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person is asked for one line, or just whether; leaves what is done with it to who
 * asks. */
#include "gui/view/ask.h"

#include "gui/i18n.h"

typedef struct Asking {
        ChatWindow *window;
        GtkEditable *entry;   /* of the dialog; NULL: none */
        GtkDropDown *choices; /* the same */
        gboolean must_say;
        chat_answered_fn answered;
        gpointer userdata;
        GDestroyNotify free;
} Asking;

static void asking_free(gpointer userdata, GClosure *closure) {
        Asking *asking = userdata;

        if (asking->free)
                asking->free(asking->userdata);
        g_object_unref(asking->window);
        g_free(asking);
}

static void on_response(AdwMessageDialog *dialog, const char *response, Asking *asking) {
        g_autofree char *text =
                g_strdup(asking->entry ? gtk_editable_get_text(asking->entry) : "");

        if (g_str_equal(response, "yes"))
                asking->answered(asking->window, g_strstrip(text),
                                 asking->choices ? gtk_drop_down_get_selected(asking->choices) : 0,
                                 asking->userdata);
}

static void on_typed(GtkEditable *entry, AdwMessageDialog *dialog) {
        adw_message_dialog_set_response_enabled(dialog, "yes",
                                                *gtk_editable_get_text(entry) != '\0');
}

static void set_label(GtkWidget *widget, const char *label) {
        gtk_accessible_update_property(GTK_ACCESSIBLE(widget), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                       -1);
}

static void add_line(Asking *asking, GtkWidget *box, const ChatQuestion *question) {
        GtkWidget *entry = gtk_entry_new();

        asking->entry = GTK_EDITABLE(entry);
        gtk_entry_set_placeholder_text(GTK_ENTRY(entry), question->label);
        gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
        set_label(entry, question->label);
        gtk_editable_set_text(asking->entry, question->text ?: "");
        gtk_box_append(GTK_BOX(box), entry);
}

static void add_choices(Asking *asking, GtkWidget *box, const ChatQuestion *question) {
        GtkWidget *choices = gtk_drop_down_new_from_strings((const char **) question->choices);

        asking->choices = GTK_DROP_DOWN(choices);
        set_label(choices, question->choice_label);
        gtk_box_append(GTK_BOX(box), choices);
}

void chat_ask(ChatWindow *window, const ChatQuestion *question, chat_answered_fn answered,
              gpointer userdata, GDestroyNotify free) {
        AdwMessageDialog *dialog = ADW_MESSAGE_DIALOG(
                adw_message_dialog_new(GTK_WINDOW(window), question->heading, question->body));
        GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 12);
        Asking *asking = g_new0(Asking, 1);

        asking->window = g_object_ref(window);
        asking->answered = answered;
        asking->userdata = userdata;
        asking->free = free;
        adw_message_dialog_add_response(dialog, "cancel", _("Cancel"));
        adw_message_dialog_add_response(dialog, "yes", question->answer);
        adw_message_dialog_set_close_response(dialog, "cancel");
        adw_message_dialog_set_response_appearance(
                dialog, "yes",
                question->is_destructive ? ADW_RESPONSE_DESTRUCTIVE : ADW_RESPONSE_SUGGESTED);
        if (question->label)
                add_line(asking, box, question);
        if (question->choices)
                add_choices(asking, box, question);
        if (question->label || question->choices) {
                adw_message_dialog_set_extra_child(dialog, box);
                adw_message_dialog_set_default_response(dialog, "yes");
        } else
                g_object_unref(g_object_ref_sink(box));
        if (question->must_say && asking->entry) {
                g_signal_connect(asking->entry, "changed", G_CALLBACK(on_typed), dialog);
                on_typed(asking->entry, dialog);
        }
        g_signal_connect_data(dialog, "response", G_CALLBACK(on_response), asking, asking_free, 0);
        gtk_window_present(GTK_WINDOW(dialog));
        if (asking->entry)
                gtk_widget_grab_focus(GTK_WIDGET(asking->entry));
}
