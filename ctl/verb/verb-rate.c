/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows rate: how fast each may talk in a channel. */
#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

static int show(Ctl *ctl, const char *channel) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_(writer_done) Writer w = {};
        uint32_t rate, burst;
        ChannelView *c;
        int r;

        r = client_get_rules(ctl, channel, &s, &c);
        if (r != EXIT_OK)
                return r;
        rate = c->message_rate;
        burst = c->message_burst;
        if (ctl->json == JSON_OFF) {
                if (rate == 0)
                        puts(_("no limit"));
                else
                        printf(ngettext("%" PRIu32 " message a second from each, %" PRIu32
                                        " at once\n",
                                        "%" PRIu32 " messages a second from each, %" PRIu32
                                        " at once\n",
                                        rate),
                               rate, MAX(burst, 1U));
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", c->name);
        writer_uint(&w, "message_rate", rate);
        writer_uint(&w, "message_burst", burst);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int verb_rate(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        uint64_t rate = 0, burst = 0;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args == 1)
                return show(ctl, args[0]);
        r = ctl_parse_number(ctl, "PER-SECOND", args[1], UINT32_MAX - 1, &rate);
        if (r == EXIT_OK && n_args > 2)
                r = ctl_parse_number(ctl, "BURST", args[2], UINT32_MAX - 1, &burst);
        if (r == EXIT_OK)
                r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_MODERATION, path, "SetPermissions", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, "message_rate", "u", (uint32_t) rate,
                                          n_args > 2 ? "message_burst" : NULL, "u",
                                          (uint32_t) burst, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

const Verb verbs_rate[] = {
        { "rate", "CHANNEL [PER-SECOND [BURST]]", 1, 3, verb_rate,
          N_("show or set how many messages each may send; 0: no limit") },
        {},
};
