/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the menu of a channel in the list is opened: by the pointer, a finger, a key; leaves
 * what is in it to channel-actions.h. */
#include "gui/view/sidebar/sidebar-menu.h"

#include "gui/view/channel-actions.h"
#include "gui/view/sidebar/sidebar-row.h"

/* x, y: within row. */
static void open_menu(GtkPopover *popover, GtkWidget *row, double x, double y) {
        ChatWindow *window = chat_window_of(row);
        GtkWidget *parent = gtk_widget_get_parent(GTK_WIDGET(popover));
        g_autoptr(ChatChannel) channel = NULL;
        g_autoptr(GSimpleActionGroup) group = NULL;
        g_autoptr(GMenuModel) menu = NULL;
        double px, py;

        g_object_get(row, "channel", &channel, NULL);
        if (!window || !channel || !gtk_widget_translate_coordinates(row, parent, x, y, &px, &py))
                return;
        group = chat_channel_actions_new(window, channel);
        menu = chat_channel_menu_new(channel);
        gtk_widget_insert_action_group(GTK_WIDGET(popover), "channel", G_ACTION_GROUP(group));
        gtk_popover_menu_set_menu_model(GTK_POPOVER_MENU(popover), menu);
        gtk_popover_set_pointing_to(popover, &(GdkRectangle){ (int) px, (int) py, 1, 1 });
        gtk_popover_popup(popover);
}

static void open_at(GtkPopover *popover, GtkWidget *list, double x, double y) {
        GtkWidget *hit = gtk_widget_pick(list, x, y, GTK_PICK_DEFAULT);
        GtkWidget *row = hit ? gtk_widget_get_ancestor(hit, CHAT_TYPE_SIDEBAR_ROW) : NULL;
        double rx, ry;

        if (row && gtk_widget_translate_coordinates(list, row, x, y, &rx, &ry))
                open_menu(popover, row, rx, ry);
}

static void on_secondary(GtkGestureClick *gesture, int n, double x, double y, GtkPopover *popover) {
        open_at(popover, gtk_event_controller_get_widget(GTK_EVENT_CONTROLLER(gesture)), x, y);
}

static void on_long_press(GtkGestureLongPress *gesture, double x, double y, GtkPopover *popover) {
        open_at(popover, gtk_event_controller_get_widget(GTK_EVENT_CONTROLLER(gesture)), x, y);
}

/* Of the row that has the focus. */
static gboolean on_key(GtkWidget *list, GVariant *arguments, gpointer popover) {
        GtkWidget *item = gtk_widget_get_focus_child(list);
        GtkWidget *row = item ? gtk_widget_get_first_child(item) : NULL;

        if (!CHAT_IS_SIDEBAR_ROW(row))
                return FALSE;
        open_menu(popover, row, gtk_widget_get_width(row) / 2.0, gtk_widget_get_height(row));
        return TRUE;
}

static GtkEventController *keys_new(GtkWidget *popover) {
        GtkEventController *keys = gtk_shortcut_controller_new();
        GtkShortcutTrigger *trigger =
                gtk_alternative_trigger_new(gtk_keyval_trigger_new(GDK_KEY_Menu, 0),
                                            gtk_keyval_trigger_new(GDK_KEY_F10, GDK_SHIFT_MASK));
        GtkShortcutAction *action = gtk_callback_action_new(on_key, popover, NULL);

        gtk_shortcut_controller_add_shortcut(GTK_SHORTCUT_CONTROLLER(keys),
                                             gtk_shortcut_new(trigger, action));
        return keys;
}

GtkWidget *chat_sidebar_menu_new(GtkWidget *parent, GtkListView *list) {
        g_autoptr(GSimpleActionGroup) none = g_simple_action_group_new();
        GtkGesture *click = gtk_gesture_click_new(), *press = gtk_gesture_long_press_new();
        GtkWidget *popover = gtk_popover_menu_new_from_model(NULL);

        /* Ahead of what is below it, as in channel/details.c. */
        gtk_widget_insert_action_group(popover, "channel", G_ACTION_GROUP(none));
        gtk_popover_set_has_arrow(GTK_POPOVER(popover), FALSE);
        gtk_widget_set_halign(popover, GTK_ALIGN_START);
        /* Else the list grows while it is open. */
        gtk_widget_set_hexpand(popover, FALSE);
        gtk_widget_set_parent(popover, parent);
        gtk_gesture_single_set_button(GTK_GESTURE_SINGLE(click), GDK_BUTTON_SECONDARY);
        g_signal_connect(click, "pressed", G_CALLBACK(on_secondary), popover);
        gtk_widget_add_controller(GTK_WIDGET(list), GTK_EVENT_CONTROLLER(click));
        gtk_gesture_single_set_touch_only(GTK_GESTURE_SINGLE(press), TRUE);
        g_signal_connect(press, "pressed", G_CALLBACK(on_long_press), popover);
        gtk_widget_add_controller(GTK_WIDGET(list), GTK_EVENT_CONTROLLER(press));
        gtk_widget_add_controller(GTK_WIDGET(list), keys_new(popover));
        return popover;
}
