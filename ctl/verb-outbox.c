/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows outbox: what waits to be sent, what failed, and what can be done about it. */
#include <limits.h>

#include "ctl/print.h"

typedef struct Listing {
        const ChannelView *channel; /* whose rows these are */
        bool json;
        Writer w;
        Table t;
} Listing;

static int list_row(const OutboxRowView *row, void *userdata) {
        char when[LOCAL_TIME_SIZE];
        Listing *l = userdata;

        if (l->json) {
                writer_begin_object(&l->w, NULL);
                writer_string(&l->w, "channel_name", l->channel->name);
                writer_string(&l->w, "channel_id", l->channel->id);
                writer_string(&l->w, "id", row->id);
                writer_string(&l->w, "message_content", row->text);
                writer_time(&l->w, "queued", row->queued);
                writer_uint(&l->w, "attempts", row->attempts);
                writer_string(&l->w, "state", row->state);
                if (row->error)
                        writer_string(&l->w, "error", row->error);
                else
                        writer_null(&l->w, "error");
                writer_end_object(&l->w);
                return 0;
        }
        print_local_time(row->queued, when);
        return table_add(&l->t, l->channel->name, row->id, when, row->state, row->error, row->text);
}

static int list(Ctl *ctl) {
        Listing l = { .json = ctl->json != JSON_OFF, .t = { .n_columns = 6 } };
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        writer_begin_array(&l.w, NULL);
        if (table_add(&l.t, "CHANNEL", "ID", "QUEUED", "STATE", "WHY", "TEXT") < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        for (size_t i = 0; i < s.n_channels && r == EXIT_OK; i++) {
                l.channel = s.channels + i;
                r = client_each_outbox_row(ctl, l.channel->path, list_row, &l);
        }
        writer_end_array(&l.w);
        if (r == EXIT_OK && l.json)
                r = print_json(ctl, &l.w) < 0 ? client_fail(ctl, NULL, -ENOMEM) : EXIT_OK;
        else if (r == EXIT_OK && l.t.n_cells == l.t.n_columns)
                fputs("Nothing waits\n", stderr);
        else if (r == EXIT_OK)
                table_print(&l.t, stdout);
        writer_done(&l.w);
        table_done(&l.t);
        return r;
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
                r = client_fail_as(ctl, "NoSuchEntry", EXIT_NO_SUCH,
                                   "No message %s is in your outbox; p2pchatctl outbox lists them",
                                   id);
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
                              "Usage: p2pchatctl outbox [list|cancel ID|retry ID]");
}

const Verb verbs_outbox[] = {
        { "outbox", "[list|cancel ID|retry ID]", 0, 2, verb_outbox, "what waits to be sent" },
        {},
};
