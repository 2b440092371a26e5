/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows tracker, signup, signin, guest, signout and whoami: who we are, and where. */
#include "ctl/client/client.h"
#include "ctl/password.h"
#include "ctl/program.h"
#include "ctl/show/hint.h"
#include "ctl/show/print.h"
#include "ctl/verb/guided.h"
#include "ctl/verb/identity.h"
#include "ctl/verb/verbs.h"

static int account_json(Ctl *ctl, const AccountView *a, const char *recovery_code) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "tracker", a->path ? a->tracker : "");
        writer_string(&w, "tracker_pin", a->path ? a->pin : "");
        writer_string(&w, "tracker_state", a->path ? a->state : "none");
        writer_string(&w, "tracker_reason", a->path ? a->reason : "");
        /* As in status: the wire's words, and null for nobody. */
        if (a->path && *a->username) {
                writer_string(&w, "username", a->username);
                writer_string(&w, "user_type",
                              streq(a->user_type, "guest") ? "GUEST" : "REGISTERED");
                writer_time(&w, "expires", a->expires);
        } else {
                writer_null(&w, "username");
                writer_null(&w, "user_type");
                writer_null(&w, "expires");
        }
        writer_string(&w, "recovery_code", recovery_code);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int verb_tracker(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        const char *arg_pin = NULL;
        bool arg_trust_new = false;
        const Option options[] = {
                { "pin", 0, OPTION_STRING, &arg_pin, "PIN",
                  N_("the tracker must have this one, as its operator gave it to you") },
                { "trust-new", 0, OPTION_FLAG, &arg_trust_new, NULL,
                  N_("accept what it offers, where no pin is held yet") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args == 1) {
                r = client_new_call(ctl, FACE_MANAGER, NULL, "SetTracker", &m);
                if (r != EXIT_OK)
                        return r;
                r = sd_bus_message_append(m, "s", args[0]);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
                if (arg_pin && arg_trust_new)
                        r = client_append_options(ctl, m, "pin", "s", arg_pin, "trust_new", "b", 1,
                                                  NULL);
                else if (arg_pin)
                        r = client_append_options(ctl, m, "pin", "s", arg_pin, NULL);
                else if (arg_trust_new)
                        r = client_append_options(ctl, m, "trust_new", "b", 1, NULL);
                else
                        r = client_append_options(ctl, m, NULL);
                if (r == EXIT_OK)
                        r = client_call(ctl, m, IDENTITY_TIMEOUT_USEC, NULL);
                if (r != EXIT_OK)
                        return r;
        }
        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        if (ctl->json != JSON_OFF)
                return account_json(ctl, &s.account, NULL);
        if (!s.account.path)
                return client_fail_as(ctl, "NotSignedIn", EXIT_NO_DAEMON,
                                      _("No tracker is set; try: p2pchatctl tracker ADDRESS"));
        print_escaped(stdout, s.account.tracker, false);
        printf(" (%s)\n%s\n", s.account.state, s.account.pin);
        return EXIT_OK;
}

int identity_show(Ctl *ctl, const char *recovery_code) {
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        if (ctl->json != JSON_OFF)
                return account_json(ctl, &s.account, recovery_code);
        if (!s.account.username || !*s.account.username)
                return client_fail_as(ctl, "NotSignedIn", EXIT_NO_DAEMON,
                                      _("Nobody is signed in; try: p2pchatctl signup NAME, signin "
                                        "NAME or guest NAME"));
        printf("%s\n", s.account.username);
        if (recovery_code)
                hint_print(
                        ctl, stderr,
                        _("Recovery code, shown this once; keep it where you keep your keys:\n    "
                          "%s\n"
                          "Next: p2pchatctl list, join NAME or host NAME\n"),
                        recovery_code);
        return EXIT_OK;
}

int identity_call(Ctl *ctl, Face face, const char *path, const char *method,
                  const char *const *strings, const char *flag, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r, k = 0;

        r = client_new_call(ctl, face, path, method, &m);
        if (r != EXIT_OK)
                return r;
        (void) sd_bus_message_sensitive(m);
        for (; k >= 0 && *strings; strings++)
                k = sd_bus_message_append_basic(m, 's', *strings);
        if (k < 0)
                return client_fail(ctl, NULL, k);
        r = client_append_options(ctl, m, flag, "b", 1, NULL);
        return r == EXIT_OK ? client_call(ctl, m, IDENTITY_TIMEOUT_USEC, ret_reply) : r;
}

static int read_code(Ctl *ctl, sd_bus_message *reply, char **ret) {
        const char *key, *value;

        if (sd_bus_message_enter_container(reply, 'a', "{sv}") > 0)
                while (sd_bus_message_read(reply, "{sv}", &key, "s", &value) > 0)
                        if (streq(key, "recovery_code") && free_and_strdup(ret, value) < 0)
                                return client_fail(ctl, NULL, -ENOMEM);
        return EXIT_OK;
}

int identity_show_reply(Ctl *ctl, sd_bus_message *reply) {
        _cleanup_free_ char *code = NULL;
        int r;

        r = read_code(ctl, reply, &code);
        if (r == EXIT_OK)
                r = identity_show(ctl, code);
        if (code)
                explicit_bzero(code, strlen(code));
        return r;
}

/* Who gave no name is led to one at a terminal, to the tracker before it if need be. *ret_name is
 * the argument, or in buffer. */
static int get_name(Ctl *ctl, int n_args, char **args, bool may_ask, char buffer[static NAME_SIZE],
                    const char **ret_name) {
        int r;

        if (n_args == 1) {
                *ret_name = args[0];
                return EXIT_OK;
        }
        if (!may_ask)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE, _("Usage: %s %s NAME"),
                                      ctl->program->name, ctl->verb->name);
        r = guided_tracker(ctl);
        if (r == EXIT_OK)
                r = guided_name(ctl, buffer);
        *ret_name = buffer;
        return r;
}

/* Who is signed in can only be meant again: no line that was typed ahead is taken for
 * a name. */
static int get_name_again(Ctl *ctl, char ret[static NAME_SIZE]) {
        _cleanup_(snapshot_done) Snapshot s = {};
        int r;

        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK || !s.account.path || !streq(s.account.user_type, "registered") ||
            name_fold(s.account.username, ret) < 0)
                return r;
        hint_print(ctl, stderr,
                   _("You are signed in as %s; for another account: p2pchatctl signout\n"), ret);
        return r;
}

/* With the password from fd, or asked for at the terminal, twice where it is a new one. */
static int sign(Ctl *ctl, const char *method, const char *name, int fd, bool is_new) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        char password[PASSWORD_SIZE] = {};
        int r;

        r = password_get(ctl, fd, is_new ? _("new password") : _("password"), is_new, password);
        if (r == EXIT_OK)
                r = identity_call(ctl, FACE_MANAGER, NULL, method,
                                  (const char *const[]){ name, password, NULL }, NULL, &reply);
        explicit_bzero(password, sizeof(password));
        return r == EXIT_OK ? identity_show_reply(ctl, reply) : r;
}

static int verb_signup(Ctl *ctl, int argc, char **argv) {
        char buffer[NAME_SIZE] = {};
        uint64_t arg_fd = UINT64_MAX;
        const Option options[] = {
                { "password-fd", 0, OPTION_UINT, &arg_fd, "FD",
                  N_("read the password from there, one line; nobody is asked anything") },
                {},
        };
        int n_args, r, fd, exit_status;
        const char *name = NULL;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = password_parse_fd(ctl, arg_fd, &fd);
        if (r == EXIT_OK && guided_may_ask(ctl, fd >= 0))
                return guided_sign_up(ctl, n_args == 1 ? args[0] : NULL);
        if (r == EXIT_OK)
                r = get_name(ctl, n_args, args, false, buffer, &name);
        return r == EXIT_OK ? sign(ctl, "SignUp", name, fd, true) : r;
}

static int verb_signin(Ctl *ctl, int argc, char **argv) {
        char buffer[NAME_SIZE] = {};
        uint64_t arg_fd = UINT64_MAX;
        const Option options[] = {
                { "password-fd", 0, OPTION_UINT, &arg_fd, "FD",
                  N_("read the password from there, one line; nobody is asked anything") },
                {},
        };
        int n_args, r, fd, exit_status;
        const char *name = NULL;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = password_parse_fd(ctl, arg_fd, &fd);
        if (r == EXIT_OK && n_args == 0 && guided_may_ask(ctl, fd >= 0))
                r = get_name_again(ctl, buffer);
        if (r == EXIT_OK && buffer[0])
                name = buffer;
        else if (r == EXIT_OK)
                r = get_name(ctl, n_args, args, guided_may_ask(ctl, fd >= 0), buffer, &name);
        return r == EXIT_OK ? sign(ctl, "SignIn", name, fd, false) : r;
}

static int verb_guest(Ctl *ctl, int argc, char **argv) {
        char buffer[NAME_SIZE] = {};
        int n_args, r, exit_status;
        const char *name;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = get_name(ctl, n_args, args, guided_may_ask(ctl, false), buffer, &name);
        if (r == EXIT_OK)
                r = identity_call(ctl, FACE_MANAGER, NULL, "SignInGuest",
                                  (const char *const[]){ name, NULL }, NULL, NULL);
        return r == EXIT_OK ? identity_show(ctl, NULL) : r;
}

static int verb_signout(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        if (!s.account.path || !*s.account.username)
                return client_fail_as(ctl, "NotSignedIn", EXIT_NO_DAEMON,
                                      _("Nobody is signed in; try: p2pchatctl signin NAME"));
        r = client_new_call(ctl, FACE_ACCOUNT, s.account.path, "SignOut", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

static int verb_whoami(Ctl *ctl, int argc, char **argv) {
        int n_args, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        return identity_show(ctl, NULL);
}

const Verb verbs_identity[] = {
        { "tracker", "[ADDRESS]", 0, 1, verb_tracker, N_("show or set the tracker") },
        { "signup", "[NAME]", 0, 1, verb_signup,
          N_("make an account; at a terminal it leads you through") },
        { "signin", "[NAME]", 0, 1, verb_signin, N_("use an account on this computer") },
        { "guest", "[NAME]", 0, 1, verb_guest, N_("be guest-NAME for a day") },
        { "signout", "", 0, 0, verb_signout,
          N_("destroy this machine's key; what you have here stays") },
        { "whoami", "", 0, 0, verb_whoami, N_("who is signed in") },
        {},
};
