/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person comes, goes and marks what was read; leaves the connection to
 * channel-member-connect.c. */
#include "daemon/member/channel-member-internal.h"

static void on_marked(int r, uint64_t read_seq, uint64_t n_unread, uint64_t n_mentions,
                      void *userdata) {
        MemberChange *x = userdata;
        ChannelMember *c = x->member;
        Failure f;

        x->job = NULL;
        if (r < 0) {
                member_fail_store(c, &f, r, "Cannot keep what was read");
                member_change_end(x, &f);
                return;
        }
        c->stored.read_seq = read_seq;
        c->stored.n_unread = n_unread;
        c->stored.n_mentions = n_mentions;
        member_changed(c);
        member_change_end(x, NULL);
}

int channel_member_mark_read(ChannelMember *c, uint64_t seq, bool unread, member_done_fn done,
                             void *userdata, MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_done_type, userdata);
        MemberChange *x = NULL;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        r = member_change_new(c, NULL, op, &x);
        if (r >= 0)
                r = store_mark_read(c->store, c->stored.row, seq, unread, on_marked, x, &x->job);
        return member_change_begun(x, r, op, ret_op);
}

static int check_connect(const ChannelMember *c, Failure *f) {
        *f = (Failure){};
        if (channel_member_is_displaced(c))
                return member_fail_closed(c, f);
        if (c->stored.closed && c->state != MEMBER_DIVERGED)
                return failure_set(f, ERROR_NO_SUCH_CHANNEL, "This channel was left: join it.");
        if (c->stored.hosted && !c->host)
                return failure_set(f, ERROR_CONFLICT, "This channel is ours: host it.");
        return 0;
}

int channel_member_connect(ChannelMember *c, member_done_fn done, void *userdata,
                           MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_settle_type, userdata);
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (check_connect(c, &f) < 0 || c->host || (c->connected && c->stored.wanted))
                return member_op_return(op, ret_op, &f);
        r = member_op_return(op, ret_op, NULL);
        if (r < 0)
                return r;

        c->stream.n_faults = 0;
        if (c->state == MEMBER_DIVERGED)
                channel_member_reopen(c);
        c->stored.wanted = true;
        member_save_soon(c);
        if (!c->slot)
                channel_member_start(c);
        else if (host_slot_is_up(c->slot))
                member_connect_now(c);
        else
                host_slot_kick(c->slot, true);
        return 0;
}

static void on_copy_dropped(int r, void *userdata) {
        MemberChange *x = userdata;
        ChannelMember *c = x->member;
        StoredChannel *s = &c->stored;
        Failure f;

        x->job = NULL;
        if (r < 0) {
                member_fail_store(c, &f, r, "Cannot drop the copy");
                member_change_end(x, &f);
                return;
        }
        s->read_seq = MIN(s->read_seq, MAX(s->diverged_seq, UINT64_C(1)) - 1);
        s->first_seq = s->synced_seq = s->n_unread = s->n_mentions = s->diverged_seq = 0;
        s->synced_id[0] = s->begin_id[0] = '\0';
        s->has_begin = false;
        s->begin_seq = 0;
        c->stream.n_faults = 0;
        channel_member_reopen(c);
        member_change_end(x, NULL);
}

int channel_member_drop_copy(ChannelMember *c, member_done_fn done, void *userdata,
                             MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_done_type, userdata);
        MemberChange *x = NULL;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        member_end_exports(c);
        r = member_change_new(c, NULL, op, &x);
        if (r >= 0)
                r = store_drop_copy(c->store, c->stored.row, on_copy_dropped, x, &x->job);
        return member_change_begun(x, r, op, ret_op);
}

int channel_member_disconnect(ChannelMember *c, member_done_fn done, void *userdata,
                              MemberOp **ret_op) {
        MemberOp *op;
        Failure f;

        if (c->stored.hosted && !c->stored.closed) {
                op = member_op_new(c, &member_done_type, userdata);
                if (!op)
                        return -ENOMEM;
                op->fn.done = done;
                failure_set(&f, ERROR_CONFLICT,
                            "This channel is hosted here; to stop that: p2pchatctl unhost "
                            "CHANNEL");
                return member_op_return(op, ret_op, &f);
        }
        if (!c->stored.closed) {
                c->stored.wanted = false;
                member_save_soon(c);
                member_go(c);
                member_set_state(c, MEMBER_OFFLINE, "disconnected");
        }
        return channel_member_save(c, done, userdata, ret_op);
}
