/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when and how the tracker hears that our channels live; leaves what follows from its answer
 * to manager-host.c. */
#include <utlist.h>

#include "daemon/manager/manager-internal.h"

/* Each is ≤ 128 bytes: far below a frame. */
#define CHANNELS_PER_BEAT 256
/* What is registered at addresses that are not all any more is told again. */
#define MOVED_USEC USEC_PER_SEC
/* Who hosts nothing may begin to, and dials hosts: it hears of revoked keys too, at its leisure. */
#define IDLE_USEC (5 * USEC_PER_MINUTE)

static Hosting *find_hosting(Manager *m, const char *name) {
        ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (x->hosting && streq(hosting_get_name(x->hosting), name))
                        return x->hosting;
        return NULL;
}

static void read_lost(Manager *m, const Value *lost) {
        size_t n = value_kind(lost) == VALUE_ARRAY ? value_length(lost) : 0;

        for (size_t i = 0; i < n; i++) {
                const char *name = value_string(value_get(value_at(lost, i), "channel_name"), NULL);
                const char *error = value_string(value_get(value_at(lost, i), "error"), NULL);
                Hosting *h = name ? find_hosting(m, name) : NULL;

                if (h && error)
                        hosting_lost(h, error_from_wire(error));
        }
}

static bool is_lost(const Value *lost, const char *name) {
        size_t n = value_kind(lost) == VALUE_ARRAY ? value_length(lost) : 0;

        for (size_t i = 0; i < n; i++) {
                const char *s = value_string(value_get(value_at(lost, i), "channel_name"), NULL);

                if (s && streq(s, name))
                        return true;
        }
        return false;
}

static bool is_told(const ManagedChannel *x) {
        return x->hosting && hosting_is_registered(x->hosting);
}

/* Channels come and go while an answer is awaited, so each knows itself which beat it was in. */
static void renew(Manager *m, uint64_t beat, const Value *lost) {
        uint64_t until = m->heartbeat_sent + m->lease_usec;
        ManagedChannel *x;

        DL_FOREACH(m->channels, x)
                if (is_told(x) && x->beat == beat && !is_lost(lost, hosting_get_name(x->hosting)))
                        hosting_renewed(x->hosting, until);
}

static size_t write_beat(Manager *m, uint64_t round, uint64_t beat, Writer *w) {
        ManagedChannel *x;
        size_t n = 0;

        writer_begin_object(w, NULL);
        writer_begin_array(w, "channels");
        DL_FOREACH(m->channels, x) {
                if (n >= CHANNELS_PER_BEAT)
                        break;
                if (is_told(x) && x->round < round) {
                        hosting_write_beat(x->hosting, w);
                        x->round = round;
                        x->beat = beat;
                        n++;
                }
        }
        writer_end_array(w);
        writer_string(w, "instance", account_get_instance(m->account));
        writer_uint(w, "revocations_after", revoked_keys_get_version(m->revoked));
        writer_end_object(w);
        return n;
}

/* A round has one beat at least, for what it asks; wanted: this one too. */
static int send_beat(Manager *m, bool wanted, tracker_reply_fn reply) {
        _cleanup_(writer_done) Writer w = {};

        if (write_beat(m, m->round, ++m->n_beats, &w) == 0 && !wanted)
                return 0;
        m->heartbeat_sent = clock_boottime(m->rt->clock);
        return account_call(m->account, "HEARTBEAT", &w, reply, m, &m->heartbeat_call);
}

/* An unanswered one changes nothing for members; the next one is due anyway. */
static void on_beat(const Value *payload, const Failure *failure, void *userdata) {
        Manager *m = userdata;
        uint64_t seconds = 0;
        bool more;

        m->heartbeat_call = NULL;
        if (failure)
                return;
        if (value_uint(value_get(payload, "lease_seconds"), &seconds) >= 0 && seconds >= 3)
                m->lease_usec = MIN(seconds, UINT64_C(3600)) * USEC_PER_SEC;
        more = revoked_keys_take(m->revoked, payload, account_now(m->account)) > 0;
        renew(m, m->n_beats, value_get(payload, "lost"));
        read_lost(m, value_get(payload, "lost"));
        (void) send_beat(m, more, on_beat);
        manager_changed(m);
}

/* HEARTBEAT is for users: a guest hosts nothing. */
static bool may_beat(const Manager *m) {
        return m->account && m->revoked && m->me.username[0] &&
               m->me.user_type == USER_REGISTERED && account_is_online(m->account) &&
               account_may_host(m->account) && !m->heartbeat_call;
}

void manager_ask_revocations(Manager *m) {
        manager_lease_schedule(m);
        if (!may_beat(m))
                return;
        m->round = 0;
        (void) send_beat(m, true, on_beat);
}

static void on_heartbeat(void *userdata) {
        Manager *m = userdata;

        manager_lease_schedule(m);
        if (!may_beat(m))
                return;
        m->round = ++m->n_rounds;
        if (manager_refresh_addresses(m)) {
                manager_register_all(m);
                m->round = 0;
        } else
                manager_register_missing(m);
        (void) send_beat(m, true, on_beat);
}

void manager_beat_now(Manager *m) {
        clock_timer_arm(m->heartbeat, m->heartbeat_call ? MOVED_USEC : 0);
}

static void on_released(const Value *payload, const Failure *failure, void *userdata) {
}

/* Without this the leases would outlive the key that holds them, and refuse the next one. */
void manager_release_all(Manager *m) {
        ManagedChannel *x;

        if (!account_is_online(m->account))
                return;
        DL_FOREACH(m->channels, x)
                if (x->hosting && hosting_may_have_lease(x->hosting))
                        manager_release(x);
}

void manager_release(ManagedChannel *x) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", channel_member_get_name(x->member));
        writer_bool(&w, "forget", false);
        writer_end_object(&w);
        (void) account_call(x->manager->account, "UNHOST", &w, on_released, NULL, NULL);
}

int manager_lease_init(Manager *m) {
        return clock_timer_new(m->rt->clock, on_heartbeat, m, &m->heartbeat);
}

void manager_lease_schedule(Manager *m) {
        bool is_hosting = false, has_moved = false;
        ManagedChannel *x;

        DL_FOREACH(m->channels, x) {
                is_hosting = is_hosting || x->hosting;
                has_moved = has_moved || (x->hosting && hosting_has_moved(x->hosting));
        }
        if (has_moved && m->account && account_is_online(m->account))
                clock_timer_arm(m->heartbeat, MOVED_USEC);
        else if (is_hosting)
                clock_timer_arm(m->heartbeat, m->lease_usec / 3);
        else if (m->me.username[0] && m->me.user_type == USER_REGISTERED)
                clock_timer_arm(m->heartbeat, IDLE_USEC);
        else
                clock_timer_disarm(m->heartbeat);
}
