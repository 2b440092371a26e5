/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows outbox: what waits to be sent, what failed, and what can be done about it. */
#include <limits.h>

#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

typedef struct OutboxList {
        const ChannelView *channel; /* whose rows these are */
        Listing *listing;
} OutboxList;

/* "Banned": what an error of the bus says without where it belongs. */
static const char *why(const char *error) {
        return strrchr(error, '.') ? strrchr(error, '.') + 1 : error;
}

static int list_row(const OutboxRowView *row, void *userdata) {
        const OutboxList *list = userdata;
        Writer *w = &list->listing->json;
        char when[LOCAL_TIME_SIZE];

        writer_begin_object(w, NULL);
        writer_string(w, "channel_name", list->channel->name);
        writer_string(w, "channel_id", list->channel->id);
        writer_string(w, "id", row->id);
        writer_string(w, "message_content", row->text);
        writer_time(w, "queued", row->queued);
        writer_uint(w, "attempts", row->attempts);
        writer_string(w, "state", row->state);
        if (row->error)
                writer_string(w, "error", row->error);
        else
                writer_null(w, "error");
        writer_end_object(w);
        print_local_time(row->queued, when);
        return table_add(&list->listing->table, list->channel->name, row->id, when, row->state,
                         row->error ? why(row->error) : NULL, row->text);
}

static int list(Ctl *ctl) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 6 };
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        if (table_add(&l.table, _("CHANNEL"), _("ID"), _("QUEUED"), _("STATE"), _("WHY"),
                      _("TEXT")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&l.json, NULL);
        for (size_t i = 0; i < s.n_channels && r == EXIT_OK; i++) {
                OutboxList of_channel = { .channel = s.channels + i, .listing = &l };

                r = client_each_outbox_row(ctl, s.channels[i].path, list_row, &of_channel);
        }
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, _("Nothing waits"));
}

typedef struct Search {
        const char *id;
        bool is_found;
} Search;

static int find_row(const OutboxRowView *row, void *userdata) {
        Search *s = userdata;

        s->is_found = s->is_found || streq(row->id, s->id);
        return 0;
}

/* cancel and retry: an id is unique, so the channel need not be named. */
static int act(Ctl *ctl, const char *method, const char *id) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        Search search = { .id = id };
        const char *path = NULL;
        int r;

        r = client_get_snapshot(ctl, &s);
        for (size_t i = 0; i < s.n_channels && r == EXIT_OK && !search.is_found; i++) {
                path = s.channels[i].path;
                r = client_each_outbox_row(ctl, path, find_row, &search);
        }
        if (r == EXIT_OK && !search.is_found)
                r = client_fail_as(
                        ctl, "NoSuchEntry", EXIT_NO_SUCH,
                        _("No message %s is in your outbox; p2pchatctl outbox lists them"), id);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, path, method, &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", id) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

static int verb_outbox(Ctl *ctl, int argc, char **argv) {
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args == 0 || (n_args == 1 && streq(args[0], "list")))
                return list(ctl);
        if (n_args == 2 && streq(args[0], "cancel"))
                return act(ctl, "Cancel", args[1]);
        if (n_args == 2 && streq(args[0], "retry"))
                return act(ctl, "Retry", args[1]);
        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                              _("Usage: p2pchatctl outbox [list|cancel ID|retry ID]"));
}

const Verb verbs_outbox[] = {
        { "outbox", "[list|cancel ID|retry ID]", 0, 2, verb_outbox, N_("what waits to be sent") },
        {},
};
