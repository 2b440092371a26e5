/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how somebody whom nobody here ever saw is asked for: each name once, a few at a time, and
 * what is said where nobody has it. Leaves asking the tracker to the host's owner. */
#include "daemon/host/channel-host-internal.h"

bool lookup_is_needed(const ChannelHost *h, const Work *w) {
        Actor a;

        actor_named(w->target, &a);
        return !w->target_exists && a.user_type == USER_REGISTERED &&
               channel_get_role(h->channel, w->target) == ROLE_NONE &&
               !channel_get_role_change(h->channel, w->target) && /* had one, and is a user */
               !channel_find_ban(h->channel, &a, host_now(h)) &&
               !roster_shows(&h->roster, w->target);
}

int lookup_wait(ChannelHost *h, Work *w) {
        const Work *other;
        size_t n;

        DL_COUNT(h->lookups, other, n);
        if (n >= LOOKUPS_WAITING_MAX)
                return host_fail_busy(&w->failure,
                                      "The host has many names to ask the tracker for; try again.");
        DL_APPEND(h->lookups, w);
        return 0;
}

/* NULL: nobody has asked for it. */
static HostLookup *find_asked(ChannelHost *h, const char *target) {
        for (size_t i = 0; i < LOOKUPS_AT_ONCE_MAX; i++)
                if (h->asked[i].ticket != 0 && streq(h->asked[i].target, target))
                        return &h->asked[i];
        return NULL;
}

static HostLookup *find_ticket(ChannelHost *h, uint64_t ticket) {
        for (size_t i = 0; i < LOOKUPS_AT_ONCE_MAX; i++)
                if (h->asked[i].ticket == ticket)
                        return &h->asked[i];
        return NULL;
}

static Work *find_not_asked(ChannelHost *h) {
        Work *w;

        DL_FOREACH(h->lookups, w)
                if (!find_asked(h, w->target))
                        return w;
        return NULL;
}

void lookup_ask(ChannelHost *h) {
        for (;;) {
                HostLookup *free_one = find_ticket(h, 0);
                Work *w = free_one ? find_not_asked(h) : NULL;

                if (!w)
                        return;
                *free_one = (HostLookup){ .ticket = ++h->last_ticket };
                memcpy(free_one->target, w->target, sizeof(free_one->target));
                h->handlers.lookup_user(h, free_one->target, free_one->ticket, h->userdata);
        }
}

/* ---- the answer ---- */

typedef struct Known {
        NearNames *near;
        size_t n;
} Known;

static int add_known(const char *username, Role role, void *userdata) {
        Known *known = userdata;

        near_names_add(known->near, username);
        return ++known->n == NEAR_KNOWN_MAX;
}

/* Of the roster only who is shown to members: a row of who has left may stay for one whom nobody
 * sees. */
static void add_people(const ChannelHost *h, NearNames *near) {
        Known known = { .near = near };

        (void) add_known(channel_get_owner(h->channel), ROLE_OWNER, &known);
        (void) channel_each_role(h->channel, add_known, &known);
        for (const RosterRow *row = h->roster.rows; row && known.n < NEAR_KNOWN_MAX;
             row = row->next)
                if (row->user_type == USER_REGISTERED && row->shown != PRESENCE_OFFLINE)
                        (void) add_known(row->username, ROLE_NONE, &known);
}

static void fail_no_such_user(const ChannelHost *h, const char *target, const NearNames *told,
                              Failure *f) {
        char text[NEAR_NAMES_TEXT_SIZE];
        NearNames near;

        near_names_init(&near, target);
        for (size_t i = 0; told && i < told->n; i++)
                near_names_add(&near, told->found[i].name);
        add_people(h, &near);
        near_names_print(&near, text);
        if (near.n > 0)
                (void) failure_set(f, ERROR_NO_SUCH_USER, "There is no user %s; did you mean %s?",
                                   target, text);
        else
                (void) failure_set(f, ERROR_NO_SUCH_USER,
                                   "There is no user %s: who is to get a role or a ban must have "
                                   "signed up.",
                                   target);
}

/* What the tracker has against this host is not the fault of a member who asked. */
static void fail_not_known(const Work *w, const Failure *why, Failure *ret) {
        if (!w->q || why->code == ERROR_RATE_LIMITED || why->code == ERROR_BUSY) {
                *ret = *why;
                return;
        }
        (void) host_fail_busy(ret, "The host cannot ask the tracker now who that is; try again.");
}

static void settle(ChannelHost *h, Work *w, const Failure *f, bool is_answer) {
        DL_DELETE(h->lookups, w);
        if (f && !is_answer && w->kind == WORK_ROLE && w->role == ROLE_NONE)
                f = NULL; /* whoever that is has no role */
        if (!f) {
                w->target_exists = true;
                DL_APPEND(h->queue, w);
                return;
        }
        if (is_answer)
                w->failure = *f;
        else
                fail_not_known(w, f, &w->failure);
        DL_APPEND(h->answered, w);
}

void channel_host_user_looked_up(ChannelHost *h, uint64_t ticket, const Failure *f,
                                 const NearNames *near) {
        HostLookup *asked = ticket != 0 ? find_ticket(h, ticket) : NULL;
        bool is_answer = !f || f->code == ERROR_NO_SUCH_USER || f->code == ERROR_GUESTS_NOT_ALLOWED;
        char target[NAME_SIZE];
        Work *w, *next;
        Failure none;

        if (!asked)
                return;
        memcpy(target, asked->target, sizeof(target));
        *asked = (HostLookup){};
        if (f && f->code == ERROR_NO_SUCH_USER) {
                fail_no_such_user(h, target, near, &none);
                f = &none;
        }
        /* Where the tracker does not say, who waits to be asked for waits for nothing. */
        DL_FOREACH_SAFE(h->lookups, w, next)
                if (streq(w->target, target) || (!is_answer && !find_asked(h, w->target)))
                        settle(h, w, f, is_answer);
        queue_pump_soon(h);
}
