/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows ignore and unignore: whose messages the person does not want to read. */
#include <strings.h>

#include "base/names.h"
#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

static bool is_among(char *const *names, const char *name) {
        for (size_t i = 0; names && names[i]; i++)
                if (streq(names[i], name))
                        return true;
        return false;
}

/* Who was ignored, with that one or without; nothing where that is so already. */
static int change(Ctl *ctl, const ChannelView *c, const char *name, bool ignore) {
        _cleanup_free_ char **names = NULL;
        size_t n = 0, n_old = 0;

        if (is_among(c->ignored, name) == ignore)
                return EXIT_OK;
        while (c->ignored && c->ignored[n_old])
                n_old++;
        names = new0(char *, n_old + 2); /* borrowed ones */
        if (!names)
                return client_fail(ctl, NULL, -ENOMEM);
        for (size_t i = 0; i < n_old; i++)
                if (!streq(c->ignored[i], name))
                        names[n++] = c->ignored[i];
        if (ignore)
                names[n++] = (char *) name;
        return client_set_ignored(ctl, c->path, names);
}

static int show(Ctl *ctl, const Snapshot *s, const char *path) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 2 };
        int r;

        r = table_add(&l.table, _("CHANNEL"), _("IGNORED"));
        writer_begin_array(&l.json, NULL);
        for (size_t i = 0; i < s->n_channels; i++) {
                const ChannelView *c = s->channels + i;

                if (path && !streq(c->path, path))
                        continue;
                writer_begin_object(&l.json, NULL);
                writer_string(&l.json, "channel_name", c->name);
                writer_string(&l.json, "channel_id", c->id);
                writer_begin_array(&l.json, "ignored");
                for (size_t k = 0; r >= 0 && c->ignored && c->ignored[k]; k++) {
                        writer_string(&l.json, NULL, c->ignored[k]);
                        r = table_add(&l.table, c->name, c->ignored[k]);
                }
                writer_end_array(&l.json);
                writer_end_object(&l.json);
        }
        writer_end_array(&l.json);
        return r < 0 ? client_fail(ctl, NULL, r) : listing_show(ctl, &l, _("You ignore nobody"));
}

/* With a channel there, else in each of mine. */
static int run(Ctl *ctl, int argc, char **argv, bool ignore) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_free_ char *path = NULL;
        const char *arg_channel = NULL;
        const Option options[] = { { "channel", 0, OPTION_STRING, &arg_channel, "CHANNEL",
                                     N_("in that channel alone, not in all of mine") },
                                   {} };
        int n_args, r = EXIT_OK, exit_status;
        char name[NAME_SIZE];
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args > 0 && (name_fold(args[0], name) < 0 || !name_is_valid(name)))
                return client_fail_as(ctl, "InvalidName", EXIT_USAGE,
                                      _("Nobody can be called %s; names have 2 to 32 of a-z 0-9 . "
                                        "_ -"),
                                      args[0]);
        if (arg_channel)
                r = client_find_channel(ctl, arg_channel, &path);
        if (r == EXIT_OK)
                r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        if (n_args == 0)
                return show(ctl, &s, path);
        if (s.n_channels == 0)
                return client_fail_as(ctl, "NoSuchChannel", EXIT_NO_SUCH,
                                      _("You are in no channel; people are ignored in channels: "
                                        "p2pchatctl join NAME"));
        for (size_t i = 0; r == EXIT_OK && i < s.n_channels; i++)
                if (!path || streq(s.channels[i].path, path))
                        r = change(ctl, s.channels + i, name, ignore);
        return client_done(ctl, r);
}

static int verb_ignore(Ctl *ctl, int argc, char **argv) {
        return run(ctl, argc, argv, true);
}

static int verb_unignore(Ctl *ctl, int argc, char **argv) {
        return run(ctl, argc, argv, false);
}

const Verb verbs_ignore[] = {
        { "ignore", "[USER]", 0, 1, verb_ignore,
          N_("hide a user's messages from me alone, or show whose are") },
        { "unignore", "USER", 1, 1, verb_unignore, N_("show a user's messages again") },
        {},
};
