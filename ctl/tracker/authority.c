/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows ca show and ca rotate: by what clients know this tracker. */
#include "ctl/show/print.h"
#include "ctl/tracker/authority-view.h"
#include "ctl/tracker/confirm.h"
#include "ctl/tracker/verbs.h"

void authority_view_done(AuthorityView *a) {
        free(a->pin);
        free(a->tracker_id);
        free(a->source);
        for (char **p = a->previous; p && *p; p++)
                free(*p);
        free(a->previous);
}

static int read_property(sd_bus_message *m, const char *key, void *userdata) {
        AuthorityView *a = userdata;
        char **target = streq(key, "Pin")         ? &a->pin
                        : streq(key, "TrackerId") ? &a->tracker_id
                        : streq(key, "Source")    ? &a->source
                                                  : NULL;
        const char *s;
        int r;

        if (streq(key, "Created"))
                return sd_bus_message_read(m, "v", "t", &a->created);
        if (target) {
                r = sd_bus_message_read(m, "v", "s", &s);
                return r < 0 ? r : free_and_strdup(target, s) < 0 ? -ENOMEM : 1;
        }
        if (!streq(key, "PreviousPins") || a->previous)
                return 0;
        r = sd_bus_message_enter_container(m, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_read_strv(m, &a->previous);
        return r < 0 ? r : sd_bus_message_exit_container(m) ?: 1;
}

int authority_view_get(Ctl *ctl, AuthorityView *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        r = client_new_get(ctl, FACE_AUTHORITY, NULL, NULL, &m);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = client_read_pairs(reply, read_property, ret);
        if (r >= 0 && (!ret->pin || !ret->tracker_id || !ret->source))
                r = -EBADMSG;
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

void authority_view_json(Writer *w, const AuthorityView *a) {
        writer_string(w, "pin", a->pin);
        writer_string(w, "tracker_id", a->tracker_id);
        writer_time(w, "created", a->created);
        writer_string(w, "source", a->source);
        writer_begin_array(w, "previous_pins");
        for (char **p = a->previous; p && *p; p++)
                writer_string(w, NULL, *p);
        writer_end_array(w);
}

static int verb_show(Ctl *ctl, int argc, char **argv) {
        _cleanup_(authority_view_done) AuthorityView a = {};
        _cleanup_(writer_done) Writer w = {};
        char created[LOCAL_TIME_SIZE];
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = authority_view_get(ctl, &a);
        if (r != EXIT_OK)
                return r;
        if (ctl->json != JSON_OFF) {
                writer_begin_object(&w, NULL);
                authority_view_json(&w, &a);
                writer_end_object(&w);
                return print_json(ctl, &w);
        }
        print_local_time(a.created, created);
        printf(_("Pin:      %s\nTracker:  %s\nCreated:  %s\nKey from: %s\n"), a.pin, a.tracker_id,
               created,
               streq(a.source, "credential") ? _("a credential") : _("the state directory"));
        for (char **p = a.previous; p && *p; p++)
                printf("%s%s\n", p == a.previous ? _("Before:   ") : "          ", *p);
        return EXIT_OK;
}

static int verb_rotate(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(writer_done) Writer w = {};
        bool arg_yes = false;
        const Option options[] = { { "yes", 'y', OPTION_FLAG, &arg_yes, NULL, N_("do not ask") },
                                   {} };
        int n_args, r, exit_status;
        const char *pin;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = confirm(
                ctl, arg_yes, "rotate",
                _("This makes a new certificate authority, which the present one signs. Clients "
                  "follow by\nthemselves; who meets this tracker for the first time compares the "
                  "new pin. There is no way back.\n"));
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_AUTHORITY, NULL, "Rotate", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, "s", &pin);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        if (ctl->json == JSON_OFF) {
                puts(pin);
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "pin", pin);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

const Verb verbs_authority[] = {
        { "ca show", "", 0, 0, verb_show,
          N_("show the pin of the certificate authority, and those before it") },
        { "ca rotate", "", 0, 0, verb_rotate, N_("make a new one, which this one signs") },
        {},
};
