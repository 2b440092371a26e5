/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows debug: the insides of this daemon, and of the host of a channel of mine. */
#include <inttypes.h>

#include "ctl/client/client.h"
#include "ctl/show/pager.h"
#include "ctl/show/print.h"
#include "ctl/verb/debug.h"
#include "ctl/verb/verbs.h"

/* All pages as one. */
typedef struct Debug {
        Listing list; /* of members */
        uint64_t n_connections, n_commits, commit_msec_p99, uptime_sec;
        char *version;
        char *next;
} Debug;

static void debug_done(Debug *d) {
        listing_done(&d->list);
        free(d->version);
        free(d->next);
}

typedef struct Row {
        const char *username, *user_type, *key;
        uint64_t cursor, lag, queued_bytes;
        int invisible;
} Row;

static int read_row_pair(sd_bus_message *m, const char *key, void *userdata) {
        Row *row = userdata;
        const struct {
                const char *key, *type;
                void *target;
        } known[] = {
                { "username", "s", &row->username },
                { "user_type", "s", &row->user_type },
                { "key", "s", &row->key },
                { "cursor", "t", &row->cursor },
                { "lag", "t", &row->lag },
                { "queued_bytes", "t", &row->queued_bytes },
                { "invisible", "b", &row->invisible },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i].key, key))
                        return sd_bus_message_read(m, "v", known[i].type, known[i].target) ?: 1;
        return 0;
}

static int add_row(Debug *d, const Row *row) {
        char cursor[24], lag[24], queued[24], key[20];
        Writer *w = &d->list.json;

        writer_begin_object(w, NULL);
        writer_string(w, "username", row->username);
        writer_string(w, "user_type", streq(row->user_type, "guest") ? "GUEST" : "REGISTERED");
        writer_string(w, "key", row->key);
        writer_uint(w, "cursor", row->cursor);
        writer_uint(w, "lag", row->lag);
        writer_uint(w, "queued_bytes", row->queued_bytes);
        writer_bool(w, "invisible", row->invisible);
        writer_end_object(w);
        snprintf(cursor, sizeof(cursor), "%" PRIu64, row->cursor);
        snprintf(lag, sizeof(lag), "%" PRIu64, row->lag);
        snprintf(queued, sizeof(queued), "%" PRIu64, row->queued_bytes);
        snprintf(key, sizeof(key), "%.16s", row->key);
        return table_add(&d->list.table, row->username, row->user_type, key, cursor, lag, queued,
                         row->invisible ? _("invisible") : "");
}

static int read_rows(sd_bus_message *m, Debug *d) {
        int r;

        r = sd_bus_message_enter_container(m, 'v', "aa{sv}");
        if (r >= 0)
                r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
                Row row = { .username = "", .user_type = "", .key = "" };

                r = client_read_pairs(m, read_row_pair, &row);
                if (r >= 0)
                        r = add_row(d, &row);
        }
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_store(sd_bus_message *m, const char *key, void *userdata) {
        Debug *d = userdata;

        return streq(key, "commits") ? sd_bus_message_read(m, "v", "t", &d->n_commits) ?: 1
               : streq(key, "commit_ms_p99")
                       ? sd_bus_message_read(m, "v", "t", &d->commit_msec_p99) ?: 1
                       : 0;
}

static int read_pair(sd_bus_message *m, const char *key, void *userdata) {
        Debug *d = userdata;
        const char *s;
        int r;

        if (streq(key, "members"))
                return read_rows(m, d) ?: 1;
        if (streq(key, "connections"))
                return sd_bus_message_read(m, "v", "t", &d->n_connections) ?: 1;
        if (streq(key, "uptime_s"))
                return sd_bus_message_read(m, "v", "t", &d->uptime_sec) ?: 1;
        if (streq(key, "store")) {
                r = sd_bus_message_enter_container(m, 'v', "a{sv}");
                if (r >= 0)
                        r = client_read_pairs(m, read_store, d);
                return r < 0 ? r : sd_bus_message_exit_container(m) ?: 1;
        }
        if (!streq(key, "version") && !streq(key, "next"))
                return 0;
        r = sd_bus_message_read(m, "v", "s", &s);
        if (r >= 0)
                r = free_and_strdup(streq(key, "next") ? &d->next : &d->version, s);
        return r < 0 ? r : 1;
}

static int read_all(Ctl *ctl, const char *path, Debug *d) {
        int r;

        do {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;

                r = client_new_call(ctl, FACE_MODERATION, path, "GetDebug", &m);
                if (r == EXIT_OK)
                        r = client_append_options(ctl, m, d->next ? "after" : NULL, "s", d->next,
                                                  NULL);
                if (r == EXIT_OK)
                        r = client_call(ctl, m, 0, &reply);
                if (r != EXIT_OK)
                        return r;
                r = client_read_pairs(reply, read_pair, d);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
        } while (*(d->next ?: ""));
        return EXIT_OK;
}

static int show_json(Ctl *ctl, Debug *d) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *rows = NULL;
        size_t n;
        int r;

        r = writer_take(&d->list.json, &rows, &n);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        writer_begin_object(&w, NULL);
        writer_uint(&w, "connections", d->n_connections);
        writer_raw(&w, "members", rows, n);
        writer_begin_object(&w, "store");
        writer_uint(&w, "commits", d->n_commits);
        writer_uint(&w, "commit_ms_p99", d->commit_msec_p99);
        writer_end_object(&w);
        writer_uint(&w, "uptime_s", d->uptime_sec);
        writer_string(&w, "version", d->version);
        writer_end_object(&w);
        return print_json(ctl, &w);
}

static void show_text(Ctl *ctl, const Debug *d) {
        (void) pager_open(ctl);
        fputs(_("Version "), stdout);
        print_escaped(stdout, d->version ?: "", false);
        printf(_(", up %" PRIu64 " s\n"), d->uptime_sec);
        printf(_("%" PRIu64 " commits, 99 of 100 within %" PRIu64 " ms\n"), d->n_commits,
               d->commit_msec_p99);
        printf(ngettext("%" PRIu64 " connection\n", "%" PRIu64 " connections\n", d->n_connections),
               d->n_connections);
        if (d->list.table.n_cells > d->list.table.n_columns)
                table_print(ctl, &d->list.table);
}

static int debug_channel(Ctl *ctl, const char *name) {
        _cleanup_(debug_done) Debug d = { .list.table.n_columns = 7 };
        _cleanup_free_ char *path = NULL;
        int r;

        r = client_find_channel(ctl, name, &path);
        if (r != EXIT_OK)
                return r;
        if (table_add(&d.list.table, _("NAME"), _("TYPE"), _("KEY"), _("CURSOR"), _("LAG"),
                      _("QUEUED"), _("NOTE")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&d.list.json, NULL);
        r = read_all(ctl, path, &d);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&d.list.json);
        if (ctl->json != JSON_OFF)
                return show_json(ctl, &d);
        show_text(ctl, &d);
        return EXIT_OK;
}

static int verb_debug(Ctl *ctl, int argc, char **argv) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *json = NULL;
        bool arg_peers = false;
        const Option options[] = {
                { "peers", 0, OPTION_FLAG, &arg_peers, NULL,
                  N_("of a channel that is hosted here: who is connected, and from where") },
                {},
        };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, options, &args, &n_args, &exit_status) < 0)
                return exit_status;
        if (arg_peers && n_args == 0)
                return client_fail_as(ctl, "BadRequest", EXIT_USAGE,
                                      _("--peers is of a channel: p2pchatctl debug CHANNEL "
                                        "--peers"));
        if (arg_peers)
                return debug_show_peers(ctl, args[0]);
        if (n_args > 0)
                return debug_channel(ctl, args[0]);
        r = client_new_call(ctl, FACE_MANAGER, NULL, "GetStatistics", &m);
        if (r == EXIT_OK)
                r = client_append_options(ctl, m, NULL);
        if (r == EXIT_OK)
                r = client_call(ctl, m, 0, &reply);
        if (r != EXIT_OK)
                return r;
        r = client_read_json(&w, NULL, reply);
        if (r >= 0)
                r = writer_take(&w, &json, NULL);
        if (r < 0)
                return client_fail(ctl, NULL, r);
        (void) pager_open(ctl);
        print_json_text(stdout, ctl->json == JSON_OFF ? JSON_PRETTY : ctl->json, json);
        return EXIT_OK;
}

const Verb verbs_debug[] = {
        { "debug", "[CHANNEL]", 0, 1, verb_debug,
          N_("show the insides of this daemon, or of a channel that it hosts") },
        {},
};
