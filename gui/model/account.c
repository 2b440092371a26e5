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

ChatAccount *chat_account_new(ChatBus *bus, const char *path) {
        return g_object_new(CHAT_TYPE_ACCOUNT, "bus", bus, "path", path, NULL);
}

static void chat_account_init(ChatAccount *self) {
}

static void chat_account_class_init(ChatAccountClass *class) {
        chat_remote_class_install(CHAT_REMOTE_CLASS(class), properties, G_N_ELEMENTS(properties));
}
