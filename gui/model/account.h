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
