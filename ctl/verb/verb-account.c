/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows recover, passwd, devices and delete-account: what somebody with an account may need one
 * day. */
#include <inttypes.h>

#include "ctl/client/client.h"
#include "ctl/password.h"
#include "ctl/show/print.h"
#include "ctl/verb/identity.h"
#include "ctl/verb/verbs.h"

/* What is held in secret for one call. */
typedef struct Secrets {
        char first[PASSWORD_SIZE], second[PASSWORD_SIZE];
} Secrets;

static void secrets_done(Secrets *s) {
        explicit_bzero(s, sizeof(*s));
}

/* Whose account it is; nobody is asked for a password in vain. */
static int get_account(Ctl *ctl, Snapshot *ret) {
        int r;

        r = client_get_snapshot(ctl, ret);
        if (r != EXIT_OK)
                return r;
        if (!ret->account.path || !*ret->account.username)
                return client_fail_as(ctl, "NotSignedIn", EXIT_NO_DAEMON,
                                      _("Nobody is signed in; try: p2pchatctl signin NAME"));
        if (streq(ret->account.user_type, "guest"))
                return client_fail_as(ctl, "GuestsNotAllowed", EXIT_DENIED,
                                      _("A guest has no account; try: p2pchatctl signup NAME"));
        return EXIT_OK;
}

static int verb_recover(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(secrets_done) Secrets s = {};
        uint64_t arg_fd = UINT64_MAX;
        const Option options[] = { { "password-fd", 0, OPTION_UINT, &arg_fd, "FD",
                                     N_("read what is asked for from there, a line each") },
                                   {} };
        int n_args, r, fd, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = password_parse_fd(ctl, arg_fd, &fd);
        if (r == EXIT_OK)
                r = client_get_snapshot(ctl, &snapshot);
        if (r == EXIT_OK)
                r = password_get(ctl, fd, _("recovery code"), false, s.first);
        if (r == EXIT_OK)
                r = password_get(ctl, fd, _("new password"), true, s.second);
        if (r == EXIT_OK)
                r = identity_call(ctl, FACE_MANAGER, NULL, "Recover",
                                  (const char *const[]){ args[0], s.first, s.second, NULL }, NULL,
                                  &reply);
        return r == EXIT_OK ? identity_show_reply(ctl, reply) : r;
}

static int verb_passwd(Ctl *ctl, int argc, char **argv) {
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(secrets_done) Secrets s = {};
        uint64_t arg_fd = UINT64_MAX;
        bool arg_keep_others = false;
        const Option options[] = {
                { "password-fd", 0, OPTION_UINT, &arg_fd, "FD",
                  N_("read what is asked for from there, a line each") },
                { "keep-others", 0, OPTION_FLAG, &arg_keep_others, NULL,
                  N_("leave other devices signed in") },
                {},
        };
        int n_args, r, fd, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = password_parse_fd(ctl, arg_fd, &fd);
        if (r == EXIT_OK)
                r = get_account(ctl, &snapshot);
        if (r == EXIT_OK)
                r = password_get(ctl, fd, _("present password"), false, s.first);
        if (r == EXIT_OK)
                r = password_get(ctl, fd, _("new password"), true, s.second);
        if (r == EXIT_OK)
                r = identity_call(ctl, FACE_ACCOUNT, snapshot.account.path, "ChangePassword",
                                  (const char *const[]){ s.first, s.second, NULL },
                                  arg_keep_others ? "keep_others" : NULL, NULL);
        return client_done(ctl, r);
}

/* ---- devices ---- */

static int read_this(sd_bus_message *m, const char *key, void *userdata) {
        int *is_this = userdata, r;

        if (!streq(key, "this"))
                return 0;
        r = sd_bus_message_read(m, "v", "b", is_this);
        return r < 0 ? r : 1;
}

#define KEY_SIZE 80 /* one as the tracker shows it, with room */

static int add_device(Listing *l, const char *key, uint64_t created, uint64_t seen, bool is_this) {
        char since[LOCAL_TIME_SIZE], last[LOCAL_TIME_SIZE];

        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "key", key);
        writer_time(&l->json, "created", created);
        writer_time(&l->json, "seen", seen);
        writer_bool(&l->json, "this", is_this);
        writer_end_object(&l->json);
        print_local_time(created, since);
        print_local_time(seen, last);
        return table_add(&l->table, key, since, last, is_this ? _("yes") : NULL);
}

/* after: the last one that is listed, "" at first. *ret_n: of this page. */
static int list_page(Ctl *ctl, const char *path, Listing *l, char after[static KEY_SIZE],
                     size_t *ret_n) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        size_t n = 0;
        int r;

        r = client_new_call(ctl, FACE_ACCOUNT, path, "ListDevices", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, "after", "s", after[0] ? after : NULL, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, IDENTITY_TIMEOUT_USEC, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_enter_container(reply, 'a', "(stta{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "stta{sv}")) > 0) {
                uint64_t created, seen;
                const char *key;
                int is_this = 0;

                r = sd_bus_message_read(reply, "stt", &key, &created, &seen);
                if (r >= 0)
                        r = client_read_pairs(reply, read_this, &is_this);
                if (r >= 0)
                        r = add_device(l, key, created, seen, is_this);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
                if (r >= 0)
                        snprintf(after, KEY_SIZE, "%s", key);
                n++;
        }
        *ret_n = n;
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

static int list_devices(Ctl *ctl, const char *path) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 4 };
        char after[KEY_SIZE] = "";
        size_t n = 0;
        int r;

        writer_begin_array(&l.json, NULL);
        if (table_add(&l.table, _("KEY"), _("SINCE"), _("SEEN"), _("HERE")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        do {
                r = list_page(ctl, path, &l, after, &n);
                if (r != EXIT_OK)
                        return r;
        } while (n > 0);
        writer_end_array(&l.json);
        return listing_show(ctl, &l, NULL);
}

static int verb_devices(Ctl *ctl, int argc, char **argv) {
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        const char *arg_revoke = NULL;
        const Option options[] = {
                { "revoke", 0, OPTION_STRING, &arg_revoke, "KEY", N_("sign that device out") }, {}
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = get_account(ctl, &snapshot);
        if (r != EXIT_OK)
                return r;
        if (!arg_revoke)
                return list_devices(ctl, snapshot.account.path);
        r = identity_call(ctl, FACE_ACCOUNT, snapshot.account.path, "RevokeDevice",
                          (const char *const[]){ arg_revoke, NULL }, NULL, NULL);
        return client_done(ctl, r);
}

/* ---- the end ---- */

/* Only at a terminal: where the password comes from a descriptor, nobody is there to be asked. */
static int confirm(Ctl *ctl, const char *username) {
        char answer[PASSWORD_SIZE] = {};
        int r;

        fprintf(stderr,
                _("This deletes the account %s for ever: nobody can have that name again, the "
                  "names "
                  "of\nits channels are free for others, and all that is kept of it on this "
                  "machine "
                  "is erased.\n"),
                username);
        r = terminal_ask(ctl, _("Type the name to go on: "), answer);
        if (r == EXIT_OK && !streq(answer, username))
                return client_fail_as(ctl, "Cancelled", EXIT_FAILED,
                                      _("That is not the name; nothing was done"));
        return r;
}

static int verb_delete_account(Ctl *ctl, int argc, char **argv) {
        _cleanup_(snapshot_done) Snapshot snapshot = {};
        _cleanup_(secrets_done) Secrets s = {};
        uint64_t arg_fd = UINT64_MAX;
        const Option options[] = { { "password-fd", 0, OPTION_UINT, &arg_fd, "FD",
                                     N_("read what is asked for from there, a line each") },
                                   {} };
        int n_args, r, fd, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = password_parse_fd(ctl, arg_fd, &fd);
        if (r == EXIT_OK)
                r = get_account(ctl, &snapshot);
        if (r == EXIT_OK && fd < 0)
                r = confirm(ctl, snapshot.account.username);
        if (r == EXIT_OK)
                r = password_get(ctl, fd, _("password"), false, s.first);
        if (r == EXIT_OK)
                r = identity_call(ctl, FACE_ACCOUNT, snapshot.account.path, "Delete",
                                  (const char *const[]){ s.first, NULL }, NULL, NULL);
        return client_done(ctl, r);
}

const Verb verbs_account[] = {
        { "recover", "NAME", 1, 1, verb_recover,
          N_("use an account whose password is lost, by its recovery code") },
        { "passwd", "", 0, 0, verb_passwd,
          N_("set another password; other devices are signed out") },
        { "devices", "", 0, 0, verb_devices, N_("show where you are signed in") },
        { "delete-account", "", 0, 0, verb_delete_account,
          N_("delete your account for ever, with all that is here") },
        {},
};
