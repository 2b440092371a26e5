/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how things are called on the bus: what the daemon and its clients must spell alike. */
#pragma once

#define P2PCHAT_BUS_NAME "org.p2pchat.Peer1"
#define P2PCHAT_PATH "/org/p2pchat/Peer1"
#define P2PCHAT_PATH_ACCOUNTS P2PCHAT_PATH "/account" /* + "/" + tracker-id */
#define P2PCHAT_PATH_CHANNELS P2PCHAT_PATH "/channel" /* + "/" + channel id without dashes */

#define P2PCHAT_INTERFACE_MANAGER "org.p2pchat.Peer1.Manager"
#define P2PCHAT_INTERFACE_ACCOUNT "org.p2pchat.Peer1.Account"
#define P2PCHAT_INTERFACE_CHANNEL "org.p2pchat.Peer1.Channel"
#define P2PCHAT_INTERFACE_MODERATION "org.p2pchat.Peer1.Moderation"
#define P2PCHAT_INTERFACE_HOST "org.p2pchat.Peer1.Host"

/* The window (gui/), an org.freedesktop.Application: its action "show-channel" (s: the object's path)
 * is what a pop-up leads to. */
#define P2PCHAT_WINDOW_BUS_NAME "org.p2pchat.Chat"
#define P2PCHAT_WINDOW_PATH "/org/p2pchat/Chat"
#define P2PCHAT_WINDOW_SHOW_CHANNEL "show-channel"

/* The operator's door of the tracker, on the system bus. */
#define P2PCHAT_TRACKER_BUS_NAME "org.p2pchat.Tracker1"
#define P2PCHAT_TRACKER_PATH "/org/p2pchat/Tracker1"

#define P2PCHAT_TRACKER_INTERFACE_MANAGER "org.p2pchat.Tracker1.Manager"
#define P2PCHAT_TRACKER_INTERFACE_USERS "org.p2pchat.Tracker1.Users"
#define P2PCHAT_TRACKER_INTERFACE_CHANNELS "org.p2pchat.Tracker1.Channels"
#define P2PCHAT_TRACKER_INTERFACE_LEASES "org.p2pchat.Tracker1.Leases"
#define P2PCHAT_TRACKER_INTERFACE_AUTHORITY "org.p2pchat.Tracker1.Authority"

/* Of polkit (dbus/org.p2pchat.tracker.policy). */
#define P2PCHAT_TRACKER_ACTION_VIEW "org.p2pchat.tracker.view"
#define P2PCHAT_TRACKER_ACTION_MANAGE_USERS "org.p2pchat.tracker.manage-users"
#define P2PCHAT_TRACKER_ACTION_DELETE_USERS "org.p2pchat.tracker.delete-users"
#define P2PCHAT_TRACKER_ACTION_MANAGE_CHANNELS "org.p2pchat.tracker.manage-channels"
#define P2PCHAT_TRACKER_ACTION_ROTATE_AUTHORITY "org.p2pchat.tracker.rotate-authority"

/* What every list and page is bounded by. */
#define P2PCHAT_PAGE_ENTRIES_MAX 500
#define P2PCHAT_PAGE_BYTES_MAX (256 * 1024)
/* How long Send waits with wait=stored unless it is told. */
#define P2PCHAT_SEND_TIMEOUT_USEC (20 * 1000 * 1000)
