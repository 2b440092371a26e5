/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who the person is at one tracker; leaves asking for passwords to the view. */
#include "gui/model/account.h"

#include "dbus/names.h"

struct _ChatAccount {
        ChatRemote parent;
};

G_DEFINE_FINAL_TYPE(ChatAccount, chat_account, CHAT_TYPE_REMOTE)

static const ChatRemoteProperty properties[] = {
        { P2PCHAT_INTERFACE_ACCOUNT, "Tracker", "tracker", 's' },
        { P2PCHAT_INTERFACE_ACCOUNT, "TrackerPin", "tracker-pin", 's' },
        { P2PCHAT_INTERFACE_ACCOUNT, "TrackerOfferedPin", "tracker-offered-pin", 's' },
        { P2PCHAT_INTERFACE_ACCOUNT, "TrackerState", "tracker-state", 's' },
        { P2PCHAT_INTERFACE_ACCOUNT, "TrackerReason", "tracker-reason", 's' },
        { P2PCHAT_INTERFACE_ACCOUNT, "Username", "username", 's' },
        { P2PCHAT_INTERFACE_ACCOUNT, "UserType", "user-type", 's' },
        { P2PCHAT_INTERFACE_ACCOUNT, "CertificateExpires", "certificate-expires", 't' },
};

const char *chat_account_get_username(ChatAccount *self) {
        return chat_remote_string(CHAT_REMOTE(self), "Username");
}

gboolean chat_account_is_signed_in(ChatAccount *self) {
        return *chat_account_get_username(self) != '\0';
}

gboolean chat_account_is_guest(ChatAccount *self) {
        return g_str_equal(chat_remote_string(CHAT_REMOTE(self), "UserType"), "guest");
}

#define ACCOUNT P2PCHAT_INTERFACE_ACCOUNT

static void call(ChatAccount *self, const char *method, GVariant *parameters,
                 GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self), ACCOUNT, method, parameters, NULL, NULL, callback,
                               userdata);
}

void chat_account_change_password_async(ChatAccount *self, const char *old_password,
                                        const char *new_password, gboolean keep_others,
                                        GAsyncReadyCallback callback, gpointer userdata) {
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (keep_others)
                g_variant_builder_add(&options, "{sv}", "keep_others", g_variant_new_boolean(TRUE));
        call(self, "ChangePassword",
             g_variant_new("(ssa{sv})", old_password, new_password, &options), callback, userdata);
}

void chat_account_delete_async(ChatAccount *self, const char *password,
                               GAsyncReadyCallback callback, gpointer userdata) {
        call(self, "Delete", g_variant_new("(s@a{sv})", password, chat_no_options()), callback,
             userdata);
}

void chat_account_revoke_async(ChatAccount *self, const char *key, GAsyncReadyCallback callback,
                               gpointer userdata) {
        call(self, "RevokeDevice", g_variant_new("(s@a{sv})", key, chat_no_options()), callback,
             userdata);
}

void chat_account_list_devices_async(ChatAccount *self, const char *after,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer userdata) {
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (*after)
                g_variant_builder_add(&options, "{sv}", "after", g_variant_new_string(after));
        chat_remote_call_async(CHAT_REMOTE(self), ACCOUNT, "ListDevices",
                               g_variant_new("(a{sv})", &options), G_VARIANT_TYPE("(a(stta{sv}))"),
                               cancellable, callback, userdata);
}

GVariant *chat_account_list_devices_finish(ChatAccount *self, GAsyncResult *result,
                                           GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(self), result, error);

        return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

ChatAccount *chat_account_new(ChatBus *bus, const char *path) {
        return g_object_new(CHAT_TYPE_ACCOUNT, "bus", bus, "path", path, NULL);
}

static void chat_account_init(ChatAccount *self) {
}

static void chat_account_class_init(ChatAccountClass *class) {
        chat_remote_class_install(CHAT_REMOTE_CLASS(class), properties, G_N_ELEMENTS(properties));
}
