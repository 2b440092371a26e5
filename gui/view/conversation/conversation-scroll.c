/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows where in a list one is: at its end, and staying there, or somewhere else; leaves what is in
 * the list to others. */
#include "gui/view/conversation/conversation-scroll.h"

#include <math.h>

/* So near is at the end: less than a line, pixels. */
#define NEAR 24

struct _ChatConversationScroll {
        GObject parent;
        GtkAdjustment *adjustment;
        GtkListView *list; /* weak; NULL: it is gone */
        gboolean at_end;
        double value;         /* as of the last lay-out or scrolling */
        GtkWidget *focus;     /* the same: to be compared, it may be gone */
        gboolean is_going;    /* it was told to go to an item, and has not been laid out since */
        guint again;          /* an idle source: the end moved while it was gone to */
        double turned;        /* pixels that the wheel was turned by since the last frame */
        guint tick;           /* of the list: the next frame moves by them; 0: none */
        guint arrival;        /* of the list: it was told to go somewhere; 0: it is there */
        guint n_frames;       /* drawn since */
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

static void scroll_to(ChatConversationScroll *self, guint position) {
        gtk_widget_activate_action(GTK_WIDGET(self->list), "list.scroll-to-item", "u", position);
}

static gboolean go_to_end(gpointer userdata) {
        ChatConversationScroll *self = userdata;
        GListModel *model = G_LIST_MODEL(gtk_list_view_get_model(self->list));
        guint n = model ? g_list_model_get_n_items(model) : 0;

        self->again = 0;
        if (self->at_end && n > 0 && distance(self) > 0)
                scroll_to(self, n - 1);
        return G_SOURCE_REMOVE;
}

/* Not at once: the list is amid being laid out. Before the next frame is drawn it is done. */
static void follow(ChatConversationScroll *self) {
        if (self->again == 0)
                self->again = g_idle_add_full(G_PRIORITY_HIGH_IDLE, go_to_end, self, NULL);
}

static void note_place(ChatConversationScroll *self) {
        self->value = gtk_adjustment_get_value(self->adjustment);
        self->focus = gtk_widget_get_focus_child(GTK_WIDGET(self->list));
        self->is_going = FALSE;
}

/* The list was laid out anew: its end may be elsewhere. Or who reads has gone to another row by the
 * keys, which the list does amid that: then it shows what is before, while what came at the end
 * leaves it where it was. */
static void on_laid_out(ChatConversationScroll *self) {
        double before = self->value;

        note_place(self);
        if (self->at_end && distance(self) > NEAR && self->value < before - NEAR)
                scroll_set_at_end(self, FALSE);
        else if (self->at_end)
                follow(self);
        else if (distance(self) <= 0)
                scroll_set_at_end(self, TRUE);
}

/* By who reads, unless the lay-out was told of with the same value. */
static void on_scrolled(ChatConversationScroll *self) {
        if (gtk_adjustment_get_value(self->adjustment) == self->value)
                return;
        note_place(self);
        if (distance(self) > NEAR)
                g_clear_handle_id(&self->again, g_source_remove);
        scroll_set_at_end(self, distance(self) <= NEAR);
}

static gboolean on_frame(GtkWidget *widget, GdkFrameClock *clock, gpointer userdata) {
        ChatConversationScroll *self = userdata;
        double value = gtk_adjustment_get_value(self->adjustment) + self->turned;

        self->turned = 0;
        self->tick = 0;
        gtk_adjustment_set_value(self->adjustment, value);
        return G_SOURCE_REMOVE;
}

/* GtkListView 4.8 loses its place when the adjustment is set twice between two lay-outs: rows that
 * came near have no height yet. So the clicks of a wheel are added up and done once a frame. What a
 * touchpad says GDK adds up by itself. */
static gboolean on_scroll(GtkEventControllerScroll *controller, double dx, double dy,
                          ChatConversationScroll *self) {
        double page = gtk_adjustment_get_page_size(self->adjustment);

        if (gtk_event_controller_scroll_get_unit(controller) != GDK_SCROLL_UNIT_WHEEL || dy == 0 ||
            gtk_event_controller_get_current_event_state(GTK_EVENT_CONTROLLER(controller)) &
                    gtk_accelerator_get_default_mod_mask())
                return FALSE;
        /* As far as GtkScrolledWindow goes by a click. */
        self->turned += dy * pow(page, 2.0 / 3.0);
        if (self->tick == 0)
                self->tick = gtk_widget_add_tick_callback(GTK_WIDGET(self->list), on_frame, self,
                                                          NULL);
        return TRUE;
}

gboolean chat_conversation_scroll_get_at_end(ChatConversationScroll *self) {
        return self->at_end;
}

/* With other items in the list it begins at its top: that is not who reads going back. */
void chat_conversation_scroll_to_end(ChatConversationScroll *self) {
        self->value = 0;
        scroll_set_at_end(self, TRUE);
        follow(self);
}

/* Where all is in view, nothing moves and nothing is told: one is at the end wherever one goes. The
 * frame that is due may be one of before. */
static gboolean on_arrival(GtkWidget *widget, GdkFrameClock *clock, gpointer userdata) {
        ChatConversationScroll *self = userdata;

        if (++self->n_frames < 3)
                return G_SOURCE_CONTINUE;
        self->arrival = 0;
        if (distance(self) <= 0)
                scroll_set_at_end(self, TRUE);
        return G_SOURCE_REMOVE;
}

void chat_conversation_scroll_to(ChatConversationScroll *self, guint position) {
        g_clear_handle_id(&self->again, g_source_remove);
        scroll_set_at_end(self, FALSE);
        scroll_to(self, position);
        self->is_going = TRUE;
        self->n_frames = 0;
        if (self->arrival == 0)
                self->arrival = gtk_widget_add_tick_callback(GTK_WIDGET(self->list), on_arrival,
                                                             self, NULL);
}

/* The list is about to go to another row, by the keys or since it was told to. */
static gboolean is_going(ChatConversationScroll *self) {
        GtkWidget *list = GTK_WIDGET(self->list);
        GtkWidget *focus = gtk_widget_get_focus_child(list);
        graphene_rect_t r;

        if (self->is_going)
                return TRUE;
        return focus && focus != self->focus &&
               (!gtk_widget_compute_bounds(focus, list, &r) || r.origin.y < 0 ||
                r.origin.y + r.size.height > gtk_widget_get_height(list));
}

void chat_conversation_scroll_hold(ChatConversationScroll *self, guint position) {
        if (!is_going(self))
                scroll_to(self, position);
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
        if (self->tick > 0 && self->list)
                gtk_widget_remove_tick_callback(GTK_WIDGET(self->list), self->tick);
        if (self->arrival > 0 && self->list)
                gtk_widget_remove_tick_callback(GTK_WIDGET(self->list), self->arrival);
        self->tick = self->arrival = 0;
        g_clear_weak_pointer(&self->list);
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
        GtkEventController *wheel =
                gtk_event_controller_scroll_new(GTK_EVENT_CONTROLLER_SCROLL_VERTICAL);

        g_set_weak_pointer(&self->list, list);
        g_signal_connect_object(wheel, "scroll", G_CALLBACK(on_scroll), self, 0);
        gtk_event_controller_set_propagation_phase(wheel, GTK_PHASE_CAPTURE);
        gtk_widget_add_controller(GTK_WIDGET(window), wheel);
        self->adjustment = g_object_ref(gtk_scrolled_window_get_vadjustment(window));
        g_signal_connect_swapped(self->adjustment, "changed", G_CALLBACK(on_laid_out), self);
        g_signal_connect_swapped(self->adjustment, "value-changed", G_CALLBACK(on_scrolled), self);
        return self;
}

static void chat_conversation_scroll_class_init(ChatConversationScrollClass *class) {
        G_OBJECT_CLASS(class)->get_property = chat_conversation_scroll_get_property;
        G_OBJECT_CLASS(class)->dispose = chat_conversation_scroll_dispose;
        specs[PROP_AT_END] = g_param_spec_boolean("at-end", NULL, NULL, TRUE,
                                                  G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
}
