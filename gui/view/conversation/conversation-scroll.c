/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where in a list one is: at its end, and staying there, or somewhere else; leaves what is in
 * the list to others. */
#include "gui/view/conversation/conversation-scroll.h"

/* So near is at the end: less than a line, pixels. */
#define NEAR 24

struct _ChatConversationScroll {
        GObject parent;
        GtkAdjustment *adjustment;
        GtkListView *list; /* weak */
        gboolean at_end;
        double upper, page; /* as of the last look: who scrolls changes neither */
        guint again;        /* an idle source: the end moved while it was gone to */
};

enum { PROP_0, PROP_AT_END, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

G_DEFINE_FINAL_TYPE(ChatConversationScroll, chat_conversation_scroll, G_TYPE_OBJECT)

static void scroll_set_at_end(ChatConversationScroll *self, gboolean at_end) {
        if (self->at_end == at_end)
                return;
        self->at_end = at_end;
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_AT_END]);
}

static double distance(ChatConversationScroll *self) {
        return gtk_adjustment_get_upper(self->adjustment) -
               gtk_adjustment_get_page_size(self->adjustment) -
               gtk_adjustment_get_value(self->adjustment);
}

static gboolean go_to_end(gpointer userdata) {
        ChatConversationScroll *self = userdata;

        self->again = 0;
        if (self->at_end && distance(self) > 0)
                gtk_adjustment_set_value(self->adjustment,
                                         gtk_adjustment_get_upper(self->adjustment));
        return G_SOURCE_REMOVE;
}

/* Not at once: the list is amid being laid out. Before the next frame is drawn it is done. */
static void follow(ChatConversationScroll *self) {
        if (self->again == 0)
                self->again = g_idle_add_full(G_PRIORITY_HIGH_IDLE, go_to_end, self, NULL);
}

static void look(ChatConversationScroll *self) {
        double upper = gtk_adjustment_get_upper(self->adjustment);
        double page = gtk_adjustment_get_page_size(self->adjustment);

        if (upper != self->upper || page != self->page) {
                self->upper = upper;
                self->page = page;
                if (self->at_end)
                        follow(self);
                else if (distance(self) <= 0)
                        scroll_set_at_end(self, TRUE);
                return;
        }
        if (self->again == 0)
                scroll_set_at_end(self, distance(self) <= NEAR);
}

gboolean chat_conversation_scroll_get_at_end(ChatConversationScroll *self) {
        return self->at_end;
}

void chat_conversation_scroll_to_end(ChatConversationScroll *self) {
        GListModel *model = G_LIST_MODEL(gtk_list_view_get_model(self->list));
        guint n = model ? g_list_model_get_n_items(model) : 0;

        scroll_set_at_end(self, TRUE);
        if (n > 0)
                gtk_widget_activate_action(GTK_WIDGET(self->list), "list.scroll-to-item", "u",
                                           n - 1);
        follow(self);
}

void chat_conversation_scroll_to(ChatConversationScroll *self, guint position) {
        g_clear_handle_id(&self->again, g_source_remove);
        scroll_set_at_end(self, FALSE);
        gtk_widget_activate_action(GTK_WIDGET(self->list), "list.scroll-to-item", "u", position);
}

static void chat_conversation_scroll_get_property(GObject *object, guint id, GValue *value,
                                                  GParamSpec *spec) {
        if (id == PROP_AT_END)
                g_value_set_boolean(value, CHAT_CONVERSATION_SCROLL(object)->at_end);
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_conversation_scroll_dispose(GObject *object) {
        ChatConversationScroll *self = CHAT_CONVERSATION_SCROLL(object);

        g_clear_handle_id(&self->again, g_source_remove);
        if (self->adjustment)
                g_signal_handlers_disconnect_by_data(self->adjustment, self);
        g_clear_object(&self->adjustment);
        G_OBJECT_CLASS(chat_conversation_scroll_parent_class)->dispose(object);
}

static void chat_conversation_scroll_init(ChatConversationScroll *self) {
        self->at_end = TRUE;
}

ChatConversationScroll *chat_conversation_scroll_new(GtkScrolledWindow *window, GtkListView *list) {
        ChatConversationScroll *self = g_object_new(CHAT_TYPE_CONVERSATION_SCROLL, NULL);

        self->list = list;
        self->adjustment = g_object_ref(gtk_scrolled_window_get_vadjustment(window));
        g_signal_connect_swapped(self->adjustment, "changed", G_CALLBACK(look), self);
        g_signal_connect_swapped(self->adjustment, "value-changed", G_CALLBACK(look), self);
        return self;
}

static void chat_conversation_scroll_class_init(ChatConversationScrollClass *class) {
        G_OBJECT_CLASS(class)->get_property = chat_conversation_scroll_get_property;
        G_OBJECT_CLASS(class)->dispose = chat_conversation_scroll_dispose;
        specs[PROP_AT_END] = g_param_spec_boolean("at-end", NULL, NULL, TRUE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
}
