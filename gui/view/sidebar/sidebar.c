/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the list of one's channels, which of them is chosen, and how another one is reached; leaves
 * what a row shows to sidebar-row.h, what is behind it to the window. */
#include "gui/view/sidebar/sidebar.h"

#include "gui/model/channel-list.h"
#include "gui/view/shown.h"
#include "gui/view/sidebar/found-channels.h"
#include "gui/view/sidebar/sidebar-menu.h"
#include "gui/view/sidebar/sidebar-row.h"

/* A pointer that rests so long is not about to hit a row. */
#define HOLD_SECONDS 3
/* So many are seen at a glance; of more one is looked for. */
#define CHANNELS_FEW 8

struct _ChatSidebar {
        AdwBin parent;
        ChatDaemon *daemon;        /* NULL before it is told of one */
        ChatChannelList *channels; /* the same */
        guint hold;                /* until the pointer has rested; 0: it has, or is elsewhere */
        double x, y;               /* of the pointer */
        gboolean is_searching;     /* somebody is about to, though there are few */
        GtkWidget *focus_before;   /* weak; what had the focus before that; NULL: gone */
        GtkSearchEntry *search;
        GtkStack *stack;
        GtkListView *list;
        GtkSingleSelection *selection;
        GtkWidget *menu; /* of a row */
        ChatFoundChannels *found;
        GtkWidget *ways;
};

enum { SIGNAL_ACTIVATED, SIGNAL_WANTED, N_SIGNALS };
static guint signals[N_SIGNALS];

enum { PROP_0, PROP_SELECTED, PROP_FOLDED, N_PROPERTIES };
static GParamSpec *specs[N_PROPERTIES];

G_DEFINE_FINAL_TYPE(ChatSidebar, chat_sidebar, ADW_TYPE_BIN)

ChatChannel *chat_sidebar_get_selected(ChatSidebar *self) {
        return gtk_single_selection_get_selected_item(self->selection);
}

void chat_sidebar_select(ChatSidebar *self, ChatChannel *channel) {
        GListModel *model = G_LIST_MODEL(self->selection);
        guint n = g_list_model_get_n_items(model);

        for (guint i = 0; i < n; i++) {
                g_autoptr(ChatChannel) c = g_list_model_get_item(model, i);
                if (c == channel) {
                        gtk_single_selection_set_selected(self->selection, i);
                        return;
                }
        }
        gtk_single_selection_set_selected(self->selection, GTK_INVALID_LIST_POSITION);
}

static const char *searched_text(ChatSidebar *self) {
        return gtk_editable_get_text(GTK_EDITABLE(self->search));
}

static void update_page(ChatSidebar *self) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->channels));
        gboolean has_text = *searched_text(self);

        gtk_widget_set_visible(GTK_WIDGET(self->search),
                               n > CHANNELS_FEW || self->is_searching || has_text);
        gtk_stack_set_visible_child_name(self->stack, has_text ? "found"
                                                      : n > 0  ? "channels"
                                                               : "none");
}

void chat_sidebar_set_daemon(ChatSidebar *self, ChatDaemon *daemon) {
        self->daemon = g_object_ref(daemon);
        self->channels = chat_channel_list_new(chat_daemon_get_channels(daemon));
        gtk_single_selection_set_model(self->selection, G_LIST_MODEL(self->channels));
        chat_found_channels_set_channels(self->found, G_LIST_MODEL(self->channels));
        g_signal_connect_object(self->channels, "items-changed", G_CALLBACK(update_page), self,
                                G_CONNECT_SWAPPED);
        update_page(self);
}

/* A row stays beside its menu, too. */
static void let_go(ChatSidebar *self) {
        g_clear_handle_id(&self->hold, g_source_remove);
        if (self->channels && !gtk_widget_get_visible(self->menu))
                chat_channel_list_set_held(self->channels, FALSE);
}

static gboolean on_rested(gpointer userdata) {
        ChatSidebar *self = userdata;

        self->hold = 0;
        let_go(self);
        return G_SOURCE_REMOVE;
}

/* Rows stay under a pointer that moves; of one that rests it is told as well, when rows moved. */
static void on_motion(ChatSidebar *self, double x, double y) {
        if (x == self->x && y == self->y)
                return;
        self->x = x;
        self->y = y;
        g_clear_handle_id(&self->hold, g_source_remove);
        self->hold = g_timeout_add_seconds(HOLD_SECONDS, on_rested, self);
        if (self->channels)
                chat_channel_list_set_held(self->channels, TRUE);
}

static void on_leave(ChatSidebar *self) {
        let_go(self);
}

static void on_selected(ChatSidebar *self) {
        if (self->channels)
                chat_channel_list_set_shown(self->channels, chat_sidebar_get_selected(self));
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_SELECTED]);
}

static void on_activate(ChatSidebar *self) {
        g_signal_emit(self, signals[SIGNAL_ACTIVATED], 0);
}

static void end_search(ChatSidebar *self) {
        self->is_searching = FALSE;
        gtk_editable_set_text(GTK_EDITABLE(self->search), "");
        update_page(self);
}

static void open_channel(ChatSidebar *self, ChatChannel *channel) {
        end_search(self);
        chat_sidebar_select(self, channel);
        on_activate(self);
}

void chat_sidebar_open_next(ChatSidebar *self, gboolean is_up, gboolean is_unread) {
        ChatChannel *channel = chat_channel_list_next(
                self->channels, chat_sidebar_get_selected(self), is_up, is_unread);

        if (channel)
                open_channel(self, channel);
}

void chat_sidebar_open_nth(ChatSidebar *self, guint n) {
        g_autoptr(ChatChannel) channel = g_list_model_get_item(G_LIST_MODEL(self->channels), n - 1);

        if (channel)
                open_channel(self, channel);
}

/* Of a row, by its channel's path. */
static void on_open(GtkWidget *widget, const char *name, GVariant *path) {
        ChatSidebar *self = CHAT_SIDEBAR(widget);
        ChatChannel *channel =
                chat_daemon_find_channel(self->daemon, g_variant_get_string(path, NULL));

        if (channel)
                open_channel(self, channel);
}

void chat_sidebar_search(ChatSidebar *self) {
        GtkWidget *focus = gtk_root_get_focus(gtk_widget_get_root(GTK_WIDGET(self)));

        if (!self->is_searching)
                g_set_weak_pointer(&self->focus_before, focus);
        g_signal_emit(self, signals[SIGNAL_WANTED], 0);
        if (!gtk_widget_get_mapped(GTK_WIDGET(self)))
                return; /* another page is in front of all of it */
        self->is_searching = TRUE;
        update_page(self);
        gtk_widget_grab_focus(GTK_WIDGET(self->search));
}

static void on_search(ChatSidebar *self) {
        chat_found_channels_set_text(self->found, searched_text(self));
        update_page(self);
}

static void on_search_activate(ChatSidebar *self) {
        ChatChannel *channel = chat_found_channels_get_meant(self->found);

        if (*searched_text(self) && channel)
                open_channel(self, channel);
}

static void on_search_stop(ChatSidebar *self) {
        GtkWidget *before = self->focus_before;

        end_search(self);
        if (!before || !gtk_widget_get_mapped(before) || !gtk_widget_grab_focus(before))
                gtk_widget_grab_focus(GTK_WIDGET(self->list));
}

/* Who began to search and goes elsewhere did not mean it. */
static void on_search_left(ChatSidebar *self) {
        self->is_searching = FALSE;
        update_page(self);
}

static gboolean on_search_key(ChatSidebar *self, guint key, guint code, GdkModifierType state) {
        gboolean is_up = key == GDK_KEY_Up || key == GDK_KEY_KP_Up;

        if (!is_up && key != GDK_KEY_Down && key != GDK_KEY_KP_Down)
                return GDK_EVENT_PROPAGATE;
        if ((state & gtk_accelerator_get_default_mod_mask()) != 0 || !*searched_text(self))
                return GDK_EVENT_PROPAGATE;
        chat_found_channels_step(self->found, is_up);
        return GDK_EVENT_STOP;
}

/* Who types while the list has the focus looks for a channel. */
static gboolean on_list_key(ChatSidebar *self, guint key, guint code, GdkModifierType state,
                            GtkEventControllerKey *controller) {
        GdkModifierType held = state & gtk_accelerator_get_default_mod_mask();

        if ((held & ~GDK_SHIFT_MASK) != 0 || !g_unichar_isgraph(gdk_keyval_to_unicode(key)))
                return GDK_EVENT_PROPAGATE;
        chat_sidebar_search(self);
        return gtk_event_controller_key_forward(
                controller, GTK_WIDGET(gtk_editable_get_delegate(GTK_EDITABLE(self->search))));
}

static void chat_sidebar_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        ChatSidebar *self = CHAT_SIDEBAR(object);

        switch (id) {
        case PROP_SELECTED:
                g_value_set_object(value, chat_sidebar_get_selected(self));
                return;
        case PROP_FOLDED:
                g_value_set_boolean(value, gtk_widget_get_visible(self->ways));
                return;
        }
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_sidebar_set_property(GObject *object, guint id, const GValue *value,
                                      GParamSpec *spec) {
        ChatSidebar *self = CHAT_SIDEBAR(object);

        switch (id) {
        case PROP_SELECTED:
                chat_sidebar_select(self, g_value_get_object(value));
                return;
        case PROP_FOLDED:
                /* The page beside it offers the same. */
                gtk_widget_set_visible(self->ways, g_value_get_boolean(value));
                return;
        }
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_sidebar_dispose(GObject *object) {
        ChatSidebar *self = CHAT_SIDEBAR(object);

        g_clear_handle_id(&self->hold, g_source_remove);
        g_clear_weak_pointer(&self->focus_before);
        g_clear_pointer(&self->menu, gtk_widget_unparent);
        g_clear_object(&self->channels);
        g_clear_object(&self->daemon);
        G_OBJECT_CLASS(chat_sidebar_parent_class)->dispose(object);
}

static void chat_sidebar_init(ChatSidebar *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
        self->menu = chat_sidebar_menu_new(GTK_WIDGET(self), self->list);
        g_signal_connect_swapped(self->menu, "closed", G_CALLBACK(let_go), self);
        chat_shown_follow_pages(self->stack);
}

static void chat_sidebar_class_init(ChatSidebarClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_sidebar_dispose;
        G_OBJECT_CLASS(class)->get_property = chat_sidebar_get_property;
        G_OBJECT_CLASS(class)->set_property = chat_sidebar_set_property;
        specs[PROP_SELECTED] = g_param_spec_object("selected", NULL, NULL, CHAT_TYPE_CHANNEL,
                                                   G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY |
                                                           G_PARAM_STATIC_STRINGS);
        specs[PROP_FOLDED] = g_param_spec_boolean("folded", NULL, NULL, FALSE,
                                                  G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
        g_type_ensure(CHAT_TYPE_FOUND_CHANNELS);
        g_type_ensure(CHAT_TYPE_SIDEBAR_ROW);
        gtk_widget_class_install_action(widget_class, "sidebar.open", "s", on_open);
        gtk_widget_class_set_template_from_resource(widget_class,
                                                    "/org/p2pchat/Chat/view/sidebar/sidebar.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, search);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, stack);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, list);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, selection);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, found);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, ways);
        gtk_widget_class_bind_template_callback(widget_class, on_motion);
        gtk_widget_class_bind_template_callback(widget_class, on_leave);
        gtk_widget_class_bind_template_callback(widget_class, on_selected);
        gtk_widget_class_bind_template_callback(widget_class, on_activate);
        gtk_widget_class_bind_template_callback(widget_class, on_search);
        gtk_widget_class_bind_template_callback(widget_class, on_search_activate);
        gtk_widget_class_bind_template_callback(widget_class, on_search_stop);
        gtk_widget_class_bind_template_callback(widget_class, on_search_left);
        gtk_widget_class_bind_template_callback(widget_class, on_search_key);
        gtk_widget_class_bind_template_callback(widget_class, on_list_key);
        signals[SIGNAL_ACTIVATED] = g_signal_new("activated", CHAT_TYPE_SIDEBAR, G_SIGNAL_RUN_LAST,
                                                 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_WANTED] = g_signal_new("wanted", CHAT_TYPE_SIDEBAR, G_SIGNAL_RUN_LAST, 0,
                                              NULL, NULL, NULL, G_TYPE_NONE, 0);
}
