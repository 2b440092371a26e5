/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the ways from channel to channel that have keys; leaves the keys to application.c. */
#include "gui/view/sidebar/sidebar-actions.h"

static void on_next(GSimpleAction *action, GVariant *parameter, gpointer sidebar) {
        chat_sidebar_open_next(sidebar, FALSE, FALSE);
}

static void on_previous(GSimpleAction *action, GVariant *parameter, gpointer sidebar) {
        chat_sidebar_open_next(sidebar, TRUE, FALSE);
}

static void on_next_unread(GSimpleAction *action, GVariant *parameter, gpointer sidebar) {
        chat_sidebar_open_next(sidebar, FALSE, TRUE);
}

static void on_go_to(GSimpleAction *action, GVariant *parameter, gpointer sidebar) {
        chat_sidebar_search(sidebar);
}

static void on_nth(GSimpleAction *action, GVariant *n, gpointer sidebar) {
        if (g_variant_get_int32(n) > 0)
                chat_sidebar_open_nth(sidebar, (guint) g_variant_get_int32(n));
}

void chat_sidebar_actions_add(ChatWindow *window, ChatSidebar *sidebar) {
        static const GActionEntry entries[] = {
                { .name = "next-channel", .activate = on_next },
                { .name = "previous-channel", .activate = on_previous },
                { .name = "next-unread", .activate = on_next_unread },
                { .name = "go-to-channel", .activate = on_go_to },
                { .name = "nth-channel", .activate = on_nth, .parameter_type = "i" },
        };

        g_action_map_add_action_entries(G_ACTION_MAP(window), entries, G_N_ELEMENTS(entries),
                                        sidebar);
}
