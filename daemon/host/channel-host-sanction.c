/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody is sent out of a channel: who is meant, what is logged, and that it happens to
 * live sessions in the same turn. Leaves who may to channel.h. */
#include "base/text.h"
#include "base/timestamp.h"
#include "daemon/host/channel-host-internal.h"

/* ---- who is meant ---- */

/* A guest is the key under which the name was last seen: here, else in the log. */
static bool find_key(const ChannelHost *h, Work *w) {
        const RosterRow *row = roster_find(&h->roster, w->target);

        if (!name_is_guest(w->target) || w->has_key)
                return true;
        if (!row || row->shown == PRESENCE_OFFLINE || !row->key_id[0])
                return false;
        strcpy(w->key_id, row->key_id);
        return true;
}

bool sanction_has_key(const ChannelHost *h, Work *w) {
        return w->kind != WORK_BAN || find_key(h, w);
}

static void on_key(int r, const char *key_id, void *userdata) {
        Work *w = userdata;
        ChannelHost *h = w->host;

        w->author_job = NULL;
        DL_DELETE(h->keys, w);
        if (r < 0) {
                (void) host_fail_busy(&w->failure, "The log cannot be read now; try again.");
                DL_APPEND(h->answered, w);
        } else {
                snprintf(w->key_id, sizeof(w->key_id), "%s", key_id);
                w->has_key = true;
                DL_APPEND(h->queue, w);
        }
        queue_pump_soon(h);
}

void sanction_ask_for_keys(ChannelHost *h) {
        Work *w, *next;

        DL_FOREACH_SAFE(h->keys, w, next)
                if (!w->author_job &&
                    store_read_guest(h->store, h->row, w->target, on_key, w, &w->author_job) < 0)
                        on_key(-ENOBUFS, NULL, w);
}

/* ---- judging ---- */

int sanction_check(const ChannelHost *h, Work *w) {
        uint64_t now = host_now(h);
        int r;

        r = channel_may_moderate(h->channel, &w->actor, w->target, now, &w->failure);
        if (r < 0 || w->kind != WORK_BAN || w->until == 0 || w->until > now)
                return r;
        r = failure_set(&w->failure, ERROR_BAD_REQUEST,
                        "until: that time has passed; name one to come, or none.");
        strcpy(w->failure.field, "until");
        return r;
}

static int fail_unknown(Work *w) {
        return failure_set(&w->failure, ERROR_NO_SUCH_USER,
                           "No guest %s is here, nor has one said anything here.", w->target);
}

int sanction_judge(ChannelHost *h, Work *w) {
        const Channel *c = h->channel;
        WorkMessage *m = &w->messages[0];
        int r = 1;

        if (w->kind == WORK_UNBAN)
                r = channel_extra_unban(c, w->target, w->reason, host_now(h), &m->extra,
                                        &m->n_extra);
        else if (w->kind == WORK_BAN) {
                if (name_is_guest(w->target) && !w->key_id[0])
                        return fail_unknown(w);
                r = channel_extra_ban(c, w->target, w->key_id, w->reason, w->until, host_now(h),
                                      &m->extra, &m->n_extra);
        } else if (roster_shows(&h->roster, w->target)) {
                (void) find_key(h, w);
                r = channel_extra_kick(w->target, w->key_id, w->reason, &m->extra, &m->n_extra);
        }
        return r < 0 ? failure_set(&w->failure, ERROR_INTERNAL, "Out of memory.") : r;
}

/* ---- what follows ---- */

static bool is_meant(const Work *w, const Actor *a) {
        return streq(a->username, w->target) && (!w->key_id[0] || streq(a->key_id, w->key_id));
}

static void kick_sessions(ChannelHost *h, const Work *w) {
        HostSession *s, *next;
        Failure f;

        (void) failure_set(&f, ERROR_RATE_LIMITED, "%s has sent you out of this channel%s%s",
                           w->actor.username, w->reason ? ": " : ".", w->reason ?: "");
        DL_FOREACH_SAFE(h->sessions, s, next) {
                if (!s->connected || !is_meant(w, &s->actor))
                        continue;
                if (s->connect)
                        rpc_request_fail(TAKE_PTR(s->connect), &f);
                session_close(s, "kicked", f.message);
        }
}

void sanction_done(ChannelHost *h, const Work *w) {
        if (w->kind == WORK_KICK)
                kick_sessions(h, w);
        if (w->kind == WORK_KICK || w->kind == WORK_BAN)
                roster_expel(&h->roster, w->target);
}

/* ---- requests ---- */

typedef struct SanctionFields {
        const char *target, *reason, *until;
} SanctionFields;

static void enqueue(const HostCall *c, WorkKind kind, const SanctionFields *x) {
        _cleanup_(work_freep) Work *w = NULL;
        uint64_t until = 0;

        if (!name_is_valid(x->target)) {
                request_fail_field(c->q, "target", "a name in lower case.");
                return;
        }
        if (x->reason && !text_is_valid(x->reason, strlen(x->reason), false)) {
                request_fail_field(c->q, "reason", "text of one line without control characters.");
                return;
        }
        if (x->until && (time_parse(x->until, &until) < 0 || until == 0)) {
                request_fail_field(c->q, "until", "a time like 2026-01-31T23:59:59.000Z.");
                return;
        }
        if (request_new_change(c, kind, &w) < 0)
                return;
        strcpy(w->target, x->target);
        w->until = until;
        if (free_and_strdup(&w->reason, x->reason && x->reason[0] ? x->reason : NULL) < 0) {
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
                return;
        }
        request_enqueue(c, TAKE_PTR(w));
}

void sanction_request_kick(const HostCall *c) {
        static const Field table[] = {
                { "target", FIELD_STRING, offsetof(SanctionFields, target), true, 1,
                  NAME_MAX_BYTES },
                { "reason", FIELD_STRING, offsetof(SanctionFields, reason), false, 0,
                  REASON_BYTES_MAX },
                {},
        };
        SanctionFields x = {};

        if (rpc_request_read(c->q, table, &x) >= 0)
                enqueue(c, WORK_KICK, &x);
}

void sanction_request_ban(const HostCall *c) {
        static const Field table[] = {
                { "target", FIELD_STRING, offsetof(SanctionFields, target), true, 1,
                  NAME_MAX_BYTES },
                { "reason", FIELD_STRING, offsetof(SanctionFields, reason), false, 0,
                  REASON_BYTES_MAX },
                { "until", FIELD_STRING, offsetof(SanctionFields, until) },
                {},
        };
        SanctionFields x = {};

        if (rpc_request_read(c->q, table, &x) >= 0)
                enqueue(c, WORK_BAN, &x);
}

void sanction_request_unban(const HostCall *c) {
        static const Field table[] = {
                { "target", FIELD_STRING, offsetof(SanctionFields, target), true, 1,
                  NAME_MAX_BYTES },
                { "reason", FIELD_STRING, offsetof(SanctionFields, reason), false, 0,
                  REASON_BYTES_MAX },
                {},
        };
        SanctionFields x = {};

        if (rpc_request_read(c->q, table, &x) >= 0)
                enqueue(c, WORK_UNBAN, &x);
}

/* ---- the local user ---- */

int channel_host_sanction(ChannelHost *h, const Actor *actor, const Sanction *s,
                          channel_host_done_fn done, void *userdata) {
        static const WorkKind kinds[] = {
                [SANCTION_KICK] = WORK_KICK,
                [SANCTION_BAN] = WORK_BAN,
                [SANCTION_UNBAN] = WORK_UNBAN,
        };
        _cleanup_(work_freep) Work *w = NULL;
        int r;

        if (!name_is_valid(s->target) ||
            (s->reason && (strlen(s->reason) > REASON_BYTES_MAX ||
                           !text_is_valid(s->reason, strlen(s->reason), false))))
                return -EINVAL;
        r = local_new_change(h, kinds[s->kind], actor, done, userdata, &w);
        if (r < 0)
                return r;
        strcpy(w->target, s->target);
        w->until = s->until;
        r = free_and_strdup(&w->reason, s->reason && s->reason[0] ? s->reason : NULL);
        if (r >= 0)
                r = local_push(h, w);
        if (r < 0)
                return r;
        TAKE_PTR(w);
        return 0;
}
