/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows list, host, unhost, join, leave, connect and disconnect: which channels there are, and
 * which are ours. */
#include <limits.h>

#include "ctl/client.h"
#include "ctl/print.h"
#include "ctl/verbs.h"

#define CHANNEL_TIMEOUT_USEC (60 * USEC_PER_SEC)

/* The members of a directory row's extra{id, addresses, online, last_seq, since}. */
typedef struct DirectoryExtra {
        const char *id;
        int online;
        uint64_t last_seq, since;
        char **addresses;
} DirectoryExtra;

static int read_extra(sd_bus_message *m, const char *key, void *userdata) {
        DirectoryExtra *extra = userdata;
        int r;

        if (streq(key, "id"))
                return sd_bus_message_read(m, "v", "s", &extra->id);
        if (streq(key, "online"))
                return sd_bus_message_read(m, "v", "b", &extra->online);
        if (streq(key, "last_seq"))
                return sd_bus_message_read(m, "v", "t", &extra->last_seq);
        if (streq(key, "since"))
                return sd_bus_message_read(m, "v", "t", &extra->since);
        if (!streq(key, "addresses"))
                return 0;
        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &extra->addresses);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : 1;
}

static int read_row(sd_bus_message *m, void *userdata) {
        const char *name, *owner, *host, *topic, *view;
        DirectoryExtra extra = {};
        Listing *l = userdata;
        char number[16];
        uint32_t members;
        int r;

        r = sd_bus_message_read(m, "sssssu", &name, &owner, &host, &topic, &view, &members);
        if (r >= 0)
                r = client_read_pairs(m, read_extra, &extra);
        if (r >= 0) {
                writer_begin_object(&l->json, NULL);
                writer_string(&l->json, "channel_name", name);
                writer_string(&l->json, "channel_id", extra.id);
                writer_string(&l->json, "owner", owner);
                writer_string(&l->json, "host", host);
                writer_begin_array(&l->json, "addresses");
                for (char **a = extra.addresses; a && *a; a++)
                        writer_string(&l->json, NULL, *a);
                writer_end_array(&l->json);
                writer_string(&l->json, "view_permission", view);
                writer_string(&l->json, "topic", topic);
                writer_uint(&l->json, "members", members);
                writer_uint(&l->json, "last_seq", extra.last_seq);
                writer_bool(&l->json, "online", extra.online);
                writer_time(&l->json, "since", extra.since);
                writer_end_object(&l->json);
                snprintf(number, sizeof(number), "%" PRIu32, members);
                r = table_add(&l->table, name, extra.online ? "online" : "offline", host, number,
                              view, topic);
        }
        for (char **a = extra.addresses; a && *a; a++)
                free(*a);
        free(extra.addresses);
        return r;
}

static int verb_list(Ctl *ctl, int argc, char **argv) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 6 };
        bool arg_online = false;
        const Option options[] = { { "online", 0, OPTION_FLAG, &arg_online }, {} };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (table_add(&l.table, "CHANNEL", "HOST IS", "HOST", "HERE", "VIEW", "TOPIC") < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&l.json, NULL);
        r = client_each_row(ctl, FACE_MANAGER, NULL, "ListDirectory", "sssssua{sv}", read_row, &l,
                            "query", "s", n_args == 1 ? args[0] : "", "online", "b",
                            (int) arg_online, NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, "No such channels; you can make one: p2pchatctl host NAME");
}

/* Shows the channel that a call gave back. */
static int show_channel(Ctl *ctl, sd_bus_message *reply) {
        _cleanup_(snapshot_done) Snapshot s = {};
        const char *path;
        int r;

        r = sd_bus_message_read(reply, "o", &path);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        for (size_t i = 0; i < s.n_channels; i++) {
                const ChannelView *c = s.channels + i;

                if (!streq(c->path, path))
                        continue;
                if (ctl->json != JSON_OFF) {
                        _cleanup_(writer_done) Writer w = {};

                        writer_begin_object(&w, NULL);
                        writer_string(&w, "channel_name", c->name);
                        writer_string(&w, "channel_id", c->id);
                        writer_string(&w, "state", c->state);
                        writer_string(&w, "state_reason", c->reason);
                        writer_end_object(&w);
                        r = print_json(ctl, &w);
                        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
                }
                printf("%s %s%s", c->name, c->hosted ? "is hosted here, " : "", c->state);
                if (*c->reason)
                        printf(": "), print_escaped(stdout, c->reason, false);
                putchar('\n');
        }
        return EXIT_OK;
}

static int verb_host(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *arg_topic = NULL, *arg_view = NULL, *arg_send = NULL;
        bool arg_take_over = false, arg_new_log = false;
        const Option options[] = {
                { "topic", 0, OPTION_STRING, &arg_topic },
                { "view", 0, OPTION_STRING, &arg_view },
                { "send", 0, OPTION_STRING, &arg_send },
                { "take-over", 0, OPTION_FLAG, &arg_take_over },
                { "new-log", 0, OPTION_FLAG, &arg_new_log },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_new_call(ctl, FACE_MANAGER, NULL, "Host", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append(m, "s", args[0]);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        r = client_append_options(ctl, m, "topic", "s", arg_topic, "view_permission", "s", arg_view,
                                  "send_permission", "s", arg_send, "take_over", "b",
                                  (int) arg_take_over, "new_log", "b", (int) arg_new_log, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, CHANNEL_TIMEOUT_USEC, &reply);
        return r == EXIT_OK ? show_channel(ctl, reply) : r;
}

static int verb_join(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        uint64_t arg_backlog = UINT64_MAX;
        bool arg_new_copy = false;
        const Option options[] = {
                { "backlog", 0, OPTION_UINT, &arg_backlog },
                { "new-copy", 0, OPTION_FLAG, &arg_new_copy },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_new_call(ctl, FACE_MANAGER, NULL, "Join", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append(m, "s", args[0]);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        r = client_append_options(ctl, m, "new_copy", "b", (int) arg_new_copy,
                                  arg_backlog != UINT64_MAX ? "backlog" : NULL, "u",
                                  (uint32_t) MIN(arg_backlog, (uint64_t) UINT32_MAX), NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, CHANNEL_TIMEOUT_USEC, &reply);
        return r == EXIT_OK ? show_channel(ctl, reply) : r;
}

/* unhost and leave. */
static int end_channel(Ctl *ctl, int argc, char **argv, Face face, const char *method) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        bool arg_forget = false;
        const Option options[] = { { "forget", 0, OPTION_FLAG, &arg_forget }, {} };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, face, path, method, &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, arg_forget ? "forget" : NULL, "b", 1, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, CHANNEL_TIMEOUT_USEC, NULL);
        return client_done(ctl, r);
}

static int verb_unhost(Ctl *ctl, int argc, char **argv) {
        return end_channel(ctl, argc, argv, FACE_HOST, "Unhost");
}

static int verb_leave(Ctl *ctl, int argc, char **argv) {
        return end_channel(ctl, argc, argv, FACE_CHANNEL, "Leave");
}

/* connect and disconnect. */
static int change_connection(Ctl *ctl, int argc, char **argv, const char *method) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, path, method, &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, CHANNEL_TIMEOUT_USEC, NULL);
        return client_done(ctl, r);
}

static int verb_connect(Ctl *ctl, int argc, char **argv) {
        return change_connection(ctl, argc, argv, "Connect");
}

static int verb_disconnect(Ctl *ctl, int argc, char **argv) {
        return change_connection(ctl, argc, argv, "Disconnect");
}

const Verb verbs_channel[] = {
        { "list", "[PATTERN]", 0, 1, verb_list, "the tracker's directory (--online)" },
        { "host", "NAME", 1, 1, verb_host,
          "be the host (--topic= --view= --send= --take-over --new-log)" },
        { "unhost", "NAME", 1, 1, verb_unhost, "stop hosting (--forget: give the name back, too)" },
        { "join", "NAME", 1, 1, verb_join, "be a member (--backlog=N --new-copy)" },
        { "leave", "NAME", 1, 1, verb_leave, "leave for good (--forget: drop your copy, too)" },
        { "connect", "CHANNEL", 1, 1, verb_connect, "come back, or ask again after a refusal" },
        { "disconnect", "CHANNEL", 1, 1, verb_disconnect, "stay away for now, and a member" },
        {},
};
