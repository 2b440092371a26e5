/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows topic, view, sending, authorize and deauthorize: what a channel is about, and who may do
 * what there. */
#include <inttypes.h>

#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/verbs.h"

typedef enum Rule { RULE_TOPIC, RULE_VIEW, RULE_SENDING } Rule;

static const char *const rule_keys[] = {
        [RULE_TOPIC] = "topic",
        [RULE_VIEW] = "view_permission",
        [RULE_SENDING] = "send_permission",
};

#define VIEW_CHOICES "public|restricted"
#define SENDING_CHOICES "everyone|registered|members"
static const char *const rule_choices[] = {
        [RULE_TOPIC] = NULL, /* any text */
        [RULE_VIEW] = VIEW_CHOICES,
        [RULE_SENDING] = SENDING_CHOICES,
};

static int show(Ctl *ctl, const char *channel, Rule rule) {
        _cleanup_(snapshot_done) Snapshot s = {};
        _cleanup_(writer_done) Writer w = {};
        const char *value;
        ChannelView *c;
        int r;

        r = client_get_rules(ctl, channel, &s, &c);
        if (r != EXIT_OK)
                return r;
        value = rule == RULE_TOPIC ? c->topic : rule == RULE_VIEW ? c->view : c->send;
        if (ctl->json == JSON_OFF) {
                print_escaped(stdout, value ?: "", false);
                putchar('\n');
                return EXIT_OK;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", c->name);
        writer_string(&w, rule_keys[rule], value ?: "");
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static int set(Ctl *ctl, const char *path, Rule rule, const char *value) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = client_new_call(ctl, FACE_MODERATION, path,
                            rule == RULE_TOPIC ? "SetTopic" : "SetPermissions", &m);
        if (r == EXIT_OK && rule == RULE_TOPIC && sd_bus_message_append(m, "s", value) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, rule == RULE_TOPIC ? NULL : rule_keys[rule], "s",
                                          value, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

static int show_or_set(Ctl *ctl, int argc, char **argv, Rule rule) {
        _cleanup_free_ char *path = NULL;
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (n_args == 1)
                return show(ctl, args[0], rule);
        if (rule_choices[rule] && !ctl_is_choice(args[1], rule_choices[rule]))
                return ctl_fail_choice(ctl, ctl->verb->name, args[1], rule_choices[rule]);
        r = client_find_channel(ctl, args[0], &path);
        return r == EXIT_OK ? set(ctl, path, rule, args[1]) : r;
}

static int verb_topic(Ctl *ctl, int argc, char **argv) {
        return show_or_set(ctl, argc, argv, RULE_TOPIC);
}

static int verb_view(Ctl *ctl, int argc, char **argv) {
        return show_or_set(ctl, argc, argv, RULE_VIEW);
}

static int verb_sending(Ctl *ctl, int argc, char **argv) {
        return show_or_set(ctl, argc, argv, RULE_SENDING);
}

typedef struct Given {
        const char *by, *key;
        uint64_t key_since, n_keys; /* told to moderators */
} Given;

static int read_given(sd_bus_message *m, const char *key, void *userdata) {
        Given *g = userdata;

        return streq(key, "by")          ? sd_bus_message_read(m, "v", "s", &g->by)
               : streq(key, "key")       ? sd_bus_message_read(m, "v", "s", &g->key)
               : streq(key, "key_since") ? sd_bus_message_read(m, "v", "t", &g->key_since)
               : streq(key, "keys")      ? sd_bus_message_read(m, "v", "t", &g->n_keys)
                                         : 0;
}

static int read_authorized(sd_bus_message *m, void *userdata) {
        char when[LOCAL_TIME_SIZE];
        Given g = { .by = "", .key = "" };
        char keys[24] = "", key[20] = "", key_when[LOCAL_TIME_SIZE];
        const char *name, *role;
        Listing *l = userdata;
        uint64_t since;
        int r;

        r = sd_bus_message_read(m, "sst", &name, &role, &since);
        if (r >= 0)
                r = client_read_pairs(m, read_given, &g);
        if (r < 0)
                return r;
        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "username", name);
        writer_string(&l->json, "role", role);
        writer_string(&l->json, "by", g.by);
        writer_time(&l->json, "since", since);
        if (g.n_keys > 0) {
                writer_string(&l->json, "key", g.key);
                writer_time(&l->json, "key_since", g.key_since);
                writer_uint(&l->json, "keys", g.n_keys);
                snprintf(keys, sizeof(keys), "%" PRIu64, g.n_keys);
                snprintf(key, sizeof(key), "%.16s", g.key);
        }
        writer_end_object(&l->json);
        print_local_time(since, when);
        print_local_time(g.key_since, key_when);
        return table_add(&l->table, name, role, g.by, when, keys, key, key_when);
}

static int list_authorized(Ctl *ctl, const char *path) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 7 };
        int r;

        if (table_add(&l.table, _("NAME"), _("ROLE"), _("BY"), _("SINCE"), _("KEYS"),
                      _("NEWEST KEY"), _("SEEN FIRST")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&l.json, NULL);
        r = client_each_row(ctl, FACE_MODERATION, path, "ListAuthorized", "ssta{sv}",
                            read_authorized, &l, NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, _("Nobody has a role but the owner."));
}

static int authorize(Ctl *ctl, int argc, char **argv, bool give) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_free_ char *path = NULL;
        const char *arg_role = give ? "member" : "none", *arg_reason = NULL;
        const Option options[] = {
                { "reason", 0, OPTION_STRING, &arg_reason, "TEXT",
                  N_("why; everybody there reads it") },
                { give ? "role" : NULL, 0, OPTION_STRING, &arg_role, "member|moderator",
                  N_("what they become; without it a member") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        r = client_find_channel(ctl, args[0], &path);
        if (r == EXIT_OK && n_args == 1)
                return list_authorized(ctl, path);
        if (r == EXIT_OK)
                r = client_new_call(ctl, FACE_MODERATION, path, "Authorize", &m);
        if (r == EXIT_OK && sd_bus_message_append(m, "ss", args[1], arg_role) < 0)
                r = client_fail(ctl, NULL, -ENOMEM);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, arg_reason ? "reason" : NULL, "s", arg_reason,
                                          NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, NULL);
        return client_done(ctl, r);
}

static int verb_authorize(Ctl *ctl, int argc, char **argv) {
        return authorize(ctl, argc, argv, true);
}

static int verb_deauthorize(Ctl *ctl, int argc, char **argv) {
        return authorize(ctl, argc, argv, false);
}

const Verb verbs_rules[] = {
        { "topic", "CHANNEL [TEXT]", 1, 2, verb_topic, N_("show or set what a channel is about") },
        { "view", "CHANNEL [" VIEW_CHOICES "]", 1, 2, verb_view, N_("show or set who may read") },
        { "sending", "CHANNEL [" SENDING_CHOICES "]", 1, 2, verb_sending,
          N_("show or set who may write") },
        { "authorize", "CHANNEL [USER]", 1, 2, verb_authorize,
          N_("make somebody a member or moderator; without USER: who is one") },
        { "deauthorize", "CHANNEL USER", 2, 2, verb_deauthorize, N_("take a role back") },
        {},
};
