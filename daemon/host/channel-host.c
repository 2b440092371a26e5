/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a hosted channel comes up from its log and goes down; leaves writing to the queue and
 * members to their sessions. */
#include "daemon/host/channel-host-internal.h"

#define LOAD_PAGE_ENTRIES 500
#define LOAD_PAGE_BYTES (256 * 1024)
#define BUSY_RETRY_MSEC 1000

ChannelHost *host_enter(ChannelHost *h) {
        h->n_inside++;
        return h;
}

ChannelHost *host_leave(ChannelHost *h) {
        if (--h->n_inside == 0 && h->closing)
                free(h);
        return NULL;
}

int host_fail_busy(Failure *f, const char *message) {
        int r = failure_set(f, ERROR_BUSY, "%s", message);

        f->retry_after_ms = BUSY_RETRY_MSEC;
        return r;
}

uint64_t host_now(const ChannelHost *h) {
        return clock_realtime(h->rt->clock);
}

void host_begin_push(const ChannelHost *h, Writer *w, const char *command) {
        envelope_begin(w, command, NULL);
        writer_begin_object(w, NULL);
        writer_string(w, "channel_name", h->name);
        writer_string(w, "channel_id", channel_get_id(h->channel));
}

void host_end_push(Writer *w) {
        writer_end_object(w);
        envelope_end(w);
}

void host_write_state(const ChannelHost *h, const Actor *actor, Writer *w) {
        const Channel *c = h->channel;
        const RetentionRule *retention = channel_get_retention(c);
        uint64_t rate, burst;

        channel_get_rates(c, &rate, &burst);
        writer_string(w, "channel_id", channel_get_id(c));
        writer_uint(w, "epoch", channel_get_epoch(c));
        writer_string(w, "owner", channel_get_owner(c));
        writer_string(w, "role", role_to_string(channel_get_role(c, actor->username)));
        writer_string(w, "view_permission", view_permission_to_string(channel_get_view(c)));
        writer_string(w, "send_permission", send_permission_to_string(channel_get_send(c)));
        writer_string(w, "topic", channel_get_topic(c));
        writer_uint(w, "last_seq", channel_get_last_seq(c));
        writer_uint(w, "members_online", h->roster.n_online);
        writer_uint(w, "generation", h->roster.generation);
        writer_uint(w, "message_rate", rate);
        writer_uint(w, "message_burst", burst);
        if (retention->days == 0)
                return;
        writer_begin_object(w, "retention");
        writer_uint(w, "days", retention->days);
        writer_string(w, "by", retention->username);
        writer_uint(w, "seq", retention->seq);
        writer_time(w, "time", retention->time);
        writer_end_object(w);
}

/* ---- coming up ---- */

static int prepare_push(ChannelHost *h) {
        _cleanup_(writer_done) Writer w = {};
        size_t n;
        int r;

        host_begin_push(h, &w, "MESSAGE");
        writer_begin_array(&w, "entries");
        h->n_push_head = w.size;
        writer_end_array(&w);
        host_end_push(&w);
        r = writer_take(&w, &h->push_head, &n);
        if (r < 0)
                return r;
        h->push_tail = h->push_head + h->n_push_head;
        h->n_push_tail = n - h->n_push_head;
        return 0;
}

static void load_finish(ChannelHost *h, int r) {
        if (r >= 0)
                r = prepare_push(h);
        if (r >= 0)
                r = appearance_set(h, &h->me, &h->appearance, h->invisible, h->appearance.status);
        h->loaded = r >= 0;
        queue_pump_soon(h);
        if (h->handlers.on_loaded)
                h->handlers.on_loaded(h, MIN(r, 0), h->userdata);
}

static void on_begun(int r, const Appended *results, size_t n_results, const Entry *entries,
                     size_t n, void *userdata) {
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);

        h->load_job = NULL;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = channel_apply(h->channel, &entries[i]);
        load_finish(h, r);
        if (h->loaded && h->handlers.on_entries)
                h->handlers.on_entries(h, entries, n, h->userdata);
}

/* The log is read. What it lacks before anyone is served is its beginning, or that we are its host
 * under a new epoch. */
static int load_begin(ChannelHost *h) {
        const Channel *c = h->channel;
        _cleanup_free_ char *extra = NULL;
        Proposal p = { .user_type = h->me.user_type };
        int r;

        if (channel_get_last_seq(c) == 0) {
                p.kind = ENTRY_CREATE;
                r = channel_extra_create(h->me.username, h->channel_id, h->epoch,
                                         h->previous[0] ? h->previous : NULL, &extra, &p.n_extra);
        } else if (!streq(channel_get_id(c), h->channel_id))
                return -EBADMSG;
        else if (h->epoch > channel_get_epoch(c)) {
                p.kind = ENTRY_HOST;
                r = channel_extra_host(h->epoch, h->me.username, &extra, &p.n_extra);
        } else {
                load_finish(h, 0);
                return 0;
        }
        if (r < 0)
                return r;

        p.extra = extra;
        random_uuid(h->rt->random, p.id);
        memcpy(p.username, h->me.username, sizeof(p.username));
        memcpy(p.key_id, h->me.key_id, sizeof(p.key_id));
        return store_append(h->store, h->row, &p, 1, on_begun, h, &h->load_job);
}

static void on_roster(int r, uint64_t saved, uint64_t generation, const StoredPresence *rows,
                      size_t n, void *userdata) {
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);

        h->load_job = NULL;
        if (r >= 0) {
                roster_hold(&h->roster, saved, generation, rows, n);
                r = load_begin(h);
        }
        if (r < 0)
                load_finish(h, r);
}

static void on_role_keys(int r, const StoredRoleKey *keys, size_t n, void *userdata) {
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);

        h->load_job = NULL;
        if (r >= 0)
                r = keys_load(h, keys, n);
        if (r >= 0)
                r = store_load_roster(h->store, h->row, on_roster, h, &h->load_job);
        if (r < 0)
                load_finish(h, r);
}

static void on_newest(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);

        h->load_job = NULL;
        if (r >= 0 && n > 0 && entries[n - 1].seq > channel_get_last_seq(h->channel))
                r = channel_apply(h->channel, &entries[n - 1]);
        if (r >= 0)
                r = store_load_role_keys(h->store, h->row, on_role_keys, h, &h->load_job);
        if (r < 0)
                load_finish(h, r);
}

static void on_governance(int r, const Entry *entries, size_t n, bool more, void *userdata) {
        static const PageQuery newest = { .before = true, .limit = 1, .max_bytes = 1 };
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);
        PageQuery query = {
                .limit = LOAD_PAGE_ENTRIES,
                .max_bytes = LOAD_PAGE_BYTES,
                .governance_only = true,
        };

        h->load_job = NULL;
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = channel_apply(h->channel, &entries[i]);
        if (r >= 0) {
                query.anchor = channel_get_last_seq(h->channel);
                r = more && n > 0 ? store_read_page(h->store, h->row, &query, on_governance, h,
                                                    &h->load_job)
                                  : store_read_page(h->store, h->row, &newest, on_newest, h,
                                                    &h->load_job);
        }
        if (r < 0)
                load_finish(h, r);
}

/* A host before us, of this log and in this process, may have left entries at the disk. */
static void on_settled(int r, void *userdata) {
        static const PageQuery first = {
                .limit = LOAD_PAGE_ENTRIES,
                .max_bytes = LOAD_PAGE_BYTES,
                .governance_only = true,
        };
        _cleanup_(host_leavep) ChannelHost *h = host_enter(userdata);

        h->load_job = NULL;
        r = store_read_page(h->store, h->row, &first, on_governance, h, &h->load_job);
        if (r < 0)
                load_finish(h, r);
}

int channel_host_new(const Runtime *rt, Store *store, uint64_t row, const char *name,
                     const char *channel_id, uint64_t epoch, const Actor *me,
                     const ChannelHostHandlers *handlers, void *userdata, ChannelHost **ret) {
        _cleanup_(host_leavep) ChannelHost *h = NULL;
        int r;

        if (!name_is_valid(name) || !uuid_is_valid(channel_id))
                return -EINVAL;
        h = new0(ChannelHost, 1);
        if (!h)
                return -ENOMEM;
        *h = (ChannelHost){
                .rt = rt,
                .store = store,
                .row = row,
                .epoch = epoch,
                .me = *me,
                .appearance.status = PRESENCE_ONLINE,
                .handlers = *handlers,
                .userdata = userdata,
                .n_inside = 1,
        };
        strcpy(h->name, name);
        strcpy(h->channel_id, channel_id);

        r = channel_new(&h->channel);
        if (r >= 0)
                r = sd_event_add_defer(rt->event, &h->pump, queue_on_pump, h);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->pump, SD_EVENT_OFF);
        if (r >= 0)
                r = clock_timer_new(rt->clock, sessions_retry, h, &h->retry_timer);
        if (r >= 0)
                r = clock_timer_new(rt->clock, access_on_timer, h, &h->access_timer);
        if (r >= 0)
                r = roster_init(&h->roster, h);
        if (r >= 0)
                r = store_settle(store, on_settled, h, &h->load_job);
        if (r < 0) {
                channel_host_free(h, NULL);
                return r;
        }
        *ret = h;
        return 0;
}

/* ---- going down ---- */

static void close_sessions(ChannelHost *h, const char *reason, const Failure *f) {
        HostSession *s, *next;

        DL_FOREACH_SAFE(h->sessions, s, next) {
                if (reason) {
                        session_close(s, reason, "This channel is not hosted here any more.");
                        continue;
                }
                if (s->connect)
                        rpc_request_fail(TAKE_PTR(s->connect), f);
                host_session_free(s);
        }
}

ChannelHost *channel_host_free(ChannelHost *h, const char *closed_reason) {
        Failure f;

        if (!h || h->closing)
                return NULL;
        host_enter(h);
        h->closing = true;
        h->handlers = (ChannelHostHandlers){};
        h->pump = sd_event_source_disable_unref(h->pump);
        h->load_job = job_free(h->load_job);
        h->append_job = job_free(h->append_job);

        (void) host_fail_busy(&f, "This channel is not hosted here any more.");
        queue_fail_all(h, &f);
        close_sessions(h, closed_reason, &f);
        while (h->reads)
                host_read_free(h->reads);
        answers_free(h);

        if (closed_reason && h->loaded)
                roster_save_nobody(&h->roster);
        roster_done(&h->roster);
        rates_done(&h->rates);
        keys_done(h);
        recent_clear(&h->recent);
        h->retry_timer = clock_timer_free(h->retry_timer);
        h->access_timer = clock_timer_free(h->access_timer);
        h->end_timer = clock_timer_free(h->end_timer);
        h->channel = channel_free(h->channel);
        free(h->push_head);
        h->push_head = NULL;
        return host_leave(h);
}

/* ---- what is asked of it ---- */

const Channel *channel_host_get_channel(const ChannelHost *h) {
        return h->channel;
}

const char *channel_host_get_name(const ChannelHost *h) {
        return h->name;
}

bool channel_host_is_loaded(const ChannelHost *h) {
        return h->loaded;
}

size_t channel_host_get_n_sessions(const ChannelHost *h) {
        return h->n_sessions;
}

void channel_host_set_previous(ChannelHost *h, const char *channel_id) {
        assert(h->load_job && !h->loaded);
        snprintf(h->previous, sizeof(h->previous), "%s", channel_id);
}
