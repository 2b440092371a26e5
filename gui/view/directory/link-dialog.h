/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person joins by a name or a link, and what a link of somebody else's may not do by
 * itself. */
#pragma once

#include "gui/view/window.h"

/* Asks for a name or a link. */
void chat_join_dialog_show(ChatWindow *parent);
/* A link that came from outside: says where it leads, and joins when the person says so. tracker:
 * the person has to be at another tracker first, or at one at all, and wants to. */
typedef void (*ChatLinkTracker)(ChatWindow *parent, const char *address);
void chat_link_dialog_show(ChatWindow *parent, const char *uri, ChatLinkTracker tracker);
