/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a host's question about somebody whom it never saw is put to the tracker; leaves what
 * follows from the answer to the host. */
#include <utlist.h>

#include "daemon/manager/manager-internal.h"

struct Whois {
        Whois **list;      /* weak */
        ChannelHost *host; /* weak */
        Whois *prev, *next;
        uint64_t ticket;
        TrackerCall *call;
};

static void whois_free(Whois *w) {
        DL_DELETE(*w->list, w);
        tracker_call_free(w->call);
        free(w);
}

void whois_free_all(Whois **list) {
        while (*list)
                whois_free(*list);
}

static void on_whois(const Value *payload, const Failure *failure, void *userdata) {
        Whois *w = userdata;
        ChannelHost *host = w->host;
        uint64_t ticket = w->ticket;
        const char *type = value_string(value_get(payload, "user_type"), NULL);
        bool exists = false;
        Failure f;

        w->call = NULL;
        whois_free(w);
        if (failure)
                f = *failure;
        else if (value_bool(value_get(payload, "exists"), &exists) < 0 || !exists)
                failure_set(&f, ERROR_NO_SUCH_USER, "The tracker knows nobody of this name.");
        else if (type && user_type_from_string(type) == USER_GUEST)
                failure_set(&f, ERROR_GUESTS_NOT_ALLOWED, "Guests cannot be given a role.");
        else
                f = (Failure){};
        channel_host_user_looked_up(host, ticket, f.code != ERROR_NONE ? &f : NULL);
}

void whois_ask(Whois **list, Account *a, ChannelHost *host, const char *username, uint64_t ticket) {
        _cleanup_(writer_done) Writer payload = {};
        Whois *w = new0(Whois, 1);
        Failure f;
        int r = -ENOMEM;

        writer_begin_object(&payload, NULL);
        writer_string(&payload, "username", username);
        writer_end_object(&payload);
        if (w) {
                *w = (Whois){ .list = list, .host = host, .ticket = ticket };
                DL_APPEND(*list, w);
                r = account_call(a, "WHOIS", &payload, on_whois, w, &w->call);
        }
        if (r >= 0)
                return;
        if (w)
                whois_free(w);
        failure_set(&f, ERROR_INTERNAL, "Cannot ask the tracker: %s.", strerror(-r));
        channel_host_user_looked_up(host, ticket, &f);
}
