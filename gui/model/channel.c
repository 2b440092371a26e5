/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one's part in a channel and asks the daemon about it; leaves its messages to history.h and
 * outbox.h, its people to roster.h. */
#include "gui/model/channel.h"

#include "dbus/names.h"

struct _ChatChannel {
        ChatRemote parent;
};

enum {
        SIGNAL_ENTRIES_APPENDED,
        SIGNAL_OUTBOX_CHANGED,
        SIGNAL_MEMBERS_CHANGED,
        SIGNAL_MENTIONED,
        N_SIGNALS,
};
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatChannel, chat_channel, CHAT_TYPE_REMOTE)

#define CHANNEL P2PCHAT_INTERFACE_CHANNEL
#define HOST P2PCHAT_INTERFACE_HOST

static const ChatRemoteProperty properties[] = {
        { CHANNEL, "Id", "id", 's' },
        { CHANNEL, "Name", "name", 's' },
        { CHANNEL, "Account", "account", 'o' },
        { CHANNEL, "Topic", "topic", 's' },
        { CHANNEL, "Owner", "owner", 's' },
        { CHANNEL, "Host", "host", 's' },
        { CHANNEL, "Role", "role", 's' },
        { CHANNEL, "ViewPermission", "view-permission", 's' },
        { CHANNEL, "SendPermission", "send-permission", 's' },
        { CHANNEL, "MessageRate", "message-rate", 'u' },
        { CHANNEL, "MessageBurst", "message-burst", 'u' },
        { CHANNEL, "RetentionDays", "retention-days", 'u' },
        { CHANNEL, "State", "state", 's' },
        { CHANNEL, "StateReason", "state-reason", 's' },
        { CHANNEL, "StateText", "state-text", 's' },
        { CHANNEL, "Previous", "previous", 's' },
        { CHANNEL, "Successor", "successor", 's' },
        { CHANNEL, "NextRetry", "next-retry", 't' },
        { CHANNEL, "FirstSeq", "first-seq", 't' },
        { CHANNEL, "SyncedSeq", "synced-seq", 't' },
        { CHANNEL, "LastSeq", "last-seq", 't' },
        { CHANNEL, "ReadSeq", "read-seq", 't' },
        { CHANNEL, "Unread", "unread", 'u' },
        { CHANNEL, "Mentions", "mentions", 'u' },
        { CHANNEL, "OutboxCount", "outbox-count", 'u' },
        { CHANNEL, "MembersOnline", "members-online", 'u' },
        { CHANNEL, "Ignored", "ignored", 'a' },
        { CHANNEL, "Notify", "notify-about", 's' },
        { HOST, "", "hosted", 'i' },
        { HOST, "Connections", "connections", 'u' },
        { HOST, "Addresses", "addresses", 'a' },
        { HOST, "Reachable", "reachable", 's' },
        { HOST, "ReachableReason", "reachable-reason", 's' },
};

const char *chat_channel_get_name(ChatChannel *self) {
        return chat_remote_string(CHAT_REMOTE(self), "Name");
}

const char *chat_channel_get_state(ChatChannel *self) {
        return chat_remote_string(CHAT_REMOTE(self), "State");
}

gboolean chat_channel_is_hosted(ChatChannel *self) {
        return chat_remote_has_interface(CHAT_REMOTE(self), HOST);
}

guint64 chat_channel_get_first_seq(ChatChannel *self) {
        return chat_remote_number(CHAT_REMOTE(self), "FirstSeq");
}

guint64 chat_channel_get_synced_seq(ChatChannel *self) {
        return chat_remote_number(CHAT_REMOTE(self), "SyncedSeq");
}

guint64 chat_channel_get_read_seq(ChatChannel *self) {
        return chat_remote_number(CHAT_REMOTE(self), "ReadSeq");
}

guint chat_channel_get_unread(ChatChannel *self) {
        return (guint) chat_remote_number(CHAT_REMOTE(self), "Unread");
}

guint chat_channel_get_mentions(ChatChannel *self) {
        return (guint) chat_remote_number(CHAT_REMOTE(self), "Mentions");
}

void chat_channel_send_async(ChatChannel *self, const char *text, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self), CHANNEL, "Send",
                               g_variant_new("(s@a{sv})", text, chat_no_options()),
                               G_VARIANT_TYPE("(st)"), cancellable, callback, userdata);
}

char *chat_channel_send_finish(ChatChannel *self, GAsyncResult *result, GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(self), result, error);
        char *id = NULL;

        if (reply)
                g_variant_get(reply, "(st)", &id, NULL);
        return id;
}

void chat_channel_connect_async(ChatChannel *self, GCancellable *cancellable,
                                GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self), CHANNEL, "Connect",
                               g_variant_new("(@a{sv})", chat_no_options()), NULL, cancellable,
                               callback, userdata);
}

void chat_channel_mark_read_async(ChatChannel *self, guint64 seq, GCancellable *cancellable,
                                  GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self), CHANNEL, "MarkRead",
                               g_variant_new("(t@a{sv})", seq, chat_no_options()), NULL,
                               cancellable, callback, userdata);
}

void chat_channel_set_notify_async(ChatChannel *self, const char *notify, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_set_async(CHAT_REMOTE(self), CHANNEL, "Notify", g_variant_new_string(notify),
                              cancellable, callback, userdata);
}

void chat_channel_get_messages_async(ChatChannel *self, const ChatMessagesQuery *query,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer userdata) {
        const char *kinds[] = { query->kind, NULL };
        GVariantBuilder options;

        g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
        if (query->before)
                g_variant_builder_add(&options, "{sv}", "direction",
                                      g_variant_new_string("before"));
        if (query->kind)
                g_variant_builder_add(&options, "{sv}", "kinds", g_variant_new_strv(kinds, 1));
        chat_remote_call_async(CHAT_REMOTE(self), CHANNEL, "GetMessages",
                               g_variant_new("(tua{sv})", query->anchor, query->limit, &options),
                               G_VARIANT_TYPE("(a(tssssta{sv})a{sv})"), cancellable, callback,
                               userdata);
}

GVariant *chat_channel_get_messages_finish(ChatChannel *self, GAsyncResult *result,
                                           gboolean *ret_more, guint64 *ret_next, GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(self), result, error);
        g_autoptr(GVariant) page = NULL;

        if (!reply)
                return NULL;
        page = g_variant_get_child_value(reply, 1);
        if (!g_variant_lookup(page, "more", "b", ret_more))
                *ret_more = FALSE;
        if (!g_variant_lookup(page, "next_anchor", "t", ret_next))
                *ret_next = 0;
        return g_variant_get_child_value(reply, 0);
}

static void chat_channel_emitted(ChatRemote *remote, const char *interface, const char *member,
                                 GVariant *parameters) {
        guint64 first, last;

        if (!g_str_equal(interface, CHANNEL))
                return;
        if (g_str_equal(member, "EntriesAppended") &&
            g_variant_is_of_type(parameters, G_VARIANT_TYPE("(tta{sv})"))) {
                g_variant_get(parameters, "(tta{sv})", &first, &last, NULL);
                g_signal_emit(remote, signals[SIGNAL_ENTRIES_APPENDED], 0, first, last);
        } else if (g_str_equal(member, "OutboxChanged"))
                g_signal_emit(remote, signals[SIGNAL_OUTBOX_CHANGED], 0);
        else if (g_str_equal(member, "MembersChanged"))
                g_signal_emit(remote, signals[SIGNAL_MEMBERS_CHANGED], 0);
        else if (g_str_equal(member, "Mentioned") &&
                 g_variant_is_of_type(parameters, G_VARIANT_TYPE("(ta{sv})"))) {
                g_variant_get(parameters, "(ta{sv})", &first, NULL);
                g_signal_emit(remote, signals[SIGNAL_MENTIONED], 0, first);
        }
}

ChatChannel *chat_channel_new(ChatBus *bus, const char *path) {
        return g_object_new(CHAT_TYPE_CHANNEL, "bus", bus, "path", path, NULL);
}

static void chat_channel_init(ChatChannel *self) {
}

static void chat_channel_class_init(ChatChannelClass *class) {
        ChatRemoteClass *remote_class = CHAT_REMOTE_CLASS(class);
        const GType type = CHAT_TYPE_CHANNEL;

        remote_class->emitted = chat_channel_emitted;
        chat_remote_class_install(remote_class, properties, G_N_ELEMENTS(properties));
        signals[SIGNAL_ENTRIES_APPENDED] =
                g_signal_new("entries-appended", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                             G_TYPE_NONE, 2, G_TYPE_UINT64, G_TYPE_UINT64);
        signals[SIGNAL_OUTBOX_CHANGED] = g_signal_new("outbox-changed", type, G_SIGNAL_RUN_LAST, 0,
                                                      NULL, NULL, NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_MEMBERS_CHANGED] = g_signal_new("members-changed", type, G_SIGNAL_RUN_LAST,
                                                       0, NULL, NULL, NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_MENTIONED] = g_signal_new("mentioned", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                                 NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
}
