/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which process holds the leases of a key, where a state directory was copied and two have
 * it; leaves leases to the directory, and sending the other one away to the session. */
#include "tracker/holders.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

#include "wire/limits.h"

typedef struct Holder Holder;
struct Holder {
        char key[KEY_ID_SIZE];
        char instance[UUID_STRING_SIZE];
        uint64_t serial;
        struct Session *session; /* weak; NULL: gone */
        char replaced[INSTANCES_REPLACED_MAX][UUID_STRING_SIZE];
        size_t n_replaced;   /* in all; the last INSTANCES_REPLACED_MAX are known */
        Holder *prev, *next; /* in the order of their last claim */
        UT_hash_handle hh;
};

struct Holders {
        Holder *by_key;
        Holder *list;
};

int holders_new(Holders **ret) {
        Holders *h = new0(Holders, 1);

        if (!h)
                return -ENOMEM;
        *ret = h;
        return 0;
}

static void holder_remove(Holders *h, Holder *x) {
        HASH_DEL(h->by_key, x);
        DL_DELETE(h->list, x);
        free(x);
}

Holders *holders_free(Holders *h) {
        Holder *x, *next;

        if (!h)
                return NULL;
        DL_FOREACH_SAFE(h->list, x, next)
                holder_remove(h, x);
        free(h);
        return NULL;
}

static Holder *find(const Holders *h, const char *key) {
        Holder *x;

        HASH_FIND_STR(h->by_key, key, x);
        return x;
}

static bool was_replaced(const Holder *x, const char *instance) {
        for (size_t i = 0; i < MIN(x->n_replaced, ELEMENTSOF(x->replaced)); i++)
                if (streq(x->replaced[i], instance))
                        return true;
        return false;
}

bool holders_admit(const Holders *h, const HolderClaim *c) {
        const Holder *x = find(h, c->key);

        if (!x)
                return true;
        if (streq(x->instance, c->instance))
                return c->serial >= x->serial;
        return !c->instance[0] || !was_replaced(x, c->instance);
}

/* Somebody whose connection is gone is forgotten first: it would have to be a copy that comes back,
 * after ten thousand others. */
static void make_room(Holders *h) {
        Holder *x;

        if (HASH_COUNT(h->by_key) < HOLDERS_MAX)
                return;
        DL_SEARCH_SCALAR(h->list, x, session, NULL);
        holder_remove(h, x ?: h->list);
}

static Holder *get(Holders *h, const char *key) {
        Holder *x = find(h, key);

        if (x)
                return x;
        make_room(h);
        x = new0(Holder, 1);
        if (!x)
                return NULL;
        snprintf(x->key, sizeof(x->key), "%s", key);
        HASH_ADD_STR(h->by_key, key, x);
        if (!x->hh.tbl) {
                free(x);
                return NULL;
        }
        DL_APPEND(h->list, x);
        return x;
}

struct Session *holders_take(Holders *h, const HolderClaim *c) {
        Holder *x = get(h, c->key);
        struct Session *other;

        if (!x || (streq(x->instance, c->instance) && c->serial < x->serial))
                return NULL;
        other = x->session != c->session ? x->session : NULL;
        if (x->instance[0] && !streq(x->instance, c->instance))
                strcpy(x->replaced[x->n_replaced++ % ELEMENTSOF(x->replaced)], x->instance);
        snprintf(x->instance, sizeof(x->instance), "%s", c->instance);
        x->serial = c->serial;
        x->session = c->session;
        DL_DELETE(h->list, x);
        DL_APPEND(h->list, x);
        return other;
}

void holders_forget(Holders *h, const char *key, const struct Session *session) {
        Holder *x = find(h, key);

        if (x && x->session == session)
                x->session = NULL;
}
