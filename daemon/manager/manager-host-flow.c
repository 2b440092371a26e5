/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person wants who hosts a channel, from the first row on disk to the last wish;
 * leaves registering and serving to manager-host.c. */
#include <utlist.h>

#include "daemon/manager/manager-host-flow.h"

static HostFlow *host_flow_free(HostFlow *f) {
        if (!f)
                return NULL;
        (void) operation_take(&f->op);
        directory_lookup_free(f->lookup);
        member_op_free(f->saving);
        free(f->topic);
        free(f);
        return NULL;
}

void host_flow_get_wish(const HostFlow *f, HostWish *ret) {
        *ret = (HostWish){ .topic = f->topic, .view = f->view, .take_over = f->take_over };
}

bool host_flow_end(HostFlow *f, const Failure *failure) {
        ChannelMember *c = f->channel->member;
        /* Of a request whose fate is unknown the name may be ours already, with the id that we
         * made: it is kept, and asked for again. */
        bool is_unknown = failure && failure->code == ERROR_TIMEOUT && f->is_asked;
        bool undo = failure && f->is_new && !f->host && !is_unknown;
        Operation *op = f->op;

        host_flow_free(f);
        manager_complete_channel(op, failure, c);
        return undo;
}

/* ---- wishes of a channel that is up ---- */

static void on_topic(const Failure *failure, void *userdata) {
        HostFlow *f = userdata;

        hosting_flow_done(f->channel);
        (void) host_flow_end(f, failure);
}

/* 1: nothing (more) is wished. */
static int wish_topic(HostFlow *f, channel_host_done_fn done) {
        const Channel *channel = channel_host_get_channel(f->host);

        if (!f->topic || streq(f->topic, channel_get_topic(channel)))
                return 1;
        return channel_host_set_topic(f->host, &f->channel->manager->me, f->topic, done, f);
}

static void on_permissions(const Failure *failure, void *userdata) {
        HostFlow *f = userdata;
        Failure internal;
        int r;

        r = failure ? 1 : wish_topic(f, on_topic);
        if (r == 0)
                return;
        if (r < 0) {
                failure_set(&internal, ERROR_INTERNAL, "Cannot set the topic: %s.", strerror(-r));
                failure = &internal;
        }
        on_topic(failure, f);
}

static int wish_permissions(HostFlow *f) {
        const Channel *channel = channel_host_get_channel(f->host);
        Permissions p = PERMISSIONS_UNSAID;

        p.view = f->view;
        p.send = f->send;
        if ((f->view < 0 || f->view == channel_get_view(channel)) &&
            (f->send < 0 || f->send == channel_get_send(channel)))
                return 1;
        return channel_host_set_permissions(f->host, &f->channel->manager->me, &p, on_permissions,
                                            f);
}

bool host_flow_up(HostFlow *f, ChannelHost *host) {
        Failure failure;
        int r;

        f->host = host;
        r = wish_permissions(f);
        if (r == 1)
                r = wish_topic(f, on_topic);
        if (r == 0)
                return false;
        if (r < 0)
                failure_set(&failure, ERROR_INTERNAL, "Cannot set what was asked for: %s.",
                            strerror(-r));
        (void) host_flow_end(f, r < 0 ? &failure : NULL);
        return true;
}

/* ---- the way there ---- */

void host_flow_fail(HostFlow *f, const Failure *failure) {
        ManagedChannel *x = f->channel;

        hosting_flow_done(x);
        if (host_flow_end(f, failure))
                manager_forget(x);
}

static int begin(HostFlow *f) {
        int r;

        r = account_resume(f->channel->manager->account);
        if (r < 0)
                return r;
        f->is_asked = true;
        return hosting_begin(f->channel, f);
}

static void on_saved(const Failure *failure, void *userdata) {
        HostFlow *f = userdata;
        Failure internal;
        int r;

        f->saving = NULL;
        r = failure ? 0 : begin(f);
        if (r < 0) {
                failure_set(&internal, ERROR_INTERNAL, "Cannot host the channel: %s.",
                            strerror(-r));
                failure = &internal;
        }
        if (failure)
                host_flow_fail(f, failure);
}

int host_flow_save(HostFlow *f) {
        return channel_member_save(f->channel->member, on_saved, f, &f->saving);
}

static int new_channel(Manager *m, const char *name, const HostOptions *options,
                       ManagedChannel **ret) {
        StoredChannel stored = {
                .identity = account_get_identity(m->account),
                .hosted = true,
                .wanted = true,
                .role = ROLE_OWNER,
                .view = options->view >= 0 ? options->view : VIEW_PUBLIC,
                .send = options->send >= 0 ? options->send : SEND_REGISTERED,
                .topic = options->topic,
        };

        random_uuid(m->rt->random, stored.channel_id);
        memcpy(stored.name, name, sizeof(stored.name));
        memcpy(stored.owner, m->me.username, sizeof(stored.owner));
        memcpy(stored.host, m->me.username, sizeof(stored.host));
        return managed_channel_new(m, &stored, ret);
}

static int check_options(const HostOptions *o, Failure *f) {
        size_t n = o->topic ? strlen(o->topic) : 0;

        if (n > TOPIC_BYTES_MAX || !text_is_valid(o->topic ? o->topic : "", n, false))
                return failure_set(f, ERROR_BAD_REQUEST, "A topic is one line of at most %d bytes.",
                                   TOPIC_BYTES_MAX);
        return 0;
}

static size_t count_hosted(const Manager *m) {
        const ManagedChannel *x;
        size_t n = 0;

        for (x = m->channels; x; x = x->next)
                n += channel_member_get_stored(x->member)->hosted &&
                     !channel_member_get_stored(x->member)->closed;
        return n;
}

/* May this channel, which we know by that name, be hosted here? */
static int check_known(const Manager *m, const ManagedChannel *x, Failure *f) {
        const StoredChannel *stored = channel_member_get_stored(x->member);

        if (hosting_has_flow(x))
                return failure_set(f, ERROR_BUSY, "Hosting this channel is under way.");
        if (manager_is_giving_up(m, stored->channel_id))
                return failure_set(f, ERROR_BUSY, "This channel is being given up.");
        if (stored->went_back)
                return failure_set(
                        f, ERROR_CONFLICT,
                        "The log of %s that is here went back (a restored backup), so it "
                        "is readable, and never served again.",
                        stored->name);
        if (stored->hosted)
                return 0;
        if (!streq(stored->owner, m->me.username))
                return failure_set(f, ERROR_CHANNEL_EXISTS, "%s belongs to %s.", stored->name,
                                   stored->owner);
        /* Members follow the other one: under this id there would be two logs. */
        if (channel_member_get_state(x->member) == MEMBER_DIVERGED)
                return failure_set(f, ERROR_CONFLICT,
                                   "The copy of %s here has diverged from the log that was served, "
                                   "so it is readable, and never served. Take that log in its "
                                   "place: p2pchatctl join --new-copy %s; or begin a new one: "
                                   "p2pchatctl host --new-log %s.",
                                   stored->name, stored->name, stored->name);
        if (stored->first_seq != 1)
                return failure_set(f, ERROR_CONFLICT,
                                   "Another device hosts %s, and its log is not here from the "
                                   "first entry on.",
                                   stored->name);
        return 0;
}

int host_flow_is_served(const char *name, Failure *f) {
        return failure_set(f, ERROR_CONFLICT,
                           "%s is served here with the log that it has: there is no need of a new "
                           "one.",
                           name);
}

/* May it get a new log? */
static int check_new_log(const Manager *m, const char *name, Failure *f) {
        const ManagedChannel *x;

        DL_FOREACH(m->channels, x) {
                const StoredChannel *stored = channel_member_get_stored(x->member);

                if (!streq(stored->name, name) || channel_member_is_displaced(x->member))
                        continue;
                if (hosting_has_flow(x))
                        return failure_set(f, ERROR_BUSY, "Hosting this channel is under way.");
                if (manager_is_giving_up(m, stored->channel_id))
                        return failure_set(f, ERROR_BUSY, "This channel is being given up.");
                if (channel_member_get_local_host(x->member))
                        return host_flow_is_served(name, f);
                if (!stored->closed && !streq(stored->owner, m->me.username))
                        return failure_set(f, ERROR_CHANNEL_EXISTS, "%s belongs to %s.", name,
                                           stored->owner);
        }
        return 0;
}

static int check(const Manager *m, const char *name, const HostOptions *options, bool is_new_log,
                 const ManagedChannel *x, Failure *f) {
        int r;

        r = manager_check_identity(m, true, f);
        if (r < 0)
                return r;
        if (!name_is_valid(name))
                return failure_set(f, ERROR_INVALID_NAME,
                                   "A name has 2 to 32 of a-z, 0-9, dot, dash and underscore.");
        r = check_options(options, f);
        if (r < 0)
                return r;
        if (x && !is_new_log)
                return check_known(m, x, f);
        if (is_new_log) {
                r = check_new_log(m, name, f);
                if (r < 0)
                        return r;
        }
        if (count_hosted(m) >= CHANNELS_HOSTED_MAX)
                return failure_set(f, ERROR_QUEUE_FULL, "One daemon hosts at most %d channels.",
                                   CHANNELS_HOSTED_MAX);
        return 0;
}

static int flow_new(ManagedChannel *x, const HostOptions *options, HostFlow **ret) {
        HostFlow *f = new0(HostFlow, 1);

        if (!f)
                return -ENOMEM;
        *f = (HostFlow){
                .channel = x,
                .view = options->view,
                .send = options->send,
                .take_over = options->take_over,
                .is_explicit = options->new_log,
        };
        if (free_and_strdup(&f->topic, options->topic) < 0) {
                host_flow_free(f);
                return -ENOMEM;
        }
        *ret = f;
        return 0;
}

/* A log that is closed, or goes on elsewhere, is open again by the tracker's word only. */
static int begin_known(ManagedChannel *x, HostFlow *f) {
        const StoredChannel *stored = channel_member_get_stored(x->member);
        int r;

        if (stored->hosted && !stored->closed && !channel_member_is_moved(x->member))
                channel_member_set_hosted(x->member, true, true);
        r = begin(f);
        if (r < 0 && x->hosting)
                hosting_flow_done(x);
        return r;
}

static int begin_new(ManagedChannel *x, HostFlow *f) {
        int r;

        f->is_new = true;
        r = hosting_hold(x, f);
        if (r < 0)
                return r;
        r = f->is_new_log ? host_flow_begin_new_log(f) : host_flow_save(f);
        if (r < 0)
                hosting_flow_done(x);
        return r;
}

bool host_flow_may_repeat(ErrorCode code) {
        switch (code) {
        case ERROR_TRACKER_UNREACHABLE:
        case ERROR_TIMEOUT:
        case ERROR_BUSY:
        case ERROR_RATE_LIMITED:
        case ERROR_INTERNAL:
        case ERROR_CANCELLED:
        case ERROR_UNTRUSTED_TRACKER:
        case ERROR_PIN_MISMATCH:
        case ERROR_PROTOCOL:
                return true;
        default:
                return false;
        }
}

/* Which of those that we have is meant; one that somebody else owned, and that is closed, is not.
 */
static ManagedChannel *find_known(const Manager *m, const char *name) {
        ManagedChannel *x = manager_find_name(m, name);

        if (x && channel_member_get_stored(x->member)->closed &&
            !streq(channel_member_get_owner(x->member), m->me.username))
                return NULL;
        return x;
}

static bool needs_new_log(const ManagedChannel *known, const HostOptions *options) {
        const StoredChannel *stored = known ? channel_member_get_stored(known->member) : NULL;

        if (known && managed_channel_is_unborn(known) && !stored->closed)
                return false; /* it is one already, and asked for again */
        return options->new_log || (stored && stored->hosted && stored->went_back);
}

int manager_host(Manager *m, const char *name, const HostOptions *options, manager_channel_fn done,
                 void *userdata, ManagerOp **ret_op) {
        ManagerOp *op = manager_op_new(m, &manager_channel_type, userdata);
        ManagedChannel *x, *known;
        char folded[NAME_SIZE] = "";
        HostFlow *f = NULL;
        bool is_new_log;
        Failure failure;
        int r;

        if (!op)
                return -ENOMEM;
        op->fn.channel = done;
        (void) name_fold(name, folded);
        known = find_known(m, folded);
        is_new_log = needs_new_log(known, options);
        if (check(m, folded, options, is_new_log, known, &failure) < 0)
                return manager_op_return(op, ret_op, &failure);

        x = is_new_log ? NULL : known;
        r = x ? 0 : new_channel(m, folded, options, &x);
        if (r >= 0)
                r = flow_new(x, options, &f);
        if (r >= 0) {
                f->is_new_log = is_new_log;
                if (is_new_log && known)
                        strcpy(f->old_id, channel_member_get_id(known->member));
                operation_hold(&op->base, &f->op);
                if (ret_op)
                        *ret_op = op;
                r = x == known ? begin_known(x, f) : begin_new(x, f);
        }
        if (r < 0) {
                host_flow_free(f);
                if (x != known)
                        managed_channel_free(x);
                manager_op_free(op);
                return r;
        }
        return 0;
}
