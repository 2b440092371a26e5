/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the tracker was told of a channel's view and topic, and tells it what it does not
 * have: at once, and again until it has taken it. Leaves the rest of HOST to manager-host.c. */
#include "daemon/manager/manager-host-internal.h"

typedef struct Shown {
        ViewPermission view;
        const char *topic;
} Shown;

static Shown get_truth(const Hosting *h) {
        const StoredChannel *stored = channel_member_get_stored(h->channel->member);

        if (h->host && channel_host_is_loaded(h->host)) {
                const Channel *c = channel_host_get_channel(h->host);

                return (Shown){ channel_get_view(c), channel_get_topic(c) };
        }
        return (Shown){ stored->view, stored->topic };
}

static void say(Hosting *h, const Shown *s) {
        h->said_view = s->view;
        if (free_and_strdup(&h->said_topic, s->topic) < 0)
                h->said_view = VIEW_INVALID;
}

static void on_view_told(const Value *payload, const Failure *failure, void *userdata) {
        Hosting *h = userdata;

        h->view_call = NULL;
        if (failure)
                h->said_view = VIEW_INVALID; /* told with the next heartbeat that is answered */
        else
                hosting_tell_view(h);
}

void hosting_tell_view(Hosting *h) {
        Shown truth = get_truth(h);
        _cleanup_(writer_done) Writer w = {};
        Account *a = h->channel->manager->account;

        /* A flow's wishes were told with HOST and are not in the log yet. */
        if (!h->registered || h->register_call || h->view_call || h->flow ||
            !account_is_online(a) || hosting_is_leaving(h))
                return;
        if (h->said_view == truth.view && streq(h->said_topic, truth.topic))
                return;
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", hosting_get_name(h));
        writer_string(&w, "view_permission", view_permission_to_string(truth.view));
        writer_string(&w, "topic", truth.topic);
        writer_end_object(&w);
        say(h, &truth);
        if (account_call(a, "VIEW", &w, on_view_told, h, &h->view_call) < 0)
                h->said_view = VIEW_INVALID;
}

void hosting_write_view(Hosting *h, const HostWish *wish, Writer *w) {
        Shown s = get_truth(h);

        if (wish->view >= 0)
                s.view = wish->view;
        if (wish->topic)
                s.topic = wish->topic;
        writer_string(w, "view_permission", view_permission_to_string(s.view));
        writer_string(w, "topic", s.topic);
        say(h, &s);
        /* HOST says it all: an older VIEW must not come behind it. */
        h->view_call = tracker_call_free(h->view_call);
}

void hosting_view_done(Hosting *h) {
        h->view_call = tracker_call_free(h->view_call);
        free(h->said_topic);
}
