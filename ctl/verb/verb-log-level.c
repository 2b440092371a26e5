/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows log-level: how much the service says of what it does. */
#include "ctl/verb/verb-log-level.h"

#include <ctype.h>

#include "ctl/client/client-call.h"
#include "ctl/show/print.h"

#define LEVELS "emerg|alert|crit|err|warning|notice|info|debug"

static int show(Ctl *ctl) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        const char *level;
        int r;

        r = client_new_get(ctl, FACE_LOG, NULL, "LogLevel", &m);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, "v", "s", &level);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        if (ctl->json == JSON_OFF) {
                print_escaped(stdout, level, false);
                putchar('\n');
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "log_level", level);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int verb_log_level(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args == 0)
                return show(ctl);
        /* Numbers are those of syslog; the service knows them. */
        if (!isdigit((unsigned char) *args[0]) && !ctl_is_choice(args[0], LEVELS))
                return ctl_fail_choice(ctl, "log-level", args[0], LEVELS);
        r = client_new_set(ctl, FACE_LOG, NULL, "LogLevel", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "v", "s", args[0]) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

const Verb verbs_log_level[] = {
        { "log-level", "[" LEVELS "]", 0, 1, verb_log_level,
          N_("show or set how much is logged, until the service is started again") },
        {},
};
