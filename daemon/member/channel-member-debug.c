/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a host tells of its insides to the owner of the channel; leaves them to it. */
#include "base/text.h"
#include "daemon/member/channel-member-internal.h"
#include "version.h"

typedef struct DebugOp {
        MemberOp op;
        MemberDebug debug;
        SessionDebug *sessions;
        char *version;
        char after[SESSION_PLACE_SIZE]; /* "": from the first */
        char next[SESSION_PLACE_SIZE];  /* "": the end */
        size_t limit;
        bool more; /* at the host that we are */
} DebugOp;

static void debug_complete(Operation *o, const Failure *f) {
        DebugOp *x = (DebugOp *) o;

        x->debug.sessions = x->sessions;
        x->debug.version = x->version ?: "";
        x->debug.next = x->next[0] ? x->next : NULL;
        x->op.fn.debug(f, f ? NULL : &x->debug, x->op.userdata);
}

static void debug_release(Operation *o) {
        DebugOp *x = (DebugOp *) o;

        member_op_release(o);
        free(x->sessions);
        free(x->version);
}

static const OperationType debug_type = { .complete = debug_complete, .release = debug_release };

static int add_session(const SessionDebug *s, void *userdata) {
        DebugOp *x = userdata;
        SessionDebug *sessions;

        if (x->debug.n == x->limit) {
                x->more = true;
                return 1;
        }
        sessions = reallocarray(x->sessions, x->debug.n + 1, sizeof(*sessions));
        if (!sessions)
                return -ENOMEM;
        x->sessions = sessions;
        sessions[x->debug.n++] = *s;
        return 0;
}

/* ---- what a host says ---- */

static int read_session(const Value *v, SessionDebug *ret) {
        const char *name = value_string(value_get(v, "username"), NULL);
        const char *type = value_string(value_get(v, "user_type"), NULL);
        const char *key = value_string(value_get(v, "key"), NULL);

        *ret = (SessionDebug){ .user_type = user_type_from_string(type ?: "") };
        if (!name || !name_is_valid(name) || ret->user_type < 0 || !key ||
            !hex_is_valid(key, KEY_ID_SIZE - 1) ||
            value_uint(value_get(v, "cursor"), &ret->cursor) < 0 ||
            value_uint(value_get(v, "lag"), &ret->lag) < 0 ||
            value_uint(value_get(v, "queued_bytes"), &ret->queued_bytes) < 0 ||
            (value_has(v, "invisible") &&
             value_bool(value_get(v, "invisible"), &ret->is_invisible) < 0))
                return -EBADMSG;
        snprintf(ret->username, sizeof(ret->username), "%s", name);
        snprintf(ret->key_id, sizeof(ret->key_id), "%s", key);
        return 0;
}

static int read_sessions(DebugOp *x, const Value *array) {
        char place[SESSION_PLACE_SIZE];
        int r = 0;

        if (value_kind(array) != VALUE_ARRAY || value_length(array) > x->limit)
                return -EBADMSG;
        for (size_t i = 0; i < value_length(array) && r >= 0; i++) {
                SessionDebug s;

                r = read_session(value_at(array, i), &s);
                if (r >= 0)
                        r = add_session(&s, x);
        }
        if (r < 0 || !x->next[0])
                return r;
        /* Who asks for page after page comes to an end. */
        if (x->debug.n == 0)
                return -EBADMSG;
        session_debug_place(&x->sessions[x->debug.n - 1], place);
        return streq(place, x->next) && session_place_compare(place, x->after) > 0 ? 0 : -EBADMSG;
}

static int read_debug(DebugOp *x, const Value *payload) {
        const char *version = value_string(value_get(payload, "version"), NULL);
        const char *next = value_string(value_get(payload, "next"), NULL);
        const Value *store = value_get(payload, "store");

        if (!version || strlen(version) > AGENT_BYTES_MAX ||
            !text_is_valid(version, strlen(version), false) ||
            value_uint(value_get(payload, "connections"), &x->debug.n_connections) < 0 ||
            value_uint(value_get(payload, "uptime_s"), &x->debug.uptime_sec) < 0 ||
            value_uint(value_get(store, "commits"), &x->debug.n_commits) < 0 ||
            value_uint(value_get(store, "commit_ms_p99"), &x->debug.commit_msec_p99) < 0 ||
            (next ? strlen(next) >= sizeof(x->next) : value_has(payload, "next")))
                return -EBADMSG;
        snprintf(x->next, sizeof(x->next), "%s", next ?: "");
        x->version = strdup(version);
        return x->version ? read_sessions(x, value_get(payload, "members")) : -ENOMEM;
}

static void on_debug(int r, const Value *payload, const Failure *failure, void *userdata) {
        DebugOp *x = userdata;
        Failure f;

        x->op.call = NULL;
        if (r < 0) {
                member_ask_failure(&f, r);
                failure = &f;
        }
        if (!failure && (r = read_debug(x, payload)) < 0) {
                if (r == -EBADMSG)
                        failure_set(&f, ERROR_PROTOCOL,
                                    "The host did not answer with what DEBUG tells.");
                else
                        failure_set(&f, ERROR_INTERNAL, "Out of memory.");
                failure = &f;
        }
        operation_complete(&x->op.base, failure);
}

/* ---- the host that we are ---- */

static int debug_of_host(DebugOp *x, const ChannelHost *h, const char *after) {
        HostDebug d;
        int r;

        channel_host_get_debug(h, &d);
        x->debug.n_connections = d.n_connections;
        x->debug.n_commits = d.store.n_commits;
        x->debug.commit_msec_p99 = DIV_ROUND_UP(d.store.commit_usec_p99, USEC_PER_MSEC);
        x->debug.uptime_sec = d.store.uptime_usec / USEC_PER_SEC;
        x->version = strdup(P2PCHAT_VERSION);
        if (!x->version)
                return -ENOMEM;
        r = channel_host_each_session(h, after, add_session, x);
        if (x->more)
                session_debug_place(&x->sessions[x->debug.n - 1], x->next);
        return MIN(r, 0);
}

int channel_member_get_debug(ChannelMember *c, const char *after, unsigned limit,
                             member_debug_fn done, void *userdata, MemberOp **ret_op) {
        static const Failure none;
        _cleanup_(writer_done) Writer w = {};
        DebugOp *x = new0(DebugOp, 1);
        int r;

        if (!x)
                return -ENOMEM;
        member_op_init(&x->op, c, &debug_type, userdata);
        x->op.fn.debug = done;
        x->limit = limit > 0 ? MIN(limit, (unsigned) MEMBERS_LIMIT_MAX) : MEMBERS_LIMIT_MAX;
        if (c->host) {
                r = debug_of_host(x, c->host, after);
                if (r < 0) {
                        member_op_free(&x->op);
                        return r;
                }
                return member_op_return(&x->op, ret_op, &none);
        }
        snprintf(x->after, sizeof(x->after), "%s", after ?: "");
        member_begin_request(c, &w);
        writer_string(&w, "after", after);
        writer_uint(&w, "limit", x->limit);
        return member_ask(&x->op, "DEBUG", &w, on_debug, ret_op);
}
