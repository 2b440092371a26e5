/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which names the daemon has that may stand in a line now; leaves where they stand to
 * complete.c. */
#include "ctl/client/client.h"
#include "ctl/complete/complete.h"

static void offer_channels(const Completion *c) {
        _cleanup_(snapshot_done) Snapshot s = {};

        if (client_get_snapshot(c->ctl, &s) != EXIT_OK)
                return;
        for (size_t i = 0; i < s.n_channels; i++)
                complete_offer(c, s.channels[i].name, s.channels[i].state);
}

/* Rows that begin with a name; the rest of them is passed over. */
typedef struct Rows {
        const Completion *completion;
        const char *rest;
} Rows;

static int offer_row(sd_bus_message *m, void *userdata) {
        const Rows *rows = userdata;
        const char *name;
        int r;

        r = sd_bus_message_read(m, "s", &name);
        if (r < 0)
                return r;
        complete_offer(rows->completion, name, NULL);
        return sd_bus_message_skip(m, rows->rest);
}

static void offer_directory(const Completion *c) {
        Rows rows = { .completion = c, .rest = "ssssua{sv}" };

        (void) client_each_row(c->ctl, FACE_MANAGER, NULL, "ListDirectory", "sssssua{sv}",
                               offer_row, &rows, "query", "s", c->current, NULL);
}

static void offer_members_of(const Completion *c, const char *path) {
        Rows rows = { .completion = c, .rest = "sssa{sv}" };

        (void) client_each_row(c->ctl, FACE_CHANNEL, path, "GetMembers", "ssssa{sv}", offer_row,
                               &rows, NULL);
}

/* Of the channel that the line names, else of all. */
static void offer_users(const Completion *c) {
        _cleanup_(snapshot_done) Snapshot s = {};

        if (client_get_snapshot(c->ctl, &s) != EXIT_OK)
                return;
        for (size_t i = 0; i < s.n_channels; i++) {
                const ChannelView *x = s.channels + i;

                if (c->channel && strcasecmp(c->channel, x->name) != 0 && !streq(c->channel, x->id))
                        continue;
                if (streq(c->verb->name, "unignore"))
                        for (char **name = x->ignored; name && *name; name++)
                                complete_offer(c, *name, NULL);
                else
                        offer_members_of(c, x->path);
        }
}

/* Who is banned is not here, and who has a role need not be. */
static void offer_listed(const Completion *c, const char *method, const char *row) {
        _cleanup_free_ char *path = NULL;
        Rows rows = { .completion = c, .rest = row + 1 };

        if (c->channel && client_find_channel(c->ctl, c->channel, &path) == EXIT_OK)
                (void) client_each_row(c->ctl, FACE_MODERATION, path, method, row, offer_row, &rows,
                                       NULL);
}

static int offer_outbox_row(const OutboxRowView *row, void *userdata) {
        const Completion *c = userdata;

        complete_offer(c, row->id, row->state);
        return 0;
}

static void offer_outbox(const Completion *c) {
        _cleanup_(snapshot_done) Snapshot s = {};

        if (client_get_snapshot(c->ctl, &s) != EXIT_OK)
                return;
        for (size_t i = 0; i < s.n_channels; i++)
                (void) client_each_outbox_row(c->ctl, s.channels[i].path, offer_outbox_row,
                                              (void *) c);
}

static void offer_devices(const Completion *c) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(snapshot_done) Snapshot s = {};
        Rows rows = { .completion = c, .rest = "tta{sv}" };
        int r;

        r = client_get_snapshot(c->ctl, &s);
        if (r == EXIT_OK && s.account.path)
                r = client_new_call(c->ctl, FACE_ACCOUNT, s.account.path, "ListDevices", &m);
        if (r == EXIT_OK && m)
                r = client_append_options(c->ctl, m, NULL);
        if (r != EXIT_OK || !m || client_call(c->ctl, m, 0, &reply) != EXIT_OK)
                return;
        r = sd_bus_message_enter_container(reply, 'a', "(stta{sv})");
        while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'r', "stta{sv}")) > 0) {
                r = offer_row(reply, &rows);
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
        }
}

void complete_names(const Completion *c, const char *kind) {
        if (streq(kind, "CHANNEL"))
                offer_channels(c);
        else if (streq(kind, "NAME") && streq(c->verb->name, "join"))
                offer_directory(c);
        else if (streq(kind, "NAME") &&
                 (streq(c->verb->name, "leave") || streq(c->verb->name, "unhost")))
                offer_channels(c);
        else if (streq(kind, "USER") && streq(c->verb->name, "unban"))
                offer_listed(c, "ListBanned", "sssta{sv}");
        else if (streq(kind, "USER") && streq(c->verb->name, "deauthorize"))
                offer_listed(c, "ListAuthorized", "ssta{sv}");
        else if (streq(kind, "USER"))
                offer_users(c);
        else if (streq(kind, "ID"))
                offer_outbox(c);
        else if (streq(kind, "KEY"))
                offer_devices(c);
}
