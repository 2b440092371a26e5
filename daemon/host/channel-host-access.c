/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows ACCESS: who asks what somebody may and why, and who is told that it has changed. Leaves
 * what is so, and its words, to channel.h. */
#include "daemon/host/channel-host-internal.h"

/* A ban ends by the clock of the wall, which may be set while a timer runs by the other. */
#define BAN_END_USEC_MAX USEC_PER_MINUTE

/* ---- the question ---- */

typedef struct AccessFields {
        const char *username;
} AccessFields;

static int write_access(const HostCall *c, const Actor *of, Writer *w) {
        const Channel *channel = c->host->channel;
        uint64_t now = host_now(c->host);
        Access access;
        Why why;
        int r;

        channel_get_access(channel, of, now, &access);
        r = channel_explain_access(channel, of, now, &why);
        if (r < 0)
                return r;
        writer_begin_object(w, NULL);
        writer_string(w, "username", of->username);
        writer_string(w, "role", role_to_string(access.role));
        writer_bool(w, "can_view", access.can_view);
        writer_bool(w, "can_send", access.can_send);
        writer_bool(w, "can_moderate", access.can_moderate);
        writer_begin_array(w, "why");
        for (size_t i = 0; i < why.n; i++)
                writer_string(w, NULL, why.text[i]);
        writer_end_array(w);
        writer_end_object(w);
        return w->error;
}

/* Whether the name is anybody's makes no difference: what is said is of the log. */
void access_request(const HostCall *c) {
        static const Field table[] = {
                { "username", FIELD_STRING, offsetof(AccessFields, username), false, 1,
                  NAME_MAX_BYTES },
                {},
        };
        _cleanup_(writer_done) Writer w = {};
        AccessFields x = {};
        Actor named;
        Failure f;

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (x.username && !name_is_valid(x.username)) {
                request_fail_field(c->q, "username", "the name of a user or guest.");
                return;
        }
        if (!x.username || streq(x.username, c->actor->username))
                named = *c->actor;
        else
                actor_named(x.username, &named);
        if (channel_may_see_access(c->host->channel, c->actor, named.username, host_now(c->host),
                                   &f) < 0)
                rpc_request_fail(c->q, &f);
        else if (write_access(c, &named, &w) < 0)
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
        else
                rpc_request_reply(c->q, &w);
}

/* ---- what is told unasked ---- */

void access_told(HostSession *s) {
        ChannelHost *h = s->host;
        Access access;

        channel_get_access(h->channel, &s->actor, host_now(h), &access);
        s->told_view = access.can_view;
        s->told_send = access.can_send;
        s->access_due = false;
}

int access_pull(HostSession *s, Writer *out) {
        bool told_view = s->told_view, told_send = s->told_send;

        access_told(s);
        if (s->told_view == told_view && s->told_send == told_send)
                return 0;
        host_begin_push(s->host, out, "ACCESS");
        writer_bool(out, "can_view", s->told_view);
        writer_bool(out, "can_send", s->told_send);
        host_end_push(out);
        return 1;
}

/* A conn_pull_fn, of who was refused: nothing else is said to them. */
static int refused_pull(Conn *c, Writer *out, void *userdata) {
        HostSession *s = userdata;

        return s->access_due ? access_pull(s, out) : 0;
}

static void arm(ChannelHost *h) {
        uint64_t now, end;

        h->knows_ban_end = h->n_refused > 0;
        if (!h->knows_ban_end) {
                clock_timer_disarm(h->access_timer);
                return;
        }
        now = host_now(h);
        end = channel_next_ban_end(h->channel, now);
        if (end == 0)
                clock_timer_disarm(h->access_timer);
        else
                clock_timer_arm(h->access_timer, MIN(end - now, (uint64_t) BAN_END_USEC_MAX));
}

int access_keep_refused(HostSession *s, ErrorCode why) {
        ChannelHost *h = s->host;

        if (h->closing || h->n_refused >= REFUSED_PER_CHANNEL_MAX ||
            (why != ERROR_RESTRICTED && why != ERROR_BANNED))
                return -EINVAL;
        s->refused = true;
        h->n_refused++;
        s->told_view = s->told_send = s->access_due = false;
        /* All bans are looked through: not for each who knocks. */
        if (!h->knows_ban_end)
                arm(h);
        return 0;
}

void access_forget_refused(HostSession *s) {
        if (!s->refused)
                return;
        s->refused = s->access_due = false;
        s->host->n_refused--;
}

static void wake(HostSession *s) {
        s->access_due = true;
        if (!s->source && s->refused &&
            conn_source_new(rpc_get_conn(s->rpc), refused_pull, s, &s->source) < 0)
                return; /* asks again within an hour, if it lives so long */
        if (s->source)
                conn_source_wake(s->source);
}

static bool has_changed(const HostSession *s) {
        Access access;

        channel_get_access(s->host->channel, &s->actor, host_now(s->host), &access);
        return access.can_view != s->told_view || access.can_send != s->told_send;
}

void access_changed(ChannelHost *h) {
        HostSession *s, *next;
        Failure f;

        h->rights_due = false;
        DL_FOREACH_SAFE(h->sessions, s, next) {
                if (s->connect) /* its answer says so */
                        continue;
                if (s->connected && channel_may_view(h->channel, &s->actor, host_now(h), &f) < 0)
                        session_refuse(s, &f);
                else if ((s->connected || s->refused) && has_changed(s))
                        wake(s);
        }
        arm(h);
}

void access_on_timer(void *host) {
        access_changed(host);
}
