/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how channels look on the bus: which objects there are, and when they speak. Leaves their
 * methods to channel-bus-*.c, moderation-bus.c and host-bus.c, what they are to channel-member.h.
 */
#pragma once

#include "bus/bus.h"
#include "daemon/manager/manager.h"

/* The objects below /org/p2pchat/Peer1/channel. */
typedef struct ChannelBus ChannelBus;

int channel_bus_new(const Runtime *rt /* weak */, Bus *bus /* weak */, Manager *m /* weak */,
                    ChannelBus **ret);
ChannelBus *channel_bus_free(ChannelBus *b);
DEFINE_CLEANUP(ChannelBus *, channel_bus_free);
int channel_bus_add_objects(ChannelBus *b, sd_bus *connection);

int channel_bus_added(ChannelBus *b, ChannelMember *c /* weak, until removed */);
/* Calls that wait for this channel are answered `Cancelled`. */
void channel_bus_removed(ChannelBus *b, ChannelMember *c);
void channel_bus_changed(ChannelBus *b, ChannelMember *c);
/* What every hosted channel shows of the whole daemon: addresses, reachability. */
void channel_bus_hosting_changed(ChannelBus *b);
void channel_bus_entries_appended(ChannelBus *b, ChannelMember *c, uint64_t first, uint64_t last);
/* Mentioned, where they speak to us. */
void channel_bus_heard(ChannelBus *b, ChannelMember *c, const Entry *entries, size_t n);
void channel_bus_outbox_changed(ChannelBus *b, ChannelMember *c, uint64_t generation);
void channel_bus_members_changed(ChannelBus *b, ChannelMember *c, uint64_t generation);
