/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what people say of their own presence: online, away, or nothing to anybody. Leaves what is
 * made of it to channel-host-roster.c, to which who is invisible does not exist. */
#include "daemon/host/channel-host-internal.h"

/* For others to read what is new: into how many frames it goes must not tell who else is here. */
static void seen_less(ChannelHost *h) {
        if (!sessions_are_seen(h))
                recent_clear(&h->recent);
}

int appearance_set(ChannelHost *h, const Actor *actor, Appearance *a, bool invisible,
                   Presence status) {
        int r;

        if (a->is_seen && invisible)
                roster_leave(&h->roster, actor->username, a->status, false);
        else if (a->is_seen && a->status != status)
                roster_change(&h->roster, actor->username, a->status, status);
        else if (!a->is_seen && !invisible) {
                r = roster_join(&h->roster, actor, status);
                if (r < 0)
                        return r;
                keys_seen(h, actor);
        }
        a->is_seen = !invisible;
        a->status = status;
        if (invisible)
                seen_less(h);
        return 0;
}

void appearance_end(ChannelHost *h, const Actor *actor, Appearance *a, bool at_once) {
        if (a->is_seen)
                roster_leave(&h->roster, actor->username, a->status, at_once);
        a->is_seen = false;
        seen_less(h);
}

int appearance_may_hide(const Actor *actor, bool invisible, Failure *f) {
        if (!invisible || actor->user_type == USER_REGISTERED)
                return 0;
        return failure_set(f, ERROR_GUESTS_NOT_ALLOWED,
                           "Guests cannot be invisible: sign up for that.");
}

Presence presence_said(const char *s) {
        Presence status = s ? presence_from_string(s) : PRESENCE_ONLINE;

        return status == PRESENCE_ONLINE || status == PRESENCE_AWAY ? status : PRESENCE_INVALID;
}

int channel_host_set_presence(ChannelHost *h, bool invisible, bool away) {
        Presence status = away ? PRESENCE_AWAY : PRESENCE_ONLINE;
        int r = 0;

        if (h->loaded && !h->closing)
                r = appearance_set(h, &h->me, &h->appearance, invisible, status);
        if (r < 0)
                return r;
        h->invisible = invisible;
        h->appearance.status = status;
        return 0;
}

/* ---- INVISIBLE, STATUS ---- */

static void reply(const HostCall *c, HostSession *s, bool invisible, Presence status) {
        if (appearance_set(c->host, &s->actor, &s->appearance, invisible, status) < 0)
                rpc_request_fail_code(c->q, ERROR_INTERNAL, "Out of memory.");
        else
                rpc_request_reply(c->q, NULL);
}

typedef struct InvisibleFields {
        bool invisible;
} InvisibleFields;

void presence_request_invisible(const HostCall *c) {
        static const Field table[] = {
                { "invisible", FIELD_BOOL, offsetof(InvisibleFields, invisible), true },
                {},
        };
        InvisibleFields x = {};
        HostSession *s;
        Failure f;

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        /* Whatever a guest asks for: it is not hers to switch. */
        if (channel_may_view(c->host->channel, c->actor, host_now(c->host), &f) < 0 ||
            appearance_may_hide(c->actor, true, &f) < 0) {
                rpc_request_fail(c->q, &f);
                return;
        }
        s = request_joined(c);
        if (s)
                reply(c, s, x.invisible, s->appearance.status);
}

typedef struct StatusFields {
        const char *status;
} StatusFields;

void presence_request_status(const HostCall *c) {
        static const Field table[] = {
                { "status", FIELD_STRING, offsetof(StatusFields, status), true },
                {},
        };
        StatusFields x = {};
        HostSession *s;

        if (rpc_request_read(c->q, table, &x) < 0)
                return;
        if (presence_said(x.status) < 0) {
                request_fail_field(c->q, "status", STATUS_RULE);
                return;
        }
        s = request_joined(c);
        if (s)
                reply(c, s, !s->appearance.is_seen, presence_said(x.status));
}
