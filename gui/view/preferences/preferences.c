/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which preferences there are; leaves each page to its own file. */
#include "gui/view/preferences/preferences.h"

#include "gui/i18n.h"
#include "gui/view/preferences/account-page.h"
#include "gui/view/preferences/notifications-page.h"

void chat_preferences_show(ChatWindow *parent) {
        ChatDaemon *daemon = chat_window_get_daemon(parent);
        AdwPreferencesWindow *self =
                g_object_new(ADW_TYPE_PREFERENCES_WINDOW, "transient-for", parent, "modal", TRUE,
                             "search-enabled", FALSE, "title", _("Preferences"), NULL);

        adw_preferences_window_add(self, chat_notifications_page_new(daemon));
        if (chat_daemon_get_account(daemon))
                adw_preferences_window_add(
                        self, chat_account_page_new(chat_daemon_get_account(daemon)));
        gtk_window_present(GTK_WINDOW(self));
}
