/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a host's question about somebody whom it never saw is put to the tracker; leaves what
 * follows from the answer to the host. */
#include <utlist.h>

#include "daemon/manager/manager-internal.h"
#include "wire/limits.h"

struct Whois {
        Whois **list;      /* weak */
        Account *account;  /* weak */
        ChannelHost *host; /* weak */
        tracker_reply_fn reply;
        Whois *prev, *next;
        uint64_t ticket;
        char username[NAME_SIZE];
        TrackerCall *call;
        ClockTimer *timer;
};

static void whois_free(Whois *w) {
        DL_DELETE(*w->list, w);
        tracker_call_free(w->call);
        clock_timer_free(w->timer);
        free(w);
}

void whois_free_all(Whois **list) {
        while (*list)
                whois_free(*list);
}

static void whois_end(Whois *w, const Failure *f, const NearNames *near) {
        ChannelHost *host = w->host;
        uint64_t ticket = w->ticket;

        whois_free(w);
        channel_host_user_looked_up(host, ticket, f, near);
}

/* Of what a tracker says only names are taken, and near_names_add() looks whether they are near. */
static void read_near(const Value *payload, const char *username, NearNames *ret) {
        const Value *names = value_get(payload, "near");

        near_names_init(ret, username);
        for (size_t i = 0; i < MIN(value_length(names), (size_t) NEAR_NAMES_MAX); i++) {
                const char *name = value_string(value_at(names, i), NULL);

                if (name && name_is_user(name))
                        near_names_add(ret, name);
        }
}

static int ask(Whois *w) {
        _cleanup_(writer_done) Writer payload = {};

        writer_begin_object(&payload, NULL);
        writer_string(&payload, "username", w->username);
        writer_end_object(&payload);
        return account_call(w->account, "WHOIS", &payload, w->reply, w, &w->call);
}

static void on_whois(const Value *payload, const Failure *failure, void *userdata) {
        Whois *w = userdata;
        const char *type = value_string(value_get(payload, "user_type"), NULL);
        bool exists = false;
        NearNames near;
        Failure f = {};

        w->call = NULL;
        /* It hung up on us: what only asks is asked again, until the time is over. */
        if (failure && failure->code == ERROR_TIMEOUT && ask(w) >= 0)
                return;
        read_near(payload, w->username, &near);
        if (failure)
                f = *failure;
        else if (value_bool(value_get(payload, "exists"), &exists) < 0 || !exists)
                failure_set(&f, ERROR_NO_SUCH_USER, "The tracker knows nobody of this name.");
        else if (type && user_type_from_string(type) == USER_GUEST)
                failure_set(&f, ERROR_GUESTS_NOT_ALLOWED, "Guests cannot be given a role.");
        whois_end(w, f.code != ERROR_NONE ? &f : NULL, &near);
}

static void on_timeout(void *userdata) {
        Whois *w = userdata;
        Failure f;

        failure_set(&f, ERROR_TRACKER_UNREACHABLE,
                    "The tracker did not say whether there is a user %s; try again when it can be "
                    "reached.",
                    w->username);
        whois_end(w, &f, NULL);
}

void whois_ask(Whois **list, Account *a, const Runtime *rt, ChannelHost *host, const char *username,
               uint64_t ticket) {
        Whois *w = new0(Whois, 1);
        int r = -ENOMEM;
        Failure f;

        if (w) {
                *w = (Whois){ .list = list,
                              .account = a,
                              .host = host,
                              .reply = on_whois,
                              .ticket = ticket };
                snprintf(w->username, sizeof(w->username), "%s", username);
                DL_APPEND(*list, w);
                r = clock_timer_new(rt->clock, on_timeout, w, &w->timer);
                if (r >= 0)
                        r = ask(w);
        }
        if (r >= 0) {
                clock_timer_arm(w->timer, LOOKUP_TIMEOUT_USEC);
                return;
        }
        if (w)
                whois_free(w);
        failure_set(&f, ERROR_INTERNAL, "Cannot ask the tracker: %s.", strerror(-r));
        channel_host_user_looked_up(host, ticket, &f, NULL);
}
