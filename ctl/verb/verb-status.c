/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows status and channels: how things are. */
#include <limits.h>

#include "base/remote-time.h"
#include "ctl/client/client.h"
#include "ctl/show/escape.h"
#include "ctl/show/hint.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

static void channel_json(Writer *w, const ChannelView *c) {
        writer_begin_object(w, NULL);
        writer_string(w, "channel_name", c->name);
        writer_string(w, "channel_id", c->id);
        writer_string(w, "state", c->state);
        writer_string(w, "state_reason", c->reason);
        writer_string(w, "state_text", c->text);
        writer_string(w, "previous", c->previous);
        writer_string(w, "successor", c->successor);
        writer_string(w, "role", c->role);
        writer_string(w, "owner", c->owner);
        writer_string(w, "host", c->host);
        writer_string(w, "view_permission", c->view);
        writer_string(w, "send_permission", c->send);
        writer_string(w, "topic", c->topic);
        writer_uint(w, "synced_seq", c->synced_seq);
        writer_uint(w, "last_seq", c->last_seq);
        writer_uint(w, "read_seq", c->read_seq);
        writer_uint(w, "unread", c->unread);
        writer_uint(w, "mentions", c->mentions);
        writer_string(w, "notify", c->notify);
        writer_uint(w, "outbox", c->outbox);
        writer_uint(w, "members_online", c->members);
        writer_string(w, "reachable", c->hosted ? c->reachable : NULL);
        writer_string(w, "reachable_reason", c->hosted ? c->reachable_reason : NULL);
        writer_string(w, "observed_address", c->hosted && *c->observed ? c->observed : NULL);
        writer_end_object(w);
}

/* What a host should know of who can come in; all of them have the same door. */
static void print_reach(const Snapshot *s) {
        const ChannelView *c = NULL;
        const char *port = NULL, *end;

        for (size_t i = 0; i < s->n_channels && !c; i++)
                c = s->channels[i].hosted ? s->channels + i : NULL;
        if (!c || !*c->reachable_reason)
                return;
        if (streq(c->reachable_reason, "loopback-only")) {
                puts(_("Reach:    nobody can come in from another machine: it listens on loopback "
                       "only"));
                return;
        }
        if (c->addresses && c->addresses[0])
                port = strrchr(c->addresses[0], ':');
        printf(_("Reach:    nobody has come in yet; port %s may be closed\n"),
               port ? port + 1 : _("of this daemon"));
        end = strrchr(c->observed, ':');
        if (streq(c->reachable_reason, "behind-nat") && end)
                printf(_("          this machine is behind NAT: the tracker sees it at %.*s, and "
                         "others come in "
                         "only where the router forwards that port\n"),
                       (int) (end - c->observed), c->observed);
}

/* What is no matter for a decision has no text of the daemon's. */
static const char *explain_reason(const ChannelView *c) {
        static const struct {
                const char *reason, *words;
        } rows[] = {
                { "host-offline",
                  N_("Its host cannot be reached. What you send waits here, and goes "
                     "out by itself when it is back.") },
                { "unhosted", N_("Nobody hosts it now. What you send waits here, and goes out by "
                                 "itself when somebody does.") },
                { "no-such-channel",
                  N_("Its host does not serve it now. It is tried again; what you "
                     "send waits here.") },
                { "left", N_("What is here can be read. To come back: p2pchatctl join NAME.") },
                { "disconnected",
                  N_("You left it; what is here can be read. To come back: p2pchatctl "
                     "join NAME.") },
                { "hosted-elsewhere",
                  N_("Another device of yours hosts it. When that one ends it is "
                     "hosted here; at once: p2pchatctl host --take-over NAME.") },
                { "moved", N_("It is hosted elsewhere now; this daemon is looking for it.") },
                { "tracker-unreachable",
                  N_("It is served to who knows the way; the tracker is told "
                     "when it can be reached.") },
                { "delisted",
                  N_("The operator of the tracker took it out of the directory: who is in it "
                     "stays, others do not find it. Only the operator can put it back.") },
                { "disk-full", N_("There is no room on the disk: nothing new is stored until there "
                                  "is.") },
                { "disk-error", N_("The disk cannot be written to or read; the journal of p2pchatd "
                                   "says more.") },
                { "damaged-log",
                  N_("The log on disk is damaged, so it is not served; the journal of "
                     "p2pchatd says more.") },
        };

        if (streq(c->role, "owner") && streq(c->reason, "unhosted"))
                return _("You do not host it now. To host it again: p2pchatctl host NAME.");
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                if (streq(c->reason, rows[i].reason))
                        return _(rows[i].words);
        return "";
}

static bool is_meant(const ChannelView *c, const char *only) {
        return !only || strcasecmp(only, c->name) == 0 || streq(only, c->id);
}

static int print_channels(const Ctl *ctl, const Snapshot *s, const char *only) {
        _cleanup_(table_done) Table t = { .n_columns = 7, .states = 1 << 1 };
        int r;

        r = table_add(&t, _("CHANNEL"), _("STATE"), _("ROLE"), _("HOST"), _("UNREAD"), _("OUTBOX"),
                      _("TOPIC"));
        for (size_t i = 0; i < s->n_channels && r >= 0; i++) {
                const ChannelView *c = s->channels + i;
                char unread[16], outbox[16];

                if (!is_meant(c, only))
                        continue;
                snprintf(unread, sizeof(unread), "%" PRIu32, c->unread);
                snprintf(outbox, sizeof(outbox), "%" PRIu32, c->outbox);
                r = table_add(&t, c->name, c->state, c->role, c->hosted ? _("here") : c->host,
                              unread, outbox, c->topic);
        }
        if (r < 0)
                return r;
        table_print(ctl, &t);
        for (size_t i = 0; i < s->n_channels; i++) {
                const ChannelView *c = s->channels + i;
                _cleanup_free_ char *escaped = NULL;
                const char *text;

                if (!*c->reason || !is_meant(c, only))
                        continue;
                /* A closed one goes by its id: its name may be another's. */
                printf(_("\n%s%s%s is %s: "), c->name, streq(c->state, "closed") ? " " : "",
                       streq(c->state, "closed") ? c->id : "", c->state);
                print_escaped(stdout, c->reason, false);
                putchar('\n');
                text = *c->text ? c->text : explain_reason(c);
                if (*text && text_escape(text, false, &escaped) >= 0)
                        hint_print(ctl, stdout, "%s\n", escaped);
        }
        return 0;
}

static void print_store(const ManagerView *m) {
        if (!*m->store_reason)
                return;
        printf(_("Storage:  "));
        if (!streq(m->store_state, "ok"))
                printf("%s: ", m->store_state);
        print_escaped(stdout, m->store_reason, false);
        putchar('\n');
}

static void print_account(const Ctl *ctl, const AccountView *a) {
        char expires[LOCAL_TIME_SIZE];

        if (!a->path) {
                hint_print(ctl, stdout, "%s\n",
                           _("Tracker:  none is set; try: p2pchatctl tracker ADDRESS"));
                return;
        }
        printf(_("Tracker:  "));
        print_escaped(stdout, a->tracker, false);
        printf(" (%s", a->state);
        if (*a->reason)
                printf(": "), print_escaped(stdout, a->reason, false);
        puts(")");
        printf(_("Pin:      %s\n"), a->pin);
        if (*a->offered_pin && !streq(a->offered_pin, a->pin))
                printf(_("Offered:  %s\n"), a->offered_pin);
        if (!*a->username) {
                hint_print(ctl, stdout, "%s\n",
                           _("Identity: nobody is signed in; try: p2pchatctl signup NAME, signin "
                             "NAME or "
                             "guest NAME"));
                return;
        }
        print_local_time(a->expires, expires);
        printf(_("Identity: %s (%s, certificate until %s)\n"), a->username, a->user_type, expires);
}

/* For a person who knows nothing yet: what is missing to talk. */
static void print_next(const Ctl *ctl, const Snapshot *s) {
        if (!s->account.path)
                hint_print(
                        ctl, stdout, "%s\n",
                        _("Next: p2pchatctl tracker ADDRESS\n      (ADDRESS is what the tracker's "
                          "operator gave you)"));
        else if (!*s->account.username)
                hint_print(ctl, stdout, "%s\n",
                           _("Next: p2pchatctl signup NAME (with an account: p2pchatctl signin "
                             "NAME; for "
                             "a day "
                             "without one: p2pchatctl guest NAME)"));
        else if (s->n_channels == 0)
                hint_print(ctl, stdout, "%s\n",
                           _("Next: p2pchatctl list, then p2pchatctl join NAME; or p2pchatctl host "
                             "NAME"));
}

static void print_lingering(const Snapshot *s, int n_hosted) {
        if (n_hosted > 0 && s->manager.lingering && streq(s->manager.lingering, "no"))
                puts(_("Linger:   what is hosted here ends when you log out; to go on: loginctl "
                       "enable-linger"));
}

static bool is_removal_held(const Snapshot *s) {
        for (size_t i = 0; i < s->n_channels; i++)
                if (s->channels[i].retention_days > 0)
                        return clock_is_wrong(s->manager.clock_offset);
        return false;
}

static int verb_status(Ctl *ctl, int argc, char **argv) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_free_ char *path = NULL;
        int n_args, r, exit_status, hosting = 0, n_meant = 0;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (ctl->json != JSON_OFF && n_args == 0) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
                const char *json;

                r = client_new_call(ctl, FACE_MANAGER, NULL, "Describe", &m);
                if (r == EXIT_OK)
                        r = client_append_options(ctl, m, NULL);
                if (r == EXIT_OK)
                        r = client_call(ctl, m, 0, &reply);
                if (r != EXIT_OK)
                        return r;
                r = sd_bus_message_read(reply, "s", &json);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
                print_json_text(stdout, ctl->json, json);
                return EXIT_OK;
        }
        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        for (size_t i = 0; i < s.n_channels && n_args == 1; i++)
                n_meant += is_meant(s.channels + i, args[0]);
        if (n_args == 1 && (ctl->json != JSON_OFF || n_meant == 0)) {
                r = client_find_channel(ctl, args[0], &path);
                if (r != EXIT_OK)
                        return r;
        }
        if (ctl->json != JSON_OFF) {
                _cleanup_(writer_done) Writer w = {};

                for (size_t i = 0; i < s.n_channels; i++)
                        if (streq(s.channels[i].path, path))
                                channel_json(&w, s.channels + i);
                return print_json(ctl, &w);
        }
        if (n_args == 0) {
                char off[CLOCK_OFF_TEXT_SIZE];

                printf(_("p2pchatd %s"), s.manager.version);
                for (char **a = s.manager.listen; a && *a; a++)
                        printf("%s%s", a == s.manager.listen ? _(", listening on ") : " ", *a);
                putchar('\n');
                print_store(&s.manager);
                print_account(ctl, &s.account);
                if (s.manager.invisible)
                        hint_print(
                                ctl, stdout, "%s\n",
                                _("Shown as: offline, everywhere; to be seen: p2pchatctl invisible "
                                  "off"));
                print_reach(&s);
                if (clock_is_off(s.manager.clock_offset))
                        printf(_("Clock:    your clock is %s, by the tracker's; set it: "
                                 "timedatectl "
                                 "set-ntp true%s\n"),
                               clock_describe_off(s.manager.clock_offset, false, off),
                               is_removal_held(&s) ? _("; until then nothing is removed by age")
                                                   : "");
                for (size_t i = 0; i < s.n_channels; i++)
                        hosting += s.channels[i].hosted;
                print_lingering(&s, hosting);
                printf(_("Channels: %zu, %d of them hosted here; "), s.n_channels, hosting);
                printf(ngettext("%" PRIu32 " message waits in the outbox\n\n",
                                "%" PRIu32 " messages wait in the outbox\n\n", s.manager.outbox),
                       s.manager.outbox);
                print_next(ctl, &s);
                if (s.n_channels == 0)
                        return EXIT_OK;
        }
        r = print_channels(ctl, &s, n_args == 1 ? args[0] : NULL);
        for (size_t i = 0; n_args == 1 && i < s.n_channels; i++)
                if (s.channels[i].hosted && is_meant(s.channels + i, args[0])) {
                        putchar('\n');
                        print_reach(&s);
                }
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

static int verb_channels(Ctl *ctl, int argc, char **argv) {
        _cleanup_(snapshot_done) Snapshot s = {};
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_get_snapshot(ctl, &s);
        if (r != EXIT_OK)
                return r;
        if (ctl->json != JSON_OFF) {
                _cleanup_(writer_done) Writer w = {};

                writer_begin_array(&w, NULL);
                for (size_t i = 0; i < s.n_channels; i++)
                        channel_json(&w, s.channels + i);
                writer_end_array(&w);
                return print_json(ctl, &w);
        }
        r = print_channels(ctl, &s, NULL);
        return r < 0 ? client_fail(ctl, NULL, r) : EXIT_OK;
}

const Verb verbs_status[] = {
        { "status", "[CHANNEL]", 0, 1, verb_status, N_("daemon, identity, tracker and channels") },
        { "channels", "", 0, 0, verb_channels, N_("the channels you host or joined") },
        {},
};
