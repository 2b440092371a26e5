/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which lines typed in a chat are not known to be stored yet, and tells of those that were
 * refused; leaves the talk to chat.c. */
#include "ctl/chat-said.h"

#include <utlist.h>

#include "base/random.h"
#include "ctl/client.h"
#include "ctl/print.h"

struct Said {
        char id[UUID_STRING_SIZE];
        char *name, *path;
        bool is_over;
        struct Said *next;
};

static Said *said_free(Said *s) {
        free(s->name);
        free(s->path);
        free(s);
        return NULL;
}

Said *said_free_all(Said *list) {
        Said *s, *next;

        LL_FOREACH_SAFE(list, s, next)
                said_free(s);
        return NULL;
}

int said_add(Said **list, const char *id, const char *name, const char *path) {
        Said *s = new0(Said, 1);

        if (!s)
                return -ENOMEM;
        snprintf(s->id, sizeof(s->id), "%s", id);
        if (free_and_strdup(&s->name, name) < 0 || free_and_strdup(&s->path, path) < 0) {
                said_free(s);
                return -ENOMEM;
        }
        LL_PREPEND(*list, s);
        return 0;
}

static int on_row(const OutboxRowView *row, void *userdata) {
        const char *why = row->error ? strrchr(row->error, '.') : NULL;
        Said *list = userdata, *s;

        if (streq(row->state, "queued"))
                return 0;
        LL_FOREACH(list, s)
                if (streq(s->id, row->id) && !s->is_over)
                        break;
        if (!s)
                return 0;
        s->is_over = true;
        if (!streq(row->state, "failed"))
                return 0;
        fprintf(stderr, "! not said in %s (%s): ", s->name, why ? why + 1 : "refused");
        print_escaped(stderr, row->text, false);
        fprintf(stderr, "\n! /outbox retry %s, or /outbox cancel %s\n", s->id, s->id);
        return 0;
}

void said_look(Ctl *ctl, Said **list) {
        const char *path = NULL;
        Said *s, *next;

        LL_FOREACH(*list, s) {
                if (path && streq(s->path, path))
                        continue;
                path = s->path;
                if (client_each_outbox_row(ctl, path, on_row, *list) != EXIT_OK)
                        break;
        }
        LL_FOREACH_SAFE(*list, s, next) {
                if (!s->is_over)
                        continue;
                LL_DELETE(*list, s);
                said_free(s);
        }
}
