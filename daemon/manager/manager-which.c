/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channel a name means, and what follows for those that we have: another one has the
 * name, another device of ours has the lease, a log went back. Leaves hosting itself to
 * manager-host.c and members' way to their host to channel-member-locate.c. */
#include <utlist.h>

#include "daemon/manager/manager-internal.h"

/* Open ones come first; among those that are closed one that was ours to host. */
static int rank(const ManagedChannel *x) {
        const StoredChannel *stored = channel_member_get_stored(x->member);

        if (!stored->closed)
                return 3;
        if (channel_member_is_displaced(x->member))
                return 1;
        return stored->hosted ? 2 : 1;
}

ManagedChannel *manager_find_name(const Manager *m, const char *name) {
        ManagedChannel *x, *best = NULL;

        DL_FOREACH(m->channels, x)
                if (streq(channel_member_get_name(x->member), name) &&
                    (!best || rank(x) > rank(best)))
                        best = x;
        return best;
}

ManagedChannel *manager_find_id(const Manager *m, const char *channel_id) {
        ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (streq(channel_member_get_id(x->member), channel_id))
                        return x;
        return NULL;
}

bool managed_channel_is_unborn(const ManagedChannel *x) {
        const StoredChannel *stored = channel_member_get_stored(x->member);

        return stored->hosted && stored->epoch == 0 && stored->synced_seq == 0 &&
               stored->n_outbox == 0;
}

bool managed_channel_is_to_be_hosted(const ManagedChannel *x) {
        const StoredChannel *stored = channel_member_get_stored(x->member);

        return stored->hosted && stored->wanted && !stored->closed && !stored->went_back &&
               stored->row != 0;
}

bool managed_channel_may_be_copy(const ManagedChannel *x, const DirectoryEntry *entry) {
        const StoredChannel *stored = channel_member_get_stored(x->member);

        return !stored->hosted ||
               (entry->online &&
                (stored->went_back || (stored->epoch > 0 && entry->epoch > stored->epoch)));
}

/* ---- the directory ---- */

static bool follows_directory(const ManagedChannel *x) {
        const StoredChannel *stored = channel_member_get_stored(x->member);

        if (stored->closed && !channel_member_is_displaced(x->member))
                return false;
        if (!stored->hosted)
                return !x->hosting || !hosting_get_take_over(x->hosting);
        if (x->hosting && hosting_is_leaving(x->hosting))
                return false;
        return !stored->went_back && !managed_channel_is_unborn(x) &&
               (!x->hosting || hosting_is_elsewhere(x->hosting)) &&
               (stored->wanted || channel_member_is_moved(x->member));
}

/* One that is ours, and not hosted here now. */
static void locate_own(ManagedChannel *x, const DirectoryEntry *entry) {
        ChannelMember *c = x->member;

        if (!channel_member_is_meant(c, entry)) {
                hosting_end(x, "moved", "");
                channel_member_displace(c, entry->channel_id,
                                        streq(entry->owner, channel_member_get_owner(c)));
        } else if (managed_channel_may_be_copy(x, entry)) {
                hosting_end(x, "moved", "");
                channel_member_become_copy(c);
                channel_member_locate(c, entry);
        } else if (channel_member_is_displaced(c)) {
                channel_member_come_back(c);
                if (managed_channel_is_to_be_hosted(x))
                        (void) hosting_begin(x, NULL);
        }
}

static void follow(ManagedChannel *x, const DirectoryEntry *entry) {
        if (entry && x->hosting && hosting_is_superseded(x->hosting, entry))
                manager_beat_now(x->manager); /* the answer to which counts */
        if (entry && x->hosting && hosting_is_back(x->hosting, entry))
                hosting_put_back(x->hosting);
        if (!follows_directory(x))
                return;
        if (!channel_member_get_stored(x->member)->hosted)
                channel_member_locate(x->member, entry);
        else if (entry)
                locate_own(x, entry);
}

static void on_located(const Failure *f, const DirectoryEntry *entry, void *userdata) {
        ManagedChannel *x = userdata;

        x->lookup = NULL;
        follow(x, entry);
}

void manager_locate(ManagedChannel *x) {
        Manager *m = x->manager;

        if (x->lookup || !follows_directory(x))
                return;
        if (!account_is_online(m->account) ||
            account_lookup(m->account, channel_member_get_name(x->member), on_located, x,
                           &x->lookup) < 0)
                follow(x, NULL);
}

void manager_locate_all(Manager *m) {
        ManagedChannel *x, *next;

        DL_FOREACH_SAFE(m->channels, x, next)
                if (channel_member_get_state(x->member) != MEMBER_LIVE)
                        manager_locate(x);
}

/* All of that name: the one that it means, and those that it meant before. */
static void tell(Manager *m, const char *name, const DirectoryEntry *entry) {
        ManagedChannel *x, *next;

        DL_FOREACH_SAFE(m->channels, x, next)
                if (streq(channel_member_get_name(x->member), name))
                        follow(x, entry);
}

void manager_directory(Manager *m, const DirectoryEntry *changed, size_t n_changed,
                       const char *const *removed, size_t n_removed, bool reset) {
        if (reset)
                manager_locate_all(m);
        for (size_t i = 0; i < n_changed; i++)
                tell(m, changed[i].channel_name, &changed[i]);
        for (size_t i = 0; i < n_removed; i++)
                tell(m, removed[i], NULL);
}

/* ---- one of ours that is not ours to serve ---- */

void manager_moved(ManagedChannel *x) {
        if (!hosting_leave_log(x))
                manager_left_log(x);
}

static void displace(ManagedChannel *x, const char *successor) {
        char id[UUID_STRING_SIZE];

        snprintf(id, sizeof(id), "%s", successor); /* it may be the hosting's, which goes */
        hosting_end(x, "moved", "");
        channel_member_displace(x->member, id, true);
}

void manager_left_log(ManagedChannel *x) {
        if (x->hosting && hosting_get_successor(x->hosting)[0]) {
                displace(x, hosting_get_successor(x->hosting));
                return;
        }
        hosting_end(x, "moved", "moved");
        channel_member_show_moved(x->member);
        manager_locate(x);
}

void manager_behind(ManagedChannel *x, const Failure *f) {
        const StoredChannel *stored = channel_member_get_stored(x->member);

        if (f->successor[0]) {
                if (!hosting_leave_for(x, f->successor))
                        displace(x, f->successor);
        } else if (f->epoch > stored->epoch && !stored->went_back)
                manager_moved(x);
        else {
                hosting_end(x, "moved", "");
                channel_member_show_behind(x->member, f->last_seq);
        }
}

/* ---- a log that another one follows ---- */

void manager_set_went_back(Manager *m, const char *channel_id) {
        ManagedChannel *x = manager_find_id(m, channel_id);

        if (!x || !channel_member_get_stored(x->member)->hosted)
                return;
        hosting_end(x, "moved", "");
        channel_member_set_went_back(x->member);
}

void manager_follows_previous(ManagedChannel *x) {
        const StoredChannel *stored = channel_member_get_stored(x->member);
        ManagedChannel *old = NULL;

        if (stored->previous[0])
                old = manager_find_id(x->manager, stored->previous);
        if (!old || old == x)
                return;
        hosting_end(old, "moved", "");
        channel_member_displace(old->member, stored->channel_id, true);
}

/* Whatever was on disk when we were stopped on the way. */
void manager_settle_previous(Manager *m) {
        ManagedChannel *x, *next;

        DL_FOREACH_SAFE(m->channels, x, next) {
                const StoredChannel *stored = channel_member_get_stored(x->member);

                if (!stored->hosted || !stored->previous[0])
                        continue;
                if (managed_channel_is_unborn(x))
                        manager_set_went_back(m, stored->previous);
                else if (!stored->closed)
                        manager_follows_previous(x);
        }
}
