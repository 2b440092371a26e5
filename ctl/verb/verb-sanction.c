/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows kick, ban, unban and bans: who is sent out of a channel, and who is kept out. */
#include <limits.h>

#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"
#include "ctl/verb/when.h"

static int sanction(Ctl *ctl, char **args, const char *method, const char *reason, uint64_t until) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_MODERATION, path, method, &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", args[1]) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK && until > 0)
                r = client_append_options(ctl, m, "until", "t", until, reason ? "reason" : NULL,
                                          "s", reason, NULL);
        else if (r == EXIT_OK)
                r = client_append_options(ctl, m, reason ? "reason" : NULL, "s", reason, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

static int verb_kick(Ctl *ctl, int argc, char **argv) {
        const char *arg_reason = NULL;
        const Option options[] = { { "reason", 0, OPTION_STRING, &arg_reason, "TEXT",
                                     N_("why; everybody there reads it") },
                                   {} };
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        return sanction(ctl, args, "Kick", arg_reason, 0);
}

static int verb_ban(Ctl *ctl, int argc, char **argv) {
        const char *arg_reason = NULL, *arg_until = NULL;
        const Option options[] = {
                { "reason", 0, OPTION_STRING, &arg_reason, "TEXT",
                  N_("why; everybody there reads it") },
                { "until", 0, OPTION_STRING, &arg_until, "TIME",
                  N_("when it ends by itself; without it, it does not") },
                {},
        };
        int n_args, exit_status;
        uint64_t until = 0;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (arg_until && when_parse_end(arg_until, &until) < 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, _("--until= takes %s, not %s"),
                                      _(WHEN_END_FORMS), arg_until);
        return sanction(ctl, args, "Ban", arg_reason, until);
}

static int verb_unban(Ctl *ctl, int argc, char **argv) {
        const char *arg_reason = NULL;
        const Option options[] = { { "reason", 0, OPTION_STRING, &arg_reason, "TEXT",
                                     N_("why; everybody there reads it") },
                                   {} };
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        return sanction(ctl, args, "Unban", arg_reason, 0);
}

/* ---- who is banned ---- */

typedef struct BanExtra {
        uint64_t since;
        const char *key, *user_type;
} BanExtra;

static int read_extra(sd_bus_message *m, const char *key, void *userdata) {
        BanExtra *extra = userdata;

        return streq(key, "since")       ? sd_bus_message_read(m, "v", "t", &extra->since)
               : streq(key, "key")       ? sd_bus_message_read(m, "v", "s", &extra->key)
               : streq(key, "user_type") ? sd_bus_message_read(m, "v", "s", &extra->user_type)
                                         : 0;
}

static int read_ban(sd_bus_message *m, void *userdata) {
        char since[LOCAL_TIME_SIZE], ends[LOCAL_TIME_SIZE];
        const char *name, *by, *reason;
        Listing *l = userdata;
        BanExtra extra = { .user_type = "registered" };
        uint64_t until;
        int r;

        r = sd_bus_message_read(m, "ssst", &name, &by, &reason, &until);
        if (r >= 0)
                r = client_read_pairs(m, read_extra, &extra);
        if (r < 0)
                return r;
        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "username", name);
        writer_string(&l->json, "user_type",
                      streq(extra.user_type, "guest") ? "GUEST" : "REGISTERED");
        writer_string(&l->json, "key", extra.key);
        writer_string(&l->json, "by", by);
        writer_string(&l->json, "reason", reason);
        writer_time(&l->json, "since", extra.since);
        if (until > 0)
                writer_time(&l->json, "until", until);
        else
                writer_null(&l->json, "until");
        writer_end_object(&l->json);
        print_local_time(extra.since, since);
        print_local_time(until, ends);
        return table_add(&l->table, name, extra.user_type, by, since,
                         until > 0 ? ends : _("for good"), reason);
}

static int verb_bans(Ctl *ctl, int argc, char **argv) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 6 };
        _cleanup_free_ char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_find_channel(ctl, args[0], &path);
        if (r != EXIT_OK)
                return r;
        if (table_add(&l.table, _("NAME"), _("TYPE"), _("BY"), _("SINCE"), _("UNTIL"),
                      _("REASON")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&l.json, NULL);
        r = client_each_row(ctl, FACE_MODERATION, path, "ListBanned", "sssta{sv}", read_ban, &l,
                            NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, _("Nobody is banned."));
}

const Verb verbs_sanction[] = {
        { "kick", "CHANNEL USER", 2, 2, verb_kick, N_("send somebody out for a minute") },
        { "ban", "CHANNEL USER", 2, 2, verb_ban, N_("keep somebody out, for a time or for good") },
        { "unban", "CHANNEL USER", 2, 2, verb_unban, N_("let somebody in again") },
        { "bans", "CHANNEL", 1, 1, verb_bans, N_("show who is kept out") },
        {},
};
