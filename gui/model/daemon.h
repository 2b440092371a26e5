/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the daemon as a whole: whether it is there, who is signed in, which channels there are;
 * leaves each of those to its own object, which keeps its identity while daemons come and go. */
#pragma once

#include "gui/model/account.h"
#include "gui/model/channel.h"

typedef enum ChatDaemonState {
        CHAT_DAEMON_STARTING, /* it was asked to start, or has not said yet what it has */
        CHAT_DAEMON_RUNNING,
        CHAT_DAEMON_AWAY, /* what was known is still shown */
} ChatDaemonState;

/* GObject properties as of org.p2pchat.Peer1.Manager: "version", "default-account", "outbox-count",
 * "listen-addresses", "clock-offset", "invisible", "lingering", "store-state", "store-reason"; and
 * "state" (guint, ChatDaemonState), "account" (ChatAccount, NULL until a tracker was accepted).
 *
 * Signals, beside those of ChatRemote: "directory-changed". */
#define CHAT_TYPE_DAEMON (chat_daemon_get_type())
G_DECLARE_FINAL_TYPE(ChatDaemon, chat_daemon, CHAT, DAEMON, ChatRemote)

ChatDaemon *chat_daemon_new(ChatBus *bus);

ChatDaemonState chat_daemon_get_state(ChatDaemon *self);
/* Starts it, where it is away. */
void chat_daemon_start(ChatDaemon *self);

ChatAccount *chat_daemon_get_account(ChatDaemon *self); /* its; NULL: none */
/* Of ChatChannel, in no order; the daemon's. */
GListModel *chat_daemon_get_channels(ChatDaemon *self);
/* The daemon's; NULL: there is none. */
ChatChannel *chat_daemon_find_channel(ChatDaemon *self, const char *path);

/* Whether this computer's clock is so far from the tracker's that nothing may go by it. */
gboolean chat_daemon_clock_is_wrong(ChatDaemon *self);

/* channel: NULL is none. Errors are nobody's: SetFocus again with the next change. */
void chat_daemon_set_focus(ChatDaemon *self, ChatChannel *channel);
