/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon is asked for a tracker and an identity; leaves asking the person to the
 * view. Passwords are handed on and kept by nobody. */
#include "gui/model/sign-in.h"

#include <string.h>

#include "dbus/names.h"

#define MANAGER P2PCHAT_INTERFACE_MANAGER
#define PIN_PREFIX "sha256:"
#define PIN_DIGITS 64

void chat_sign_in_set_tracker_async(ChatDaemon *daemon, const char *address, const char *pin,
                                    GCancellable *cancellable, GAsyncReadyCallback callback,
                                    gpointer userdata) {
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (*pin)
                g_variant_builder_add(&options, "{sv}", "pin", g_variant_new_string(pin));
        chat_remote_call_async(CHAT_REMOTE(daemon), MANAGER, "SetTracker",
                               g_variant_new("(sa{sv})", address, &options), G_VARIANT_TYPE("(o)"),
                               cancellable, callback, userdata);
}

char *chat_sign_in_find_pin(const char *message) {
        const char *at = strstr(message, PIN_PREFIX);

        if (!at || strspn(at + strlen(PIN_PREFIX), "0123456789abcdef") < PIN_DIGITS)
                return NULL;
        return g_strndup(at, strlen(PIN_PREFIX) + PIN_DIGITS);
}

char *chat_sign_in_group_pin(const char *pin) {
        const char *digits = g_str_has_prefix(pin, PIN_PREFIX) ? pin + strlen(PIN_PREFIX) : pin;
        GString *grouped = g_string_new(NULL);

        for (gsize i = 0; digits[i]; i++) {
                if (i > 0 && i % 4 == 0)
                        g_string_append_c(grouped, i % 16 == 0 ? '\n' : ' ');
                g_string_append_c(grouped, digits[i]);
        }
        return g_string_free(grouped, FALSE);
}

void chat_sign_in_async(ChatDaemon *daemon, ChatSignIn how, const char *username,
                        const char *secret, const char *new_password, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer userdata) {
        const char *method = NULL;
        const GVariantType *reply = NULL;
        GVariant *parameters = NULL;

        switch (how) {
        case CHAT_SIGN_UP:
                method = "SignUp";
                parameters = g_variant_new("(ss@a{sv})", username, secret, chat_no_options());
                reply = G_VARIANT_TYPE("(a{sv})");
                break;
        case CHAT_SIGN_IN:
                method = "SignIn";
                parameters = g_variant_new("(ss@a{sv})", username, secret, chat_no_options());
                break;
        case CHAT_SIGN_IN_GUEST:
                method = "SignInGuest";
                parameters = g_variant_new("(s@a{sv})", username, chat_no_options());
                break;
        case CHAT_SIGN_IN_RECOVER:
                method = "Recover";
                parameters = g_variant_new("(sss@a{sv})", username, secret, new_password,
                                           chat_no_options());
                reply = G_VARIANT_TYPE("(a{sv})");
                break;
        }
        chat_remote_call_async(CHAT_REMOTE(daemon), MANAGER, method, parameters, reply, cancellable,
                               callback, userdata);
}

gboolean chat_sign_in_finish(ChatDaemon *daemon, GAsyncResult *result, char **ret_code,
                             GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(daemon), result, error);
        g_autoptr(GVariant) values = NULL;

        *ret_code = NULL;
        if (!reply)
                return FALSE;
        if (g_variant_is_of_type(reply, G_VARIANT_TYPE("(a{sv})"))) {
                values = g_variant_get_child_value(reply, 0);
                g_variant_lookup(values, "recovery_code", "s", ret_code);
        }
        return TRUE;
}
