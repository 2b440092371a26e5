/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows status: how the tracker is. What everybody may know is shown to everybody; what the tracker
 * counts, to who may look without being asked for a password. */
#include <inttypes.h>

#include "ctl/show/print.h"
#include "ctl/show/terminal.h"
#include "ctl/tracker/authority-view.h"
#include "ctl/tracker/verbs.h"

typedef struct TrackerView {
        char *version, *store_state;
        uint32_t sessions, leases;
} TrackerView;

static void tracker_view_done(TrackerView *t) {
        free(t->version);
        free(t->store_state);
}

static int read_property(sd_bus_message *m, const char *key, void *userdata) {
        TrackerView *t = userdata;
        char **target = streq(key, "Version")      ? &t->version
                        : streq(key, "StoreState") ? &t->store_state
                                                   : NULL;
        const char *s;
        int r;

        if (streq(key, "Sessions"))
                return sd_bus_message_read(m, "v", "u", &t->sessions);
        if (streq(key, "Leases"))
                return sd_bus_message_read(m, "v", "u", &t->leases);
        if (!target)
                return 0;
        r = sd_bus_message_read(m, "v", "s", &s);
        return r < 0 ? r : free_and_strdup(target, s) < 0 ? -ENOMEM : 1;
}

static int get_tracker(Ctl *ctl, TrackerView *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        r = client_new_get(ctl, FACE_TRACKER, NULL, NULL, &m);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = client_read_pairs(reply, read_property, ret);
        if (r >= 0 && (!ret->version || !ret->store_state))
                r = -EBADMSG;
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

/* *ret_reply NULL: who asks may not see them. */
static int get_statistics(Ctl *ctl, sd_bus_message **ret_reply) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        *ret_reply = NULL;
        r = client_new_call(ctl, FACE_TRACKER, NULL, "GetStatistics", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_set_allow_interactive_authorization(m, false);
        if (r >= 0)
                r = client_try(ctl, m, 0, &error, ret_reply);
        if (r >= 0 || sd_bus_error_has_names(&error, SD_BUS_ERROR_ACCESS_DENIED,
                                             SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                return EXIT_OK;
        return client_fail(ctl, &error, r);
}

static int show_json(Ctl *ctl, const TrackerView *t, const AuthorityView *a,
                     sd_bus_message *statistics) {
        _cleanup_(writer_done) Writer w = {};
        int r = 0;

        writer_begin_object(&w, NULL);
        writer_string(&w, "version", t->version);
        writer_uint(&w, "sessions", t->sessions);
        writer_uint(&w, "leases", t->leases);
        writer_string(&w, "store_state", t->store_state);
        writer_begin_object(&w, "ca");
        authority_view_json(&w, a);
        writer_end_object(&w);
        if (statistics)
                r = client_read_json(&w, "statistics", statistics);
        else
                writer_null(&w, "statistics");
        writer_end_object(&w);
        return r < 0 ? client_fail(ctl, NULL, r) : print_json(ctl, &w);
}

static int read_statistic(sd_bus_message *m, const char *key, void *userdata) {
        Table *t = userdata;
        const char *contents, *s;
        char number[24];
        uint64_t value;
        int r;

        if (streq(key, "version") || streq(key, "store_state"))
                return 0;
        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (streq(contents, "s")) {
                r = sd_bus_message_read(m, "v", "s", &s);
        } else if (streq(contents, "t")) {
                r = sd_bus_message_read(m, "v", "t", &value);
                snprintf(number, sizeof(number), "%" PRIu64, value);
                s = number;
        } else {
                return 0;
        }
        if (r >= 0)
                r = table_add(t, key, s);
        return r < 0 ? r : 1;
}

static int show(Ctl *ctl, const TrackerView *t, const AuthorityView *a,
                sd_bus_message *statistics) {
        _cleanup_(table_done) Table table = { .n_columns = 2, .is_headless = true };
        int r;

        printf(_("p2pchat tracker "));
        print_escaped(stdout, t->version, false);
        printf(_("\nPin:      "));
        print_escaped(stdout, a->pin, false);
        printf(_("\nStorage:  "));
        fputs(colour(ctl, colour_of_state(t->store_state)), stdout);
        print_escaped(stdout, state_text(t->store_state), false);
        fputs(colour(ctl, COLOUR_NONE), stdout);
        printf(_("\nClients:  %" PRIu32 " connected\nChannels: %" PRIu32 " hosted now\n"),
               t->sessions, t->leases);
        if (!statistics)
                return EXIT_OK;
        r = client_read_pairs(statistics, read_statistic, &table);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        putchar('\n');
        table_print(ctl, &table);
        return EXIT_OK;
}

static int verb_status(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *statistics = NULL;
        _cleanup_(authority_view_done) AuthorityView a = {};
        _cleanup_(tracker_view_done) TrackerView t = {};
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = get_tracker(ctl, &t);
        if (r == EXIT_OK)
                r = authority_view_get(ctl, &a);
        if (r == EXIT_OK)
                r = get_statistics(ctl, &statistics);
        if (r != EXIT_OK)
                return r;
        return ctl->json != JSON_OFF ? show_json(ctl, &t, &a, statistics)
                                     : show(ctl, &t, &a, statistics);
}

const Verb verbs_tracker_status[] = {
        { "status", "", 0, 0, verb_status, N_("show how the tracker is") },
        {},
};
