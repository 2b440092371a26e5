/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows user list and user show: who has an account. */
#include <inttypes.h>

#include "ctl/show/print.h"
#include "ctl/show/terminal.h"
#include "ctl/tracker/verbs.h"

typedef struct UserExtra {
        uint32_t devices;
        uint64_t suspended;
        const char *reason;
} UserExtra;

static int read_extra(sd_bus_message *m, const char *key, void *userdata) {
        UserExtra *e = userdata;

        return streq(key, "devices")     ? sd_bus_message_read(m, "v", "u", &e->devices)
               : streq(key, "suspended") ? sd_bus_message_read(m, "v", "t", &e->suspended)
               : streq(key, "reason")    ? sd_bus_message_read(m, "v", "s", &e->reason)
                                         : 0;
}

static int read_row(sd_bus_message *m, void *userdata) {
        char created_text[LOCAL_TIME_SIZE], seen_text[LOCAL_TIME_SIZE], devices[16];
        const char *name, *state;
        Listing *l = userdata;
        uint64_t created, seen;
        UserExtra e = {};
        int r;

        r = sd_bus_message_read(m, "sstt", &name, &state, &created, &seen);
        if (r >= 0)
                r = client_read_pairs(m, read_extra, &e);
        if (r < 0)
                return r;
        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "username", name);
        writer_string(&l->json, "state", state);
        writer_time(&l->json, "created", created);
        if (seen > 0)
                writer_time(&l->json, "seen", seen);
        else
                writer_null(&l->json, "seen");
        writer_uint(&l->json, "devices", e.devices);
        if (e.suspended > 0)
                writer_time(&l->json, "suspended", e.suspended);
        writer_string(&l->json, "reason", e.reason);
        writer_end_object(&l->json);
        print_local_time(created, created_text);
        print_local_time(seen, seen_text);
        snprintf(devices, sizeof(devices), "%" PRIu32, e.devices);
        return table_add(&l->table, name, state, created_text, seen_text, devices, e.reason);
}

static int verb_list(Ctl *ctl, int argc, char **argv) {
        _cleanup_(listing_done) Listing l = { .table = { .n_columns = 6, .states = 1 << 1 } };
        const char *arg_state = NULL;
        const Option options[] = { { "state", 0, OPTION_STRING, &arg_state,
                                     "active|suspended|deleted", N_("only those") },
                                   {} };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        writer_begin_array(&l.json, NULL);
        if (table_add(&l.table, _("USER"), _("STATE"), _("CREATED"), _("SEEN"), _("DEVICES"),
                      _("REASON")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        r = client_each_row(ctl, FACE_USERS, NULL, "List", "sstta{sv}", read_row, &l, "query", "s",
                            n_args > 0 ? args[0] : NULL, "state", "s", arg_state, NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l,
                            n_args > 0 || arg_state ? _("Nobody is like that")
                                                    : _("Nobody has an account yet"));
}

/* ---- show ---- */

typedef struct User {
        char *name, *state, *reason;
        uint64_t created, seen, suspended;
        int devices_more, channels_more;
        char **channels; /* NULL-terminated */
        Listing devices;
} User;

static void user_done(User *u) {
        free(u->name);
        free(u->state);
        free(u->reason);
        for (char **c = u->channels; c && *c; c++)
                free(*c);
        free(u->channels);
        listing_done(&u->devices);
}

static int read_device(sd_bus_message *m, Listing *l) {
        char since[LOCAL_TIME_SIZE], last[LOCAL_TIME_SIZE];
        uint64_t created, seen;
        const char *key;
        int r;

        r = sd_bus_message_read(m, "stt", &key, &created, &seen);
        if (r >= 0)
                r = sd_bus_message_skip(m, "a{sv}");
        if (r < 0)
                return r;
        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "key", key);
        writer_time(&l->json, "created", created);
        writer_time(&l->json, "seen", seen);
        writer_end_object(&l->json);
        print_local_time(created, since);
        print_local_time(seen, last);
        return table_add(&l->table, key, since, last);
}

static int read_devices(sd_bus_message *m, Listing *l) {
        int r;

        r = sd_bus_message_enter_container(m, 'v', "a(stta{sv})");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "(stta{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(m, 'r', "stta{sv}")) > 0) {
                r = read_device(m, l);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m) ?: 1;
}

static int read_channels(sd_bus_message *m, char ***ret) {
        int r;

        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, ret);
        return r < 0 ? r : sd_bus_message_exit_container(m) ?: 1;
}

static int read_member(sd_bus_message *m, const char *key, void *userdata) {
        User *u = userdata;
        const struct {
                const char *key, *type;
                void *target;
        } known[] = {
                { "created", "t", &u->created },
                { "seen", "t", &u->seen },
                { "suspended", "t", &u->suspended },
                { "devices_more", "b", &u->devices_more },
                { "channels_more", "b", &u->channels_more },
        };
        char **target = streq(key, "name")     ? &u->name
                        : streq(key, "state")  ? &u->state
                        : streq(key, "reason") ? &u->reason
                                               : NULL;
        const char *s;
        int r;

        if (streq(key, "devices"))
                return read_devices(m, &u->devices);
        if (streq(key, "channels") && !u->channels)
                return read_channels(m, &u->channels);
        if (target) {
                r = sd_bus_message_read(m, "v", "s", &s);
                return r < 0 ? r : free_and_strdup(target, s) < 0 ? -ENOMEM : 1;
        }
        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(key, known[i].key))
                        return sd_bus_message_read(m, "v", known[i].type, known[i].target) ?: 1;
        return 0;
}

static int show_json(Ctl *ctl, User *u) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *devices = NULL;
        size_t n;
        int r;

        r = writer_take(&u->devices.json, &devices, &n);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        writer_begin_object(&w, NULL);
        writer_string(&w, "username", u->name);
        writer_string(&w, "state", u->state);
        writer_time(&w, "created", u->created);
        if (u->seen > 0)
                writer_time(&w, "seen", u->seen);
        else
                writer_null(&w, "seen");
        if (u->suspended > 0)
                writer_time(&w, "suspended", u->suspended);
        writer_string(&w, "reason", u->reason);
        writer_raw(&w, "devices", devices, n);
        writer_bool(&w, "devices_more", u->devices_more);
        writer_begin_array(&w, "channels");
        for (char **c = u->channels; c && *c; c++)
                writer_string(&w, NULL, *c);
        writer_end_array(&w);
        writer_bool(&w, "channels_more", u->channels_more);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static void print_time(const char *what, uint64_t usec) {
        char text[LOCAL_TIME_SIZE];

        print_local_time(usec, text);
        printf("%s%s\n", what, *text ? text : _("never"));
}

static int show(Ctl *ctl, const User *u) {
        printf(_("User:      "));
        print_escaped(stdout, u->name ?: "", false);
        printf(_("\nState:     "));
        fputs(colour(ctl, colour_of_state(u->state)), stdout);
        print_escaped(stdout, state_text(u->state ?: ""), false);
        fputs(colour(ctl, COLOUR_NONE), stdout);
        if (u->reason && *u->reason)
                printf(": "), print_escaped(stdout, u->reason, false);
        putchar('\n');
        if (u->suspended > 0)
                print_time(_("Suspended: "), u->suspended);
        print_time(_("Created:   "), u->created);
        print_time(_("Seen:      "), u->seen);
        printf(_("Channels:  "));
        for (char **c = u->channels; c && *c; c++) {
                fputs(c == u->channels ? "" : " ", stdout);
                print_escaped(stdout, *c, false);
        }
        printf("%s\n", u->channels_more ? " …" : u->channels && u->channels[0] ? "" : _("none"));
        if (u->devices.table.n_cells == u->devices.table.n_columns) {
                puts(_("Devices:   none"));
                return EXIT_OK;
        }
        putchar('\n');
        table_print(ctl, &u->devices.table);
        if (u->devices_more)
                puts("…");
        return EXIT_OK;
}

static int verb_show(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(user_done) User u = { .devices.table.n_columns = 3 };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        writer_begin_array(&u.devices.json, NULL);
        if (table_add(&u.devices.table, _("DEVICE"), _("SINCE"), _("SEEN")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        r = client_new_call(ctl, FACE_USERS, NULL, "Get", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "s", args[0]) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = client_read_pairs(reply, read_member, &u);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        writer_end_array(&u.devices.json);
        return ctl->json != JSON_OFF ? show_json(ctl, &u) : show(ctl, &u);
}

const Verb verbs_user[] = {
        { "user list", "[PATTERN]", 0, 1, verb_list, N_("show who has an account") },
        { "user show", "USER", 1, 1, verb_show, N_("show one of them, with devices and channels") },
        {},
};
