/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows invisible: whether others see that we are here. */
#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

static int show(Ctl *ctl) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_(writer_done) Writer w = {};
        int r;

        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        if (ctl->json == JSON_OFF) {
                puts(s.manager.invisible ? _("on") : _("off"));
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_bool(&w, "invisible", s.manager.invisible);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int verb_invisible(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args == 0)
                return show(ctl);
        if (!streq(args[0], "on") && !streq(args[0], "off"))
                return ctl_fail_choice(ctl, "invisible", args[0], "on|off");
        r = client_new_set(ctl, FACE_MANAGER, NULL, "Invisible", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "v", "b", (int) streq(args[0], "on")) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

const Verb verbs_presence[] = {
        { "invisible", "[on|off]", 0, 1, verb_invisible,
          N_("show or set whether others see you offline") },
        {},
};
