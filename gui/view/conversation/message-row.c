/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how one message looks: what stands above it, who said it, how far it is; leaves the list to
 * conversation-view.h. */
#include "gui/view/conversation/message-row.h"

#include "gui/i18n.h"
#include "gui/model/now.h"
#include "gui/model/text.h"
#include "gui/view/conversation/links.h"

struct _ChatMessageRow {
        GtkBox parent;
        ChatMessage *message;

        GtkLabel *day, *governance, *sender, *guest, *time, *text, *state;
        GtkBox *unread, *body, *header, *outbox;
        AdwAvatar *avatar;
        GtkButton *retry, *cancel;
};

enum { SIGNAL_RETRY, SIGNAL_CANCEL, SIGNAL_OPEN_LINK, SIGNAL_MENU, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatMessageRow, chat_message_row, GTK_TYPE_BOX)

static void set_class(gpointer widget, const char *class, gboolean has) {
        if (has)
                gtk_widget_add_css_class(widget, class);
        else
                gtk_widget_remove_css_class(widget, class);
}

static void show_above(ChatMessageRow *self, ChatMessage *m) {
        gboolean begins_day = chat_message_begins_day(m);
        g_autofree char *day = begins_day ? chat_day(chat_message_get_time(m)) : g_strdup("");

        gtk_label_set_label(self->day, day);
        gtk_widget_set_visible(GTK_WIDGET(self->day), begins_day);
        gtk_widget_set_visible(GTK_WIDGET(self->unread), chat_message_begins_unread(m));
}

static void show_header(ChatMessageRow *self, ChatMessage *m) {
        gboolean begins = chat_message_begins_group(m);
        g_autofree char *name = chat_line(chat_message_get_sender(m));
        g_autofree char *time = chat_time_of_day(chat_message_get_time(m));
        g_autofree char *whole = chat_date_and_time(chat_message_get_time(m));

        gtk_widget_set_visible(GTK_WIDGET(self->header), begins);
        gtk_widget_set_opacity(GTK_WIDGET(self->avatar), begins ? 1 : 0);
        adw_avatar_set_size(self->avatar, begins ? 32 : 1);
        adw_avatar_set_text(self->avatar, name);
        gtk_label_set_label(self->sender, name);
        gtk_widget_set_visible(GTK_WIDGET(self->guest), chat_message_is_guest(m));
        gtk_label_set_label(self->time, time);
        gtk_widget_set_tooltip_text(GTK_WIDGET(self->body), whole);
        set_class(self->sender, "own", chat_message_is_own(m));
}

static void show_text(ChatMessageRow *self, ChatMessage *m) {
        gboolean is_quiet = chat_message_is_removed(m) || chat_message_is_hidden(m);
        g_autofree char *markup = is_quiet ? g_markup_escape_text(chat_message_get_text(m), -1)
                                           : chat_links_markup(chat_message_get_text(m));

        gtk_label_set_markup(self->text, markup);
        set_class(self->text, "dim-label", is_quiet);
        set_class(self->body, "mention",
                  !is_quiet && !chat_message_is_own(m) && chat_message_mentions_own(m));
}

static void show_state(ChatMessageRow *self, ChatMessage *m) {
        g_autofree char *why = NULL;

        switch (chat_message_get_state(m)) {
        case CHAT_MESSAGE_PLACEHOLDER:
        case CHAT_MESSAGE_STORED:
                gtk_widget_set_visible(GTK_WIDGET(self->outbox), FALSE);
                return;
        case CHAT_MESSAGE_QUEUED:
                gtk_label_set_label(self->state, _("Waiting to be sent"));
                break;
        case CHAT_MESSAGE_FAILED:
                why = g_strdup_printf(_("Not sent: %s"), chat_message_get_reason(m));
                gtk_label_set_label(self->state, why);
                break;
        }
        set_class(self->state, "error", chat_message_get_state(m) == CHAT_MESSAGE_FAILED);
        gtk_widget_set_visible(GTK_WIDGET(self->retry),
                               chat_message_get_state(m) == CHAT_MESSAGE_FAILED);
        gtk_widget_set_visible(GTK_WIDGET(self->outbox), TRUE);
}

/* What a screen reader says of the row as a whole. */
static void name_row(ChatMessageRow *self, ChatMessage *m) {
        g_autofree char *time = chat_time_of_day(chat_message_get_time(m));
        g_autofree char *sender = chat_isolate(chat_message_get_sender(m));
        g_autofree char *name = NULL;

        if (chat_message_get_state(m) == CHAT_MESSAGE_PLACEHOLDER)
                name = g_strdup(_("Message on its way"));
        else if (chat_message_is_governance(m))
                name = g_strdup_printf("%s, %s", chat_message_get_text(m), time);
        else
                name = g_strdup_printf("%s, %s: %s", sender, time, chat_message_get_text(m));
        gtk_accessible_update_property(GTK_ACCESSIBLE(self), GTK_ACCESSIBLE_PROPERTY_LABEL, name,
                                       -1);
}

static void update(ChatMessageRow *self) {
        ChatMessage *m = self->message;
        gboolean is_known, is_governance;

        if (!m)
                return;
        is_known = chat_message_get_state(m) != CHAT_MESSAGE_PLACEHOLDER;
        is_governance = is_known && chat_message_is_governance(m);
        name_row(self, m);
        gtk_widget_set_visible(GTK_WIDGET(self->governance), is_governance);
        gtk_widget_set_visible(GTK_WIDGET(self->body), !is_governance);
        if (!is_known) {
                /* As high as one line, so that little moves when it comes. */
                gtk_widget_set_visible(GTK_WIDGET(self->day), FALSE);
                gtk_widget_set_visible(GTK_WIDGET(self->unread), FALSE);
                gtk_widget_set_visible(GTK_WIDGET(self->header), FALSE);
                gtk_widget_set_visible(GTK_WIDGET(self->outbox), FALSE);
                gtk_widget_set_opacity(GTK_WIDGET(self->avatar), 0);
                gtk_label_set_label(self->text, "…");
                set_class(self->text, "dim-label", TRUE);
                return;
        }
        show_above(self, m);
        if (is_governance) {
                gtk_label_set_label(self->governance, chat_message_get_text(m));
                return;
        }
        show_header(self, m);
        show_text(self, m);
        show_state(self, m);
}

void chat_message_row_set_message(ChatMessageRow *self, ChatMessage *message) {
        if (self->message)
                g_signal_handlers_disconnect_by_data(self->message, self);
        g_set_object(&self->message, message);
        if (message)
                g_signal_connect_swapped(message, "changed", G_CALLBACK(update), self);
        update(self);
}

ChatMessage *chat_message_row_get_message(ChatMessageRow *self) {
        return self->message;
}

GtkWidget *chat_message_row_new(void) {
        return g_object_new(CHAT_TYPE_MESSAGE_ROW, NULL);
}

static void on_retry(ChatMessageRow *self) {
        g_signal_emit(self, signals[SIGNAL_RETRY], 0);
}

static void on_cancel(ChatMessageRow *self) {
        g_signal_emit(self, signals[SIGNAL_CANCEL], 0);
}

static gboolean on_link(ChatMessageRow *self, const char *uri) {
        g_signal_emit(self, signals[SIGNAL_OPEN_LINK], 0, uri);
        return TRUE;
}

static void on_secondary(ChatMessageRow *self, int n, double x, double y) {
        g_signal_emit(self, signals[SIGNAL_MENU], 0, x, y);
}

static void on_long_press(ChatMessageRow *self, double x, double y) {
        g_signal_emit(self, signals[SIGNAL_MENU], 0, x, y);
}

/* The list goes while a menu of the row is open. */
static void drop_menus(GtkWidget *row) {
        GtkWidget *next;

        for (GtkWidget *child = gtk_widget_get_first_child(row); child; child = next) {
                next = gtk_widget_get_next_sibling(child);
                if (GTK_IS_POPOVER(child))
                        gtk_widget_unparent(child);
        }
}

static void chat_message_row_dispose(GObject *object) {
        ChatMessageRow *self = CHAT_MESSAGE_ROW(object);

        drop_menus(GTK_WIDGET(self));

        if (self->message)
                g_signal_handlers_disconnect_by_data(self->message, self);
        g_clear_object(&self->message);
        G_OBJECT_CLASS(chat_message_row_parent_class)->dispose(object);
}

static void chat_message_row_init(ChatMessageRow *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

static void chat_message_row_class_init(ChatMessageRowClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);
        const GType type = CHAT_TYPE_MESSAGE_ROW;

        G_OBJECT_CLASS(class)->dispose = chat_message_row_dispose;
        gtk_widget_class_set_template_from_resource(
                widget_class, "/org/p2pchat/Chat/view/conversation/message-row.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, day);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, unread);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, governance);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, body);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, header);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, avatar);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, sender);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, guest);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, time);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, text);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, outbox);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, state);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, retry);
        gtk_widget_class_bind_template_child(widget_class, ChatMessageRow, cancel);
        gtk_widget_class_bind_template_callback(widget_class, on_retry);
        gtk_widget_class_bind_template_callback(widget_class, on_cancel);
        gtk_widget_class_bind_template_callback(widget_class, on_link);
        gtk_widget_class_bind_template_callback(widget_class, on_secondary);
        gtk_widget_class_bind_template_callback(widget_class, on_long_press);
        signals[SIGNAL_RETRY] =
                g_signal_new("retry", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_CANCEL] = g_signal_new("cancel", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                              NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_OPEN_LINK] = g_signal_new("open-link", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                                 NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
        signals[SIGNAL_MENU] = g_signal_new("menu", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                            G_TYPE_NONE, 2, G_TYPE_DOUBLE, G_TYPE_DOUBLE);
}
