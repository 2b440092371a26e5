/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a host is asked, and who is here by its word; the host that we are tells it from
 * memory. Leaves judging to the host. */
#include "daemon/member/channel-member-internal.h"

void member_ask_failure(Failure *f, int r) {
        if (r == -ETIMEDOUT)
                failure_set(f, ERROR_TIMEOUT, "The host did not answer in time.");
        else
                failure_set(f, ERROR_HOST_OFFLINE, "The channel's host is away.");
}

/* The host may well be there: it is we who are not. */
static void fail_apart(const ChannelMember *c, Failure *f) {
        const char *name = c->stored.name;

        if (c->stored.wanted && c->state == MEMBER_CONNECTING && c->reason[0])
                failure_set(f, ERROR_HOST_OFFLINE,
                            "The host has not let you in yet (%s); it is asked again by itself.",
                            c->reason);
        else if (c->stored.wanted || c->stored.closed)
                member_ask_failure(f, -ENOTCONN);
        else
                failure_set(
                        f, ERROR_HOST_OFFLINE, "You %s %s. To come back%s: p2pchatctl connect %s.",
                        streq_ptr(c->closed_reason, KICKED) ? "were sent out of"
                                                            : "have disconnected from",
                        name, streq_ptr(c->closed_reason, KICKED) ? ", after a minute" : "", name);
}

/* Who is denied may ask: the host says why not, and what is for everybody. */
static bool may_ask(const ChannelMember *c) {
        return c->connected || (c->slot && c->state == MEMBER_DENIED);
}

int member_ask(MemberOp *op, const char *command, Writer *w, rpc_reply_fn reply,
               MemberOp **ret_op) {
        ChannelMember *c = op->member;
        Failure f;
        int r;

        writer_end_object(w);
        r = may_ask(c) ? member_call(c, command, w, reply, op, &op->call) : -ENOTCONN;
        if (r == -ENOTCONN) {
                fail_apart(c, &f);
                return member_op_return(op, ret_op, &f);
        }
        return member_op_begun(op, r, ret_op);
}

/* ---- who is here ---- */

typedef struct RosterOp {
        MemberOp op;
        RosterEntry *members; /* of the host that we are: what is told in the next turn */
        size_t n, limit;
        char after[NAME_SIZE]; /* "": from the first */
        bool more;
} RosterOp;

static void roster_complete(Operation *o, const Failure *f) {
        RosterOp *x = (RosterOp *) o;

        if (f)
                x->op.fn.roster(f, NULL, 0, NULL, x->op.userdata);
        else
                x->op.fn.roster(NULL, x->members, x->n,
                                x->more ? x->members[x->n - 1].username : NULL, x->op.userdata);
}

static void roster_release(Operation *o) {
        RosterOp *x = (RosterOp *) o;

        member_op_release(o);
        free(x->members);
}

static const OperationType roster_type = { .complete = roster_complete, .release = roster_release };

static int add_member(const RosterEntry *m, void *userdata) {
        RosterOp *x = userdata;
        RosterEntry *members;

        if (x->n == x->limit) {
                x->more = true;
                return 1;
        }
        members = reallocarray(x->members, x->n + 1, sizeof(RosterEntry));
        if (!members)
                return -ENOMEM;
        x->members = members;
        x->members[x->n++] = *m;
        return 0;
}

static int read_member(const Value *v, RosterEntry *ret) {
        const char *name = value_string(value_get(v, "username"), NULL);
        const char *type = value_string(value_get(v, "user_type"), NULL);
        const char *role = value_string(value_get(v, "role"), NULL);
        const char *status = value_string(value_get(v, "status"), NULL);
        const char *since = value_string(value_get(v, "since"), NULL);

        *ret = (RosterEntry){
                .user_type = user_type_from_string(type ? type : ""),
                .role = role_from_string(role ? role : ""),
                .status = presence_from_string(status),
        };
        if (!name || !name_is_valid(name) || ret->user_type < 0 || ret->role < 0 || !status)
                return -EBADMSG;
        if (ret->status < 0) /* of a later version; but here, since it is listed */
                ret->status = PRESENCE_ONLINE;
        snprintf(ret->username, sizeof(ret->username), "%s", name);
        if (since)
                (void) time_parse(since, &ret->since);
        return 0;
}

static void on_members(int r, const Value *payload, const Failure *failure, void *userdata) {
        RosterOp *x = userdata;
        const Value *members = value_get(payload, "members");
        const char *next = value_string(value_get(payload, "next"), NULL);
        bool is_good = value_kind(members) == VALUE_ARRAY &&
                       (next ? value_length(members) > 0 : !value_has(payload, "next"));
        size_t n = is_good ? value_length(members) : 0;
        RosterEntry m;
        Failure f;

        x->op.call = NULL;
        if (r < 0) {
                member_ask_failure(&f, r);
                failure = &f;
        }
        for (size_t i = 0; !failure && i < n && is_good; i++) {
                if (read_member(value_at(members, i), &m) < 0) {
                        is_good = false;
                        break;
                }
                x->limit = n;
                if (add_member(&m, x) < 0) {
                        failure_set(&f, ERROR_INTERNAL, "Out of memory.");
                        failure = &f;
                }
        }
        if (!failure && !is_good) {
                failure_set(&f, ERROR_PROTOCOL, "The host did not answer with a list of members.");
                failure = &f;
        }
        x->more = next && x->n > 0;
        if (!failure && x->more && strcmp(x->members[x->n - 1].username, x->after) <= 0) {
                failure_set(&f, ERROR_PROTOCOL, "The host's list does not come to an end.");
                failure = &f;
        }
        operation_complete(&x->op.base, failure);
}

int channel_member_get_members(ChannelMember *c, const char *after, unsigned limit,
                               member_roster_fn done, void *userdata, MemberOp **ret_op) {
        static const Failure none;
        _cleanup_(writer_done) Writer w = {};
        RosterOp *x = new0(RosterOp, 1);
        int r;

        if (!x)
                return -ENOMEM;
        member_op_init(&x->op, c, &roster_type, userdata);
        x->op.fn.roster = done;
        x->limit = limit > 0 ? MIN(limit, (unsigned) MEMBERS_LIMIT_MAX) : MEMBERS_LIMIT_MAX;
        if (c->host) {
                r = channel_host_each_member(c->host, after, add_member, x);
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
        return member_ask(&x->op, "MEMBERS", &w, on_members, ret_op);
}
