/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the devices are shown on which an account is signed in, and that one can be signed out
 * from here; leaves the rest of the account to account-page.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/account.h"

#define CHAT_TYPE_DEVICES_GROUP (chat_devices_group_get_type())
G_DECLARE_FINAL_TYPE(ChatDevicesGroup, chat_devices_group, CHAT, DEVICES_GROUP, AdwPreferencesGroup)

GtkWidget *chat_devices_group_new(ChatAccount *account);
/* They are others now, perhaps. */
void chat_devices_group_refresh(ChatDevicesGroup *self);
