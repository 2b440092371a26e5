/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who may take, keep and lose a channel's lease (protocol §4 "Names and ids", "Leases");
 * leaves finding channels to directory.c. */
#include <inttypes.h>
#include <utlist.h>

#include "tracker/directory-internal.h"
#include "wire/limits.h"

#define OWNED_RETRY_MSEC 60000 /* nothing but its owner changes it: no hurry */

void directory_set_lease(Directory *d, DirectoryNode *n, bool lives, uint64_t now_boottime) {
        if (n->lease_until > 0) {
                DL_DELETE2(d->leases, n, lease_prev, lease_next);
                d->n_leases--;
        }
        n->lease_until = lives ? now_boottime + d->lease_usec : 0;
        if (lives) {
                DL_APPEND2(d->leases, n, lease_prev, lease_next);
                d->n_leases++;
        }
}

uint64_t directory_get_lease_end(const Directory *d, const char *name) {
        const DirectoryNode *n = directory_find(d, name);

        return n ? n->lease_until : 0;
}

static bool lease_lives(const DirectoryNode *n, uint64_t now_boottime) {
        return n->lease_until > now_boottime;
}

/* Does q begin a new log for the name, in place of the channel that it means so far? */
static bool follows(const HostRequest *q, const DirectoryEntry *known) {
        return known && q->previous && streq(known->owner, q->owner) &&
               streq(known->channel_id, q->previous);
}

static int check_ids(const Directory *d, const HostRequest *q, Failure *failure) {
        const DirectoryNode *n = directory_find(d, q->channel_name);
        const DirectoryNode *by_id = directory_find_id(d, q->channel_id);
        const RetiredId *retired = directory_get_retired(d, q->channel_id);
        const DirectoryEntry *known = n ? &n->record.entry : NULL;
        int r;

        if (retired && streq(retired->owner, q->owner)) {
                r = failure_set(failure, ERROR_STALE_EPOCH,
                                "This log of %s has ended; another channel follows it.",
                                retired->channel_name);
                failure->epoch = retired->epoch;
                failure->last_seq = retired->last_seq;
                strcpy(failure->successor, retired->successor);
                return r;
        }
        if (retired || (by_id && (by_id != n || !streq(by_id->record.entry.owner, q->owner))))
                return failure_set(failure, ERROR_CONFLICT,
                                   "This channel_id belongs to another name or owner.");
        if (known && !follows(q, known) &&
            (!streq(known->owner, q->owner) || !streq(known->channel_id, q->channel_id)))
                return failure_set(failure, ERROR_CHANNEL_EXISTS,
                                   "There is another channel of the name %s.", q->channel_name);
        return 0;
}

/* Each host logs its epoch before it serves anyone. A log of an earlier one, where that one has
 * grown, is another than members have. The key that asks may have been stopped before it kept its
 * epoch. */
static int check_epoch(const HostRequest *q, const ChannelRecord *known, Failure *failure) {
        const DirectoryEntry *e = &known->entry;
        uint64_t own = e->epoch - (streq(known->key, q->key) ? 1 : 0);
        int r;

        if (MAX(q->epoch, UINT64_C(1)) >= own || e->last_seq <= known->granted_seq)
                return 0;
        r = failure_set(failure, ERROR_STALE_EPOCH,
                        "This log is of epoch %" PRIu64 ", the channel went on in epoch %" PRIu64
                        ".",
                        q->epoch, e->epoch);
        failure->epoch = e->epoch;
        failure->last_seq = e->last_seq;
        return r;
}

/* The message for the owner, of whom it is known that they ask. */
static int check_delisted(const ChannelRecord *c, Failure *failure) {
        const bool has_reason = c->reason && c->reason[0];

        if (!c->delisted)
                return 0;
        return failure_set(failure, ERROR_BANNED,
                           "%s was taken out of the directory by the operator of this tracker"
                           "%s%s%s; it goes on for those who are there, and only the operator can "
                           "put it back.",
                           c->entry.channel_name, has_reason ? " (" : "",
                           has_reason ? c->reason : "", has_reason ? ")" : "");
}

static int check_counts(const Directory *d, const HostRequest *q, const DirectoryEntry *known,
                        Failure *failure) {
        int r;

        if (!known && directory_count_owned(d, q->owner) >= CHANNELS_OWNED_MAX)
                r = failure_set(failure, ERROR_RATE_LIMITED,
                                "%s has %d channels already; another one must be given up first.",
                                q->owner, CHANNELS_OWNED_MAX);
        else if (follows(q, known) && directory_count_retired(d, q->owner) >= LOGS_RETIRED_MAX)
                r = failure_set(failure, ERROR_RATE_LIMITED,
                                "%s has begun %d logs anew; that are too many.", q->owner,
                                LOGS_RETIRED_MAX);
        else
                return 0;
        failure->retry_after_ms = OWNED_RETRY_MSEC;
        return r;
}

int directory_plan_host(const Directory *d, const HostRequest *q, uint64_t now_boottime,
                        uint64_t now_realtime, ChannelRecord *ret, Failure *failure) {
        const DirectoryNode *n = directory_find(d, q->channel_name);
        const DirectoryEntry *known = n ? &n->record.entry : NULL;
        bool is_new_log = follows(q, known);
        bool same_key = n && streq(n->record.key, q->key);
        bool was_online = n && lease_lives(n, now_boottime);
        uint64_t epoch = MAX(q->epoch, UINT64_C(1));
        DirectoryEntry *e;
        int r;

        r = check_ids(d, q, failure);
        if (r >= 0)
                r = check_counts(d, q, known, failure);
        if (r < 0)
                return r;
        if (was_online && !same_key && !q->take_over) {
                r = failure_set(failure, ERROR_CONFLICT,
                                "Another device of %s hosts %s; it can be taken over.", q->owner,
                                q->channel_name);
                failure->holder_until = now_realtime + (n->lease_until - now_boottime);
                return r;
        }
        if (n && !is_new_log) {
                r = check_epoch(q, &n->record, failure);
                if (r < 0)
                        return r;
        }
        if (n && !is_new_log && q->last_seq < known->last_seq) {
                r = failure_set(failure, ERROR_STALE_EPOCH,
                                "This log ends at %" PRIu64 ", the channel went on to %" PRIu64 ".",
                                q->last_seq, known->last_seq);
                failure->epoch = known->epoch;
                failure->last_seq = known->last_seq;
                return r;
        }
        /* Last: who goes on serving it although it is out must have the log that it is. */
        if (n) {
                r = check_delisted(&n->record, failure);
                if (r < 0)
                        return r;
        }
        if (n)
                epoch = MAX(epoch, known->epoch);
        /* A heartbeat for the log before must not keep this one. */
        if (n && (!same_key || is_new_log))
                epoch++;
        if (epoch > NUMBER_MAX)
                return failure_set(failure, ERROR_BAD_REQUEST, "No epoch is left after this one.");

        *ret = (ChannelRecord){
                .over_loopback = q->over_loopback,
                .granted_seq = n && epoch == known->epoch ? n->record.granted_seq : q->last_seq,
                .entry = {
                        .n_addresses = q->n_addresses,
                        .restricted = q->restricted,
                        .online = true,
                        .topic = strdup(q->topic),
                        .members = q->members,
                        .last_seq = q->last_seq,
                        .epoch = epoch,
                        .since = was_online ? known->since : now_realtime,
                },
        };
        e = &ret->entry;
        if (!e->topic)
                return failure_set(failure, ERROR_INTERNAL, "Out of memory.");
        if (is_new_log)
                strcpy(ret->previous, q->previous);
        strcpy(ret->key, q->key);
        strcpy(e->channel_name, q->channel_name);
        strcpy(e->channel_id, q->channel_id);
        strcpy(e->owner, q->owner);
        strcpy(e->host, q->owner);
        for (size_t i = 0; i < q->n_addresses; i++)
                e->addresses[i] = q->addresses[i];
        return 0;
}

int directory_plan_owner(const Directory *d, const char *name, const char *user, Failure *failure) {
        const DirectoryNode *n = directory_find(d, name);

        if (!n)
                return failure_set(failure, ERROR_NO_SUCH_CHANNEL, "There is no channel %s.", name);
        if (!streq(n->record.entry.owner, user))
                return failure_set(failure, ERROR_NOT_OWNER, "%s belongs to somebody else.", name);
        return 0;
}

int directory_plan_forget(const Directory *d, const char *name, const char *user,
                          Failure *failure) {
        int r;

        r = directory_plan_owner(d, name, user, failure);
        return r < 0 ? r : check_delisted(&directory_find(d, name)->record, failure);
}

int directory_plan_known(const Directory *d, const char *name, Failure *failure) {
        if (directory_find(d, name))
                return 0;
        return failure_set(failure, ERROR_NO_SUCH_CHANNEL,
                           "There is no channel %s; channels are listed with p2pchat-trackerctl "
                           "channel list.",
                           name);
}

int directory_plan_unhost(const Directory *d, const char *name, const char *user, const char *key,
                          Failure *failure) {
        int r;

        r = directory_plan_owner(d, name, user, failure);
        if (r < 0)
                return r;
        /* It may be said by who has not heard yet that the channel moved. */
        if (!streq(directory_find(d, name)->record.key, key))
                return failure_set(failure, ERROR_CONFLICT, "Another device of %s hosts %s.", user,
                                   name);
        return 0;
}

/* Of a restricted channel nobody is shown the topic and how many are there: to be told that they
 * have changed would be to be told of them. */
static bool shows_the_same_topic(const DirectoryEntry *x, const char *topic) {
        return x->restricted || streq(x->topic, topic);
}

static bool shows_the_same_counts(const DirectoryEntry *x, uint64_t last_seq, uint64_t members) {
        return x->last_seq == last_seq && (x->restricted || x->members == members);
}

static bool looks_the_same(const ChannelRecord *a, const ChannelRecord *b) {
        const DirectoryEntry *x = &a->entry, *y = &b->entry;

        if (x->n_addresses != y->n_addresses || x->restricted != y->restricted ||
            x->online != y->online || x->epoch != y->epoch || x->since != y->since ||
            a->over_loopback != b->over_loopback || !shows_the_same_topic(x, y->topic) ||
            !streq(x->host, y->host) || !streq(x->channel_id, y->channel_id))
                return false;
        for (size_t i = 0; i < x->n_addresses; i++)
                if (!address_equal(&x->addresses[i], &y->addresses[i]))
                        return false;
        return true;
}

/* The name means record's channel from now on; what n knew of the one before goes with its id. */
static int rebind(Directory *d, DirectoryNode *n, ChannelRecord *record) {
        const DirectoryEntry *old = &n->record.entry;
        RetiredId id = { .epoch = old->epoch, .last_seq = old->last_seq };
        int r;

        strcpy(id.channel_id, old->channel_id);
        strcpy(id.channel_name, old->channel_name);
        strcpy(id.owner, old->owner);
        strcpy(id.successor, record->entry.channel_id);
        r = directory_retire(d, &id);
        if (r < 0)
                return r;
        HASH_DELETE(by_id, d->by_id, n);
        strcpy(n->record.entry.channel_id, record->entry.channel_id);
        directory_index_id(d, n);
        n->record.entry.last_seq = n->stored_seq = 0;
        record->previous[0] = '\0';
        return 0;
}

int directory_put(Directory *d, ChannelRecord *record, uint64_t now_boottime) {
        DirectoryNode *n = directory_find(d, record->entry.channel_name);
        const uint64_t stored_seq = record->entry.last_seq;
        bool news = true;
        int r;

        if (n && record->previous[0]) {
                r = rebind(d, n, record);
                if (r < 0) {
                        channel_record_done(record);
                        return r;
                }
        }
        if (n) {
                record->entry.last_seq = MAX(record->entry.last_seq, n->record.entry.last_seq);
                news = !looks_the_same(&n->record, record);
                if (!news && !shows_the_same_counts(&n->record.entry, record->entry.last_seq,
                                                    record->entry.members))
                        directory_touch_counts(d, n);
                /* Name, id and owner stay bound to each other: the id's index stays true. */
                assert(streq(n->record.entry.channel_id, record->entry.channel_id));
                channel_record_done(&n->record);
                n->record = *record;
        } else {
                r = directory_own(d, record->entry.owner);
                if (r >= 0) {
                        r = directory_add(d, record->entry.channel_name, &n);
                        if (r < 0)
                                directory_disown(d, record->entry.owner);
                }
                if (r < 0) {
                        channel_record_done(record);
                        return r;
                }
                n->record = *record;
                directory_index_id(d, n);
        }
        *record = (ChannelRecord){ 0 };
        n->stored_seq = MAX(n->stored_seq, stored_seq);
        directory_set_lease(d, n, n->record.entry.online, now_boottime);
        if (news)
                directory_touch(d, n);
        return 0;
}

int directory_set_view(Directory *d, const char *name, const bool *restricted, const char *topic) {
        DirectoryNode *n = directory_find(d, name);
        DirectoryEntry *e;
        bool news = false;
        int r;

        if (!n)
                return -ENOENT;
        e = &n->record.entry;
        if (topic && !streq(topic, e->topic)) {
                news = !shows_the_same_topic(e, topic);
                r = free_and_strdup(&e->topic, topic);
                if (r < 0)
                        return r;
        }
        if (restricted && *restricted != e->restricted) {
                e->restricted = *restricted;
                news = true;
        }
        if (news && !n->record.delisted)
                directory_touch(d, n);
        return 0;
}

static void go_offline(Directory *d, DirectoryNode *n, uint64_t now_realtime) {
        directory_set_lease(d, n, false, 0);
        if (!n->record.entry.online)
                return;
        n->record.entry.online = false;
        n->record.entry.since = now_realtime;
        n->record.entry.members = 0;
        directory_touch(d, n);
}

void directory_unhost(Directory *d, const char *name, uint64_t now_realtime) {
        DirectoryNode *n = directory_find(d, name);

        if (!n)
                return;
        n->record.unhosted = true;
        go_offline(d, n, now_realtime);
}

int directory_delist(Directory *d, const char *name, const char *reason, uint64_t now_realtime) {
        DirectoryNode *n = directory_find(d, name);
        int r;

        if (!n)
                return 0;
        r = free_and_strdup(&n->record.reason, reason);
        if (r < 0)
                return r;
        go_offline(d, n, now_realtime);
        if (n->record.delisted)
                return 0;
        n->record.delisted = now_realtime;
        directory_touch(d, n);
        return 0;
}

void directory_relist(Directory *d, const char *name) {
        DirectoryNode *n = directory_find(d, name);

        if (!n || !n->record.delisted)
                return;
        n->record.delisted = 0;
        free(TAKE_PTR(n->record.reason));
        directory_touch(d, n);
}

ErrorCode directory_heartbeat(Directory *d, const HostRequest *q, uint64_t now_boottime,
                              uint64_t now_realtime, bool *ret_revived, bool *ret_progress) {
        DirectoryNode *n = directory_find(d, q->channel_name);
        DirectoryEntry *e;

        *ret_revived = *ret_progress = false;
        if (!n)
                return ERROR_NO_SUCH_CHANNEL;
        e = &n->record.entry;
        if (!streq(e->owner, q->owner))
                return ERROR_CHANNEL_EXISTS;
        if (n->record.delisted)
                return ERROR_BANNED;
        if (!streq(n->record.key, q->key) || e->epoch != q->epoch || n->record.unhosted)
                return ERROR_STALE_EPOCH;

        directory_set_lease(d, n, true, now_boottime);
        if (!shows_the_same_counts(e, MAX(e->last_seq, q->last_seq), q->members))
                directory_touch_counts(d, n);
        e->last_seq = MAX(e->last_seq, q->last_seq);
        e->members = q->members;
        *ret_progress = e->last_seq > n->stored_seq;
        if (!e->online) {
                *ret_revived = true;
                e->online = true;
                e->since = now_realtime;
                directory_touch(d, n);
        }
        return ERROR_NONE;
}

void directory_set_stored(Directory *d, const char *name, const char *key, uint64_t epoch,
                          uint64_t last_seq) {
        DirectoryNode *n = directory_find(d, name);

        if (n && streq(n->record.key, key) && n->record.entry.epoch == epoch)
                n->stored_seq = MAX(n->stored_seq, last_seq);
}

uint64_t directory_next_lapse(const Directory *d) {
        return d->leases ? d->leases->lease_until : UINT64_MAX;
}

const ChannelRecord *directory_lapse(Directory *d, uint64_t now_boottime, uint64_t now_realtime) {
        DirectoryNode *n = d->leases;

        if (!n || n->lease_until > now_boottime)
                return NULL;
        go_offline(d, n, now_realtime);
        return &n->record;
}

const ChannelRecord *directory_end_lease(Directory *d, const char *owner, const char *key,
                                         uint64_t now_realtime) {
        DirectoryNode *n;

        if (directory_count_owned(d, owner) == 0)
                return NULL;
        DL_FOREACH2(d->leases, n, lease_next) {
                if (!streq(n->record.entry.owner, owner) || !streq(n->record.key, key))
                        continue;
                go_offline(d, n, now_realtime);
                return &n->record;
        }
        return NULL;
}
