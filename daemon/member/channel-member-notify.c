/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how many unread messages speak to us by name, and what the person wants to be told of in a
 * channel; leaves what speaks to us to the store, and telling to who hears it. */
#include "daemon/member/channel-member-internal.h"

#include "base/log.h"

uint64_t channel_member_get_n_mentions(const ChannelMember *c) {
        return c->stored.n_mentions;
}

Notify channel_member_get_notify(const ChannelMember *c) {
        if (c->stored.notify != NOTIFY_UNSET)
                return c->stored.notify;
        return c->notify != NOTIFY_UNSET ? c->notify : NOTIFY_MENTIONS;
}

void channel_member_set_default_notify(ChannelMember *c, Notify notify) {
        if (c->notify == notify)
                return;
        c->notify = notify;
        if (c->stored.notify == NOTIFY_UNSET)
                member_changed(c);
}

static void count(ChannelMember *c, store_count_fn done) {
        int r;

        if (c->count || c->stored.row == 0) {
                c->count_again = c->count;
                return;
        }
        r = store_count_mentions(c->store, c->stored.row, done, c, &c->count);
        if (r < 0)
                log_fields(store_log_level(c->store, r), r,
                           LOG_FIELDS("CHAT_CHANNEL", c->stored.name),
                           "Cannot count who is spoken to in channel %s", c->stored.name);
}

static void on_counted(int r, uint64_t n, void *userdata) {
        ChannelMember *c = userdata;

        c->count = NULL;
        if (r >= 0 && n != c->stored.n_mentions) {
                c->stored.n_mentions = n;
                member_changed(c);
        }
        if (c->count_again) {
                c->count_again = false;
                count(c, on_counted);
        }
}

void channel_member_count_mentions(ChannelMember *c) {
        count(c, on_counted);
}

void member_count_done(ChannelMember *c) {
        c->count = job_free(c->count);
}

void member_heard(ChannelMember *c, const Entry *entries, size_t n) {
        while (n > 0 && entries->seq <= c->history_seq) {
                entries++;
                n--;
        }
        if (n > 0 && c->handlers.on_heard)
                c->handlers.on_heard(c, entries, n, c->userdata);
}

bool channel_member_is_news(const ChannelMember *c, const Entry *e) {
        return e->kind == ENTRY_MESSAGE && e->seq > c->stored.read_seq && !entry_is_stub(e) &&
               !(e->user_type == c->me.user_type && streq(e->username, c->me.username)) &&
               !channel_member_is_ignored(c, e->username);
}

/* ---- what to tell ---- */

static void on_saved(int r, void *userdata) {
        MemberChange *x = userdata;
        ChannelMember *c = x->member;
        Failure f;

        x->job = NULL;
        if (r < 0) {
                member_fail_store(c, &f, r, "Cannot keep what to tell of");
                member_change_end(x, &f);
                return;
        }
        c->stored.notify = x->notify;
        member_changed(c);
        member_change_end(x, NULL);
}

int channel_member_set_notify(ChannelMember *c, const char *text, member_done_fn done,
                              void *userdata, MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_done_type, userdata);
        Notify notify = notify_from_string(text);
        MemberChange *x = NULL;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (notify < 0) {
                failure_set(&f, ERROR_BAD_REQUEST, "Notify is one of all, mentions and none.");
                return member_op_return(op, ret_op, &f);
        }
        r = member_change_new(c, NULL, op, &x);
        if (r >= 0) {
                x->notify = notify;
                r = store_set_notify(c->store, c->stored.row, notify, on_saved, x, &x->job);
        }
        return member_change_begun(x, r, op, ret_op);
}
