/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows access: what somebody may do in a channel, and why. */
#include "ctl/show/print-entry.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

typedef struct AccessView {
        char *username, *user_type, *role;
        int can_view, can_send, can_moderate;
        char **why; /* NULL-terminated */
} AccessView;

static void access_view_done(AccessView *a) {
        free(a->username);
        free(a->user_type);
        free(a->role);
        for (size_t i = 0; a->why && a->why[i]; i++)
                free(a->why[i]);
        free(a->why);
}

static int read_string(sd_bus_message *m, char **ret) {
        const char *s;
        int r;

        r = sd_bus_message_read(m, "v", "s", &s);
        return r < 0 ? r : free_and_strdup(ret, s);
}

static int read_why(sd_bus_message *m, char ***ret) {
        int r;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, ret);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_member(sd_bus_message *m, const char *key, void *userdata) {
        AccessView *a = userdata;

        return streq(key, "username")       ? read_string(m, &a->username)
               : streq(key, "user_type")    ? read_string(m, &a->user_type)
               : streq(key, "role")         ? read_string(m, &a->role)
               : streq(key, "can_view")     ? sd_bus_message_read(m, "v", "b", &a->can_view)
               : streq(key, "can_send")     ? sd_bus_message_read(m, "v", "b", &a->can_send)
               : streq(key, "can_moderate") ? sd_bus_message_read(m, "v", "b", &a->can_moderate)
               : streq(key, "why")          ? read_why(m, &a->why)
                                            : 0;
}

static void show(const AccessView *a) {
        print_who(stdout, a->username ?: "", a->user_type ?: "");
        fputs(": ", stdout);
        print_escaped(stdout, a->role ?: "none", false);
        printf("; %s, %s, %s\n", a->can_view ? _("may view") : _("may not view"),
               a->can_send ? _("may send") : _("may not send"),
               a->can_moderate ? _("may moderate") : _("may not moderate"));
        for (size_t i = 0; a->why && a->why[i]; i++) {
                fputs(i > 0 ? "; " : "", stdout);
                print_escaped(stdout, a->why[i], false);
        }
        fputs("\n", stdout);
}

static int show_json(Ctl *ctl, const AccessView *a) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "username", a->username);
        writer_string(&w, "user_type", streq_ptr(a->user_type, "guest") ? "GUEST" : "REGISTERED");
        writer_string(&w, "role", a->role);
        writer_bool(&w, "can_view", a->can_view);
        writer_bool(&w, "can_send", a->can_send);
        writer_bool(&w, "can_moderate", a->can_moderate);
        writer_begin_array(&w, "why");
        for (size_t i = 0; a->why && a->why[i]; i++)
                writer_string(&w, NULL, a->why[i]);
        writer_end_array(&w);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int verb_access(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(access_view_done) AccessView a = {};
        _cleanup_free_ char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, path, "ExplainAccess", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", n_args > 1 ? args[1] : "") < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = client_read_pairs(reply, read_member, &a);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        if (ctl->json != JSON_OFF)
                return show_json(ctl, &a);
        show(&a);
        return EXIT_OK;
}

const Verb verbs_access[] = {
        { "access", "CHANNEL [USER]", 1, 2, verb_access,
          N_("show what somebody may do in a channel, and why") },
        {},
};
