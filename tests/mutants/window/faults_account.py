# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-account.c must find."""
ACCOUNT = "gui/model/account.c"
REMOTE = "gui/model/remote.c"
DAEMON = "gui/model/daemon.c"

FAULTS = [
    (ACCOUNT, "return «*chat_account_get_username(self) != '\\0'»;", {
        "account-always-signed-in": ("TRUE", "test_shown"),
        "account-signed-in-by-type": ("*chat_remote_string(CHAT_REMOTE(self), \"Tracker\") != '\\0'", "test_shown"),
    }),
    (ACCOUNT, "return «g_str_equal(chat_remote_string(CHAT_REMOTE(self), \"UserType\"), \"guest\")»;", {
        "account-no-guest": ("FALSE", "test_shown"),
        "account-guest-by-name": ("g_str_has_prefix(chat_account_get_username(self), \"guest-\") || "
                                  "!*chat_account_get_username(self)", "test_shown"),
    }),
    (ACCOUNT, "if («keep_others»)\n", {
        "account-others-signed-out": ("FALSE", "test_calls"),
        "account-others-kept": ("TRUE", "test_calls"),
    }),
    (ACCOUNT, "g_variant_new(\"(ssa{sv})\", «old_password», new_password, &options)", {
        "account-old-password-is-new": ("new_password", "test_calls"),
    }),
    (ACCOUNT, "if («*after»)\n", {
        "account-first-devices-again": ("FALSE", "test_devices"),
        "account-devices-behind-nothing": ("TRUE", "test_devices"),
    }),
    (ACCOUNT, "«cancellable», callback, userdata);\n}\n\nGVariant *chat_account_list", {
        "account-devices-not-cancelled": ("NULL", "in vain: test_devices"),
    }),
    (ACCOUNT, "return reply ? «g_variant_get_child_value(reply, 0)» : NULL;", {
        "account-devices-in-tuple": ("g_variant_ref(reply)", "test_devices"),
    }),
    (REMOTE, "if (v && «g_variant_is_of_type(v, G_VARIANT_TYPE_UINT32)»)\n", {
        "remote-short-number-unknown": ("FALSE", "test_mistyped"),
    }),
    (REMOTE, "if («before && g_variant_equal(before, value)») {", {"remote-same-is-news": ("FALSE", "test_notify")}),
    (REMOTE, "«notify_remote(self, interface, name);»", {"remote-news-untold": (";", "test_notify")}),
    (REMOTE, "«get(self)->is_away = is_away;»", {"remote-never-away": (";", "test_daemon_dies")}),
    (DAEMON, "ChatAccount *account = «g_hash_table_lookup(self->accounts, path)»;", {
        "daemon-account-stays": ("g_hash_table_lookup(self->accounts, path) ?: self->account", "test_default"),
    }),
    (DAEMON, "g_hash_table_remove(self->accounts, path);\n                        «choose_account(self);»", {
        "daemon-account-removed-stays": (";", "test_default"),
    }),
    (DAEMON, "take_object(self, path, interfaces);\n                «choose_account(self);»", {
        "daemon-account-added-unseen": (";", "test_default"),
    }),
]
