/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows read: how far the entries of a channel were read. */
#include "ctl/client/client.h"
#include "ctl/verb/verbs.h"

static int verb_read(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(freep) char *path = NULL;
        bool arg_unread = false;
        const Option options[] = {
                { "unread", 0, OPTION_FLAG, &arg_unread, NULL,
                  N_("that far only: what is above SEQ is unread again") },
                {},
        };
        uint64_t seq = INT64_MAX; /* all that is here */
        int n_args, r, exit_status;
        char **args, *end;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args > 1) {
                errno = 0;
                seq = strtoull(args[1], &end, 10);
                if (errno != 0 || *args[1] < '0' || *args[1] > '9' || *end)
                        return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                              _("SEQ is a number, as log shows it (#12), not %s"),
                                              args[1]);
        } else if (arg_unread)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--unread needs SEQ: what is above it is unread "
                                        "then"));
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, path, "MarkRead", &m);
        if (r == EXIT_OK &&
            sd_bus_message_append(m, "ta{sv}", seq, 1, "unread", "b", (int) arg_unread) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

const Verb verbs_read[] = {
        { "read", "CHANNEL [SEQ]", 1, 2, verb_read, N_("mark as read, up to SEQ or all") },
        {},
};
