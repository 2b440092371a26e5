/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how what we know of a channel comes to its row, again and again until the disk takes it;
 * leaves what that is to who changes it. */
#include "daemon/member/channel-member-internal.h"

#include "base/log.h"

#define SAVE_RETRY_USEC (5 * USEC_PER_SEC)

const OperationType member_saved_type = { .complete = member_done_complete,
                                          .release = member_op_release };

/* A channel that has no row is wanted by somebody who waits, and decides what comes of it. */
static void save_failed(ChannelMember *c, int r) {
        Failure f;

        log_fields(store_log_level(c->store, r), r, LOG_FIELDS("CHAT_CHANNEL", c->stored.name),
                   "Cannot save channel %s", c->stored.name);
        if (c->stored.row != 0)
                clock_timer_arm(c->save_retry, SAVE_RETRY_USEC);
        member_fail_store(c, &f, r, "Cannot save the channel");
        member_tell_all(c, &member_saved_type, &f);
}

static void on_saved(int r, uint64_t row, void *userdata) {
        ChannelMember *c = userdata;
        bool is_new = c->stored.row == 0;

        c->save = NULL;
        if (r >= 0)
                c->stored.row = row;
        /* What came before there was a row waits for it. */
        if (r >= 0 && is_new) {
                member_keep_rule(c);
                stream_push(c, NULL);
        }
        if (c->save_again) {
                c->save_again = false;
                member_save_soon(c);
        } else if (r < 0)
                save_failed(c, r);
        else
                member_tell_all(c, &member_saved_type, NULL);
}

void member_save_soon(ChannelMember *c) {
        int r;

        if (c->save) {
                c->save_again = true;
                return;
        }
        clock_timer_disarm(c->save_retry);
        r = store_save_channel(c->store, &c->stored, on_saved, c, &c->save);
        if (r < 0)
                save_failed(c, r);
}

void member_save_now(ChannelMember *c) {
        c->save = job_free(c->save);
        c->save_again = false;
        member_save_soon(c);
}

static void on_retry(void *userdata) {
        ChannelMember *c = userdata;

        if (store_get_trouble(c->store) != 0)
                clock_timer_arm(c->save_retry, SAVE_RETRY_USEC);
        else
                member_save_soon(c);
}

void channel_member_store_is_back(ChannelMember *c) {
        if (clock_timer_is_armed(c->save_retry))
                member_save_soon(c);
}

int member_save_init(ChannelMember *c) {
        return clock_timer_new(c->rt->clock, on_retry, c, &c->save_retry);
}

void member_save_done(ChannelMember *c) {
        c->save = job_free(c->save);
        c->save_retry = clock_timer_free(c->save_retry);
}

int channel_member_save(ChannelMember *c, member_done_fn done, void *userdata, MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_saved_type, userdata);
        static const Failure none;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (c->stored.row != 0 && !c->save && !clock_timer_is_armed(c->save_retry))
                return member_op_return(op, ret_op, &none);
        member_save_soon(c);
        return member_op_return(op, ret_op, NULL);
}
