/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the list of one's channels and which of them is chosen; leaves what a row shows to
 * sidebar-row.h, what is behind it to the window. */
#include "gui/view/sidebar/sidebar.h"

#include "gui/view/sidebar/sidebar-row.h"

struct _ChatSidebar {
        AdwBin parent;
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
        gtk_single_selection_set_model(self->selection, chat_daemon_get_channels(daemon));
}

static void on_selected(ChatSidebar *self) {
        g_object_notify_by_pspec(G_OBJECT(self), specs[PROP_SELECTED]);
}

static void on_activate(ChatSidebar *self) {
        g_signal_emit(self, signals[SIGNAL_ACTIVATED], 0);
}

static void on_setup(GtkSignalListItemFactory *factory, GtkListItem *item) {
        gtk_list_item_set_child(item, chat_sidebar_row_new());
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

static void chat_sidebar_init(ChatSidebar *self) {
        gtk_widget_init_template(GTK_WIDGET(self));
}

static void chat_sidebar_class_init(ChatSidebarClass *class) {
        GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(class);

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
        gtk_widget_class_bind_template_callback(widget_class, on_selected);
        gtk_widget_class_bind_template_callback(widget_class, on_activate);
        gtk_widget_class_bind_template_callback(widget_class, on_setup);
        gtk_widget_class_bind_template_callback(widget_class, on_bind);
        gtk_widget_class_bind_template_callback(widget_class, on_unbind);
        signals[SIGNAL_ACTIVATED] = g_signal_new("activated", CHAT_TYPE_SIDEBAR, G_SIGNAL_RUN_LAST,
                                                 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}
