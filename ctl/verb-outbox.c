/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows outbox: what waits to be sent, what failed, and what can be done about it. */
#include <limits.h>

#include "ctl/print.h"

/* Called for each row; sd_bus strings are borrowed. */
typedef int (*row_fn)(const ChannelView *c, const char *id, const char *text, uint64_t queued,
                      uint32_t attempts, const char *state, const char *error, void *userdata);

static int read_error(sd_bus_message *m, const char *key, void *userdata) {
        const char **error = userdata;

        return streq(key, "error") ? sd_bus_message_read(m, "v", "s", error) : 0;
}

static int read_row(sd_bus_message *m, const ChannelView *c, row_fn fn, void *userdata) {
        const char *id, *text, *state, *error = NULL;
        uint32_t attempts;
        uint64_t queued;
        int r;

        r = sd_bus_message_enter_container(m, 'r', "sstusa{sv}");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "sstus", &id, &text, &queued, &attempts, &state);
        if (r >= 0)
                r = client_read_pairs(m, read_error, &error);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        r = fn(c, id, text, queued, attempts, state, error, userdata);
        return r < 0 ? r : 1;
}

static int each_row(Ctl *ctl, const ChannelView *c, row_fn fn, void *userdata) {
        _cleanup_free_ char *after = NULL;
        const char *next;
        int r;

        do {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;

                r = client_new_call(ctl, FACE_CHANNEL, c->path, "GetOutbox", &m);
                if (r == EXIT_OK)
                        r = client_append_options(ctl, m, after ? "after" : NULL, "s", after, NULL);
                if (r == EXIT_OK)
                        r = client_call(ctl, m, 0, &reply);
                if (r != EXIT_OK)
                        return r;
                r = sd_bus_message_enter_container(reply, 'a', "(sstusa{sv})");
                while (r >= 0 && (r = read_row(reply, c, fn, userdata)) > 0)
                        ;
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
                if (r >= 0)
                        r = sd_bus_message_read(reply, "s", &next);
                if (r >= 0)
                        r = free_and_strdup(&after, next);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
        } while (*after);
        return EXIT_OK;
}

typedef struct Listing {
        bool json;
        Writer w;
        Table t;
} Listing;

static int list_row(const ChannelView *c, const char *id, const char *text, uint64_t queued,
                    uint32_t attempts, const char *state, const char *error, void *userdata) {
        char when[LOCAL_TIME_SIZE];
        Listing *l = userdata;

        if (l->json) {
                writer_begin_object(&l->w, NULL);
                writer_string(&l->w, "channel_name", c->name);
                writer_string(&l->w, "channel_id", c->id);
                writer_string(&l->w, "id", id);
                writer_string(&l->w, "message_content", text);
                writer_time(&l->w, "queued", queued);
                writer_uint(&l->w, "attempts", attempts);
                writer_string(&l->w, "state", state);
                if (error)
                        writer_string(&l->w, "error", error);
                else
                        writer_null(&l->w, "error");
                writer_end_object(&l->w);
                return 0;
        }
        print_local_time(queued, when);
        return table_add(&l->t, c->name, id, when, state, error, text);
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
        for (size_t i = 0; i < s.n_channels && r == EXIT_OK; i++)
                r = each_row(ctl, s.channels + i, list_row, &l);
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
        char *path;
} Search;

static int find_row(const ChannelView *c, const char *id, const char *text, uint64_t queued,
                    uint32_t attempts, const char *state, const char *error, void *userdata) {
        Search *s = userdata;

        return streq(id, s->id) ? free_and_strdup(&s->path, c->path) : 0;
}

/* cancel and retry: an id is unique, so the channel need not be named. */
static int act(Ctl *ctl, const char *method, const char *id) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        Search search = { .id = id };
        int r;

        r = client_get_snapshot(ctl, &s);
        for (size_t i = 0; i < s.n_channels && r == EXIT_OK && !search.path; i++)
                r = each_row(ctl, s.channels + i, find_row, &search);
        if (r == EXIT_OK && !search.path)
                r = client_fail_as(ctl, "NoSuchEntry", EXIT_NO_SUCH,
                                   "No message %s is in your outbox; p2pchatctl outbox lists them",
                                   id);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, search.path, method, &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", id) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        free(search.path);
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
