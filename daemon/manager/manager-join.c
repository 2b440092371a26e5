/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a person becomes a member of a channel elsewhere: the directory, the host's word, the
 * row. Leaves the membership itself to channel-member. */
#include <utlist.h>

#include "daemon/manager/manager-internal.h"

struct JoinFlow {
        Manager *manager; /* weak */
        JoinFlow *prev, *next;
        Operation *op; /* weak; NULL: nobody waits */
        char name[NAME_SIZE];
        int64_t backlog;
        bool new_copy;
        char channel_id[UUID_STRING_SIZE]; /* an invitation's; "": whatever the name means */
        DirectoryLookup *lookup;
        ManagedChannel *channel; /* weak; NULL: not known yet */
        bool is_new;             /* nothing of it is shown or kept before the host has answered */
        MemberOp *waiting;       /* for the host, then for the row */
        Failure refusal;         /* of one that waits to be let in; ERROR_NONE: is none */
};

JoinFlow *join_flow_free(JoinFlow *j) {
        if (!j)
                return NULL;
        DL_DELETE(j->manager->joins, j);
        directory_lookup_free(j->lookup);
        member_op_free(j->waiting);
        if (j->op)
                manager_cancel(j->op);
        free(j);
        return NULL;
}

static void join_end(JoinFlow *j, const Failure *f) {
        ManagedChannel *x = j->channel;
        bool forget = f && x && j->is_new;
        Operation *op = operation_take(&j->op);

        j->channel = NULL;
        join_flow_free(j);
        if (!f)
                managed_channel_announce(x);
        manager_complete_channel(op, f, x ? x->member : NULL);
        if (forget)
                manager_forget(x);
}

/* Refused, and kept: who is let in later is in without asking again. */
static void join_denied(JoinFlow *j) {
        Operation *op = operation_take(&j->op);
        ManagedChannel *x = j->channel;
        Failure f;

        (void) failure_set(&f, j->refusal.code,
                           "%s%s Once you are let in it goes live by itself; p2pchatctl leave %s "
                           "gives that up.",
                           j->refusal.message,
                           *j->channel_id ? " An invitation leads to a channel, and gives no "
                                            "rights there."
                                          : "",
                           j->name);
        join_flow_free(j);
        managed_channel_announce(x);
        manager_complete_channel(op, &f, x->member);
}

static void on_saved(const Failure *f, void *userdata) {
        JoinFlow *j = userdata;

        j->waiting = NULL;
        if (!f && j->refusal.code != ERROR_NONE)
                join_denied(j);
        else
                join_end(j, f);
}

static bool may_be_let_in(const Failure *f) {
        return f->code == ERROR_RESTRICTED || f->code == ERROR_BANNED;
}

/* The host has accepted, refused, or is away; away is no refusal. */
static void on_settled(const Failure *f, void *userdata) {
        JoinFlow *j = userdata;
        Failure internal;

        j->waiting = NULL;
        if (f && may_be_let_in(f))
                j->refusal = *f;
        else if (f && f->code != ERROR_HOST_OFFLINE) {
                join_end(j, f);
                return;
        }
        if (channel_member_save(j->channel->member, on_saved, j, &j->waiting) < 0) {
                failure_set(&internal, ERROR_INTERNAL, "Cannot save the channel.");
                join_end(j, &internal);
        }
}

static int begin(JoinFlow *j, const DirectoryEntry *entry) {
        ChannelMember *c = j->channel->member;
        int r;

        r = channel_member_settle(c, on_settled, j, &j->waiting);
        if (r < 0)
                return r;
        channel_member_locate(c, entry);
        return 0;
}

static int new_channel(JoinFlow *j, const DirectoryEntry *entry) {
        Manager *m = j->manager;
        StoredChannel stored = {
                .identity = account_get_identity(m->account),
                .wanted = true,
                .role = ROLE_NONE,
                .view = entry->restricted ? VIEW_RESTRICTED : VIEW_PUBLIC,
                .send = SEND_REGISTERED,
                .topic = entry->topic,
                .epoch = entry->epoch,
        };
        int r;

        memcpy(stored.channel_id, entry->channel_id, sizeof(stored.channel_id));
        memcpy(stored.name, entry->channel_name, sizeof(stored.name));
        memcpy(stored.owner, entry->owner, sizeof(stored.owner));
        memcpy(stored.host, entry->host, sizeof(stored.host));
        r = managed_channel_new(m, &stored, &j->channel);
        if (r < 0)
                return r;
        j->is_new = true;
        channel_member_set_backlog(j->channel->member, j->backlog);
        return 0;
}

/* Ours once, and another device's now: what is held here becomes its copy. */
static void become_copy(ManagedChannel *x) {
        hosting_end(x, NULL, "");
        channel_member_become_copy(x->member);
}

static int check_id(const char *wanted, const char *id, const char *name, const char *where,
                    Failure *f) {
        if (!wanted || !*wanted || streq(wanted, id))
                return 0;
        return failure_set(f, ERROR_CONFLICT,
                           "The invitation is to the channel %s, but %s %s is %s. Ask who invited "
                           "you for a new one, or go by the name: p2pchatctl join %s.",
                           wanted, name, where, id, name);
}

static int check_known(const JoinFlow *j, const ManagedChannel *known, const DirectoryEntry *entry,
                       Failure *f) {
        if (check_id(j->channel_id, entry->channel_id, j->name, "in the tracker's directory", f) <
            0)
                return -error_info(f->code)->error;
        if (known && !managed_channel_may_be_copy(known, entry))
                return failure_set(f, ERROR_CONFLICT,
                                   "%s is yours, and no other device hosts it: host it here.",
                                   j->name);
        if (j->new_copy && (!known || channel_member_get_state(known->member) != MEMBER_DIVERGED))
                return failure_set(f, ERROR_CONFLICT,
                                   "What is held of %s here is not known to be another log than "
                                   "its host's: a new copy would be the same.",
                                   j->name);
        return 0;
}

/* With its copy gone it is a channel that is joined for the first time, but for its outbox. */
static void on_dropped(const Failure *f, void *userdata) {
        JoinFlow *j = userdata;
        Failure internal;

        j->waiting = NULL;
        if (f) {
                join_end(j, f);
                return;
        }
        if (channel_member_connect(j->channel->member, on_settled, j, &j->waiting) < 0) {
                failure_set(&internal, ERROR_INTERNAL, "Cannot join.");
                join_end(j, &internal);
        }
}

static int drop_copy(JoinFlow *j) {
        channel_member_set_backlog(j->channel->member, j->backlog);
        return channel_member_drop_copy(j->channel->member, on_dropped, j, &j->waiting);
}

static void on_found(const Failure *f, const DirectoryEntry *entry, void *userdata) {
        JoinFlow *j = userdata;
        ManagedChannel *known;
        Failure internal;
        int r = 0;

        j->lookup = NULL;
        if (f) {
                join_end(j, f);
                return;
        }
        known = manager_find_id(j->manager, entry->channel_id);
        if (check_known(j, known, entry, &internal) < 0) {
                join_end(j, &internal);
                return;
        }
        if (known && j->new_copy) {
                j->channel = known;
                r = drop_copy(j);
                if (r >= 0)
                        return;
        } else if (known) {
                /* Left before, with its copy kept: the same channel goes on. */
                j->channel = known;
                if (channel_member_get_stored(known->member)->hosted)
                        become_copy(known);
                else if (channel_member_get_stored(known->member)->closed)
                        channel_member_reopen(known->member);
        } else
                r = new_channel(j, entry);
        if (r >= 0)
                r = begin(j, entry);
        if (r < 0) {
                failure_set(&internal, ERROR_INTERNAL, "Cannot join: %s.", strerror(-r));
                join_end(j, &internal);
        }
}

static size_t count_channels(const Manager *m) {
        const ManagedChannel *x;
        size_t n = 0;

        DL_FOREACH(m->channels, x)
                n++;
        return n;
}

static int check(const Manager *m, const char *name, Failure *f) {
        int r;

        r = manager_check_identity(m, false, f);
        if (r < 0)
                return r;
        if (!name_is_valid(name))
                return failure_set(f, ERROR_NO_SUCH_CHANNEL, "No channel can have this name.");
        if (count_channels(m) >= CHANNELS_JOINED_MAX + CHANNELS_HOSTED_MAX)
                return failure_set(f, ERROR_QUEUE_FULL, "That are too many channels: leave some.");
        return 0;
}

static bool is_being_joined(const Manager *m, const char *name) {
        const JoinFlow *j;

        DL_FOREACH(m->joins, j)
                if (streq(j->name, name))
                        return true;
        return false;
}

static int flow_new(Manager *m, const char *name, const JoinOptions *options, ManagerOp *op,
                    JoinFlow **ret) {
        JoinFlow *j = new0(JoinFlow, 1);

        if (!j)
                return -ENOMEM;
        *j = (JoinFlow){
                .manager = m,
                .backlog = options->backlog,
                .new_copy = options->new_copy,
        };
        memcpy(j->name, name, sizeof(j->name));
        snprintf(j->channel_id, sizeof(j->channel_id), "%s", options->channel_id ?: "");
        DL_APPEND(m->joins, j);
        operation_hold(&op->base, &j->op);
        *ret = j;
        return 0;
}

/* One that is joined already: who was sent away asks again, the others have what they want. */
static int join_again(JoinFlow *j, ManagedChannel *x) {
        j->channel = x;
        return channel_member_connect(x->member, on_settled, j, &j->waiting);
}

int manager_join(Manager *m, const char *name, const JoinOptions *options, manager_channel_fn done,
                 void *userdata, ManagerOp **ret_op) {
        ManagerOp *op = manager_op_new(m, &manager_channel_type, userdata);
        char folded[NAME_SIZE] = "";
        ManagedChannel *x;
        JoinFlow *j = NULL;
        Failure f;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.channel = done;
        (void) name_fold(name, folded);
        if (check(m, folded, &f) < 0)
                return manager_op_return(op, ret_op, &f);
        if (is_being_joined(m, folded)) {
                failure_set(&f, ERROR_BUSY, "Joining this channel is under way.");
                return manager_op_return(op, ret_op, &f);
        }
        x = manager_find_name(m, folded);
        if (x && !x->announced) {
                failure_set(&f, ERROR_BUSY, "Hosting this channel is under way.");
                return manager_op_return(op, ret_op, &f);
        }
        if (x && !channel_member_get_stored(x->member)->closed &&
            check_id(options->channel_id, channel_member_get_id(x->member), folded,
                     "that is open here", &f) < 0)
                return manager_op_return(op, ret_op, &f);
        if (x && x->hosting && !hosting_is_elsewhere(x->hosting)) {
                manager_complete_channel(&op->base, NULL, x->member);
                return manager_op_return(op, ret_op, NULL);
        }

        if (x && (options->new_copy || channel_member_get_stored(x->member)->closed ||
                  channel_member_get_stored(x->member)->hosted))
                x = NULL;
        r = flow_new(m, folded, options, op, &j);
        if (r >= 0)
                r = x ? join_again(j, x)
                      : account_lookup(m->account, folded, on_found, j, &j->lookup);
        if (r < 0) {
                if (j)
                        (void) operation_take(&j->op);
                join_flow_free(j);
                manager_op_free(op);
                return r;
        }
        return manager_op_return(op, ret_op, NULL);
}
