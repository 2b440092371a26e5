/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channels there are and what changed when; leaves who may change what to
 * directory-lease.c. */
#include <utlist.h>

#include "tracker/directory-internal.h"
#include "wire/limits.h"

#define TOMBSTONES_MAX 1000 /* removals told to watchers that were away; older ones: reset */

void channel_record_done(ChannelRecord *c) {
        directory_entry_done(&c->entry);
        free(c->reason);
        *c = (ChannelRecord){ 0 };
}

int channel_record_copy(const ChannelRecord *c, ChannelRecord *ret) {
        _cleanup_free_ char *topic = strdup(c->entry.topic ?: ""), *reason = NULL;

        if (!topic || free_and_strdup(&reason, c->reason) < 0)
                return -ENOMEM;
        *ret = *c;
        ret->entry.topic = TAKE_PTR(topic);
        ret->reason = TAKE_PTR(reason);
        return 0;
}

static DirectoryNode *node_free(DirectoryNode *n) {
        if (!n)
                return NULL;
        channel_record_done(&n->record);
        free(n);
        return NULL;
}
DEFINE_CLEANUP(DirectoryNode *, node_free);

int directory_new(uint64_t generation, uint64_t lease_usec, Directory **ret) {
        Directory *d = new0(Directory, 1);

        if (!d)
                return -ENOMEM;
        d->generation = d->floor = generation;
        d->lease_usec = lease_usec;
        *ret = d;
        return 0;
}

Directory *directory_free(Directory *d) {
        DirectoryOwner *owner, *next_owner;
        DirectoryNode *n, *tmp;

        if (!d)
                return NULL;
        HASH_CLEAR(by_id, d->by_id);
        HASH_ITER(by_name, d->by_name, n, tmp) {
                HASH_DELETE(by_name, d->by_name, n);
                node_free(n);
        }
        HASH_ITER(hh, d->owners, owner, next_owner) {
                HASH_DEL(d->owners, owner);
                free(owner);
        }
        directory_free_retired(d);
        free(d->order);
        free(d);
        return NULL;
}

DirectoryNode *directory_find(const Directory *d, const char *name) {
        DirectoryNode *n;

        HASH_FIND(by_name, d->by_name, name, strlen(name), n);
        return n && !n->removed ? n : NULL;
}

DirectoryNode *directory_find_id(const Directory *d, const char *id) {
        DirectoryNode *n;

        HASH_FIND(by_id, d->by_id, id, strlen(id), n);
        return n;
}

void directory_touch(Directory *d, DirectoryNode *n) {
        if (n->counts_changed) {
                DL_DELETE2(d->dirty, n, dirty_prev, dirty_next);
                n->counts_changed = false;
        }
        if (n->generation > 0)
                DL_DELETE2(d->changes, n, change_prev, change_next);
        n->generation = ++d->generation;
        DL_APPEND2(d->changes, n, change_prev, change_next);
}

void directory_touch_counts(Directory *d, DirectoryNode *n) {
        if (n->counts_changed)
                return;
        n->counts_changed = true;
        DL_APPEND2(d->dirty, n, dirty_prev, dirty_next);
}

bool directory_publish_counts(Directory *d) {
        bool any = d->dirty;

        while (d->dirty)
                directory_touch(d, d->dirty);
        return any;
}

/* The index of the first name in `order` that is above name (or equal, where or_equal). */
static size_t order_search(const Directory *d, const char *name, bool or_equal) {
        size_t low = 0, high = d->n_order;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = strcmp(d->order[middle]->name, name);

                if (c < 0 || (c == 0 && !or_equal))
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int order_insert(Directory *d, DirectoryNode *n) {
        size_t i;

        if (d->n_order == d->n_order_allocated) {
                size_t n_more = MAX(d->n_order * 2, (size_t) 16);
                DirectoryNode **more = reallocarray(d->order, n_more, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                d->order = more;
                d->n_order_allocated = n_more;
        }
        i = order_search(d, n->name, true);
        memmove(d->order + i + 1, d->order + i, (d->n_order - i) * sizeof(*d->order));
        d->order[i] = n;
        d->n_order++;
        return 0;
}

static void order_remove(Directory *d, DirectoryNode *n) {
        size_t i = order_search(d, n->name, true);

        assert(i < d->n_order && d->order[i] == n);
        memmove(d->order + i, d->order + i + 1, (d->n_order - i - 1) * sizeof(*d->order));
        d->n_order--;
}

static void tombstone_drop(Directory *d, DirectoryNode *n) {
        DL_DELETE2(d->tombstones, n, lease_prev, lease_next);
        d->n_tombstones--;
        DL_DELETE2(d->changes, n, change_prev, change_next);
        HASH_DELETE(by_name, d->by_name, n);
        node_free(n);
}

int directory_add(Directory *d, const char *name, DirectoryNode **ret) {
        _cleanup_(node_freep) DirectoryNode *n = NULL;
        DirectoryNode *old;
        int r;

        n = new0(DirectoryNode, 1);
        if (!n)
                return -ENOMEM;
        memcpy(n->name, name, strlen(name) + 1);
        r = order_insert(d, n);
        if (r < 0)
                return r;

        /* The name is back: its removal is no news any more. */
        HASH_FIND(by_name, d->by_name, name, strlen(name), old);
        if (old)
                tombstone_drop(d, old);
        HASH_ADD(by_name, d->by_name, name, strlen(n->name), n);
        *ret = TAKE_PTR(n);
        return 0;
}

void directory_index_id(Directory *d, DirectoryNode *n) {
        HASH_ADD(by_id, d->by_id, record.entry.channel_id, strlen(n->record.entry.channel_id), n);
}

static DirectoryOwner *find_owner(const Directory *d, const char *name) {
        DirectoryOwner *owner;

        HASH_FIND_STR(d->owners, name, owner);
        return owner;
}

size_t directory_count_owned(const Directory *d, const char *name) {
        const DirectoryOwner *owner = find_owner(d, name);

        return owner ? owner->n_channels : 0;
}

size_t directory_count_retired(const Directory *d, const char *name) {
        const DirectoryOwner *owner = find_owner(d, name);

        return owner ? owner->n_retired : 0;
}

static DirectoryOwner *get_owner(Directory *d, const char *name) {
        DirectoryOwner *owner = find_owner(d, name);

        if (owner)
                return owner;
        owner = new0(DirectoryOwner, 1);
        if (!owner)
                return NULL;
        strcpy(owner->name, name);
        HASH_ADD_STR(d->owners, name, owner);
        return owner;
}

int directory_own(Directory *d, const char *name) {
        DirectoryOwner *owner = get_owner(d, name);

        if (!owner)
                return -ENOMEM;
        owner->n_channels++;
        return 0;
}

int directory_own_retired(Directory *d, const char *name) {
        DirectoryOwner *owner = get_owner(d, name);

        if (!owner)
                return -ENOMEM;
        owner->n_retired++;
        return 0;
}

void directory_disown(Directory *d, const char *name) {
        DirectoryOwner *owner = find_owner(d, name);

        assert(owner);
        if (--owner->n_channels > 0 || owner->n_retired > 0)
                return;
        HASH_DEL(d->owners, owner);
        free(owner);
}

void directory_remove(Directory *d, const char *name) {
        DirectoryNode *n = directory_find(d, name);

        if (!n)
                return;
        directory_set_lease(d, n, false, 0);
        HASH_DELETE(by_id, d->by_id, n);
        order_remove(d, n);
        directory_disown(d, n->record.entry.owner);
        directory_touch(d, n);
        channel_record_done(&n->record);
        n->removed = true;
        DL_APPEND2(d->tombstones, n, lease_prev, lease_next);
        d->n_tombstones++;
        if (d->n_tombstones > TOMBSTONES_MAX) {
                d->floor = d->tombstones->generation;
                tombstone_drop(d, d->tombstones);
        }
}

const ChannelRecord *directory_get(const Directory *d, const char *name) {
        DirectoryNode *n = directory_find(d, name);

        return n ? &n->record : NULL;
}

size_t directory_count(const Directory *d) {
        return d->n_order;
}

size_t directory_count_online(const Directory *d) {
        return d->n_leases;
}

const ChannelRecord *directory_after(const Directory *d, const char *name) {
        size_t i = order_search(d, name, false);

        return i < d->n_order ? &d->order[i]->record : NULL;
}

/* ASCII only, and only as much as fits. */
static const char *fold(const char *s, char *ret, size_t size) {
        size_t n = strnlen(s, size - 1);

        for (size_t i = 0; i < n; i++)
                ret[i] = (char) (s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 0x20 : s[i]);
        ret[n] = '\0';
        return ret;
}

bool channel_record_matches(const ChannelRecord *c, const char *query, bool only_online) {
        char folded[QUERY_BYTES_MAX + 1], topic[TOPIC_BYTES_MAX + 1];

        if (c->delisted || (only_online && !c->entry.online))
                return false;
        if (!query)
                return true;
        /* Ten times as fast as strcasestr(3), and whoever asks need not even be signed in. */
        fold(query, folded, sizeof(folded));
        return strstr(c->entry.channel_name, folded) ||
               (!c->entry.restricted && strstr(fold(c->entry.topic, topic, sizeof(topic)), folded));
}

uint64_t directory_get_generation(const Directory *d) {
        return d->generation;
}

bool directory_knows_since(const Directory *d, uint64_t generation) {
        return generation >= d->floor && generation <= d->generation;
}

const DirectoryNode *directory_first_change(const Directory *d, uint64_t after_generation) {
        const DirectoryNode *n = d->changes ? d->changes->change_prev : NULL, *first = NULL;

        /* From the newest backwards: the cost is what changed, not what there is. */
        while (n && n->generation > after_generation) {
                first = n;
                n = n == d->changes ? NULL : n->change_prev;
        }
        return first;
}

const DirectoryNode *directory_next_change(const DirectoryNode *n) {
        return n->change_next;
}

uint64_t directory_node_get_generation(const DirectoryNode *n) {
        return n->generation;
}

const char *directory_node_get_name(const DirectoryNode *n) {
        return n->name;
}

const ChannelRecord *directory_node_get_record(const DirectoryNode *n) {
        return n->removed || n->record.delisted ? NULL : &n->record;
}

const ChannelRecord *directory_next_owned(const Directory *d, const char *owner,
                                          const char *after) {
        if (directory_count_owned(d, owner) == 0)
                return NULL;
        for (size_t i = order_search(d, after, false); i < d->n_order; i++)
                if (streq(d->order[i]->record.entry.owner, owner))
                        return &d->order[i]->record;
        return NULL;
}

static bool is_wished(const ChannelRecord *c, const ChannelsQuery *q, const char *folded) {
        char topic[TOPIC_BYTES_MAX + 1];

        if ((q->online >= 0 && c->entry.online != (q->online > 0)) ||
            (q->delisted >= 0 && (c->delisted != 0) != (q->delisted > 0)))
                return false;
        return !q->query || strstr(c->entry.channel_name, folded) ||
               strstr(c->entry.owner, folded) ||
               strstr(fold(c->entry.topic, topic, sizeof(topic)), folded);
}

size_t directory_list(const Directory *d, const ChannelsQuery *q, const ChannelRecord **ret,
                      const char **ret_next) {
        char folded[QUERY_BYTES_MAX + 1];
        const char *last = NULL;
        size_t n = 0, n_scanned = 0;

        fold(q->query ?: "", folded, sizeof(folded));
        *ret_next = NULL;
        for (size_t i = order_search(d, q->after, false); i < d->n_order; i++) {
                const ChannelRecord *c = &d->order[i]->record;
                bool is_one = is_wished(c, q, folded);

                if (n_scanned++ == CHANNELS_SCAN_MAX || (is_one && n == q->limit)) {
                        *ret_next = last;
                        break;
                }
                if (is_one)
                        ret[n++] = c;
                last = c->entry.channel_name;
        }
        return n;
}
