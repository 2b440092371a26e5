/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows members and info: who is in a channel, and what its host tells. */
#include <limits.h>

#include "ctl/client/client.h"
#include "ctl/show/pager.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

typedef struct MemberExtra {
        uint64_t since;
        int ignored;
} MemberExtra;

static int read_extra(sd_bus_message *m, const char *key, void *userdata) {
        MemberExtra *extra = userdata;

        return streq(key, "since")     ? sd_bus_message_read(m, "v", "t", &extra->since)
               : streq(key, "ignored") ? sd_bus_message_read(m, "v", "b", &extra->ignored)
                                       : 0;
}

static int read_member(sd_bus_message *m, void *userdata) {
        const char *name, *type, *role, *status;
        char when[LOCAL_TIME_SIZE];
        Listing *l = userdata;
        MemberExtra extra = {};
        int r;

        r = sd_bus_message_read(m, "ssss", &name, &type, &role, &status);
        if (r >= 0)
                r = client_read_pairs(m, read_extra, &extra);
        if (r < 0)
                return r;
        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "username", name);
        writer_string(&l->json, "user_type", streq(type, "guest") ? "GUEST" : "REGISTERED");
        writer_string(&l->json, "role", role);
        writer_string(&l->json, "status", status);
        writer_time(&l->json, "since", extra.since);
        if (extra.ignored)
                writer_bool(&l->json, "ignored", true);
        writer_end_object(&l->json);
        print_local_time(extra.since, when);
        return table_add(&l->table, name, type, role, status, when);
}

static int verb_members(Ctl *ctl, int argc, char **argv) {
        _cleanup_(listing_done) Listing l = { .table = { .n_columns = 5, .states = 1 << 3 } };
        _cleanup_free_ char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_find_channel(ctl, args[0], &path);
        if (r != EXIT_OK)
                return r;
        if (table_add(&l.table, _("NAME"), _("TYPE"), _("ROLE"), _("STATUS"), _("SINCE")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&l.json, NULL);
        r = client_each_row(ctl, FACE_CHANNEL, path, "GetMembers", "ssssa{sv}", read_member, &l,
                            NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, NULL);
}

static int verb_info(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *path = NULL, *json = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, path, "GetInfo", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = client_read_json(&w, NULL, reply);
        if (r >= 0)
                r = writer_take(&w, &json, NULL);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        (void) pager_open(ctl);
        /* For people it is the same, a member a line. */
        if (ctl->json == JSON_OFF)
                print_json_text(stdout, JSON_PRETTY, json);
        else
                print_json_text(stdout, ctl->json, json);
        return EXIT_OK;
}

const Verb verbs_info[] = {
        { "members", "CHANNEL", 1, 1, verb_members, N_("show who is in a channel") },
        { "info", "CHANNEL", 1, 1, verb_info, N_("show all that the host tells of a channel") },
        {},
};
