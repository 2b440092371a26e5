/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the ids of channels that another one follows, which nobody may host again; leaves how that
 * comes about to directory-lease.c. */
#include "tracker/directory-internal.h"

struct DirectoryRetired {
        RetiredId id;
        UT_hash_handle hh;
};

const RetiredId *directory_get_retired(const Directory *d, const char *channel_id) {
        DirectoryRetired *x;

        HASH_FIND_STR(d->retired, channel_id, x);
        return x ? &x->id : NULL;
}

int directory_retire(Directory *d, const RetiredId *id) {
        DirectoryRetired *x;
        int r;

        if (directory_get_retired(d, id->channel_id))
                return 0;
        x = new0(DirectoryRetired, 1);
        if (!x)
                return -ENOMEM;
        x->id = *id;
        r = directory_own_retired(d, id->owner);
        if (r < 0) {
                free(x);
                return r;
        }
        HASH_ADD_STR(d->retired, id.channel_id, x);
        return 0;
}

void directory_free_retired(Directory *d) {
        DirectoryRetired *x, *next;

        HASH_ITER(hh, d->retired, x, next) {
                HASH_DEL(d->retired, x);
                free(x);
        }
}
