/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows notify: of what in a channel the desktop tells the person. */
#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

static const char *explain(const char *notify) {
        if (streq(notify, "all"))
                return _("Your desktop tells you of every message of others.");
        if (streq(notify, "none"))
                return _("Your desktop tells you of nothing that is said there.");
        return _("Your desktop tells you of messages that say your name.");
}

static int show(Ctl *ctl, const ChannelView *c) {
        _cleanup_(writer_done) Writer w = {};

        if (ctl->json == JSON_OFF) {
                printf("%s: %s\n", c->notify, explain(c->notify));
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", c->name);
        writer_string(&w, "channel_id", c->id);
        writer_string(&w, "notify", c->notify);
        writer_uint(&w, "mentions", c->mentions);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int verb_notify(Ctl *ctl, int argc, char **argv) {
        static const char *const words[] = { "all", "mentions", "none" };
        _cleanup_(snapshot_done) Snapshot s = {};
        int n_args, r, exit_status;
        bool is_word = false;
        ChannelView *c;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        for (size_t i = 0; n_args > 1 && i < ELEMENTSOF(words); i++)
                is_word = is_word || streq(args[1], words[i]);
        if (n_args > 1 && !is_word)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("%s is none of all, mentions and none: p2pchatctl notify "
                                        "%s mentions"),
                                      args[1], args[0]);
        r = client_get_channel(ctl, args[0], &s, &c);
        if (r != EXIT_OK)
                return r;
        return n_args > 1 ? client_done(ctl, client_set_notify(ctl, c->path, args[1]))
                          : show(ctl, c);
}

const Verb verbs_notify[] = {
        { "notify", "CHANNEL [all|mentions|none]", 1, 2, verb_notify,
          N_("choose what my desktop tells me of a channel") },
        {},
};
