/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person ends what they had with a channel: hosting it, or being in it. Leaves the
 * memory of it on disk unless asked. */
#include <utlist.h>

#include "daemon/manager/manager-internal.h"

struct LeaveFlow {
        Manager *manager; /* weak */
        LeaveFlow *prev, *next;
        Operation *op; /* weak; NULL: nobody waits */
        char channel_id[UUID_STRING_SIZE];
        bool forget;
        bool waits; /* for members to be told what is stored */
        TrackerCall *call;
};

LeaveFlow *leave_flow_free(LeaveFlow *l) {
        if (!l)
                return NULL;
        DL_DELETE(l->manager->leaves, l);
        tracker_call_free(l->call);
        if (l->op)
                manager_cancel(l->op);
        free(l);
        return NULL;
}

bool manager_is_giving_up(const Manager *m, const char *channel_id) {
        const LeaveFlow *l;

        DL_FOREACH(m->leaves, l)
                if (l->forget && streq(l->channel_id, channel_id))
                        return true;
        return false;
}

static void leave_end(LeaveFlow *l, const Failure *f) {
        Operation *op = operation_take(&l->op);

        leave_flow_free(l);
        operation_complete(op, f);
}

static void stop_hosting(ManagedChannel *x) {
        hosting_end(x, "unhosted", "unhosted");
        channel_member_set_hosted(x->member, true, false);
        channel_member_set_state_reason(x->member, "unhosted");
}

/* Its lease lapses where the tracker could not be told; a name is only given back by its word. */
static void on_unhosted(const Value *payload, const Failure *failure, void *userdata) {
        LeaveFlow *l = userdata;
        ChannelMember *c = manager_find_channel(l->manager, l->channel_id);
        ManagedChannel *x = c ? manager_find_member(l->manager, c) : NULL;

        l->call = NULL;
        if (failure && failure->code == ERROR_NO_SUCH_CHANNEL)
                failure = NULL;
        if (!l->forget) {
                leave_end(l, NULL);
                return;
        }
        leave_end(l, failure);
        if (!failure && x)
                manager_forget(x);
}

static int tell_tracker(LeaveFlow *l, const ChannelMember *c) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", channel_member_get_name(c));
        writer_bool(&w, "forget", l->forget);
        writer_end_object(&w);
        return account_call(l->manager->account, "UNHOST", &w, on_unhosted, l, &l->call);
}

bool manager_unhost_ended(ManagedChannel *x) {
        const char *channel_id = channel_member_get_id(x->member);
        bool was_waited_for = false;
        LeaveFlow *l, *next;
        Failure f;

        DL_FOREACH_SAFE(x->manager->leaves, l, next) {
                if (!l->waits || !streq(l->channel_id, channel_id))
                        continue;
                l->waits = false;
                was_waited_for = true;
                if (tell_tracker(l, x->member) < 0) {
                        failure_set(&f, ERROR_INTERNAL, "Cannot tell the tracker: out of memory.");
                        leave_end(l, &f);
                }
        }
        if (was_waited_for)
                stop_hosting(x);
        return was_waited_for;
}

int manager_unhost(Manager *m, ChannelMember *c, bool forget, manager_done_fn done, void *userdata,
                   ManagerOp **ret_op) {
        ManagedChannel *x = manager_find_member(m, c);
        ManagerOp *op = manager_op_new(m, &manager_done_type, userdata);
        LeaveFlow *l;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (!x || !channel_member_get_stored(c)->hosted) {
                failure_set(&f, ERROR_CONFLICT, "This channel is hosted elsewhere: leave it.");
                return manager_op_return(op, ret_op, &f);
        }
        l = new0(LeaveFlow, 1);
        if (!l) {
                manager_op_free(op);
                return -ENOMEM;
        }
        *l = (LeaveFlow){ .manager = m, .forget = forget };
        snprintf(l->channel_id, sizeof(l->channel_id), "%s", channel_member_get_id(c));
        DL_APPEND(m->leaves, l);

        l->waits = hosting_close(x);
        r = l->waits ? 0 : tell_tracker(l, c);
        if (r < 0) {
                leave_flow_free(l);
                manager_op_free(op);
                return r;
        }
        operation_hold(&op->base, &l->op);
        if (!l->waits)
                stop_hosting(x);
        return manager_op_return(op, ret_op, NULL);
}

/* Its log is here, hosted or not, and nobody else has gone on with it. */
static bool is_ours(const ChannelMember *c) {
        const StoredChannel *stored = channel_member_get_stored(c);

        return stored->hosted && !stored->closed && !channel_member_is_moved(c);
}

int manager_end(Manager *m, ChannelMember *c, bool forget, manager_done_fn done, void *userdata,
                ManagerOp **ret_op) {
        ManagerOp *op;
        Failure f;

        if (manager_find_member(m, c) && is_ours(c) && !channel_member_get_stored(c)->wanted)
                return manager_unhost(m, c, true, done, userdata, ret_op);
        op = manager_op_new(m, &manager_done_type, userdata);
        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        failure_set(&f, ERROR_CONFLICT,
                    "This is no channel of yours that nobody hosts; who hosts it ends it by: "
                    "p2pchatctl unhost --forget CHANNEL");
        return manager_op_return(op, ret_op, &f);
}

int manager_leave(Manager *m, ChannelMember *c, bool forget, manager_done_fn done, void *userdata,
                  ManagerOp **ret_op) {
        ManagedChannel *x = manager_find_member(m, c);
        ManagerOp *op = manager_op_new(m, &manager_done_type, userdata);
        Failure f = {};
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.done = done;
        if (!x)
                failure_set(&f, ERROR_NO_SUCH_CHANNEL, "There is no such channel here.");
        else if (is_ours(c) && channel_member_get_stored(c)->wanted)
                failure_set(&f, ERROR_CONFLICT,
                            "This channel is hosted here; to stop that: p2pchatctl unhost "
                            "CHANNEL");
        else if (is_ours(c))
                failure_set(&f, ERROR_CONFLICT,
                            "This channel is yours, and nobody hosts it; to end it, with its name "
                            "and its log: p2pchatctl unhost --forget CHANNEL; to host it again: "
                            "p2pchatctl host CHANNEL");
        r = manager_op_return(op, ret_op, &f);
        if (r < 0 || f.code != ERROR_NONE)
                return r;

        channel_member_close(c, "left");
        if (forget)
                manager_forget(x);
        return 0;
}
