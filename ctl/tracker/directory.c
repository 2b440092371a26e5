/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows channel list, delist and relist: the directory. */
#include <inttypes.h>

#include "ctl/show/print.h"
#include "ctl/tracker/verbs.h"

typedef struct ChannelExtra {
        const char *id, *host, *key, *view_permission, *topic, *reason;
        char **addresses; /* NULL-terminated */
        uint32_t members;
        uint64_t epoch, last_seq;
} ChannelExtra;

static void channel_extra_done(ChannelExtra *e) {
        for (char **a = e->addresses; a && *a; a++)
                free(*a);
        free(e->addresses);
}

static int read_extra(sd_bus_message *m, const char *key, void *userdata) {
        ChannelExtra *e = userdata;
        const struct {
                const char *key, *type;
                void *target;
        } known[] = {
                { "id", "s", &e->id },
                { "host", "s", &e->host },
                { "key", "s", &e->key },
                { "members", "u", &e->members },
                { "view_permission", "s", &e->view_permission },
                { "topic", "s", &e->topic },
                { "epoch", "t", &e->epoch },
                { "last_seq", "t", &e->last_seq },
                { "reason", "s", &e->reason },
        };
        int r;

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(key, known[i].key))
                        return sd_bus_message_read(m, "v", known[i].type, known[i].target) ?: 1;
        if (!streq(key, "addresses") || e->addresses)
                return 0;
        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &e->addresses);
        return r < 0 ? r : sd_bus_message_exit_container(m) ?: 1;
}

static int read_row(sd_bus_message *m, void *userdata) {
        _cleanup_(channel_extra_done) ChannelExtra e = {};
        char when[LOCAL_TIME_SIZE], members[16];
        const char *name, *owner, *state;
        Listing *l = userdata;
        uint64_t since;
        int r;

        r = sd_bus_message_read(m, "ssst", &name, &owner, &state, &since);
        if (r >= 0)
                r = client_read_pairs(m, read_extra, &e);
        if (r < 0)
                return r;
        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "channel_name", name);
        writer_string(&l->json, "channel_id", e.id);
        writer_string(&l->json, "owner", owner);
        writer_string(&l->json, "state", state);
        writer_time(&l->json, "since", since);
        writer_string(&l->json, "reason", e.reason);
        writer_string(&l->json, "host", e.host);
        writer_string(&l->json, "key", e.key);
        writer_begin_array(&l->json, "addresses");
        for (char **a = e.addresses; a && *a; a++)
                writer_string(&l->json, NULL, *a);
        writer_end_array(&l->json);
        writer_uint(&l->json, "members", e.members);
        writer_string(&l->json, "view_permission", e.view_permission);
        writer_string(&l->json, "topic", e.topic);
        writer_uint(&l->json, "epoch", e.epoch);
        writer_uint(&l->json, "last_seq", e.last_seq);
        writer_end_object(&l->json);
        print_local_time(since, when);
        snprintf(members, sizeof(members), "%" PRIu32, e.members);
        return table_add(&l->table, name, owner, state, when, members,
                         e.reason && *e.reason ? e.reason : e.topic);
}

static int verb_list(Ctl *ctl, int argc, char **argv) {
        _cleanup_(listing_done) Listing l = { .table = { .n_columns = 6, .states = 1 << 2 } };
        bool arg_online = false, arg_offline = false, arg_delisted = false;
        const Option options[] = {
                { "online", 0, OPTION_FLAG, &arg_online, NULL,
                  N_("only those that are hosted now") },
                { "offline", 0, OPTION_FLAG, &arg_offline, NULL,
                  N_("only those that nobody hosts now") },
                { "delisted", 0, OPTION_FLAG, &arg_delisted, NULL,
                  N_("only those that nobody finds") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (arg_online + arg_offline + arg_delisted > 1)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--online, --offline and --delisted leave nothing "
                                        "together; give one of them"));
        writer_begin_array(&l.json, NULL);
        if (table_add(&l.table, _("CHANNEL"), _("OWNER"), _("STATE"), _("SINCE"), _("MEMBERS"),
                      _("TOPIC OR REASON")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        r = client_each_row(ctl, FACE_CHANNELS, NULL, "List", "sssta{sv}", read_row, &l, "query",
                            "s", n_args > 0 ? args[0] : NULL,
                            arg_online || arg_offline ? "online"
                            : arg_delisted            ? "delisted"
                                                      : NULL,
                            "b", (int) !arg_offline, NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, _("There are no such channels"));
}

static int change(Ctl *ctl, const char *method, const char *channel, const char *reason) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl, FACE_CHANNELS, NULL, method, &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", channel) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, "reason", "s", reason, NULL);
        return client_done(ctl, r == EXIT_OK ? client_call(ctl, m, 0, NULL) : r);
}

static int verb_delist(Ctl *ctl, int argc, char **argv) {
        const char *arg_reason = NULL;
        const Option options[] = { { "reason", 0, OPTION_STRING, &arg_reason, "TEXT",
                                     N_("why; the owner reads it") },
                                   {} };
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        return change(ctl, "Delist", args[0], arg_reason);
}

static int verb_relist(Ctl *ctl, int argc, char **argv) {
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        return change(ctl, "Relist", args[0], NULL);
}

const Verb verbs_directory[] = {
        { "channel list", "[PATTERN]", 0, 1, verb_list, N_("show the directory") },
        { "channel delist", "CHANNEL", 1, 1, verb_delist,
          N_("have a channel found by nobody and hosted by nobody") },
        { "channel relist", "CHANNEL", 1, 1, verb_relist, N_("have it in the directory again") },
        {},
};
