/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows monitor: which channels, from where on, and who gets the lines; leaves the rest to
 * monitor.c. */
#include <limits.h>

#include "ctl/verb/monitor.h"
#include "ctl/verb/verbs.h"

#define LINES_MAX 500 /* a page of the API */

/* Who names a channel that is not there hears of it now. */
static int check_channels(Ctl *ctl, char **names) {
        int r = EXIT_OK;

        for (; *names && r == EXIT_OK; names++) {
                _cleanup_free_ char *path = NULL;

                r = client_find_channel(ctl, *names, &path);
        }
        return r;
}

static int verb_monitor(Ctl *ctl, int argc, char **argv) {
        _cleanup_(cursor_file_freep) CursorFile *file = NULL;
        _cleanup_(monitor_done) Monitor m = { .ctl = ctl };
        const char *arg_file = NULL;
        const Option options[] = {
                { "exec", 0, OPTION_STRING, &m.command, "COMMAND",
                  N_("run a shell command for each line, which is its input") },
                { "cursor-file", 0, OPTION_STRING, &arg_file, "FILE",
                  N_("what came since the last time with that file") },
                { "kinds", 0, OPTION_STRING, &m.kinds, "KIND,…", N_("these kinds of lines alone") },
                { "lines", 'n', OPTION_UINT, &m.n_before, "N",
                  N_("the newest N of each channel before") },
                { "ignored", 0, OPTION_FLAG, &m.shows_ignored, NULL,
                  N_("also from whom you ignore") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (m.n_before > LINES_MAX)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("-n takes at most %d here; log shows more"), LINES_MAX);
        if (m.command && !*m.command)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--exec takes a command, as --exec='my-bot --quiet'"));
        m.wanted = args;
        r = check_channels(ctl, args);
        if (r == EXIT_OK && arg_file)
                r = cursor_file_open(ctl, arg_file, &file);
        m.file = file;
        return r == EXIT_OK ? monitor_run_all(&m) : r;
}

const Verb verbs_monitor[] = {
        { "monitor", "[CHANNEL…]", 0, UINT_MAX, verb_monitor,
          N_("everything that happens, line by line") },
        {},
};
