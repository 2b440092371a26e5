/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channel each client shows to the person now; leaves who is a client, and what follows
 * from it, to others. */
#include "daemon/notify/focus.h"

#include <errno.h>

#include "base/random.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

typedef struct Shown {
        char *client;
        char channel_id[UUID_STRING_SIZE];
        UT_hash_handle hh; /* Focus.clients, by client */
} Shown;

struct Focus {
        Shown *clients; /* Shown */
};

static void forget(Focus *f, Shown *s) {
        HASH_DEL(f->clients, s);
        free(s->client);
        free(s);
}

int focus_new(Focus **ret) {
        *ret = new0(Focus, 1);
        return *ret ? 0 : -ENOMEM;
}

Focus *focus_free(Focus *f) {
        if (!f)
                return NULL;
        focus_clear(f);
        free(f);
        return NULL;
}

static int add(Focus *f, const char *client, Shown **ret) {
        Shown *s;

        if (HASH_COUNT(f->clients) >= FOCUS_CLIENTS_MAX)
                return -E2BIG;
        s = new0(Shown, 1);
        if (!s)
                return -ENOMEM;
        s->client = strdup(client);
        if (s->client)
                HASH_ADD_KEYPTR(hh, f->clients, s->client, strlen(s->client), s);
        if (!s->client || !s->hh.tbl) {
                free(s->client);
                free(s);
                return -ENOMEM;
        }
        *ret = s;
        return 0;
}

int focus_set(Focus *f, const char *client, const char *channel_id) {
        Shown *s;
        int r;

        HASH_FIND_STR(f->clients, client, s);
        if (!channel_id) {
                if (s)
                        forget(f, s);
                return 0;
        }
        if (!s) {
                r = add(f, client, &s);
                if (r < 0)
                        return r;
        }
        (void) snprintf(s->channel_id, sizeof(s->channel_id), "%s", channel_id);
        return 0;
}

void focus_forget_channel(Focus *f, const char *channel_id) {
        Shown *s, *next;

        HASH_ITER(hh, f->clients, s, next)
                if (streq(s->channel_id, channel_id))
                        forget(f, s);
}

void focus_clear(Focus *f) {
        Shown *s, *next;

        HASH_ITER(hh, f->clients, s, next)
                forget(f, s);
}

bool focus_has(const Focus *f, const char *channel_id) {
        for (const Shown *s = f->clients; s; s = s->hh.next)
                if (streq(s->channel_id, channel_id))
                        return true;
        return false;
}
