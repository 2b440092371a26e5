/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the list of one's channels and which of them is chosen; leaves what a row shows to
 * sidebar-row.h, what is behind it to the window. */
#include "gui/view/sidebar/sidebar.h"

#include "gui/model/channel-list.h"
#include "gui/view/sidebar/sidebar-row.h"

/* A pointer that rests so long is not about to hit a row. */
#define HOLD_SECONDS 3

struct _ChatSidebar {
        AdwBin parent;
        ChatChannelList *channels; /* NULL before it is told of a daemon */
        guint hold;                /* until the pointer has rested; 0: it has, or is elsewhere */
        double x, y;               /* of the pointer */
        GtkListView *list;
        GtkSingleSelection *selection;
};

enum { SIGNAL_ACTIVATED, N_SIGNALS };
static guint signals[N_SIGNALS];

enum { PROP_0, PROP_SELECTED, N_PROPERTIES };
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

void chat_sidebar_set_daemon(ChatSidebar *self, ChatDaemon *daemon) {
        self->channels = chat_channel_list_new(chat_daemon_get_channels(daemon));
        gtk_single_selection_set_model(self->selection, G_LIST_MODEL(self->channels));
}

static void let_go(ChatSidebar *self) {
        g_clear_handle_id(&self->hold, g_source_remove);
        if (self->channels)
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

/* One click is enough. The list's own "single-click-activate" chooses what the pointer is moved
 * across. */
static void on_clicked(GtkGestureClick *gesture, int n, double x, double y, GtkListItem *item) {
        GtkWidget *row = gtk_list_item_get_child(item);
        ChatSidebar *self = CHAT_SIDEBAR(gtk_widget_get_ancestor(row, CHAT_TYPE_SIDEBAR));

        if (!gtk_widget_contains(row, x, y) || !gtk_list_item_get_item(item))
                return;
        chat_sidebar_select(self, gtk_list_item_get_item(item));
        on_activate(self);
}

static void on_setup(GtkSignalListItemFactory *factory, GtkListItem *item) {
        GtkGesture *click = gtk_gesture_click_new();
        GtkWidget *row = chat_sidebar_row_new();

        g_signal_connect(click, "released", G_CALLBACK(on_clicked), item);
        gtk_widget_add_controller(row, GTK_EVENT_CONTROLLER(click));
        gtk_list_item_set_child(item, row);
}

static void on_bind(GtkSignalListItemFactory *factory, GtkListItem *item) {
        chat_sidebar_row_set_channel(CHAT_SIDEBAR_ROW(gtk_list_item_get_child(item)),
                                     gtk_list_item_get_item(item));
}

static void on_unbind(GtkSignalListItemFactory *factory, GtkListItem *item) {
        chat_sidebar_row_set_channel(CHAT_SIDEBAR_ROW(gtk_list_item_get_child(item)), NULL);
}

static void chat_sidebar_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        if (id == PROP_SELECTED)
                g_value_set_object(value, chat_sidebar_get_selected(CHAT_SIDEBAR(object)));
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_sidebar_set_property(GObject *object, guint id, const GValue *value,
                                      GParamSpec *spec) {
        if (id == PROP_SELECTED)
                chat_sidebar_select(CHAT_SIDEBAR(object), g_value_get_object(value));
        else
                G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_sidebar_dispose(GObject *object) {
        ChatSidebar *self = CHAT_SIDEBAR(object);

        g_clear_handle_id(&self->hold, g_source_remove);
        g_clear_object(&self->channels);
        G_OBJECT_CLASS(chat_sidebar_parent_class)->dispose(object);
}

static void chat_sidebar_init(ChatSidebar *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

static void chat_sidebar_class_init(ChatSidebarClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_sidebar_dispose;
        G_OBJECT_CLASS(class)->get_property = chat_sidebar_get_property;
        G_OBJECT_CLASS(class)->set_property = chat_sidebar_set_property;
        specs[PROP_SELECTED] = g_param_spec_object("selected", NULL, NULL, CHAT_TYPE_CHANNEL,
                                                   G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY |
                                                           G_PARAM_STATIC_STRINGS);
        g_object_class_install_properties(G_OBJECT_CLASS(class), N_PROPERTIES, specs);
        gtk_widget_class_set_template_from_resource(widget_class,
                                                    "/org/p2pchat/Chat/view/sidebar/sidebar.ui");
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, list);
        gtk_widget_class_bind_template_child(widget_class, ChatSidebar, selection);
        gtk_widget_class_bind_template_callback(widget_class, on_motion);
        gtk_widget_class_bind_template_callback(widget_class, on_leave);
        gtk_widget_class_bind_template_callback(widget_class, on_selected);
        gtk_widget_class_bind_template_callback(widget_class, on_activate);
        gtk_widget_class_bind_template_callback(widget_class, on_setup);
        gtk_widget_class_bind_template_callback(widget_class, on_bind);
        gtk_widget_class_bind_template_callback(widget_class, on_unbind);
        signals[SIGNAL_ACTIVATED] = g_signal_new("activated", CHAT_TYPE_SIDEBAR, G_SIGNAL_RUN_LAST,
                                                 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
