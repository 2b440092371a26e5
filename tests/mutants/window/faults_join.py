# SPDX-License-Identifier: LGPL-2.1-or-later
"""What test-join.c must find."""
JOIN = "gui/model/join.c"
ERROR = "gui/model/error.c"

FAULTS = [
    (JOIN, "G_VARIANT_TYPE(\"(o)\"), «cancellable», callback, userdata);\n}\n\nvoid chat_host_async", {
        "join-not-cancelled": ("NULL", "test_cancelled"),
    }),
    (JOIN, "if («*how->topic»)\n", {
        "join-host-without-topic": ("FALSE", "test_host"),
        "join-host-topic-removed": ("TRUE", "test_host"),
    }),
    (JOIN, "if («how->view_permission»)\n", {"join-host-view-unsaid": ("FALSE", "test_host")}),
    (JOIN, "if («how->send_permission»)\n", {"join-host-send-unsaid": ("FALSE", "test_host")}),
    (JOIN, "g_variant_new_string(«how->send_permission»)", {
        "join-host-send-as-view": ("how->view_permission ?: \"\"", "test_host"),
    }),
    (JOIN, "if («how->new_log»)\n", {
        "join-host-old-log": ("FALSE", "test_host"),
        "join-host-always-new-log": ("TRUE", "test_host"),
    }),
    (JOIN, "return reply ? «g_variant_get_child_value(reply, 0)» : NULL;", {
        "join-link-in-tuple": ("g_variant_ref(reply)", "test_resolve"),
    }),
    (ERROR, "if («code > 0»)\n", {"error-name-unread": ("FALSE", "test_refused")}),
    (ERROR, "if («is_away(e)»)\n", {"error-away-unseen": ("FALSE", "test_daemon_dies")}),
    (ERROR, "«g_dbus_error_strip_remote_error(e);»", {"error-with-name-of-bus": (";", "test_refused")}),
]
