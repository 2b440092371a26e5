/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who the person is at one tracker; leaves asking for passwords to the view. */
#pragma once

#include "gui/model/remote.h"

/* GObject properties as of org.p2pchat.Peer1.Account: "tracker", "tracker-pin",
 * "tracker-offered-pin", "tracker-state", "tracker-reason", "username", "user-type",
 * "certificate-expires". */
#define CHAT_TYPE_ACCOUNT (chat_account_get_type())
G_DECLARE_FINAL_TYPE(ChatAccount, chat_account, CHAT, ACCOUNT, ChatRemote)

ChatAccount *chat_account_new(ChatBus *bus, const char *path);

const char *chat_account_get_username(ChatAccount *self); /* "": nobody is signed in */
gboolean chat_account_is_signed_in(ChatAccount *self);
gboolean chat_account_is_guest(ChatAccount *self);

/* What a person does with an account. Each ends with chat_remote_call_finish_void(), but the list
 * of devices. */
void chat_account_change_password_async(ChatAccount *self, const char *old_password,
                                        const char *new_password, gboolean keep_others,
                                        GAsyncReadyCallback callback, gpointer userdata);
void chat_account_delete_async(ChatAccount *self, const char *password,
                               GAsyncReadyCallback callback, gpointer userdata);
void chat_account_revoke_async(ChatAccount *self, const char *key, GAsyncReadyCallback callback,
                               gpointer userdata);
/* after: a key; only devices behind it; "": from the first. */
void chat_account_list_devices_async(ChatAccount *self, const char *after,
                                     GCancellable *cancellable, GAsyncReadyCallback callback,
                                     gpointer userdata);
/* → a(stta{sv}): key, created, seen, whether it is this one (this); owned by who asks. */
GVariant *chat_account_list_devices_finish(ChatAccount *self, GAsyncResult *result, GError **error);
