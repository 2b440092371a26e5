/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows user suspend, resume, reset and delete: what an operator does about an account. */
#include "ctl/show/print.h"
#include "ctl/tracker/confirm.h"
#include "ctl/tracker/verbs.h"

/* A method of one user's, with a reason where there is one; *ret_reply may be NULL. */
static int change(Ctl *ctl, const char *method, const char *username, const char *reason,
                  sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl, FACE_USERS, NULL, method, &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", username) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, "reason", "s", reason, NULL);
        return r == EXIT_OK ? client_call(ctl, m, 0, ret_reply) : r;
}

static int verb_suspend(Ctl *ctl, int argc, char **argv) {
        const char *arg_reason = NULL;
        const Option options[] = { { "reason", 0, OPTION_STRING, &arg_reason, "TEXT",
                                     N_("why; they read it when they sign in") },
                                   {} };
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        return client_done(ctl, change(ctl, "Suspend", args[0], arg_reason, NULL));
}

static int verb_resume(Ctl *ctl, int argc, char **argv) {
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        return client_done(ctl, change(ctl, "Resume", args[0], NULL, NULL));
}

typedef struct Secrets {
        const char *password, *recovery_code; /* in the reply, which is erased */
} Secrets;

static int read_secret(sd_bus_message *m, const char *key, void *userdata) {
        Secrets *s = userdata;

        return streq(key, "password")        ? sd_bus_message_read(m, "v", "s", &s->password)
               : streq(key, "recovery_code") ? sd_bus_message_read(m, "v", "s", &s->recovery_code)
                                             : 0;
}

static int show_secrets(Ctl *ctl, const char *username, const Secrets *s) {
        _cleanup_(writer_done) Writer w = {};

        if (ctl->json != JSON_OFF) {
                writer_begin_object(&w, NULL);
                writer_string(&w, "username", username);
                writer_string(&w, "password", s->password);
                writer_string(&w, "recovery_code", s->recovery_code);
                writer_end_object(&w);
                return print_json(ctl, &w);
        }
        printf(_("Password:      "));
        print_escaped(stdout, s->password, false);
        printf(_("\nRecovery code: "));
        print_escaped(stdout, s->recovery_code, false);
        putchar('\n');
        fputs(_("Shown this once. Hand both over a way you trust; a password of their own: "
                "p2pchatctl passwd.\n"),
              stderr);
        return EXIT_OK;
}

static int verb_reset(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Secrets s = {};
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = change(ctl, "Reset", args[0], NULL, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_sensitive(reply);
        if (r >= 0)
                r = client_read_pairs(reply, read_secret, &s);
        if (r < 0 || !s.password || !s.recovery_code)
                return client_fail(ctl, NULL, r < 0 ? r : -EBADMSG);
        return show_secrets(ctl, args[0], &s);
}

static int verb_delete(Ctl *ctl, int argc, char **argv) {
        bool arg_yes = false;
        const Option options[] = { { "yes", 'y', OPTION_FLAG, &arg_yes, NULL, N_("do not ask") },
                                   {} };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = confirm(
                ctl, arg_yes, args[0],
                _("This deletes the account %s for ever: nobody can have that name again, its "
                  "devices are\nsigned out, and the names of its channels are free for others.\n"),
                args[0]);
        return r == EXIT_OK ? client_done(ctl, change(ctl, "Delete", args[0], NULL, NULL)) : r;
}

const Verb verbs_user_change[] = {
        { "user suspend", "USER", 1, 1, verb_suspend,
          N_("sign somebody out everywhere, and let them in no more") },
        { "user resume", "USER", 1, 1, verb_resume,
          N_("let them in again, with the password they had") },
        { "user reset", "USER", 1, 1, verb_reset,
          N_("give them a new password, which is shown once") },
        { "user delete", "USER", 1, 1, verb_delete,
          N_("delete an account for ever; nobody gets that name again") },
        {},
};
