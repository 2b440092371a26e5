/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how channels are found and joined; leaves what is listed to model/directory.h. */
#pragma once

#include <adwaita.h>

#include "gui/model/daemon.h"

#define CHAT_TYPE_DIRECTORY_PAGE (chat_directory_page_get_type())
G_DECLARE_FINAL_TYPE(ChatDirectoryPage, chat_directory_page, CHAT, DIRECTORY_PAGE, AdwBin)

void chat_directory_page_set_daemon(ChatDirectoryPage *self, ChatDaemon *daemon);
