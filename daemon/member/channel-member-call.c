/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the host is asked something that it may put off: what it answers with `rate-limited` is
 * asked again when it says, in the order of asking, as long as somebody may still wait for it.
 * Leaves questions and answers to their callers. */
#include <utlist.h>

#include "daemon/member/channel-member-internal.h"

struct MemberCall {
        ChannelMember *member; /* weak */
        char command[HEADER_BYTES_MAX + 1];
        Writer payload;
        uint64_t give_up; /* boottime */
        RpcCall *call;    /* NULL: it waits for its turn */
        bool is_again;    /* it has waited */
        rpc_reply_fn reply;
        void *userdata; /* weak */
        MemberCall *prev, *next;
};

MemberCall *member_call_free(MemberCall *x) {
        if (!x)
                return NULL;
        DL_DELETE(x->member->calls, x);
        rpc_call_free(x->call);
        writer_done(&x->payload);
        free(x);
        return NULL;
}

static MemberCall *first_waiting(const ChannelMember *c, const char *command) {
        MemberCall *x;

        DL_FOREACH(c->calls, x)
                if (!x->call && (!command || streq(x->command, command)))
                        return x;
        return NULL;
}

static void resume_in(ChannelMember *c, uint64_t usec) {
        uint64_t at = clock_boottime(c->rt->clock) + usec;

        if (first_waiting(c, NULL) &&
            (!clock_timer_is_armed(c->call_timer) || clock_timer_deadline(c->call_timer) > at))
                clock_timer_arm(c->call_timer, usec);
}

/* The callback may free the channel. */
static void end(MemberCall *x, int r, const Value *payload, const Failure *failure) {
        ChannelMember *c = x->member;
        rpc_reply_fn reply = x->reply;
        void *userdata = x->userdata;

        member_call_free(x);
        resume_in(c, failure ? failure->retry_after_ms * USEC_PER_MSEC : 0);
        reply(r, payload, failure, userdata);
}

static void on_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        MemberCall *x = userdata;
        uint64_t usec;

        x->call = NULL;
        if (r == 0 && failure && failure->code == ERROR_RATE_LIMITED) {
                usec = MIN(failure->retry_after_ms, REQUEST_TIMEOUT_USEC / USEC_PER_MSEC + 1) *
                       USEC_PER_MSEC;
                if (usec > 0 && clock_boottime(x->member->rt->clock) + usec <= x->give_up) {
                        resume_in(x->member, usec);
                        return;
                }
        }
        end(x, r, payload, failure);
}

static int ask(MemberCall *x) {
        const ChannelMember *c = x->member;

        return c->slot ? host_slot_call(c->slot, x->command, &x->payload, 0, on_reply, x, &x->call)
                       : -ENOTCONN;
}

static bool is_next(const MemberCall *x) {
        const MemberCall *y;

        DL_FOREACH(x->member->calls, y) {
                if (y == x)
                        return !x->call;
                if (streq(y->command, x->command) && (!y->call || y->is_again))
                        return false;
        }
        return false;
}

/* Of each command the first that waits: behind it the others would only be refused again. */
void member_calls_resume(void *userdata) {
        ChannelMember *c = userdata;
        uint64_t now = clock_boottime(c->rt->clock);
        MemberCall *x;
        Failure late;
        int r;

        DL_FOREACH(c->calls, x) {
                if (!x->call && now > x->give_up) {
                        failure_set(&late, ERROR_RATE_LIMITED,
                                    "The host was asked too much at a time; try again.");
                        late.retry_after_ms = 1000;
                        end(x, 0, NULL, &late);
                        return; /* the others when the timer says so */
                }
                if (!is_next(x))
                        continue;
                r = ask(x);
                if (r < 0) {
                        end(x, r, NULL, NULL);
                        return;
                }
                x->is_again = true;
        }
}

void member_calls_hung_up(ChannelMember *c) {
        resume_in(c, 0);
}

int member_call(ChannelMember *c, const char *command, Writer *w, rpc_reply_fn reply,
                void *userdata, MemberCall **ret) {
        bool waits = first_waiting(c, command);
        MemberCall *x;
        int r = 0;

        if (w->error < 0)
                return w->error;
        x = new0(MemberCall, 1);
        if (!x)
                return -ENOMEM;
        *x = (MemberCall){
                .member = c,
                .payload = *w,
                .give_up = clock_boottime(c->rt->clock) + REQUEST_TIMEOUT_USEC,
                .reply = reply,
                .userdata = userdata,
        };
        *w = (Writer){};
        snprintf(x->command, sizeof(x->command), "%s", command);
        DL_APPEND(c->calls, x);
        if (!waits)
                r = ask(x);
        if (r < 0) {
                member_call_free(x);
                return r;
        }
        *ret = x;
        return 0;
}
