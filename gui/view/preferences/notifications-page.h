/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows of which messages the desktop tells the person, channel by channel. */
#pragma once

#include <adwaita.h>

#include "gui/model/daemon.h"

AdwPreferencesPage *chat_notifications_page_new(ChatDaemon *daemon);
