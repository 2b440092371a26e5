/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows invite, and what is asked and told of a link before and after it is used; leaves joining
 * to verb-channel. */
#include "ctl/client/client.h"
#include "ctl/password.h"
#include "ctl/show/print.h"
#include "ctl/verb/guided.h"
#include "ctl/verb/invite.h"
#include "ctl/verb/verbs.h"

void invite_view_done(InviteView *v) {
        free(v->uri);
        free(v->tracker);
        free(v->pin);
        free(v->channel);
        free(v->id);
        free(v->tracker_is);
        *v = (InviteView){};
}

bool invite_is_link(const char *s) {
        return strchr(s, ':') != NULL;
}

static int read_pair(sd_bus_message *m, const char *key, void *userdata) {
        InviteView *v = userdata;
        const struct {
                const char *key;
                char **target;
        } strings[] = {
                { "uri", &v->uri }, { "tracker", &v->tracker },       { "pin", &v->pin },
                { "id", &v->id },   { "tracker_is", &v->tracker_is }, { "channel", &v->channel },
        };
        int r, flag;

        if (streq(key, "only_here")) {
                r = sd_bus_message_read(m, "v", "b", &flag);
                v->only_here = r >= 0 && flag;
                return r < 0 ? r : 1;
        }
        for (size_t i = 0; i < ELEMENTSOF(strings); i++) {
                const char *s;

                if (!streq(key, strings[i].key))
                        continue;
                r = sd_bus_message_read(m, "v", "s", &s);
                if (r < 0)
                        return r;
                free(*strings[i].target);
                *strings[i].target = strdup(s);
                return *strings[i].target ? 1 : -ENOMEM;
        }
        return 0;
}

int invite_read(Ctl *ctl, const char *link, InviteView *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int r;

        r = client_new_call(ctl, FACE_MANAGER, NULL, "ResolveInvite", &m);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_append(m, "s", link);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = client_read_pairs(reply, read_pair, ret);
        if (r >= 0 &&
            !(ret->uri && ret->tracker && ret->pin && ret->channel && ret->id && ret->tracker_is))
                r = -EBADMSG;
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

int invite_accept_tracker(Ctl *ctl, const InviteView *v) {
        char answer[PASSWORD_SIZE] = {};
        int r;

        if (!streq(v->tracker_is, "unset"))
                return EXIT_OK;
        if (!guided_may_ask(ctl, false))
                return client_fail_as(ctl, "UntrustedTracker", EXIT_FAILED,
                                      _("No tracker is set; this link would set %s, with the pin "
                                        "%s. Compare the pin with the one that its operator, or "
                                        "who invited you, gives; then: p2pchatctl join --trust-new "
                                        "'%s'"),
                                      v->tracker, v->pin, v->uri);
        fprintf(stderr,
                _("No tracker is set; this link sets it. Passwords and names go there:\n"
                  "  address  %s\n"
                  "  pin      %s\n"
                  "Compare the pin with the one that its operator, or who invited you, gives.\n"),
                v->tracker, v->pin);
        r = terminal_ask(ctl, _("Type yes to go on: "), answer);
        if (r == EXIT_OK && !streq(answer, "yes"))
                return client_fail_as(ctl, "Cancelled", EXIT_FAILED,
                                      _("Nothing was set, and nothing joined"));
        return r;
}

/* On stderr: what who passes the link on should know. */
static void advise(const ChannelView *c, const InviteView *v) {
        if (v->only_here)
                fprintf(stderr,
                        _("%s leads to whatever machine the link is used on: others need the "
                          "tracker's name in the network (p2pchatctl tracker HOST, then invite "
                          "again).\n"),
                        v->tracker);
        if (streq(c->view, "restricted"))
                fprintf(stderr,
                        _("%s is restricted: the link shows the way and lets nobody in; let in who "
                          "is to come: p2pchatctl authorize %s USER\n"),
                        c->name, c->name);
        fprintf(stderr, _("Whoever has it may use it: p2pchatctl join 'LINK'\n"));
}

static int verb_invite(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(invite_view_done) InviteView v = {};
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_(writer_done) Writer w = {};
        int n_args, r, exit_status;
        ChannelView *c;
        const char *uri;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_get_channel(ctl, args[0], &s, &c);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_CHANNEL, c->path, "MakeInvite", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = sd_bus_message_read(reply, "s", &uri);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        r = invite_read(ctl, uri, &v);
        if (r != EXIT_OK)
                return r;
        if (ctl->json == JSON_OFF) {
                printf("%s\n", uri);
                advise(c, &v);
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "invite", uri);
        writer_string(&w, "tracker", v.tracker);
        writer_string(&w, "tracker_pin", v.pin);
        writer_string(&w, "channel_name", v.channel);
        writer_string(&w, "channel_id", v.id);
        writer_string(&w, "view_permission", c->view);
        writer_bool(&w, "only_here", v.only_here);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

const Verb verbs_invite[] = {
        { "invite", "CHANNEL", 1, 1, verb_invite,
          N_("print a link that leads others to the channel") },
        {},
};
