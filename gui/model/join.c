/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon is asked to host a channel and to join one, by name or by link; leaves
 * asking the person to the view. */
#include "gui/model/join.h"

#include "dbus/names.h"

#define MANAGER P2PCHAT_INTERFACE_MANAGER

void chat_join_async(ChatDaemon *daemon, const char *name_or_link, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(daemon), MANAGER, "Join",
                               g_variant_new("(s@a{sv})", name_or_link, chat_no_options()),
                               G_VARIANT_TYPE("(o)"), cancellable, callback, userdata);
}

void chat_host_async(ChatDaemon *daemon, const ChatHosting *how, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer userdata) {
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (*how->topic)
                g_variant_builder_add(&options, "{sv}", "topic", g_variant_new_string(how->topic));
        if (how->view_permission)
                g_variant_builder_add(&options, "{sv}", "view_permission",
                                      g_variant_new_string(how->view_permission));
        if (how->send_permission)
                g_variant_builder_add(&options, "{sv}", "send_permission",
                                      g_variant_new_string(how->send_permission));
        if (how->new_log)
                g_variant_builder_add(&options, "{sv}", "new_log", g_variant_new_boolean(TRUE));
        chat_remote_call_async(CHAT_REMOTE(daemon), MANAGER, "Host",
                               g_variant_new("(sa{sv})", how->name, &options),
                               G_VARIANT_TYPE("(o)"), cancellable, callback, userdata);
}

char *chat_join_finish(ChatDaemon *daemon, GAsyncResult *result, GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(daemon), result, error);
        char *path = NULL;

        if (reply)
                g_variant_get(reply, "(o)", &path);
        return path;
}

void chat_link_resolve_async(ChatDaemon *daemon, const char *uri, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(daemon), MANAGER, "ResolveInvite",
                               g_variant_new("(s@a{sv})", uri, chat_no_options()),
                               G_VARIANT_TYPE("(a{sv})"), cancellable, callback, userdata);
}

GVariant *chat_link_resolve_finish(ChatDaemon *daemon, GAsyncResult *result, GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(daemon), result, error);

        return reply ? g_variant_get_child_value(reply, 0) : NULL;
}
