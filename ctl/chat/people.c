/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who is in the channel in focus, by what GetMembers tells and no more: who came and who
 * went.
 */
#include "ctl/chat/chat.h"

#define PATIENCE_USEC (200 * USEC_PER_MSEC) /* nobody who types waits longer */
#define TOLD_MAX 4                          /* who came and went at once; more are counted */

typedef struct Update {
        Chat *c;
        bool seen[PEOPLE_MAX];
        size_t n_before, n_came, n_went;
} Update;

static size_t find(const People *p, const char *name) {
        for (size_t i = 0; i < p->n; i++)
                if (streq(p->people[i].name, name))
                        return i;
        return SIZE_MAX;
}

static size_t add(People *p, const char *name) {
        char *copy;

        if (p->n == PEOPLE_MAX || !(copy = strdup(name)))
                return SIZE_MAX;
        p->people[p->n] = (Person){ .name = copy };
        return p->n++;
}

static bool is_me(const Chat *c, const char *name) {
        return c->username && streq(c->username, name);
}

static void on_member(const MemberView *m, void *userdata) {
        Update *u = userdata;
        People *p = &u->c->people;
        size_t i = find(p, m->username);

        if (i == SIZE_MAX && (i = add(p, m->username)) == SIZE_MAX)
                return;
        u->seen[i] = true;
        if (!p->people[i].is_here && p->is_known && !is_me(u->c, m->username) &&
            u->n_came++ < TOLD_MAX)
                chat_say(u->c, _("%s is here"), m->username);
        p->people[i].is_here = true;
}

void people_update(Chat *c) {
        Update u = { .c = c };
        People *p = &c->people;

        if (!c->focus || c->is_away || !streq_ptr(c->focus->state, "live") ||
            client_try_members(c->ctl, c->focus->path, PATIENCE_USEC, on_member, &u) < 0)
                return;
        for (size_t i = 0; i < p->n; i++)
                if (p->people[i].is_here && !u.seen[i]) {
                        p->people[i].is_here = false;
                        if (p->is_known && u.n_went++ < TOLD_MAX)
                                chat_say(c, _("%s left"), p->people[i].name);
                }
        if (u.n_came > TOLD_MAX)
                chat_say(c, _("and %zu others came"), u.n_came - TOLD_MAX);
        if (u.n_went > TOLD_MAX)
                chat_say(c, _("and %zu others left"), u.n_went - TOLD_MAX);
        p->is_known = true;
}

void people_forget(Chat *c) {
        for (size_t i = 0; i < c->people.n; i++)
                free(c->people.people[i].name);
        c->people.n = 0;
        c->people.is_known = false;
}

void people_heard(Chat *c, const char *name) {
        if (find(&c->people, name) == SIZE_MAX)
                (void) add(&c->people, name);
}
