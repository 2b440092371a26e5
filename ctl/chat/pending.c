/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which lines typed in a chat are not known to be stored yet, and tells of those that were
 * refused. */
#include <utlist.h>

#include "ctl/chat/chat.h"
#include "ctl/show/escape.h"
#include "ctl/show/terminal.h"

#define ROWS_MAX 3 /* of those that wait; the rest is counted */

static Pending *pending_free_one(Pending *p) {
        free(p->text);
        free(p);
        return NULL;
}

Pending *pending_free(Pending *list) {
        Pending *p, *next;

        LL_FOREACH_SAFE(list, p, next)
                pending_free_one(p);
        return NULL;
}

int pending_add(Chat *c, Room *room, const char *id, const char *text) {
        Pending *p = new0(Pending, 1);

        if (!p)
                return -ENOMEM;
        p->room = room;
        snprintf(p->id, sizeof(p->id), "%s", id);
        if (free_and_strdup(&p->text, text) < 0) {
                pending_free_one(p);
                return -ENOMEM;
        }
        LL_APPEND(c->pending, p);
        return 0;
}

void pending_drop(Chat *c, const char *id) {
        Pending *p, *next;

        LL_FOREACH_SAFE(c->pending, p, next)
                if (streq(p->id, id)) {
                        LL_DELETE(c->pending, p);
                        pending_free_one(p);
                        return;
                }
}

static int on_row(const OutboxRowView *row, void *userdata) {
        const char *why = row->error ? strrchr(row->error, '.') : NULL;
        Chat *c = userdata;
        Pending *p;

        if (streq(row->state, "queued"))
                return 0;
        LL_FOREACH(c->pending, p)
                if (streq(p->id, row->id) && !p->is_over)
                        break;
        if (!p)
                return 0;
        p->is_over = true;
        if (!streq(row->state, "failed"))
                return 0;
        chat_fail(c, _("! not said in %s (%s): %s"), p->room->name, why ? why + 1 : "refused",
                  row->text);
        chat_fail(c, _("! /outbox retry %s, or /outbox cancel %s"), p->id, p->id);
        return 0;
}

void pending_look(Chat *c) {
        Pending *p, *next, *q;

        LL_FOREACH(c->pending, p) {
                LL_FOREACH(c->pending, q)
                        if (q == p || q->room == p->room)
                                break;
                if (q == p && /* the first of its room */
                    client_each_outbox_row(c->ctl, p->room->path, on_row, c) != EXIT_OK)
                        break;
        }
        /* Of what is in focus the entry says that it is stored. */
        LL_FOREACH_SAFE(c->pending, p, next)
                if (p->is_over) {
                        LL_DELETE(c->pending, p);
                        pending_free_one(p);
                }
}

void pending_write(const Chat *c, FILE *f, unsigned columns) {
        size_t n = 0, n_shown = 0;
        const Pending *p;

        LL_FOREACH(c->pending, p)
                n += p->room == c->focus;
        LL_FOREACH(c->pending, p) {
                _cleanup_free_ char *line = strdup(p->text), *escaped = NULL, *cut = NULL;

                if (p->room != c->focus || n_shown == ROWS_MAX || !line)
                        continue;
                for (char *lf; (lf = strchr(line, '\n'));)
                        *lf = ' ';
                if (text_escape(line, false, &escaped) >= 0 && columns > 4 &&
                    text_cut(escaped, columns - 3, &cut) >= 0)
                        fprintf(f, "\001%s\002… %s\001%s\002\n", colour(c->ctl, COLOUR_DIM), cut,
                                colour(c->ctl, COLOUR_NONE));
                n_shown++;
        }
        if (n > n_shown)
                fprintf(f, "… +%zu\n", n - n_shown);
}
