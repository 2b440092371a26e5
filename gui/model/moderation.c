/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel is ruled: what its people are asked for and what is done to them; leaves who
 * may do it to the host, who they are to roster.h. */
#include "gui/model/moderation.h"

#include "dbus/names.h"
#include "gui/i18n.h"
#include "gui/model/text.h"
#include "gui/model/words.h"

#define CHANNEL P2PCHAT_INTERFACE_CHANNEL
#define HOST P2PCHAT_INTERFACE_HOST
#define MODERATION P2PCHAT_INTERFACE_MODERATION

gboolean chat_channel_is_owned_by_us(ChatChannel *self) {
        return g_str_equal(chat_remote_string(CHAT_REMOTE(self), "Role"), "owner");
}

gboolean chat_channel_is_ruled_by_us(ChatChannel *self) {
        return chat_channel_is_owned_by_us(self) ||
               g_str_equal(chat_remote_string(CHAT_REMOTE(self), "Role"), "moderator");
}

static void call(ChatChannel *self, const char *interface, const char *method, GVariant *parameters,
                 GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self), interface, method, parameters, NULL, NULL,
                               callback, userdata);
}

static void begin_options(GVariantBuilder *options, const char *reason) {
        g_variant_builder_init(options, G_VARIANT_TYPE_VARDICT);
        if (*reason)
                g_variant_builder_add(options, "{sv}", "reason", g_variant_new_string(reason));
}

void chat_channel_set_topic_async(ChatChannel *self, const char *topic, GAsyncReadyCallback callback,
                                  gpointer userdata) {
        call(self, MODERATION, "SetTopic", g_variant_new("(s@a{sv})", topic, chat_no_options()),
             callback, userdata);
}

void chat_channel_authorize_async(ChatChannel *self, const char *username, const char *role,
                                  GAsyncReadyCallback callback, gpointer userdata) {
        call(self, MODERATION, "Authorize",
             g_variant_new("(ss@a{sv})", username, role, chat_no_options()), callback, userdata);
}

void chat_channel_kick_async(ChatChannel *self, const char *username, const char *reason,
                             GAsyncReadyCallback callback, gpointer userdata) {
        GVariantBuilder options;

        begin_options(&options, reason);
        call(self, MODERATION, "Kick", g_variant_new("(sa{sv})", username, &options), callback,
             userdata);
}

void chat_channel_ban_async(ChatChannel *self, const char *username, const char *reason,
                            gint64 until, GAsyncReadyCallback callback, gpointer userdata) {
        GVariantBuilder options;

        begin_options(&options, reason);
        if (until > 0)
                g_variant_builder_add(&options, "{sv}", "until",
                                      g_variant_new_uint64((guint64) until));
        call(self, MODERATION, "Ban", g_variant_new("(sa{sv})", username, &options), callback,
             userdata);
}

void chat_channel_unban_async(ChatChannel *self, const char *username, GAsyncReadyCallback callback,
                              gpointer userdata) {
        call(self, MODERATION, "Unban", g_variant_new("(s@a{sv})", username, chat_no_options()),
             callback, userdata);
}

void chat_channel_redact_async(ChatChannel *self, guint64 seq, const char *reason,
                               GAsyncReadyCallback callback, gpointer userdata) {
        GVariantBuilder options;

        begin_options(&options, reason);
        call(self, MODERATION, "Redact", g_variant_new("(ta{sv})", seq, &options), callback,
             userdata);
}

void chat_channel_set_rules_async(ChatChannel *self, const ChatRules *rules,
                                  GAsyncReadyCallback callback, gpointer userdata) {
        const struct {
                const char *option, *property;
                guint value;
        } numbers[] = {
                { "message_rate", "MessageRate", rules->message_rate },
                { "message_burst", "MessageBurst", rules->message_burst },
                { "retention_days", "RetentionDays", rules->retention_days },
        };
        const struct {
                const char *option, *property, *value;
        } words[] = {
                { "view_permission", "ViewPermission", rules->view_permission },
                { "send_permission", "SendPermission", rules->send_permission },
        };
        ChatRemote *remote = CHAT_REMOTE(self);
        GVariantBuilder options;

        begin_options(&options, "");
        for (gsize i = 0; i < G_N_ELEMENTS(words); i++)
                if (!g_str_equal(chat_remote_string(remote, words[i].property), words[i].value))
                        g_variant_builder_add(&options, "{sv}", words[i].option,
                                              g_variant_new_string(words[i].value));
        for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++)
                if (chat_remote_number(remote, numbers[i].property) != numbers[i].value)
                        g_variant_builder_add(&options, "{sv}", numbers[i].option,
                                              g_variant_new_uint32(numbers[i].value));
        call(self, MODERATION, "SetPermissions", g_variant_new("(a{sv})", &options), callback,
             userdata);
}

void chat_channel_explain_async(ChatChannel *self, const char *username,
                                GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self), CHANNEL, "ExplainAccess",
                               g_variant_new("(s@a{sv})", username, chat_no_options()),
                               G_VARIANT_TYPE("(a{sv})"), NULL, callback, userdata);
}

static char *tell_access(GVariant *access) {
        gboolean can_view = FALSE, can_send = FALSE, can_moderate = FALSE;

        g_variant_lookup(access, "can_view", "b", &can_view);
        g_variant_lookup(access, "can_send", "b", &can_send);
        g_variant_lookup(access, "can_moderate", "b", &can_moderate);
        if (can_moderate)
                return g_strdup(_("May read, write and moderate."));
        if (can_view && can_send)
                return g_strdup(_("May read and write."));
        return g_strdup(can_view ? _("May read, but not write.") : _("May not read or write."));
}

char **chat_channel_explain_finish(ChatChannel *self, GAsyncResult *result, GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(self), result, error);
        g_autoptr(GVariant) access = NULL;
        g_autoptr(GStrvBuilder) lines = g_strv_builder_new();
        g_autofree const char **why = NULL;
        g_autofree char *first = NULL;

        if (!reply)
                return NULL;
        access = g_variant_get_child_value(reply, 0);
        first = tell_access(access);
        g_strv_builder_add(lines, first);
        if (g_variant_lookup(access, "why", "^a&s", &why))
                for (gsize i = 0; why[i]; i++) {
                        g_autofree char *line = chat_line(why[i]);
                        g_strv_builder_add(lines, line);
                }
        return g_strv_builder_end(lines);
}

/* A copy of what is said of a property of names, with or without one of them; floating. */
static GVariant *names_with(char **names, const char *name, gboolean is_in) {
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_STRING_ARRAY);
        for (gsize i = 0; names && names[i]; i++)
                if (!g_str_equal(names[i], name))
                        g_variant_builder_add(&builder, "s", names[i]);
        if (is_in)
                g_variant_builder_add(&builder, "s", name);
        return g_variant_builder_end(&builder);
}

void chat_channel_set_ignored_async(ChatChannel *self, const char *username, gboolean is_ignored,
                                    GAsyncReadyCallback callback, gpointer userdata) {
        g_auto(GStrv) names = NULL;

        g_object_get(self, "ignored", &names, NULL);
        chat_remote_set_async(CHAT_REMOTE(self), CHANNEL, "Ignored",
                              names_with(names, username, is_ignored), NULL, callback, userdata);
}

gboolean chat_channel_is_ignored(ChatChannel *self, const char *username) {
        g_auto(GStrv) names = NULL;

        g_object_get(self, "ignored", &names, NULL);
        return names && g_strv_contains((const char *const *) names, username);
}

void chat_channel_invite_async(ChatChannel *self, GAsyncReadyCallback callback, gpointer userdata) {
        chat_remote_call_async(CHAT_REMOTE(self), CHANNEL, "MakeInvite",
                               g_variant_new("(@a{sv})", chat_no_options()),
                               G_VARIANT_TYPE("(s)"), NULL, callback, userdata);
}

char *chat_channel_invite_finish(ChatChannel *self, GAsyncResult *result, GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(CHAT_REMOTE(self), result, error);
        char *uri = NULL;

        if (reply)
                g_variant_get(reply, "(s)", &uri);
        return uri;
}

void chat_channel_leave_async(ChatChannel *self, gboolean is_forgotten,
                              GAsyncReadyCallback callback, gpointer userdata) {
        const gboolean is_hosted = chat_channel_is_hosted(self);
        GVariantBuilder options;

        begin_options(&options, "");
        g_variant_builder_add(&options, "{sv}", "forget", g_variant_new_boolean(is_forgotten));
        call(self, is_hosted ? HOST : CHANNEL, is_hosted ? "Unhost" : "Leave",
             g_variant_new("(a{sv})", &options), callback, userdata);
}

void chat_channel_end_async(ChatChannel *self, GAsyncReadyCallback callback, gpointer userdata) {
        GVariantBuilder options;

        begin_options(&options, "");
        g_variant_builder_add(&options, "{sv}", "end", g_variant_new_boolean(TRUE));
        call(self, CHANNEL, "Leave", g_variant_new("(a{sv})", &options), callback, userdata);
}
