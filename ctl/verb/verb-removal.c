/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows redact and retention: what a channel says no longer. */
#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

static int verb_redact(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        const char *arg_reason = NULL;
        const Option options[] = { { "reason", 0, OPTION_STRING, &arg_reason, "TEXT",
                                     N_("why; everybody there reads it") },
                                   {} };
        int n_args, r, exit_status;
        uint64_t seq;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = ctl_parse_number(ctl, "SEQ", args[1], UINT64_MAX, &seq);
        if (r == EXIT_OK)
                r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_MODERATION, path, "Redact", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "t", seq) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, arg_reason ? "reason" : NULL, "s", arg_reason,
                                          NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

static int show_retention(Ctl *ctl, const char *channel) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_(writer_done) Writer w = {};
        uint32_t days;
        ChannelView *c;
        int r;

        r = client_get_rules(ctl, channel, &s, &c);
        if (r != EXIT_OK)
                return r;
        days = c->retention_days;
        if (ctl->json == JSON_OFF) {
                if (days == 0)
                        puts(_("for ever"));
                else
                        printf(ngettext("%" PRIu32 " day\n", "%" PRIu32 " days\n", days), days);
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", c->name);
        writer_uint(&w, "retention_days", days);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int verb_retention(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        int n_args, r, exit_status;
        uint64_t days;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args == 1)
                return show_retention(ctl, args[0]);
        r = ctl_parse_number(ctl, "DAYS", args[1], UINT32_MAX - 1, &days);
        if (r == EXIT_OK)
                r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_MODERATION, path, "SetPermissions", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, "retention_days", "u", (uint32_t) days, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

const Verb verbs_removal[] = {
        { "redact", "CHANNEL SEQ", 2, 2, verb_redact,
          N_("remove what a message says, for everybody") },
        { "retention", "CHANNEL [DAYS]", 1, 2, verb_retention,
          N_("show or set how long messages are kept; 0: for ever") },
        {},
};
