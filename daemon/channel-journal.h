/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the journal tells who was let in and sent out, and what a channel permits; leaves
 * reasons and all that people write to the channel's own log. */
#pragma once

#include "base/log-pace.h"
#include "daemon/channel/channel.h"

/* A line for an entry that is on disk and has its effect: a role, a kick, a ban, a permission; view
 * and send are those that hold now. What a host that lies says of whom is held against the form of
 * names. pace NULL: each is told, however many come at once. */
void channel_journal_entry(LogPace *pace, const char *channel_name, ViewPermission view,
                           SendPermission send, const Entry *e);
