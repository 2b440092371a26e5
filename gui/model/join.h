/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the daemon is asked to host a channel and to join one, by name or by link; leaves
 * asking the person to the view. */
#pragma once

#include "gui/model/daemon.h"

/* The two end with chat_join_finish(). */
void chat_join_async(ChatDaemon *daemon, const char *name_or_link, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer userdata);
typedef struct ChatHosting {
        const char *name, *topic;                      /* topic: "" none */
        const char *view_permission, *send_permission; /* NULL: as it was */
        gboolean new_log; /* the name goes on with a new channel */
} ChatHosting;
void chat_host_async(ChatDaemon *daemon, const ChatHosting *how, GCancellable *cancellable,
                     GAsyncReadyCallback callback, gpointer userdata);
/* → the path of the channel's object, to be freed; NULL with error. */
char *chat_join_finish(ChatDaemon *daemon, GAsyncResult *result, GError **error);

/* Reads a link without asking anybody. Finish: the values of ResolveInvite, a{sv}, owned by who
 * asks. */
void chat_link_resolve_async(ChatDaemon *daemon, const char *uri, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer userdata);
GVariant *chat_link_resolve_finish(ChatDaemon *daemon, GAsyncResult *result, GError **error);
