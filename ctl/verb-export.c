/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows export: all of a channel's log that is here, to keep or to take along. */
#include "ctl/client.h"
#include "ctl/verbs.h"

static int verb_export(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *arg_format = "json";
        const Option options[] = { { "format", 0, OPTION_STRING, &arg_format }, {} };
        _cleanup_(freep) char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (!streq(arg_format, "json") && !streq(arg_format, "text"))
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "--format takes json or text, not %s", arg_format);
        if (ctl->tty)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      "An export goes into a file or a pipe: p2pchatctl export %s "
                                      "> FILE; p2pchatctl log %s shows it here",
                                      args[0], args[0]);
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, path, "Export", &m);
        if (r == EXIT_OK &&
            sd_bus_message_append(m, "ha{sv}", STDOUT_FILENO, 1, "format", "s", arg_format) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        return r == EXIT_OK ? client_call_long(ctl, m, NULL, NULL, &reply) : r;
}

const Verb verbs_export[] = {
        { "export", "CHANNEL", 1, 1, verb_export,
          "all that is here of the log, to stdout (--format=json|text)" },
        {},
};
