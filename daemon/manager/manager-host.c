/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a channel of ours is registered at the tracker and served, and when that ends. Leaves
 * serving to channel-host.h, renewing to manager-lease.c, who asked for it to manager-host-flow.c.
 */
#include "base/log.h"
#include "daemon/manager/manager-host-internal.h"
#include "daemon/message-ids.h"

/* ---- going down ---- */

bool hosting_leave_log(ManagedChannel *x) {
        Hosting *h = x->hosting;

        if (!h || !h->host || channel_host_end(h->host, HOST_MOVES) < 0)
                return false;
        h->registered = false;
        h->register_call = tracker_call_free(h->register_call);
        channel_member_set_lease_until(x->member, 0);
        return true;
}

bool hosting_leave_for(ManagedChannel *x, const char *successor) {
        if (x->hosting)
                snprintf(x->hosting->successor, sizeof(x->hosting->successor), "%s", successor);
        return hosting_leave_log(x);
}

bool hosting_close(ManagedChannel *x) {
        return x->hosting && x->hosting->host &&
               channel_host_end(x->hosting->host, HOST_CLOSES) >= 0;
}

bool hosting_stop(ManagedChannel *x) {
        return x->hosting && x->hosting->host &&
               channel_host_end(x->hosting->host, HOST_STOPS) >= 0;
}

static void hosting_tell(const Hosting *h, const char *message_id, const char *what) {
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", message_id, "CHAT_CHANNEL", hosting_get_name(h),
                              "CHAT_USER", h->channel->manager->me.username),
                   "Channel %s %s", hosting_get_name(h), what);
}

static void stop_serving(Hosting *h, const char *closed_reason, const char *reason) {
        ManagedChannel *x = h->channel;

        if (!h->host)
                return;
        hosting_tell(h, MESSAGE_UNHOSTED, "is not served here now");
        peer_server_remove_host(x->manager->peers, h->host);
        h->host = channel_host_free(h->host, closed_reason);
        whois_free_all(&h->whois);
        channel_member_set_local_host(x->member, NULL, reason);
}

void hosting_end(ManagedChannel *x, const char *closed_reason, const char *reason) {
        Hosting *h = x->hosting;
        Failure f;

        if (!h)
                return;
        stop_serving(h, closed_reason, reason);
        x->hosting = NULL;
        tracker_call_free(h->register_call);
        hosting_view_done(h);
        take_over_free(h->take_over);
        if (h->flow) {
                failure_set(&f, ERROR_CANCELLED, "The channel is not hosted any more.");
                (void) host_flow_end(h->flow, &f);
        }
        free(h);
        x->is_stopping = false;
        manager_sign_out_check(x->manager);
        channel_member_set_lease_until(x->member, 0);
        manager_changed(x->manager);
        manager_lease_schedule(x->manager);
        (void) manager_unhost_ended(x);
}

/* Another key of ours has the lease until held_until. */
static void stay_away(Hosting *h) {
        Manager *m = h->channel->manager;

        stop_serving(h, "moved", "hosted-elsewhere");
        channel_member_set_local_host(h->channel->member, NULL, "hosted-elsewhere");
        channel_member_set_lease_until(h->channel->member, 0);
        manager_changed(m);
        manager_lease_schedule(m);
        manager_locate(h->channel);
}

/* The tracker, or our disk, says that this is not ours to serve. */
void hosting_give_up(Hosting *h, const char *closed_reason, const char *reason) {
        ManagedChannel *x = h->channel;

        log_fields(LOG_WARNING, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_HOSTING_LOST, "CHAT_CHANNEL",
                              hosting_get_name(h), "CHAT_REASON", reason),
                   "Channel %s is not hosted here any more: %s", hosting_get_name(h), reason);
        hosting_end(x, closed_reason, reason);
        channel_member_show_closed(x->member, reason);
}

/* ---- what the host tells ---- */

static void on_entries(ChannelHost *host, const Entry *entries, size_t n, void *userdata) {
        Hosting *h = userdata;
        bool view = false;

        for (size_t i = 0; i < n; i++)
                view = view || entries[i].kind == ENTRY_VIEW || entries[i].kind == ENTRY_TOPIC;
        channel_member_host_entries(h->channel->member, entries, n);
        if (view)
                hosting_tell_view(h);
}

static void on_members(ChannelHost *host, uint64_t generation, void *userdata) {
        Hosting *h = userdata;

        channel_member_host_members(h->channel->member, generation);
        manager_changed(h->channel->manager);
}

static void lookup_user(ChannelHost *host, const char *username, uint64_t ticket, void *userdata) {
        Hosting *h = userdata;

        whois_ask(&h->whois, h->channel->manager->account, h->channel->manager->rt, host, username,
                  ticket);
}

static void on_disk(ChannelHost *host, int r, void *userdata) {
        Hosting *h = userdata;

        if (r < 0)
                log_fields(store_log_level(h->channel->manager->store, r), r,
                           LOG_FIELDS("CHAT_CHANNEL", hosting_get_name(h)),
                           "Channel %s cannot be written to", hosting_get_name(h));
        channel_member_set_state_reason(h->channel->member, r == 0         ? hosting_get_reason(h)
                                                            : r == -ENOSPC ? "disk-full"
                                                                           : "disk-error");
}

/* Its log cannot be read, or not be begun. When that is the disk's fault it is hosted again as soon
 * as the disk is back (manager-store.c); frees h. */
static void cannot_serve(Hosting *h, int r) {
        ManagedChannel *x = h->channel;
        Store *store = x->manager->store;
        HostFlow *flow = TAKE_PTR(h->flow);
        Failure f;

        log_fields(store_log_level(store, r), r, LOG_FIELDS("CHAT_CHANNEL", hosting_get_name(h)),
                   "Channel %s cannot be served", hosting_get_name(h));
        if (store_is_in_trouble(store, r))
                hosting_end(x, NULL, store_get_reason(store));
        else
                hosting_give_up(h, "unhosted", r == -EBADMSG ? "damaged-log" : "disk-error");
        if (!flow)
                return;
        /* The name is granted by now, and kept with the row: nothing is undone. */
        (void) store_fail(store, &f, r, "Cannot begin the log");
        (void) host_flow_end(flow, &f);
        managed_channel_announce(x);
}

static void on_loaded(ChannelHost *host, int r, void *userdata) {
        Hosting *h = userdata;
        ManagedChannel *x = h->channel;

        if (r >= 0)
                r = peer_server_add_host(x->manager->peers, host);
        if (r < 0) {
                cannot_serve(h, r);
                return;
        }
        channel_member_set_local_host(x->member, host, "");
        channel_member_set_state_reason(x->member, hosting_get_reason(h));
        manager_check_door(x->manager);
        /* The epoch with which it may be served when the tracker is away. */
        channel_member_set_hosted(x->member, true, true);
        managed_channel_announce(x);
        hosting_tell(h, MESSAGE_HOSTED, "is served here");
        manager_reach_hosting(x->manager);
        manager_changed(x->manager);
        if (h->flow && host_flow_up(h->flow, host))
                h->flow = NULL;
        hosting_tell_view(h);
}

static void on_ended(ChannelHost *host, void *userdata) {
        Hosting *h = userdata;

        if (h->channel->manager->stop)
                manager_stop_ended(h->channel);
        else if (manager_unhost_ended(h->channel))
                return;
        else if (h->channel->manager->sign_out) {
                h->channel->is_stopping = false;
                manager_sign_out_check(h->channel->manager);
        } else if (h->held_until != 0)
                stay_away(h);
        else
                manager_left_log(h->channel);
}

static const ChannelHostHandlers host_handlers = {
        .on_loaded = on_loaded,
        .on_entries = on_entries,
        .on_members = on_members,
        .lookup_user = lookup_user,
        .on_disk = on_disk,
        .on_ended = on_ended,
};

/* ---- coming up ---- */

void hosting_serve(Hosting *h, uint64_t epoch) {
        ManagedChannel *x = h->channel;
        const StoredChannel *stored = channel_member_get_stored(x->member);
        int r;

        if (x->manager->stop || x->manager->sign_out || (h->host && h->epoch == epoch))
                return;
        /* Under another epoch it is another host's time: its entry comes before anyone is served.
         */
        stop_serving(h, NULL, "");
        h->epoch = epoch;
        if (!stored->hosted)
                channel_member_set_hosted(x->member, true, true);
        r = channel_host_new(x->manager->rt, x->manager->store, stored->row, stored->name,
                             stored->channel_id, epoch, &x->manager->me, &host_handlers, h,
                             &h->host);
        if (r < 0) {
                hosting_give_up(h, "unhosted", "disk-error");
                return;
        }
        channel_host_set_previous(h->host, stored->previous);
        (void) manager_show_presence(x);
}

static void lease_lost(Hosting *h, const char *reason) {
        if (h->registered)
                log_fields(LOG_NOTICE, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_LEASE_LOST, "CHAT_CHANNEL",
                                      hosting_get_name(h), "CHAT_REASON", reason),
                           "The lease of channel %s is lost: %s", hosting_get_name(h), reason);
        h->registered = false;
}

/* Another key of ours holds the lease: another device, or this one before it signed out. When that
 * has ended the tracker is asked again; until then two would serve one log. */
static void held_elsewhere(Hosting *h, uint64_t holder_until) {
        Manager *m = h->channel->manager;
        uint64_t now = account_now(m->account);

        lease_lost(h, "hosted-elsewhere");
        h->held_until = clock_boottime(m->rt->clock) + 1 +
                        (holder_until > now ? MIN(holder_until - now, USEC_PER_HOUR) : 0);
        if (!hosting_leave_log(h->channel))
                stay_away(h);
}

/* Refused for what may be another channel of that name: the directory knows. */
static void not_ours(Hosting *h, ErrorCode code) {
        ManagedChannel *x = h->channel;

        hosting_give_up(h, "unhosted", code > 0 ? error_info(code)->wire : "refused");
        manager_locate(x);
}

static void refused(Hosting *h, const Failure *f) {
        ManagedChannel *x = h->channel;
        const StoredChannel *stored = channel_member_get_stored(x->member);

        if (host_flow_may_repeat(f->code) && managed_channel_is_to_be_hosted(x))
                /* asked again with the next heartbeat */
                channel_member_set_state_reason(x->member, error_info(f->code)->wire);
        else if (!stored->hosted || host_flow_may_repeat(f->code))
                hosting_end(x, NULL, ""); /* a copy that was to take over goes on as one */
        else if (f->code == ERROR_STALE_EPOCH)
                manager_behind(x, f);
        else if (stored->closed)
                hosting_end(x, NULL, "");
        else if (f->code == ERROR_CONFLICT && f->holder_until > 0)
                held_elsewhere(h, f->holder_until);
        else if (f->code == ERROR_BANNED)
                hosting_taken_out(h, f);
        else
                not_ours(h, f->code);
}

static void register_failed(Hosting *h, const Failure *f) {
        ManagedChannel *x = h->channel;
        const StoredChannel *stored = channel_member_get_stored(x->member);
        HostFlow *flow = h->host ? NULL : h->flow; /* one that is up ends with its host */
        Failure why;

        if (host_flow_may_repeat(f->code) && managed_channel_is_to_be_hosted(x) &&
            stored->epoch > 0 && h->held_until == 0 &&
            account_may_host_alone(x->manager->account)) {
                hosting_serve(h, stored->epoch);
                return;
        }
        if (flow && host_flow_explain(flow, f, &why))
                return;
        if (flow)
                h->flow = NULL;
        if (flow && host_flow_end(flow, &why)) {
                /* It was to be a new one, and is none. */
                manager_forget(x);
                return;
        }
        /* Who asked for it left before the tracker said no. A new log that was refused once must
         * not be begun later, when nobody expects it. */
        if (managed_channel_is_unborn(x) &&
            (f->code == ERROR_CHANNEL_EXISTS ||
             (stored->previous[0] && !host_flow_may_repeat(f->code)))) {
                manager_forget(x);
                return;
        }
        managed_channel_announce(x);
        if (flow && f->code == ERROR_BANNED) { /* who asked was told: nothing is begun behind it */
                hosting_end(x, NULL, "delisted");
                channel_member_set_hosted(x->member, true, false);
                return;
        }
        refused(h, f);
}

void hosting_taken_over(ManagedChannel *x) {
        x->hosting->take_over = take_over_free(x->hosting->take_over);
        hosting_serve(x->hosting, x->hosting->epoch);
}

static void granted(Hosting *h, uint64_t epoch) {
        ChannelMember *c = h->channel->member;

        if (channel_member_get_stored(c)->closed || channel_member_is_moved(c))
                channel_member_reopen(c);
        if (!h->host && !h->take_over && !channel_member_get_stored(c)->hosted)
                h->take_over = take_over_new(h->channel);
        if (h->take_over) {
                h->epoch = epoch;
                return;
        }
        hosting_serve(h, epoch);
        manager_follows_previous(h->channel);
}

static void on_registered(const Value *payload, const Failure *failure, void *userdata) {
        Hosting *h = userdata;
        Manager *m = h->channel->manager;
        uint64_t epoch, seconds;
        Failure f;

        h->register_call = NULL;
        if (!failure &&
            (value_uint(value_get(payload, "epoch"), &epoch) < 0 || epoch == 0 ||
             value_uint(value_get(payload, "lease_seconds"), &seconds) < 0 || seconds < 3)) {
                failure_set(&f, ERROR_PROTOCOL, "The tracker's answer cannot be read.");
                failure = &f;
        }
        if (failure) {
                h->n_refreshed = 0;
                register_failed(h, failure);
                return;
        }
        manager_reach_observed(m, value_string(value_get(payload, "observed_address"), NULL));
        m->lease_usec = MIN(seconds, UINT64_C(3600)) * USEC_PER_SEC;
        if (!h->registered)
                hosting_tell(h, MESSAGE_LEASE_GAINED, "is in the directory: the lease is ours");
        h->registered = true;
        h->held_until = 0;
        if (h->delisted_until != 0) {
                h->delisted_until = 0;
                channel_member_set_state_reason(h->channel->member, "");
        }
        hosting_renewed(h, h->register_sent + m->lease_usec);
        manager_lease_schedule(m);
        granted(h, epoch);
        hosting_tell_view(h);
}

static uint64_t last_seq(const Hosting *h) {
        if (h->host && channel_host_is_loaded(h->host))
                return channel_get_last_seq(channel_host_get_channel(h->host));
        return channel_member_get_synced_seq(h->channel->member);
}

static size_t n_members(const Hosting *h) {
        if (h->host && channel_host_is_loaded(h->host))
                return channel_host_get_n_online(h->host);
        return !manager_is_invisible(h->channel->manager);
}

int hosting_register(Hosting *h) {
        Manager *m = h->channel->manager;
        const StoredChannel *stored = channel_member_get_stored(h->channel->member);
        _cleanup_(writer_done) Writer w = {};
        HostWish wish = { .view = VIEW_INVALID };
        char address[ADDRESS_STRING_SIZE];

        if (h->register_call || hosting_is_leaving(h))
                return 0;
        if (h->flow)
                host_flow_get_wish(h->flow, &wish);
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", stored->name);
        writer_string(&w, "channel_id", stored->channel_id);
        writer_begin_array(&w, "addresses");
        for (size_t i = 0; i < m->n_advertised; i++) {
                address_print(&m->advertised[i], address);
                writer_string(&w, NULL, address);
        }
        writer_end_array(&w);
        hosting_write_view(h, &wish, &w);
        writer_uint(&w, "epoch", stored->epoch);
        writer_uint(&w, "last_seq", last_seq(h));
        writer_uint(&w, "members", n_members(h));
        if (stored->previous[0])
                writer_string(&w, "previous", stored->previous);
        if (wish.take_over)
                writer_bool(&w, "take_over", true);
        writer_string(&w, "instance", account_get_instance(m->account));
        writer_end_object(&w);
        h->register_sent = clock_boottime(m->rt->clock);
        h->n_refreshed = m->n_refreshed;
        return account_call(m->account, "HOST", &w, on_registered, h, &h->register_call);
}

int hosting_get(ManagedChannel *x) {
        Hosting *h;

        if (x->hosting)
                return 0;
        if (x->manager->sign_out)
                return -ESHUTDOWN;
        /* Whoever asks: members have seen entries that this log lacks. */
        if (channel_member_get_stored(x->member)->went_back)
                return -EOPNOTSUPP;
        h = new0(Hosting, 1);
        if (!h)
                return -ENOMEM;
        h->channel = x;
        x->hosting = h;
        return 0;
}

int hosting_begin(ManagedChannel *x, HostFlow *flow) {
        const StoredChannel *stored = channel_member_get_stored(x->member);
        int r;

        take_over_back(x, flow);
        r = hosting_get(x);
        if (r < 0)
                return r;
        if (flow)
                x->hosting->flow = flow;
        manager_lease_schedule(x->manager);
        if (flow && channel_member_get_local_host(x->member)) {
                if (host_flow_up(flow, channel_member_get_local_host(x->member)))
                        x->hosting->flow = NULL;
                return 0;
        }
        /* Asked for by a person, the tracker is tried whatever its state. */
        if (flow || account_is_online(x->manager->account))
                return hosting_register(x->hosting);
        if (stored->epoch > 0 && managed_channel_is_to_be_hosted(x) &&
            account_may_host_alone(x->manager->account))
                hosting_serve(x->hosting, stored->epoch);
        return 0;
}

int hosting_hold(ManagedChannel *x, HostFlow *flow) {
        int r;

        take_over_back(x, flow);
        r = hosting_get(x);
        if (r >= 0)
                x->hosting->flow = flow;
        return r;
}

void hosting_flow_done(ManagedChannel *x) {
        x->hosting->flow = NULL;
        hosting_tell_view(x->hosting);
}

/* ---- the lease ---- */

void hosting_write_beat(const Hosting *h, Writer *w) {
        writer_begin_object(w, NULL);
        writer_string(w, "channel_name", hosting_get_name(h));
        writer_uint(w, "epoch", h->epoch);
        writer_uint(w, "last_seq", last_seq(h));
        writer_uint(w, "members", n_members(h));
        writer_end_object(w);
}

void hosting_renewed(Hosting *h, uint64_t lease_until) {
        if (lease_until > channel_member_get_lease_until(h->channel->member))
                channel_member_set_lease_until(h->channel->member, lease_until);
        hosting_tell_view(h);
}

void hosting_lost(Hosting *h, ErrorCode error) {
        lease_lost(h, error > 0 ? error_info(error)->wire : "refused");
        if (error == ERROR_STALE_EPOCH)
                manager_moved(h->channel);
        else if (error == ERROR_NO_SUCH_CHANNEL)
                (void) hosting_register(h); /* it has forgotten us */
        else if (error == ERROR_BANNED)
                (void) hosting_register(h); /* … and tells us why it does not want it */
        else
                not_ours(h, error);
}
