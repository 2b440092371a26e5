/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which keys count no more (protocol §1 "Revocation is of keys"), and what hosts are told of
 * them; leaves revoking to accounts. */
#include "tracker/revocations.h"

#include <uthash.h>
#include <utlist.h>

#include "base/log.h"

#define PRUNE_USEC USEC_PER_HOUR

typedef struct Node Node;
struct Node {
        DbRevocation revocation;
        Node *prev, *next; /* by version */
        UT_hash_handle hh;
};

struct Revocations {
        const Runtime *rt; /* weak */
        Db *db;            /* weak */
        DbCall *load;
        ClockTimer *prune;
        Node *by_key; /* hash */
        Node *list;
        revocations_ready_fn ready;
        void *userdata; /* weak */
};

static void node_remove(Revocations *v, Node *n) {
        HASH_DEL(v->by_key, n);
        DL_DELETE(v->list, n);
        free(n);
}

bool revocations_has(const Revocations *v, const char *key) {
        Node *n;

        HASH_FIND_STR(v->by_key, key, n);
        return n;
}

int revocations_add(Revocations *v, const DbRevocation *revoked, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Node *node;

                if (revocations_has(v, revoked[i].key))
                        continue;
                node = new0(Node, 1);
                if (!node)
                        return -ENOMEM;
                node->revocation = revoked[i];
                HASH_ADD_STR(v->by_key, revocation.key, node);
                DL_APPEND(v->list, node);
        }
        return 0;
}

void revocations_write(const Revocations *v, Writer *w, uint64_t version, size_t bytes_max) {
        const Node *n = v->list ? v->list->prev : NULL, *first = NULL;
        size_t begin = w->size;
        bool more = false;

        /* From the newest backwards: the cost is what is new to the host, not what there is. */
        while (n && n->revocation.version > version) {
                first = n;
                n = n == v->list ? NULL : n->prev;
        }
        writer_begin_array(w, "revocations");
        for (n = first; n && !more; n = n->next) {
                size_t size = w->size;
                bool needs_comma = w->needs_comma;

                writer_begin_object(w, NULL);
                writer_uint(w, "version", n->revocation.version);
                writer_string(w, "key", n->revocation.key);
                writer_time(w, "until", n->revocation.until);
                writer_end_object(w);
                if (w->size - begin > bytes_max) {
                        writer_truncate(w, size, needs_comma);
                        more = true;
                }
        }
        writer_end_array(w);
        writer_bool(w, "more", more);
}

static void prune(Revocations *v) {
        uint64_t now = clock_realtime(v->rt->clock);
        uint64_t before = now - MIN(now, REVOCATION_KEPT_USEC);
        Node *n, *tmp;
        int r;

        DL_FOREACH_SAFE(v->list, n, tmp)
                if (n->revocation.until <= before)
                        node_remove(v, n);
        r = db_prune(v->db, before);
        if (r < 0)
                log_warning_errno(r, "Cannot forget what has expired, trying again");
        clock_timer_arm(v->prune, PRUNE_USEC);
}

static void on_prune(void *userdata) {
        prune(userdata);
}

static void on_loaded(int r, const DbRevocation *revoked, size_t n, void *userdata) {
        Revocations *v = userdata;

        v->load = NULL;
        if (r >= 0)
                r = revocations_add(v, revoked, n);
        if (r >= 0)
                prune(v);
        v->ready(v, r, v->userdata);
}

int revocations_new(const Runtime *rt, Db *db, revocations_ready_fn ready, void *userdata,
                    Revocations **ret) {
        _cleanup_(revocations_freep) Revocations *v = NULL;
        int r;

        v = new0(Revocations, 1);
        if (!v)
                return -ENOMEM;
        *v = (Revocations){ .rt = rt, .db = db, .ready = ready, .userdata = userdata };
        r = clock_timer_new(rt->clock, on_prune, v, &v->prune);
        if (r < 0)
                return r;
        r = db_get_revocations(db, on_loaded, v, &v->load);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(v);
        return 0;
}

Revocations *revocations_free(Revocations *v) {
        Node *n, *tmp;

        if (!v)
                return NULL;
        db_call_free(v->load);
        clock_timer_free(v->prune);
        DL_FOREACH_SAFE(v->list, n, tmp)
                node_remove(v, n);
        free(v);
        return NULL;
}
