/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel is ruled: what its people are asked for and what is done to them; leaves who
 * may do it to the host, who they are to roster.h. */
#pragma once

#include "gui/model/channel.h"

/* "moderator" and up. What the host decides is what counts: this is for what is offered. */
gboolean chat_channel_is_ruled_by_us(ChatChannel *self);
gboolean chat_channel_is_owned_by_us(ChatChannel *self);

/* Each ends with chat_remote_call_finish_void(); reason: "" none is given. */
void chat_channel_set_topic_async(ChatChannel *self, const char *topic, GAsyncReadyCallback callback,
                                  gpointer userdata);
/* role: moderator, member, none. */
void chat_channel_authorize_async(ChatChannel *self, const char *username, const char *role,
                                  GAsyncReadyCallback callback, gpointer userdata);
void chat_channel_kick_async(ChatChannel *self, const char *username, const char *reason,
                             GAsyncReadyCallback callback, gpointer userdata);
/* until: µs since the epoch; 0: for ever. */
void chat_channel_ban_async(ChatChannel *self, const char *username, const char *reason,
                            gint64 until, GAsyncReadyCallback callback, gpointer userdata);
void chat_channel_unban_async(ChatChannel *self, const char *username, GAsyncReadyCallback callback,
                              gpointer userdata);
void chat_channel_redact_async(ChatChannel *self, guint64 seq, const char *reason,
                               GAsyncReadyCallback callback, gpointer userdata);

/* What is not to be changed is as the channel says it. */
typedef struct ChatRules {
        const char *view_permission, *send_permission;
        guint message_rate, message_burst; /* a second, at once; 0: no limit */
        guint retention_days;              /* 0: kept for ever */
} ChatRules;
void chat_channel_set_rules_async(ChatChannel *self, const ChatRules *rules,
                                  GAsyncReadyCallback callback, gpointer userdata);

/* Why username ("": oneself) may do what. Ends with chat_channel_explain_finish(). */
void chat_channel_explain_async(ChatChannel *self, const char *username,
                                GAsyncReadyCallback callback, gpointer userdata);
/* → lines for people, of one sentence each, to be freed; NULL with error. */
char **chat_channel_explain_finish(ChatChannel *self, GAsyncResult *result, GError **error);

/* Whose messages are not wanted here: ignored or not from now on. */
void chat_channel_set_ignored_async(ChatChannel *self, const char *username, gboolean is_ignored,
                                    GAsyncReadyCallback callback, gpointer userdata);
gboolean chat_channel_is_ignored(ChatChannel *self, const char *username);

/* Ends with chat_channel_invite_finish(), which gives the link, to be freed. */
void chat_channel_invite_async(ChatChannel *self, GAsyncReadyCallback callback, gpointer userdata);
char *chat_channel_invite_finish(ChatChannel *self, GAsyncResult *result, GError **error);

/* One that is hosted here is hosted no more, any other is left. is_forgotten: what is here of it is
 * deleted, and the name of one that was hosted here is free; else it is kept. */
void chat_channel_leave_async(ChatChannel *self, gboolean is_forgotten,
                              GAsyncReadyCallback callback, gpointer userdata);
/* One of ours that is hosted no more: what is here of it is deleted, and its name is free. Ends with
 * chat_remote_call_finish_void(). */
void chat_channel_end_async(ChatChannel *self, GAsyncReadyCallback callback, gpointer userdata);
