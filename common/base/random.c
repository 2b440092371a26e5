/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how to draw numbers from the kernel or from a seed; leaves their use to its callers. */
#include <sys/random.h>
#include <uuid/uuid.h>

#include "base/random.h"

struct Random {
        bool is_seeded;
        uint64_t state;
};

static int random_new_internal(bool is_seeded, uint64_t seed, Random **ret) {
        Random *r;

        r = new0(Random, 1);
        if (!r)
                return -ENOMEM;
        *r = (Random){ .is_seeded = is_seeded, .state = seed };
        *ret = r;
        return 0;
}

int random_new(Random **ret) {
        return random_new_internal(false, 0, ret);
}

int random_new_seeded(uint64_t seed, Random **ret) {
        return random_new_internal(true, seed, ret);
}

Random *random_free(Random *r) {
        free(r);
        return NULL;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t splitmix(uint64_t *state) {
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

uint64_t random_u64(Random *r) {
        uint64_t x;

        if (r->is_seeded)
                return splitmix(&r->state);
        while (getrandom(&x, sizeof(x), 0) != sizeof(x))
                if (errno != EINTR) /* a kernel without chance is no place to go on */
                        abort();
        return x;
}

uint64_t random_below(Random *r, uint64_t bound) {
        uint64_t x, reject;

        if (bound == 0)
                return 0;
        reject = -bound % bound; /* 2⁶⁴ mod bound: what would favour the low numbers */
        do
                x = random_u64(r);
        while (x < reject);
        return x % bound;
}

void random_uuid(Random *r, char ret[static UUID_STRING_SIZE]) {
        uint64_t draw[2] = { random_u64(r), random_u64(r) };
        uuid_t id;

        static_assert(sizeof(draw) == sizeof(id), "a UUID is two draws");
        memcpy(id, draw, sizeof(id));
        id[6] = (unsigned char) ((id[6] & 0x0f) | 0x40);
        id[8] = (unsigned char) ((id[8] & 0x3f) | 0x80);
        uuid_unparse_lower(id, ret);
}
