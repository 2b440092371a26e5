/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how it stands with a hosting, for who asks; leaves changing that to manager-host.c. */
#include "daemon/manager/manager-host-internal.h"

const char *hosting_get_name(const Hosting *h) {
        return channel_member_get_name(h->channel->member);
}

bool hosting_is_registered(const Hosting *h) {
        return h->registered;
}

bool hosting_may_have_lease(const Hosting *h) {
        return h->registered || h->register_call;
}

bool hosting_has_moved(const Hosting *h) {
        return h->registered && !h->register_call && h->n_refreshed != 0 &&
               h->n_refreshed != h->channel->manager->n_refreshed;
}

bool hosting_is_elsewhere(const Hosting *h) {
        return h->held_until != 0;
}

const char *hosting_get_successor(const Hosting *h) {
        return h->successor;
}

TakeOver *hosting_get_take_over(const Hosting *h) {
        return h->take_over;
}

bool hosting_is_superseded(const Hosting *h, const DirectoryEntry *entry) {
        return h->registered && entry->epoch > h->epoch &&
               streq(entry->channel_id, channel_member_get_id(h->channel->member));
}

bool hosting_is_leaving(const Hosting *h) {
        return h->host && channel_host_is_ending(h->host);
}

bool hosting_has_flow(const ManagedChannel *x) {
        return x->hosting && x->hosting->flow;
}

ChannelHost *hosting_get_host(const Hosting *h) {
        return h->host;
}
