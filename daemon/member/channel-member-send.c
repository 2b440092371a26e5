/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what people do to the outbox: add, wait for what became of it, cancel, retry, look. What
 * was begun happens whether they wait or not. Leaves sending to channel-member-outbox.c. */
#include "daemon/member/channel-member-internal.h"

#include <utlist.h>

#define READ_BYTES_MAX (256 * 1024) /* dbus.md: every list paged */
#define CARRIED_WAIT_USEC (SILENCE_MAX_USEC + 15 * USEC_PER_SEC)

/* ---- send ---- */

typedef struct SendOp {
        MemberOp op;
        char id[UUID_STRING_SIZE];
        uint64_t seq;
        ClockTimer *timer; /* armed: waits for the host */
} SendOp;

static void send_complete(Operation *o, const Failure *f) {
        SendOp *s = (SendOp *) o;

        s->op.fn.sent(f, f ? NULL : s->id, f ? 0 : s->seq, s->op.userdata);
}

static void send_release(Operation *o) {
        SendOp *s = (SendOp *) o;

        member_op_release(o);
        s->timer = clock_timer_free(s->timer);
}

static const OperationType send_type = { .complete = send_complete, .release = send_release };

/* Queued, and that is all that can be said by now. */
static void on_send_timeout(void *userdata) {
        SendOp *s = userdata;

        operation_complete(&s->op.base, NULL);
}

static SendOp *find_waiting(ChannelMember *c, const char *id) {
        for (Operation *o = c->ops; o; o = o->next) {
                SendOp *s = (SendOp *) o;

                if (o->type == &send_type && s->timer && clock_timer_is_armed(s->timer) &&
                    streq(s->id, id))
                        return s;
        }
        return NULL;
}

/* From the next turn, like all that ends while the outbox is being worked on. */
static void end_waiting(ChannelMember *c, SendOp *s, const Failure *f) {
        s->timer = clock_timer_free(s->timer);
        (void) operation_complete_later(&s->op.base, c->rt->event, f);
}

void sends_stored(ChannelMember *c, const char *id, uint64_t seq) {
        SendOp *s;

        while ((s = find_waiting(c, id))) {
                s->seq = seq;
                end_waiting(c, s, NULL);
        }
}

void sends_failed(ChannelMember *c, const char *id, const Failure *f) {
        SendOp *s;

        while ((s = find_waiting(c, id)))
                end_waiting(c, s, f);
}

static void add_failed(MemberChange *x, int r) {
        Failure f;

        if (r == -EEXIST)
                failure_set(&f, ERROR_CONFLICT, "This id was used for another text.");
        else if (r == -EDQUOT)
                failure_set(&f, ERROR_QUEUE_FULL,
                            "The outbox of this channel is full: wait for its host, or cancel.");
        else
                member_fail_store(x->member, &f, r, "Cannot write the outbox");
        member_change_end(x, &f);
}

static void on_added(int r, const OutboxRow *existing, void *userdata) {
        MemberChange *x = userdata;
        ChannelMember *c = x->member;
        SendOp *s = (SendOp *) x->op;
        Failure f;

        x->job = NULL;
        if (r < 0) {
                add_failed(x, r);
                return;
        }
        if (r == 0) {
                c->stored.n_outbox++;
                outbox_changed(c);
        }
        if (existing && existing->state == OUTBOX_FAILED) {
                failure_set(&f, existing->error, "The host refused it before: retry or cancel it.");
                member_change_end(x, &f);
                return;
        }
        if (s && existing && existing->state == OUTBOX_STORED)
                s->seq = existing->seq;
        if (s && s->seq == 0 && s->timer) {
                clock_timer_arm(s->timer, x->wait_usec);
                member_change_free(x);
        } else
                member_change_end(x, NULL);
        outbox_pump(c);
}

static int check_send(const ChannelMember *c, const char *id, const char *text, const char *meta,
                      Failure *f) {
        _cleanup_free_ char *extra = NULL;
        size_t n;

        if (c->stored.closed)
                return member_fail_closed(c, f);
        if (id && !uuid_is_valid(id))
                return failure_set(f, ERROR_BAD_REQUEST, "An id is a lower-case UUID.");
        if (strlen(text) > MESSAGE_BYTES_MAX)
                return failure_set(f, ERROR_TOO_LARGE, "A message has at most %d bytes.",
                                   MESSAGE_BYTES_MAX);
        if (entry_extra_message(text, meta, &extra, &n) < 0)
                return failure_set(
                        f, ERROR_BAD_REQUEST,
                        "The text is empty, or has characters that no message may have.");
        return 0;
}

int channel_member_send(ChannelMember *c, const char *id, const char *text, const char *meta_json,
                        uint64_t wait_usec, member_sent_fn done, void *userdata,
                        MemberOp **ret_op) {
        OutboxRow row = { .text = text, .meta = meta_json, .queued = clock_realtime(c->rt->clock) };
        MemberChange *x = NULL;
        Failure f;
        SendOp *s;
        int r;

        s = new0(SendOp, 1);
        if (!s)
                return -ENOMEM;
        member_op_init(&s->op, c, &send_type, userdata);
        s->op.fn.sent = done;
        if (check_send(c, id, text, meta_json, &f) < 0)
                return member_op_return(&s->op, ret_op, &f);

        if (id)
                snprintf(s->id, sizeof(s->id), "%s", id);
        else
                random_uuid(c->rt->random, s->id);
        memcpy(row.id, s->id, sizeof(row.id));
        r = wait_usec > 0 ? clock_timer_new(c->rt->clock, on_send_timeout, s, &s->timer) : 0;
        if (r >= 0)
                r = member_change_new(c, s->id, &s->op, &x);
        if (r >= 0) {
                x->wait_usec = wait_usec;
                r = store_outbox_add(c->store, c->stored.row, &row, on_added, x, &x->job);
        }
        if (r == -ENOBUFS) {
                member_change_free(x);
                member_fail_store(c, &f, r, "Cannot write the outbox");
                return member_op_return(&s->op, ret_op, &f);
        }
        return member_change_begun(x, r, &s->op, ret_op);
}

/* ---- cancel and retry ---- */

/* All that a connection of a guest's, who is us now, still carried is in the log, or comes no more:
 * its host has heard nothing over it and has ended it. */
static bool is_caught_up(const ChannelMember *c) {
        return c->state == MEMBER_LIVE &&
               clock_boottime(c->rt->clock) - c->since >= CARRIED_WAIT_USEC;
}

static void decision_failed(MemberChange *x, int r) {
        Failure f;

        if (r == -ENOENT)
                failure_set(&f, ERROR_NO_SUCH_ENTRY, "The outbox has no such row.");
        else if (r == -EEXIST)
                failure_set(&f, ERROR_CONFLICT, "The host has stored it already.");
        else if (r == -EAGAIN && is_caught_up(x->member))
                failure_set(&f, ERROR_CONFLICT,
                            "It was written before you signed up, and may be in the part of the "
                            "log that is not here: read the history back to its first entry, and "
                            "it will be known; then retry.");
        else if (r == -EAGAIN)
                failure_set(&f, ERROR_HOST_OFFLINE,
                            "It was written before you signed up, and may have been sent then: "
                            "retry once the channel has been live for a minute.");
        else
                member_fail_store(x->member, &f, r, "Cannot write the outbox");
        member_change_end(x, &f);
}

/* r 1: the queue is one shorter. */
static void on_cancelled(int r, void *userdata) {
        MemberChange *x = userdata;
        ChannelMember *c = x->member;
        Failure f;

        x->job = NULL;
        if (r < 0)
                decision_failed(x, r);
        else {
                if (r > 0 && c->stored.n_outbox > 0)
                        c->stored.n_outbox--;
                outbox_changed(c);
                failure_set(&f, ERROR_CANCELLED, "It was taken out of the outbox.");
                sends_failed(c, x->id, &f);
                member_change_end(x, NULL);
        }
        outbox_pump(c); /* the others have waited */
}

/* r 1: the queue is one longer. */
static void on_retried(int r, void *userdata) {
        MemberChange *x = userdata;
        ChannelMember *c = x->member;

        x->job = NULL;
        if (r < 0) {
                decision_failed(x, r);
                return;
        }
        if (r > 0)
                c->stored.n_outbox++;
        outbox_changed(c);
        member_change_end(x, NULL);
        outbox_pump(c);
}

bool changes_are_cancelling(const ChannelMember *c) {
        const MemberChange *x;

        DL_FOREACH(c->changes, x)
                if (x->cancels && x->job)
                        return true;
        return false;
}

static int begin_cancel(MemberChange *x) {
        ChannelMember *c = x->member;

        outbox_hold(c);
        return store_outbox_cancel(c->store, c->stored.row, x->id, on_cancelled, x, &x->job);
}

/* What was under way is decided: those who wanted it gone may try. */
void changes_resume(ChannelMember *c) {
        MemberChange *x, *next;

        DL_FOREACH_SAFE(c->changes, x, next) {
                if (!x->deferred || outbox_is_sending(c, x->id))
                        continue;
                /* Without room at the store it waits for the next result. */
                x->deferred = begin_cancel(x) < 0;
        }
}

int channel_member_cancel(ChannelMember *c, const char *id, member_done_fn done, void *userdata,
                          MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_done_type, userdata);
        MemberChange *x = NULL;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (!uuid_is_valid(id)) {
                failure_set(&f, ERROR_NO_SUCH_ENTRY, "The outbox has no such row.");
                return member_op_return(op, ret_op, &f);
        }
        r = member_change_new(c, id, op, &x);
        if (r >= 0) {
                x->cancels = true;
                x->deferred = outbox_is_sending(c, id);
                if (!x->deferred)
                        r = begin_cancel(x);
        }
        return member_change_begun(x, r, op, ret_op);
}

int channel_member_retry(ChannelMember *c, const char *id, member_done_fn done, void *userdata,
                         MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &member_done_type, userdata);
        MemberChange *x = NULL;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (c->stored.closed) {
                (void) member_fail_closed(c, &f);
                return member_op_return(op, ret_op, &f);
        }
        if (!uuid_is_valid(id)) {
                failure_set(&f, ERROR_NO_SUCH_ENTRY, "The outbox has no such row.");
                return member_op_return(op, ret_op, &f);
        }
        r = member_change_new(c, id, op, &x);
        if (r >= 0)
                r = store_outbox_retry(c->store, c->stored.row, id, is_caught_up(c), on_retried, x,
                                       &x->job);
        return member_change_begun(x, r, op, ret_op);
}

/* ---- look ---- */

static void outbox_complete(Operation *o, const Failure *f) {
        MemberOp *op = (MemberOp *) o;

        op->fn.outbox(f, NULL, 0, false, op->userdata);
}

static const OperationType outbox_type = { .complete = outbox_complete,
                                           .release = member_op_release };

static void on_outbox_read(int r, const OutboxRow *rows, size_t n, bool more, void *userdata) {
        MemberOp *op = userdata;
        member_outbox_fn done = op->fn.outbox;
        void *who = op->userdata;
        Failure f;

        op->job = NULL;
        if (r < 0) {
                member_fail_store(op->member, &f, r, "Cannot read the outbox");
                operation_complete(&op->base, &f);
                return;
        }
        operation_drop(&op->base);
        done(NULL, rows, n, more, who);
}

int channel_member_read_outbox(ChannelMember *c, uint64_t after, unsigned limit,
                               member_outbox_fn done, void *userdata, MemberOp **ret_op) {
        MemberOp *op = member_op_new(c, &outbox_type, userdata);
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.outbox = done;
        r = store_outbox_read(c->store, c->stored.row, after, false,
                              limit > 0 ? MIN(limit, (unsigned) HISTORY_LIMIT_MAX)
                                        : HISTORY_LIMIT_MAX,
                              READ_BYTES_MAX, on_outbox_read, op, &op->job);
        return member_op_begun(op, r, ret_op);
}
