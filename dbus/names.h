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

/* What every list and page is bounded by. */
#define P2PCHAT_PAGE_ENTRIES_MAX 500
#define P2PCHAT_PAGE_BYTES_MAX (256 * 1024)
/* How long Send waits with wait=stored unless it is told. */
#define P2PCHAT_SEND_TIMEOUT_USEC (20 * 1000 * 1000)
