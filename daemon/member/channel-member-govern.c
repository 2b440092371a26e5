/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a member changes a channel's rules, topic, roles and entries, and sanctions people: by
 * a request to its host, or at the host that we are. Leaves judging to the host. */
#include "daemon/member/channel-member-internal.h"

/* One change, from govern_begin() to govern_end(). */
typedef struct Govern {
        MemberOp *op;
        MemberChange *here; /* at the host that we are; NULL: it is asked elsewhere */
        Writer w;           /* … with this */
} Govern;

static void on_changed(int r, const Value *payload, const Failure *failure, void *userdata) {
        MemberOp *op = userdata;
        Failure f;

        op->call = NULL;
        if (r < 0) {
                member_ask_failure(&f, r);
                failure = &f;
        }
        operation_complete(&op->base, failure);
}

/* At the host that we are it happens, whoever still waits. */
static void on_changed_here(const Failure *f, void *userdata) {
        member_change_end(userdata, f);
}

static MemberOp *op_new(ChannelMember *c, member_done_fn done, void *userdata) {
        MemberOp *op = member_op_new(c, &member_done_type, userdata);

        if (op)
                op->fn.done = done;
        return op;
}

static int refuse(ChannelMember *c, const Failure *f, member_done_fn done, void *userdata,
                  MemberOp **ret_op) {
        MemberOp *op = op_new(c, done, userdata);

        return op ? member_op_return(op, ret_op, f) : -ENOMEM;
}

/* Where it succeeds, govern_end() must follow. */
static int govern_begin(Govern *g, ChannelMember *c, member_done_fn done, void *userdata) {
        int r;

        *g = (Govern){ .op = op_new(c, done, userdata) };
        if (!g->op)
                return -ENOMEM;
        if (!c->host) {
                member_begin_request(c, &g->w);
                return 0;
        }
        r = member_change_new(c, NULL, g->op, &g->here);
        return r < 0 ? member_op_begun(g->op, r, NULL) : 0;
}

/* r: of the host that we are. */
static int govern_end(Govern *g, int r, const char *command, MemberOp **ret_op) {
        if (g->here)
                return member_change_begun(g->here, r, g->op, ret_op);
        r = member_ask(g->op, command, &g->w, on_changed, ret_op);
        writer_done(&g->w);
        return r;
}

static void write_permissions(Writer *w, const Permissions *p) {
        if (p->view >= 0)
                writer_string(w, "view_permission", view_permission_to_string(p->view));
        if (p->send >= 0)
                writer_string(w, "send_permission", send_permission_to_string(p->send));
        if (p->message_rate >= 0)
                writer_uint(w, "message_rate", (uint64_t) p->message_rate);
        if (p->message_burst >= 0)
                writer_uint(w, "message_burst", (uint64_t) p->message_burst);
        if (p->retention_days >= 0)
                writer_uint(w, "retention_days", (uint64_t) p->retention_days);
}

int channel_member_set_permissions(ChannelMember *c, const Permissions *p, member_done_fn done,
                                   void *userdata, MemberOp **ret_op) {
        Govern g;
        int r = govern_begin(&g, c, done, userdata);

        if (r < 0)
                return r;
        if (g.here)
                r = channel_host_set_permissions(c->host, &c->me, p, on_changed_here, g.here);
        else
                write_permissions(&g.w, p);
        return govern_end(&g, r, "VIEW", ret_op);
}

int channel_member_set_topic(ChannelMember *c, const char *topic, member_done_fn done,
                             void *userdata, MemberOp **ret_op) {
        Govern g;
        int r = govern_begin(&g, c, done, userdata);

        if (r < 0)
                return r;
        if (g.here)
                r = channel_host_set_topic(c->host, &c->me, topic, on_changed_here, g.here);
        else
                writer_string(&g.w, "topic", topic);
        return govern_end(&g, r, "TOPIC", ret_op);
}

int channel_member_redact(ChannelMember *c, uint64_t seq, const char *reason, member_done_fn done,
                          void *userdata, MemberOp **ret_op) {
        Govern g;
        Failure f;
        int r;

        if (seq == 0 || seq > NUMBER_MAX) {
                failure_set(&f, ERROR_NO_SUCH_ENTRY, "Entries have numbers from 1 on.");
                return refuse(c, &f, done, userdata, ret_op);
        }
        r = govern_begin(&g, c, done, userdata);
        if (r < 0)
                return r;
        if (g.here) {
                r = channel_host_redact(c->host, &c->me, seq, reason, on_changed_here, g.here);
        } else {
                writer_uint(&g.w, "seq", seq);
                writer_string(&g.w, "reason", reason);
        }
        return govern_end(&g, r, "REDACT", ret_op);
}

int channel_member_authorize(ChannelMember *c, const char *target, Role role, const char *reason,
                             member_done_fn done, void *userdata, MemberOp **ret_op) {
        char name[NAME_SIZE];
        Govern g;
        Failure f;
        int r;

        if (name_fold(target, name) < 0 || !name_is_valid(name)) {
                failure_set(&f, ERROR_NO_SUCH_USER, "That is no name.");
                return refuse(c, &f, done, userdata, ret_op);
        }
        r = govern_begin(&g, c, done, userdata);
        if (r < 0)
                return r;
        if (g.here) {
                r = channel_host_authorize(c->host, &c->me, name, role, reason, on_changed_here,
                                           g.here);
        } else {
                writer_string(&g.w, "target", name);
                writer_string(&g.w, "role", role_to_string(role));
                writer_string(&g.w, "reason", reason);
        }
        return govern_end(&g, r, "AUTHORIZE", ret_op);
}

int channel_member_sanction(ChannelMember *c, const Sanction *s, member_done_fn done,
                            void *userdata, MemberOp **ret_op) {
        static const char *const commands[] = {
                [SANCTION_KICK] = "KICK",
                [SANCTION_BAN] = "BAN",
                [SANCTION_UNBAN] = "UNBAN",
        };
        Govern g;
        int r = govern_begin(&g, c, done, userdata);

        if (r < 0)
                return r;
        if (g.here) {
                r = channel_host_sanction(c->host, &c->me, s, on_changed_here, g.here);
        } else {
                writer_string(&g.w, "target", s->target);
                writer_string(&g.w, "reason", s->reason);
                if (s->until > 0)
                        writer_time(&g.w, "until", s->until);
        }
        return govern_end(&g, r, commands[s->kind], ret_op);
}
