/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a name of ours gets a new log, whose first entry names the one before, and what a
 * person is told whose name is taken by herself. Leaves all else about hosting to
 * manager-host-flow.c. */
#include "daemon/manager/manager-host-flow.h"

/* What the name means now is what the new log follows. */
static int choose_previous(HostFlow *f, const Failure *failure, const DirectoryEntry *entry,
                           const char **ret, Failure *why) {
        const char *name = channel_member_get_name(f->channel->member);

        if (failure && failure->code == ERROR_NO_SUCH_CHANNEL) {
                *ret = f->old_id;
                return 0;
        }
        if (failure &&
            (failure->code == ERROR_TRACKER_UNREACHABLE || failure->code == ERROR_TIMEOUT))
                return failure_set(why, ERROR_TRACKER_UNREACHABLE,
                                   "Only the tracker can bind %s to a new log, and it cannot be "
                                   "reached; nothing was changed.",
                                   name);
        if (failure) {
                *why = *failure;
                return -error_info(failure->code)->error;
        }
        if (!streq(entry->owner, f->channel->manager->me.username))
                return failure_set(why, ERROR_CHANNEL_EXISTS, "%s belongs to %s.", name,
                                   entry->owner);
        if (!f->is_explicit && !streq(entry->channel_id, f->old_id))
                return failure_set(why, ERROR_CHANNEL_EXISTS,
                                   "Another device of yours has begun a new log of %s; be a member "
                                   "of it: p2pchatctl join %s.",
                                   name, name);
        *ret = entry->channel_id;
        return 0;
}

/* It may have come up while the tracker was asked. */
static int check_not_served(const HostFlow *f, const char *channel_id, Failure *why) {
        const ManagedChannel *x = manager_find_id(f->channel->manager, channel_id);

        if (!x || !channel_member_get_local_host(x->member))
                return 0;
        return host_flow_is_served(channel_member_get_name(x->member), why);
}

static void on_found(const Failure *failure, const DirectoryEntry *entry, void *userdata) {
        HostFlow *f = userdata;
        ManagedChannel *x = f->channel;
        const char *previous = "";
        Failure why;
        int r;

        f->lookup = NULL;
        if (choose_previous(f, failure, entry, &previous, &why) < 0 ||
            check_not_served(f, previous, &why) < 0 || check_not_served(f, f->old_id, &why) < 0) {
                host_flow_fail(f, &why);
                return;
        }
        channel_member_set_previous(x->member, previous);
        manager_set_went_back(x->manager, previous);
        r = host_flow_save(f);
        if (r < 0) {
                failure_set(&why, ERROR_INTERNAL, "Cannot save the channel: %s.", strerror(-r));
                host_flow_fail(f, &why);
        }
}

int host_flow_begin_new_log(HostFlow *f) {
        const ChannelMember *c = f->channel->member;

        return account_lookup(f->channel->manager->account, channel_member_get_name(c), on_found, f,
                              &f->lookup);
}

/* ---- a name that is taken ---- */

static void on_owner(const Failure *failure, const DirectoryEntry *entry, void *userdata) {
        HostFlow *f = userdata;
        const char *name = channel_member_get_name(f->channel->member);
        const char *me = f->channel->manager->me.username;
        Failure why;

        f->lookup = NULL;
        if (failure || !streq(entry->owner, me))
                failure_set(&why, ERROR_CHANNEL_EXISTS, "%s belongs to %s.", name,
                            failure ? "somebody else" : entry->owner);
        else
                failure_set(&why, ERROR_CHANNEL_EXISTS,
                            "%s is yours already, and its log is not here. Host it where the log "
                            "is, or be a member: p2pchatctl join %s. If the log is lost: "
                            "p2pchatctl host --new-log %s begins a new one.",
                            name, name, name);
        host_flow_fail(f, &why);
}

bool host_flow_explain(HostFlow *f, const Failure *failure, Failure *ret) {
        const char *name = channel_member_get_name(f->channel->member);

        *ret = *failure;
        if (failure->code == ERROR_CONFLICT && failure->holder_until > 0 && f->is_new)
                failure_set(ret, ERROR_CONFLICT,
                            "Another device of yours hosts %s. Be a member of it: p2pchatctl join "
                            "%s; or end its log: p2pchatctl host --new-log --take-over %s.",
                            name, name, name);
        else if (failure->code == ERROR_CONFLICT && failure->holder_until > 0)
                failure_set(ret, ERROR_CONFLICT,
                            "Another device of yours hosts %s. To move it here: p2pchatctl host "
                            "--take-over %s.",
                            name, name);
        if (failure->code == ERROR_STALE_EPOCH && !failure->successor[0] &&
            failure->epoch > channel_member_get_stored(f->channel->member)->epoch &&
            failure->last_seq <= channel_member_get_synced_seq(f->channel->member))
                failure_set(ret, ERROR_STALE_EPOCH,
                            "Another device of yours has hosted %s since, and the log here is not "
                            "that one. Host it there, be a member of it first: p2pchatctl join %s; "
                            "or begin a new log: p2pchatctl host --new-log %s.",
                            name, name, name);
        else if (failure->code == ERROR_STALE_EPOCH && failure->last_seq > 0 &&
                 !failure->successor[0])
                failure_set(ret, ERROR_STALE_EPOCH,
                            "The log of %s here ends at entry %" PRIu64
                            ", the tracker has seen %" PRIu64
                            ". Host it where the rest is, or begin a new log: p2pchatctl host "
                            "--new-log %s.",
                            name, channel_member_get_synced_seq(f->channel->member),
                            failure->last_seq, name);
        if (failure->code != ERROR_CHANNEL_EXISTS || !f->is_new || f->is_new_log)
                return false;
        return account_lookup(f->channel->manager->account, name, on_owner, f, &f->lookup) >= 0;
}
