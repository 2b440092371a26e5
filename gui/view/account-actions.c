/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the person does about their own presence: being seen, signing out. */
#include "gui/view/account-actions.h"

#include "dbus/names.h"
#include "gui/i18n.h"
#include "gui/model/text.h"

static void on_done(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatWindow) window = userdata;
        g_autoptr(GError) error = NULL;

        if (!chat_remote_call_finish_void(CHAT_REMOTE(source), result, &error))
                chat_window_toast_error(window, error);
}

/* The state is the daemon's, once it is on disk there. */
static void on_change_invisible(GSimpleAction *action, GVariant *value, gpointer userdata) {
        ChatWindow *window = userdata;

        chat_remote_set_async(CHAT_REMOTE(chat_window_get_daemon(window)),
                              P2PCHAT_INTERFACE_MANAGER, "Invisible", value, NULL, on_done,
                              g_object_ref(window));
}

static void on_invisible(ChatDaemon *daemon, GParamSpec *spec, GSimpleAction *action) {
        g_simple_action_set_state(action, g_variant_new_boolean(chat_remote_boolean(
                                                  CHAT_REMOTE(daemon), "Invisible")));
}

static void on_sign_out_answer(AdwMessageDialog *dialog, const char *answer, ChatWindow *window) {
        ChatAccount *account = chat_daemon_get_account(chat_window_get_daemon(window));

        if (g_str_equal(answer, "sign-out") && account)
                chat_remote_call_async(CHAT_REMOTE(account), P2PCHAT_INTERFACE_ACCOUNT, "SignOut",
                                       g_variant_new("(@a{sv})", chat_no_options()), NULL, NULL,
                                       on_done, g_object_ref(window));
}

static void on_sign_out(GSimpleAction *action, GVariant *parameter, gpointer userdata) {
        ChatWindow *window = userdata;
        ChatAccount *account = chat_daemon_get_account(chat_window_get_daemon(window));
        g_autofree char *name = NULL, *body = NULL;
        AdwMessageDialog *dialog;

        if (!account)
                return;
        name = chat_isolate(chat_account_get_username(account));
        body = chat_account_is_guest(account)
                       ? g_strdup_printf(
                                 _("%s is a guest: nobody can come back to this name. What waits "
                                   "to be sent is not sent."),
                                 name)
                       : g_strdup_printf(
                                 _("Your channels, messages and what waits to be sent stay here "
                                   "until %s signs in again. Channels that you host are away "
                                   "meanwhile."),
                                 name);
        dialog = ADW_MESSAGE_DIALOG(
                adw_message_dialog_new(GTK_WINDOW(window), _("Sign Out?"), body));
        adw_message_dialog_add_response(dialog, "cancel", _("Cancel"));
        adw_message_dialog_add_response(dialog, "sign-out", _("Sign Out"));
        adw_message_dialog_set_close_response(dialog, "cancel");
        adw_message_dialog_set_response_appearance(dialog, "sign-out", ADW_RESPONSE_DESTRUCTIVE);
        g_signal_connect_object(dialog, "response", G_CALLBACK(on_sign_out_answer), window, 0);
        gtk_window_present(GTK_WINDOW(dialog));
}

void chat_account_actions_add(ChatWindow *window) {
        static const GActionEntry entries[] = {
                { .name = "invisible", .state = "false", .change_state = on_change_invisible },
                { .name = "sign-out", .activate = on_sign_out },
        };
        GAction *invisible;

        g_action_map_add_action_entries(G_ACTION_MAP(window), entries, G_N_ELEMENTS(entries),
                                        window);
        invisible = g_action_map_lookup_action(G_ACTION_MAP(window), "invisible");
        g_signal_connect_object(chat_window_get_daemon(window), "notify::invisible",
                                G_CALLBACK(on_invisible), invisible, 0);
        on_invisible(chat_window_get_daemon(window), NULL, G_SIMPLE_ACTION(invisible));
}
