/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which channels a talk has, how they are, and what is new in those that are not in focus. */
#include <inttypes.h>
#include <utlist.h>

#include "ctl/chat/chat.h"
#include "ctl/program.h"
#include "ctl/show/escape.h"
#include "ctl/show/terminal.h"

#define NEWS_MAX 4 /* channels in the prompt; the others are counted */

static Room *room_free(Room *r) {
        free(r->path);
        free(r->name);
        free(r->state);
        free(r->reason);
        free(r);
        return NULL;
}

Room *rooms_free(Room *list) {
        Room *r, *next;

        LL_FOREACH_SAFE(list, r, next)
                room_free(r);
        return NULL;
}

static Room *find_path(const Chat *c, const char *path) {
        Room *r;

        LL_FOREACH(c->rooms, r)
                if (streq(r->path, path))
                        return r;
        return NULL;
}

static Room *add_room(Chat *c, const ChannelView *v) {
        Room *r = new0(Room, 1), *other;

        if (!r)
                return NULL;
        r->number = 1;
        LL_FOREACH(c->rooms, other)
                r->number = other->number + 1;
        if (free_and_strdup(&r->path, v->path) < 0 || free_and_strdup(&r->name, v->name) < 0)
                return room_free(r);
        LL_APPEND(c->rooms, r);
        return r;
}

static void tell_state(Chat *c, const Room *r) {
        if (!r->is_present)
                chat_say(c, _("%s is not among your channels any more"), r->name);
        else if (streq_ptr(r->state, "live"))
                chat_say(c, _("%s is live"), r->name);
        else if (r->reason && *r->reason)
                chat_say(c, _("%s is %s (%s)"), r->name, r->state, r->reason);
        else
                chat_say(c, _("%s is %s"), r->name, r->state);
}

/* What lasts; that it connects and syncs on its way there is no news. */
static bool is_settled(const char *state) {
        return !streq_ptr(state, "connecting") && !streq_ptr(state, "syncing");
}

static int update_room(Chat *c, const ChannelView *v) {
        Room *r = find_path(c, v->path);
        bool is_new;

        if (!r && streq_ptr(v->state, "closed"))
                return 0;
        if (!r && !(r = add_room(c, v)))
                return -ENOMEM;
        is_new = is_settled(v->state) && !streq_ptr(r->state, v->state);
        r->is_present = true;
        if (r == c->focus && r->n_members != v->members)
                c->has_members = true;
        r->n_members = v->members;
        r->unread = v->unread;
        r->mentions = v->mentions;
        r->outbox = v->outbox;
        if (is_settled(v->state) && (free_and_strdup(&r->state, v->state) < 0 ||
                                     free_and_strdup(&r->reason, v->reason ?: "") < 0))
                return -ENOMEM;
        if (!r->state && free_and_strdup(&r->state, v->state) < 0)
                return -ENOMEM;
        if (is_new && r->is_open)
                tell_state(c, r);
        if (streq(r->state, "live"))
                r->was_live_told = false;
        return 0;
}

static int update_account(Chat *c, const AccountView *a) {
        bool is_new = c->tracker_state && a->state && !streq(a->state, c->tracker_state) &&
                      !streq(a->state, "connecting");

        if (a->username && *a->username) {
                if (c->username && !streq(c->username, a->username))
                        chat_say(c, _("You are %s now"), a->username);
                if (free_and_strdup(&c->username, a->username) < 0)
                        return -ENOMEM;
        } else {
                free(c->username);
                c->username = NULL;
        }
        if (is_new && a->reason && *a->reason)
                chat_say(c, _("The tracker is %s (%s)"), a->state, a->reason);
        else if (is_new)
                chat_say(c, _("The tracker is %s"), a->state);
        return a->state && !streq(a->state, "connecting")
                       ? free_and_strdup(&c->tracker_state, a->state)
                       : 0;
}

int rooms_update(Chat *c) {
        _cleanup_(snapshot_done) Snapshot s = {};
        Room *r;
        int k = 0;

        k = client_get_snapshot(c->ctl, &s);
        if (k != EXIT_OK)
                return k;
        LL_FOREACH(c->rooms, r)
                r->is_present = false;
        k = update_account(c, &s.account);
        for (size_t i = 0; i < s.n_channels && k >= 0; i++)
                k = update_room(c, s.channels + i);
        if (k < 0)
                return client_fail(c->ctl, NULL, k);
        LL_FOREACH(c->rooms, r)
                if (!r->is_present && r->is_open) {
                        tell_state(c, r);
                        r->is_open = false;
                }
        if (c->focus && !c->focus->is_present) {
                c->focus = NULL;
                people_forget(c);
        }
        return EXIT_OK;
}

Room *rooms_find(const Chat *c, const char *name) {
        Room *r;

        LL_FOREACH(c->rooms, r)
                if (r->is_present && strcasecmp(r->name, name) == 0)
                        return r;
        return NULL;
}

Room *rooms_find_number(const Chat *c, unsigned number) {
        Room *r;

        LL_FOREACH(c->rooms, r)
                if (r->is_present && r->number == number)
                        return r;
        return NULL;
}

Room *rooms_beside(const Chat *c, bool forwards) {
        Room *r, *first = NULL, *last = NULL, *before = NULL, *after = NULL;
        bool is_behind = false;

        LL_FOREACH(c->rooms, r) {
                if (r == c->focus) {
                        is_behind = true;
                        continue;
                }
                if (!r->is_present)
                        continue;
                first = first ?: r;
                last = r;
                if (!is_behind)
                        before = r;
                else
                        after = after ?: r;
        }
        return forwards ? after ?: first : before ?: last;
}

static void write_news(FILE *f, const Room *r) {
        fprintf(f, "%u:", r->number);
        print_escaped(f, r->name, false);
        fprintf(f, " +%" PRIu32, r->unread);
        if (r->mentions > 0)
                fprintf(f, " @%" PRIu32, r->mentions);
}

int rooms_prompt(const Chat *c, char **ret) {
        size_t n_news = 0, size;
        const Room *r;
        FILE *f;

        f = open_memstream(ret, &size);
        if (!f)
                return -ENOMEM;
        print_escaped(f, c->focus ? c->focus->name : c->ctl->program->name, false);
        LL_FOREACH(c->rooms, r) {
                if (!r->is_present || r == c->focus || r->unread == 0)
                        continue;
                if (n_news++ < NEWS_MAX) {
                        fputs(n_news == 1 ? " [" : ", ", f);
                        write_news(f, r);
                }
        }
        if (n_news > NEWS_MAX)
                fprintf(f, ", …+%zu", n_news - NEWS_MAX);
        fputs(n_news > 0 ? "]> " : "> ", f);
        return fclose(f) == 0 ? 0 : -ENOMEM;
}

void rooms_list(Chat *c) {
        size_t n = 0;
        Room *r;

        LL_FOREACH(c->rooms, r) {
                if (!r->is_present)
                        continue;
                n++;
                chat_say(c, _("/%u %s%s (%s): %" PRIu32 " unread, %" PRIu32 " mentions"), r->number,
                         r->name, r == c->focus ? " *" : "", r->state, r->unread, r->mentions);
        }
        if (n == 0)
                chat_say(c, _("You have no channel; try /list, /join NAME or /host NAME"));
}
