/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a host's question about somebody whom it never saw is put to the tracker; leaves what
 * follows from the answer to the host. */
#include <utlist.h>

#include "daemon/manager/manager-internal.h"
#include "wire/limits.h"

struct Whois {
        Whois **list;      /* weak */
        ChannelHost *host; /* weak */
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

static void on_whois(const Value *payload, const Failure *failure, void *userdata) {
        Whois *w = userdata;
        const char *type = value_string(value_get(payload, "user_type"), NULL);
        bool exists = false;
        NearNames near;
        Failure f = {};

        w->call = NULL;
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
        _cleanup_(writer_done) Writer payload = {};
        Whois *w = new0(Whois, 1);
        Failure f;
        int r = -ENOMEM;

        writer_begin_object(&payload, NULL);
        writer_string(&payload, "username", username);
        writer_end_object(&payload);
        if (w) {
                *w = (Whois){ .list = list, .host = host, .ticket = ticket };
                snprintf(w->username, sizeof(w->username), "%s", username);
                DL_APPEND(*list, w);
                r = clock_timer_new(rt->clock, on_timeout, w, &w->timer);
                if (r >= 0)
                        r = account_call(a, "WHOIS", &payload, on_whois, w, &w->call);
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
