/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how often something was done lately from each source address, under each name, or both;
 * leaves refusing to its user. */
#include "tracker/throttle.h"

#include <uthash.h>

#include "wire/limits.h"

typedef struct Who {
        uint8_t prefix[9]; /* family, then /32 or /64 */
        char name[NAME_SIZE];
} Who;

typedef struct Source {
        Who who;
        TokenBucket bucket;
        UT_hash_handle hh; /* in order of insertion: the oldest goes first */
} Source;

struct Throttle {
        uint64_t n;
        uint64_t cost; /* a bucket counts whole tokens a second: the period's seconds */
        Source *sources;
};

int throttle_new(uint64_t n, uint64_t period_seconds, Throttle **ret) {
        Throttle *t = new0(Throttle, 1);

        if (!t)
                return -ENOMEM;
        t->n = n;
        t->cost = period_seconds;
        *ret = t;
        return 0;
}

void throttle_set_limit(Throttle *t, uint64_t n) {
        t->n = n;
}

static void source_remove(Throttle *t, Source *s) {
        HASH_DEL(t->sources, s);
        free(s);
}

Throttle *throttle_free(Throttle *t) {
        Source *s, *tmp;

        if (!t)
                return NULL;
        HASH_ITER(hh, t->sources, s, tmp)
                source_remove(t, s);
        free(t);
        return NULL;
}

static Who make_who(const Address *a, const char *name) {
        Who who;

        memset(&who, 0, sizeof(who)); /* hashed byte for byte */
        if (a && a->sa.sa_family == AF_INET) {
                who.prefix[0] = 4;
                memcpy(who.prefix + 1, &a->in.sin_addr, 4);
        } else if (a && a->sa.sa_family == AF_INET6) {
                who.prefix[0] = 6;
                memcpy(who.prefix + 1, &a->in6.sin6_addr, 8);
        }
        if (name)
                memcpy(who.name, name, strnlen(name, sizeof(who.name) - 1));
        return who;
}

static Source *find(Throttle *t, const Who *who) {
        Source *s;

        HASH_FIND(hh, t->sources, who, sizeof(*who), s);
        return s;
}

int throttle_take(Throttle *t, const Address *source, const char *name, uint64_t now_boottime,
                  uint64_t *ret_wait_usec) {
        const Who who = make_who(source, name);
        Source *s;

        if (t->n == 0)
                return 0;
        s = find(t, &who);
        if (!s) {
                /* Who fills the table forgets the oldest of it, never makes it grow. */
                if (HASH_COUNT(t->sources) >= THROTTLE_SOURCES_MAX)
                        source_remove(t, t->sources);
                s = new0(Source, 1);
                if (!s)
                        return -ENOMEM;
                s->who = who;
                token_bucket_init(&s->bucket, t->n, t->n * t->cost, now_boottime);
                HASH_ADD(hh, t->sources, who, sizeof(s->who), s);
        }
        if (s->bucket.rate_per_sec != t->n)
                token_bucket_change(&s->bucket, t->n, t->n * t->cost, now_boottime);
        return token_bucket_take(&s->bucket, t->cost, now_boottime, ret_wait_usec) ? 0 : -EAGAIN;
}

void throttle_give_back(Throttle *t, const Address *source, const char *name) {
        const Who who = make_who(source, name);
        Source *s = t->n > 0 ? find(t, &who) : NULL;

        if (s)
                s->bucket.level_micro = MIN(s->bucket.level_micro + t->cost * UINT64_C(1000000),
                                            s->bucket.burst * UINT64_C(1000000));
}
