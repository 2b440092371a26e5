/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the host is asked what somebody may and why; the host that we are answers from memory.
 * Leaves who may ask, and the words, to it. */
#include "base/text.h"
#include "daemon/member/channel-member-internal.h"

typedef struct AccessOp {
        MemberOp op;
        MemberAccess access;
        char username[NAME_SIZE];
        Why why;
} AccessOp;

static void access_complete(Operation *o, const Failure *f) {
        AccessOp *x = (AccessOp *) o;

        x->access.username = x->username;
        x->access.n_why = x->why.n;
        for (size_t i = 0; i < x->why.n; i++)
                x->access.why[i] = x->why.text[i];
        x->op.fn.access(f, f ? NULL : &x->access, x->op.userdata);
}

static const OperationType access_type = { .complete = access_complete,
                                           .release = member_op_release };

/* A host's words: text, and no more of it than there should be. */
static int add_why(Why *why, const char *text) {
        _cleanup_free_ char *clean = NULL;
        size_t n;
        int r;

        if (!text || why->n == WHY_MAX)
                return -EBADMSG;
        r = text_sanitize(text, strlen(text), false, &clean, &n);
        if (r < 0)
                return r;
        if (n > WHY_BYTES_MAX)
                return -EBADMSG;
        strcpy(why->text[why->n++], clean);
        return 0;
}

typedef struct AccessFields {
        const char *username, *role;
        bool can_view, can_send, can_moderate;
        const Value *why;
} AccessFields;

static int read_access(AccessOp *x, const Value *payload) {
        static const Field table[] = {
                { "username", FIELD_STRING, offsetof(AccessFields, username), .required = true },
                { "role", FIELD_STRING, offsetof(AccessFields, role), .required = true },
                { "can_view", FIELD_BOOL, offsetof(AccessFields, can_view), .required = true },
                { "can_send", FIELD_BOOL, offsetof(AccessFields, can_send), .required = true },
                { "can_moderate", FIELD_BOOL, offsetof(AccessFields, can_moderate),
                  .required = true },
                { "why", FIELD_ARRAY, offsetof(AccessFields, why), .required = true,
                  .max = WHY_MAX },
                {},
        };
        AccessFields fields = {};
        const char *bad;
        int r = 0;

        if (fields_read(payload, table, &fields, &bad) < 0 ||
            !streq(fields.username, x->username) || role_from_string(fields.role) < 0)
                return -EBADMSG;
        x->access.access = (Access){
                .role = role_from_string(fields.role),
                .can_view = fields.can_view,
                .can_send = fields.can_send,
                .can_moderate = fields.can_moderate,
        };
        for (size_t i = 0; r >= 0 && i < value_length(fields.why); i++)
                r = add_why(&x->why, value_string(value_at(fields.why, i), NULL));
        return r;
}

static void on_access(int r, const Value *payload, const Failure *failure, void *userdata) {
        AccessOp *x = userdata;
        Failure f;

        x->op.call = NULL;
        if (r < 0) {
                member_ask_failure(&f, r);
                failure = &f;
        }
        if (!failure && (r = read_access(x, payload)) < 0) {
                if (r == -ENOMEM)
                        failure_set(&f, ERROR_INTERNAL, "Out of memory.");
                else
                        failure_set(&f, ERROR_PROTOCOL,
                                    "The host did not answer with what somebody may.");
                failure = &f;
        }
        operation_complete(&x->op.base, failure);
}

static int ask_here(AccessOp *x) {
        ChannelMember *c = x->op.member;
        const Channel *channel = channel_host_get_channel(c->host);
        uint64_t now = clock_realtime(c->rt->clock);
        Actor a = c->me;

        if (!streq(x->username, c->me.username))
                actor_named(x->username, &a);
        channel_get_access(channel, &a, now, &x->access.access);
        return channel_explain_access(channel, &a, now, &x->why);
}

int channel_member_explain_access(ChannelMember *c, const char *username, member_access_fn done,
                                  void *userdata, MemberOp **ret_op) {
        static const Failure none;
        _cleanup_(writer_done) Writer w = {};
        AccessOp *x = new0(AccessOp, 1);
        int r;

        if (!x)
                return -ENOMEM;
        member_op_init(&x->op, c, &access_type, userdata);
        x->op.fn.access = done;
        snprintf(x->username, sizeof(x->username), "%s", username ?: c->me.username);
        if (c->host) {
                r = ask_here(x);
                if (r < 0) {
                        member_op_free(&x->op);
                        return r;
                }
                return member_op_return(&x->op, ret_op, &none);
        }
        member_begin_request(c, &w);
        writer_string(&w, "username", x->username);
        return member_ask(&x->op, "ACCESS", &w, on_access, ret_op);
}
