/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what becomes of a channel of ours that an operator of the tracker took out of the
 * directory; leaves registering and serving to manager-host.c. */
#include "base/log.h"
#include "daemon/manager/manager-host-internal.h"

/* The directory shows when it is put back; this is for a push that was lost. */
#define DELISTED_RETRY_USEC (15 * USEC_PER_MINUTE)

/* An operator of the tracker took it out of the directory. That is nothing between us and those who
 * are there. Nobody else can have it either: none is granted a lease. */
void hosting_taken_out(Hosting *h, const Failure *f) {
        ManagedChannel *x = h->channel;
        const StoredChannel *stored = channel_member_get_stored(x->member);
        Manager *m = x->manager;

        if (h->delisted_until == 0)
                log_fields(LOG_WARNING, 0, LOG_FIELDS("CHAT_CHANNEL", stored->name), "%s",
                           f->message);
        h->delisted_until = clock_boottime(m->rt->clock) + DELISTED_RETRY_USEC;
        channel_member_set_lease_until(x->member, 0);
        channel_member_set_state_reason(x->member, hosting_get_reason(h));
        if (stored->epoch > 0 && h->held_until == 0 && managed_channel_is_to_be_hosted(x) &&
            account_may_host_alone(m->account))
                hosting_serve(h, stored->epoch);
}

bool hosting_is_back(const Hosting *h, const DirectoryEntry *entry) {
        return h->delisted_until != 0 &&
               streq(entry->channel_id, channel_member_get_id(h->channel->member));
}

void hosting_put_back(Hosting *h) {
        (void) hosting_register(h);
}

const char *hosting_get_reason(const Hosting *h) {
        return h->delisted_until != 0 ? "delisted" : "";
}
