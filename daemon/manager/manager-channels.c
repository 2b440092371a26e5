/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the channels of who is signed in: loaded, shown, told what the directory says, dropped.
 * Leaves each one's life to itself. */
#include <utlist.h>

#include "base/log.h"
#include "daemon/manager/manager-internal.h"

/* ---- what a channel tells ---- */

static void on_changed(ChannelMember *c, void *userdata) {
        ManagedChannel *x = userdata;
        Manager *m = x->manager;

        if (channel_member_get_retention_days(c) != x->retention_days) {
                x->retention_days = channel_member_get_retention_days(c);
                manager_sweep_soon(m);
        }
        if (channel_member_get_state(c) == MEMBER_CLOSED &&
            streq(channel_member_get_state_reason(c), "replaced"))
                account_note_copy(m->account);
        if (x->announced && m->observer.on_channel_changed)
                m->observer.on_channel_changed(m, c, m->observer_userdata);
}

static void on_entries(ChannelMember *c, uint64_t first, uint64_t last, void *userdata) {
        ManagedChannel *x = userdata;
        Manager *m = x->manager;

        if (x->announced && m->observer.on_entries_appended)
                m->observer.on_entries_appended(m, c, first, last, m->observer_userdata);
}

static void on_heard(ChannelMember *c, const Entry *entries, size_t n, void *userdata) {
        ManagedChannel *x = userdata;
        Manager *m = x->manager;

        if (x->announced && m->observer.on_heard)
                m->observer.on_heard(m, c, entries, n, m->observer_userdata);
}

static void on_outbox(ChannelMember *c, uint64_t generation, void *userdata) {
        ManagedChannel *x = userdata;
        Manager *m = x->manager;

        if (x->announced && m->observer.on_outbox_changed)
                m->observer.on_outbox_changed(m, c, generation, m->observer_userdata);
        manager_changed(m);
}

static void on_members(ChannelMember *c, uint64_t generation, void *userdata) {
        ManagedChannel *x = userdata;
        Manager *m = x->manager;

        if (x->announced && m->observer.on_members_changed)
                m->observer.on_members_changed(m, c, generation, m->observer_userdata);
}

static void on_lost(ChannelMember *c, void *userdata) {
        ManagedChannel *x = userdata;
        TakeOver *t = x->hosting ? hosting_get_take_over(x->hosting) : NULL;

        if (t)
                take_over_ended(t);
        else
                manager_locate(x);
}

static const MemberHandlers member_handlers = {
        .on_changed = on_changed,
        .on_entries = on_entries,
        .on_heard = on_heard,
        .on_outbox = on_outbox,
        .on_members = on_members,
        .on_lost = on_lost,
};

/* ---- one ---- */

ManagedChannel *managed_channel_free(ManagedChannel *x) {
        Manager *m;

        if (!x)
                return NULL;
        m = x->manager;
        if (x->announced && m->observer.on_channel_removed)
                m->observer.on_channel_removed(m, x->member, m->observer_userdata);
        x->announced = false;
        directory_lookup_free(x->lookup);
        hosting_end(x, m->is_freed ? NULL : "unhosted", "");
        channel_member_free(x->member);
        DL_DELETE(m->channels, x);
        free(x);
        return NULL;
}

void manager_forget(ManagedChannel *x) {
        Manager *m = x->manager;
        uint64_t row = channel_member_get_stored(x->member)->row;

        managed_channel_free(x);
        if (row != 0)
                manager_delete_row(m, store_delete_channel, row);
        manager_changed(m);
}

int managed_channel_new(Manager *m, const StoredChannel *stored, ManagedChannel **ret) {
        ManagedChannel *x = new0(ManagedChannel, 1);
        int r;

        if (!x)
                return -ENOMEM;
        x->manager = m;
        r = channel_member_new(
                &(MemberContext){
                        .rt = m->rt,
                        .store = m->store,
                        .links = m->links,
                        .exporter = m->exporter,
                        .tracker_id = account_get_tracker_id(m->account),
                        .me = m->me,
                        .presence = m->presence,
                        .notify = m->notify,
                        .handlers = &member_handlers,
                        .userdata = x,
                },
                stored, &x->member);
        if (r < 0) {
                free(x);
                return r;
        }
        DL_APPEND(m->channels, x);
        *ret = x;
        return 0;
}

void managed_channel_announce(ManagedChannel *x) {
        Manager *m = x->manager;

        if (x->announced)
                return;
        x->announced = true;
        if (m->observer.on_channel_added)
                m->observer.on_channel_added(m, x->member, m->observer_userdata);
        manager_changed(m);
}

ManagedChannel *manager_find_member(const Manager *m, const ChannelMember *c) {
        ManagedChannel *x;

        DL_SEARCH_SCALAR(m->channels, x, member, c);
        return x;
}

/* ---- all ---- */

void managed_channel_begin(ManagedChannel *x) {
        const StoredChannel *stored = channel_member_get_stored(x->member);
        TrackerState state = account_get_tracker_state(x->manager->account);
        int r;

        if (stored->closed || !stored->hosted) {
                channel_member_start(x->member);
                return;
        }
        if (!stored->wanted) {
                channel_member_set_state_reason(
                        x->member, channel_member_is_moved(x->member) ? "moved" : "unhosted");
                manager_locate(x);
                return;
        }
        /* While it is still being dialled the tracker may have something to say about it. */
        if (state == TRACKER_CONNECTING)
                return;
        r = hosting_begin(x, NULL);
        if (r < 0)
                log_fields(LOG_ERR, r, LOG_FIELDS("CHAT_CHANNEL", stored->name),
                           "Cannot host channel %s", stored->name);
}

static void on_loaded(int r, const StoredChannel *channels, size_t n, bool invisible,
                      void *userdata) {
        Manager *m = userdata;
        ManagedChannel *x, *next;

        m->channels_job = NULL;
        manager_presence_loaded(m, r, invisible);
        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = managed_channel_new(m, &channels[i], &x);
                if (r >= 0 && !managed_channel_is_unborn(x))
                        managed_channel_announce(x);
        }
        if (r < 0)
                log_fields(store_log_level(m->store, r), r, NULL, "Cannot read the channels of %s",
                           m->me.username);
        if (manager_load_later(m, r))
                r = 0;
        manager_settle_previous(m);
        manager_started(m, r);
        /* One that somebody asked for meanwhile has no row yet, and goes its own way. */
        DL_FOREACH_SAFE(m->channels, x, next)
                if (channel_member_get_stored(x->member)->row != 0)
                        managed_channel_begin(x);
        manager_changed(m);
        manager_account_settled(m);
        account_is_shown(m->account);
}

int manager_load_channels(Manager *m) {
        return store_load_channels(m->store, account_get_identity(m->account), on_loaded, m,
                                   &m->channels_job);
}

void manager_drop_channels(Manager *m) {
        if (m->channels_job && !m->is_freed)
                account_is_shown(m->account);
        m->channels_job = job_free(m->channels_job);
        m->heartbeat_call = tracker_call_free(m->heartbeat_call);
        clock_timer_disarm(m->heartbeat);
        while (m->joins)
                join_flow_free(m->joins);
        while (m->leaves)
                leave_flow_free(m->leaves);
        while (m->channels)
                managed_channel_free(m->channels);
        m->links = host_links_free(m->links);
        manager_presence_done(m);
}
