/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows list, host, unhost, join, leave, connect and disconnect: which channels there are, and
 * which are ours. */
#include <limits.h>

#include "ctl/client/client.h"
#include "ctl/show/hint.h"
#include "ctl/show/print.h"
#include "ctl/verb/invite.h"
#include "ctl/verb/verbs.h"

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
                r = table_add(&l->table, name, extra.online ? _("online") : _("offline"), host,
                              number, view, topic);
        }
        for (char **a = extra.addresses; a && *a; a++)
                free(*a);
        free(extra.addresses);
        return r;
}

static int verb_list(Ctl *ctl, int argc, char **argv) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 6 };
        bool arg_online = false;
        const Option options[] = {
                { "online", 0, OPTION_FLAG, &arg_online, NULL,
                  N_("only those whose host is there now") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (table_add(&l.table, _("CHANNEL"), _("HOST IS"), _("HOST"), _("HERE"), _("VIEW"),
                      _("TOPIC")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&l.json, NULL);
        r = client_each_row(ctl, FACE_MANAGER, NULL, "ListDirectory", "sssssua{sv}", read_row, &l,
                            "query", "s", n_args == 1 ? args[0] : "", "online", "b",
                            (int) arg_online, NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, _("No such channels; you can make one: p2pchatctl host NAME"));
}

/* On stderr: a channel is nothing without others. */
static void tell_next(const Ctl *ctl, const ChannelView *c) {
        if (streq(c->view, "restricted"))
                hint_print(
                        ctl, stderr,
                        _("Let in who is to come: p2pchatctl authorize %s USER; then they join by "
                          "its name, or by the link of: p2pchatctl invite %s\n"),
                        c->name, c->name);
        else
                hint_print(ctl, stderr,
                           _("Others come in by p2pchatctl join %s, or by the link of: p2pchatctl "
                             "invite %s\n"),
                           c->name, c->name);
}

/* Shows the channel that a call gave back. */
static int show_channel(Ctl *ctl, sd_bus_message *reply, bool is_new) {
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
                        return print_json(ctl, &w);
                }
                printf(c->hosted ? _("%s is hosted here, %s") : "%s %s", c->name, c->state);
                if (*c->reason)
                        printf(": "), print_escaped(stdout, c->reason, false);
                putchar('\n');
                if (is_new)
                        tell_next(ctl, c);
        }
        return EXIT_OK;
}

static int verb_host(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *arg_topic = NULL, *arg_view = NULL, *arg_send = NULL;
        bool arg_take_over = false, arg_new_log = false;
        const Option options[] = {
                { "topic", 0, OPTION_STRING, &arg_topic, "TEXT", N_("what it is about") },
                { "view", 0, OPTION_STRING, &arg_view, "public|restricted",
                  N_("who may read: everybody, or members only") },
                { "send", 0, OPTION_STRING, &arg_send, "everyone|registered|members",
                  N_("who may write, of those who may read") },
                { "take-over", 0, OPTION_FLAG, &arg_take_over, NULL,
                  N_("although another device of yours serves it") },
                { "new-log", 0, OPTION_FLAG, &arg_new_log, NULL,
                  N_("begin anew under the name: the log is lost, or went back") },
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
        return r == EXIT_OK ? show_channel(ctl, reply, true) : r;
}

/* name_or_link: what Join takes. A failure is told. */
static int join(Ctl *ctl, const char *name_or_link, uint64_t backlog, bool new_copy,
                const InviteView *invite, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r, exit_status;

        r = client_new_call(ctl, FACE_MANAGER, NULL, "Join", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append(m, "s", name_or_link);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        r = client_append_options(ctl, m, "new_copy", "b", (int) new_copy,
                                  backlog != UINT64_MAX ? "backlog" : NULL, "u",
                                  (uint32_t) MIN(backlog, (uint64_t) UINT32_MAX), NULL);
        if (r != EXIT_OK)
                return r;
        r = client_try(ctl, m, CHANNEL_TIMEOUT_USEC, &error, ret_reply);
        if (r >= 0)
                return EXIT_OK;
        exit_status = client_fail(ctl, &error, r);
        if (invite && exit_status == EXIT_NO_DAEMON && ctl->json == JSON_OFF)
                fprintf(stderr, _("Then: p2pchatctl join '%s'\n"), invite->uri);
        return exit_status;
}

static int verb_join(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(invite_view_done) InviteView invite = {};
        bool arg_new_copy = false, arg_trust_new = false;
        uint64_t arg_backlog = UINT64_MAX;
        const Option options[] = {
                { "backlog", 0, OPTION_UINT, &arg_backlog, "N",
                  N_("copy the newest N entries only") },
                { "new-copy", 0, OPTION_FLAG, &arg_new_copy, NULL,
                  N_("of one that has diverged: take the host's log instead of yours") },
                { "trust-new", 0, OPTION_FLAG, &arg_trust_new, NULL,
                  N_("of a link, where no tracker is set: set its own without asking") },
                {},
        };
        int n_args, r, exit_status;
        bool is_link;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        is_link = invite_is_link(args[0]);
        r = is_link ? invite_read(ctl, args[0], &invite) : EXIT_OK;
        if (r == EXIT_OK && is_link && !arg_trust_new)
                r = invite_accept_tracker(ctl, &invite);
        if (r == EXIT_OK)
                r = join(ctl, args[0], arg_backlog, arg_new_copy, is_link ? &invite : NULL, &reply);
        return r == EXIT_OK ? show_channel(ctl, reply, false) : r;
}

static int end_unhosted(Ctl *ctl, const ChannelView *channel) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl, FACE_CHANNEL, channel->path, "Leave", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, "end", "b", 1, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, CHANNEL_TIMEOUT_USEC, NULL);
        return client_done(ctl, r);
}

/* unhost and leave; *forget is what their option sets. */
static int end_channel(Ctl *ctl, int argc, char **argv, Face face, const char *method,
                       const Option *options, const bool *forget) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        ChannelView *channel;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_get_channel(ctl, args[0], &s, &channel);
        if (r != EXIT_OK)
                return r;
        /* Of what its owner unhosted before, the rest of it. */
        if (face == FACE_HOST && !channel->hosted && *forget && streq(channel->reason, "unhosted"))
                return end_unhosted(ctl, channel);
        if (face == FACE_HOST && !channel->hosted)
                return client_fail_as(ctl, "Conflict", EXIT_REFUSED,
                                      _("%s is not hosted here; to leave it: p2pchatctl leave %s"),
                                      args[0], args[0]);
        r = client_new_call(ctl, face, channel->path, method, &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, *forget ? "forget" : NULL, "b", 1, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, CHANNEL_TIMEOUT_USEC, NULL);
        return client_done(ctl, r);
}

static int verb_unhost(Ctl *ctl, int argc, char **argv) {
        bool arg_forget = false;
        const Option options[] = {
                { "forget", 0, OPTION_FLAG, &arg_forget, NULL,
                  N_("give its name back to the tracker, and drop its log") },
                {},
        };

        return end_channel(ctl, argc, argv, FACE_HOST, "Unhost", options, &arg_forget);
}

static int verb_leave(Ctl *ctl, int argc, char **argv) {
        bool arg_forget = false;
        const Option options[] = {
                { "forget", 0, OPTION_FLAG, &arg_forget, NULL, N_("drop your copy of its log") },
                {},
        };

        return end_channel(ctl, argc, argv, FACE_CHANNEL, "Leave", options, &arg_forget);
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
        { "list", "[PATTERN]", 0, 1, verb_list, N_("show the tracker's directory") },
        { "host", "NAME", 1, 1, verb_host, N_("be the host of a channel") },
        { "unhost", "CHANNEL", 1, 1, verb_unhost, N_("stop hosting") },
        { "join", "NAME|LINK", 1, 1, verb_join,
          N_("be a member of a channel, by its name or an invitation") },
        { "leave", "CHANNEL", 1, 1, verb_leave, N_("leave a channel for good") },
        { "connect", "CHANNEL", 1, 1, verb_connect,
          N_("come back to it, or ask again after a refusal") },
        { "disconnect", "CHANNEL", 1, 1, verb_disconnect,
          N_("stay away from it for now, and a member") },
        {},
};
