/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the program says of itself, and what helps somebody who looks for a fault. */
#include "gui/view/about.h"

#include "gui/i18n.h"
#include "gui/model/conversation.h"
#include "version.h"

/* Nothing of what was said, no name: it is passed on. */
static char *debug_info(ChatWindow *window) {
        ChatDaemon *daemon = chat_window_get_daemon(window);
        ChatConversation *conversation = chat_window_get_conversation(window);
        GString *text = g_string_new(NULL);

        g_string_append_printf(text, "p2pchat: %s\np2pchatd: %s\nGTK: %u.%u.%u\nlibadwaita: %u.%u.%u\n",
                               P2PCHAT_VERSION, chat_remote_string(CHAT_REMOTE(daemon), "Version"),
                               gtk_get_major_version(), gtk_get_minor_version(),
                               gtk_get_micro_version(), adw_get_major_version(),
                               adw_get_minor_version(), adw_get_micro_version());
        g_string_append_printf(text, "channels: %u\n",
                               g_list_model_get_n_items(chat_daemon_get_channels(daemon)));
        if (conversation) {
                ChatHistory *history = chat_conversation_get_history(conversation);

                g_string_append_printf(text,
                                       "messages: %u\npages held: %u\nmessages held: %u\n"
                                       "requests: %u\n",
                                       g_list_model_get_n_items(G_LIST_MODEL(conversation)),
                                       chat_history_get_n_pages(history),
                                       chat_history_get_n_live(history),
                                       chat_history_get_n_asked(history));
        }
        return g_string_free(text, FALSE);
}

void chat_about_show(ChatWindow *parent) {
        g_autofree char *info = debug_info(parent);

        adw_show_about_window(GTK_WINDOW(parent), "application-name", "p2pchat", "application-icon",
                              CHAT_APPLICATION_ID, "version", P2PCHAT_VERSION, "developer-name",
                              _("The p2pchat developers"), "comments",
                              _("Group chat without a chat company"), "license-type",
                              GTK_LICENSE_LGPL_2_1, "debug-info", info, "debug-info-filename",
                              "p2pchat.txt", NULL);
}
