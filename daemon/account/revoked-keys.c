/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which keys count no more (protocol §1 "Revocation is of keys"), as the tracker tells hosts;
 * leaves asking it to manager-lease.c, and what ends with a key to who is told. */
#include "daemon/account/revoked-keys.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "base/log.h"
#include "base/timestamp.h"
#include "daemon/message-ids.h"

/* Kept for so long after the key's last certificate has ended: while the tracker is away
 * certificates are judged by our own clock, which may be behind. */
#define KEPT_USEC (7 * USEC_PER_DAY)
#define PRUNE_USEC USEC_PER_HOUR

typedef enum NodeState { NODE_NEW, NODE_SAVING, NODE_SAVED } NodeState;

typedef struct Node Node;
struct Node {
        StoredRevocation revocation;
        NodeState state;
        bool told;         /* the journal has heard of it */
        Node *prev, *next; /* as they came */
        UT_hash_handle hh;
};

struct RevokedKeys {
        const Runtime *rt; /* weak */
        Store *store;      /* weak */
        char tracker_id[TRACKER_ID_SIZE];
        revoked_keys_fn on_revoked;
        void *userdata; /* weak */
        Node *by_key;   /* hash */
        Node *list;
        uint64_t version;
        uint64_t ended;      /* by the tracker's clock: what was over by then is forgotten */
        uint64_t next_prune; /* boottime */
        bool is_changed;     /* since it was last saved, which is tried with every answer */
        Job *save_job;
};

static void node_remove(RevokedKeys *k, Node *n) {
        HASH_DEL(k->by_key, n);
        DL_DELETE(k->list, n);
        free(n);
}

static Node *find(const RevokedKeys *k, const char *key_id) {
        Node *n;

        HASH_FIND_STR(k->by_key, key_id, n);
        return n;
}

static int add(RevokedKeys *k, const StoredRevocation *v, NodeState state) {
        Node *n = new0(Node, 1);

        if (!n)
                return -ENOMEM;
        n->revocation = *v;
        n->state = state;
        HASH_ADD_STR(k->by_key, revocation.key_id, n);
        if (!n->hh.tbl) {
                free(n);
                return -ENOMEM;
        }
        DL_APPEND(k->list, n);
        if (HASH_COUNT(k->by_key) > REVOKED_KEYS_MAX)
                node_remove(k, k->list);
        return 0;
}

int revoked_keys_new(const Runtime *rt, Store *store, const StoredTracker *tracker,
                     revoked_keys_fn on_revoked, void *userdata, RevokedKeys **ret) {
        _cleanup_(revoked_keys_freep) RevokedKeys *k = NULL;
        int r;

        if (!tracker->tracker_id[0])
                return -EINVAL;
        k = new0(RevokedKeys, 1);
        if (!k)
                return -ENOMEM;
        *k = (RevokedKeys){
                .rt = rt,
                .store = store,
                .on_revoked = on_revoked,
                .userdata = userdata,
                .version = tracker->revocations_version,
        };
        memcpy(k->tracker_id, tracker->tracker_id, sizeof(k->tracker_id));
        for (size_t i = 0; i < tracker->n_revoked; i++) {
                r = add(k, &tracker->revoked[i], NODE_SAVED);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(k);
        return 0;
}

RevokedKeys *revoked_keys_free(RevokedKeys *k) {
        Node *n, *next;

        if (!k)
                return NULL;
        job_free(k->save_job);
        DL_FOREACH_SAFE(k->list, n, next)
                node_remove(k, n);
        free(k);
        return NULL;
}

bool revoked_keys_has(const RevokedKeys *k, const char *key_id) {
        return find(k, key_id);
}

size_t revoked_keys_count(const RevokedKeys *k) {
        return HASH_COUNT(k->by_key);
}

uint64_t revoked_keys_get_version(const RevokedKeys *k) {
        return k->version;
}

int revoked_keys_check(RevokedKeys *k, const Subject *peer) {
        Node *n = find(k, peer->key_id);

        if (!n)
                return 0;
        log_fields(n->told ? LOG_DEBUG : LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_KEY_REVOKED, "CHAT_USER", peer->name,
                              "CHAT_KEY", peer->key_id),
                   "Refused a connection with %s: the tracker has revoked its key.", peer->name);
        n->told = true;
        return -EKEYREVOKED;
}

/* ---- on disk ---- */

static void set_states(RevokedKeys *k, NodeState from, NodeState to) {
        Node *n;

        DL_FOREACH(k->list, n)
                if (n->state == from)
                        n->state = to;
}

static void on_saved(int r, void *userdata) {
        RevokedKeys *k = userdata;

        k->save_job = NULL;
        set_states(k, NODE_SAVING, r < 0 ? NODE_NEW : NODE_SAVED);
        if (r >= 0)
                return;
        k->is_changed = true;
        log_error_errno(r, "Cannot store which keys are revoked, trying again");
}

static void save(RevokedKeys *k) {
        _cleanup_free_ StoredRevocation *added = NULL;
        size_t n_added = 0;
        Node *n;
        int r;

        if (k->save_job || !k->is_changed)
                return;
        DL_FOREACH(k->list, n)
                n_added += n->state == NODE_NEW;
        added = new0(StoredRevocation, n_added + 1);
        if (!added)
                return;
        n_added = 0;
        DL_FOREACH(k->list, n)
                if (n->state == NODE_NEW)
                        added[n_added++] = n->revocation;
        r = store_save_revocations(k->store, k->tracker_id, k->version, added, n_added, k->ended,
                                   on_saved, k, &k->save_job);
        if (r < 0)
                return; /* the next answer tries again */
        set_states(k, NODE_NEW, NODE_SAVING);
        k->is_changed = false;
}

/* ---- what the tracker says ---- */

static int read_one(const Value *v, StoredRevocation *ret) {
        const char *key = value_string(value_get(v, "key"), NULL);
        const char *until = value_string(value_get(v, "until"), NULL);

        if (!key || !hex_is_valid(key, KEY_ID_SIZE - 1) || !until ||
            time_parse(until, &ret->until) < 0)
                return -EBADMSG;
        memcpy(ret->key_id, key, KEY_ID_SIZE);
        return value_uint(value_get(v, "version"), &ret->version);
}

static int take_one(RevokedKeys *k, const StoredRevocation *v) {
        Node *n = find(k, v->key_id);
        int r;

        if (n) {
                n->revocation.until = MAX(n->revocation.until, v->until);
                n->revocation.version = MAX(n->revocation.version, v->version);
                n->state = NODE_NEW;
                DL_DELETE(k->list, n);
                DL_APPEND(k->list, n);
        } else {
                r = add(k, v, NODE_NEW);
                if (r < 0)
                        return r;
        }
        k->is_changed = true;
        k->version = MAX(k->version, v->version);
        if (!n)
                k->on_revoked(v->key_id, k->userdata);
        return 0;
}

/* Only while the tracker says what time it is: by a clock that is ahead all would be over. */
static void prune(RevokedKeys *k, uint64_t now) {
        uint64_t boottime = clock_boottime(k->rt->clock);
        Node *n, *next;

        if (boottime < k->next_prune || now < KEPT_USEC)
                return;
        k->next_prune = boottime + PRUNE_USEC;
        k->ended = now - KEPT_USEC;
        DL_FOREACH_SAFE(k->list, n, next)
                if (n->revocation.until <= k->ended) {
                        k->is_changed = true;
                        node_remove(k, n);
                }
}

int revoked_keys_take(RevokedKeys *k, const Value *payload, uint64_t now) {
        const Value *list = value_get(payload, "revocations");
        size_t n = value_kind(list) == VALUE_ARRAY ? value_length(list) : 0;
        uint64_t before = k->version;
        StoredRevocation v;
        bool more = false;
        int r = 0;

        for (size_t i = 0; i < n && r >= 0; i++) {
                r = read_one(value_at(list, i), &v);
                if (r >= 0)
                        r = take_one(k, &v);
        }
        if (r < 0)
                log_warning_errno(r, "Cannot take what the tracker says of revoked keys");
        prune(k, now);
        save(k);
        (void) value_bool(value_get(payload, "more"), &more);
        return more && k->version > before; /* else it would go round for ever */
}
