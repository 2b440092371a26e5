/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an outbox is read over the bus; leaves what is done with its rows to the verbs. */
#include "ctl/client.h"

static int read_error(sd_bus_message *m, const char *key, void *userdata) {
        const char **error = userdata;

        return streq(key, "error") ? sd_bus_message_read(m, "v", "s", error) : 0;
}

static int read_row(sd_bus_message *m, client_outbox_fn fn, void *userdata) {
        OutboxRowView row = {};
        int r;

        r = sd_bus_message_enter_container(m, 'r', "sstusa{sv}");
        if (r <= 0)
                return r;
        r = sd_bus_message_read(m, "sstus", &row.id, &row.text, &row.queued, &row.attempts,
                                &row.state);
        if (r >= 0)
                r = client_read_pairs(m, read_error, &row.error);
        if (r >= 0)
                r = sd_bus_message_exit_container(m);
        if (r < 0)
                return r;
        r = fn(&row, userdata);
        return r < 0 ? r : 1;
}

int client_each_outbox_row(Ctl *ctl, const char *path, client_outbox_fn fn, void *userdata) {
        _cleanup_free_ char *after = NULL;
        const char *next;
        int r;

        do {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;

                r = client_new_call(ctl, FACE_CHANNEL, path, "GetOutbox", &m);
                if (r == EXIT_OK)
                        r = client_append_options(ctl, m, after ? "after" : NULL, "s", after, NULL);
                if (r == EXIT_OK)
                        r = client_call(ctl, m, 0, &reply);
                if (r != EXIT_OK)
                        return r;
                r = sd_bus_message_enter_container(reply, 'a', "(sstusa{sv})");
                while (r >= 0 && (r = read_row(reply, fn, userdata)) > 0)
                        ;
                if (r >= 0)
                        r = sd_bus_message_exit_container(reply);
                if (r >= 0)
                        r = sd_bus_message_read(reply, "s", &next);
                if (r >= 0)
                        r = free_and_strdup(&after, next);
                if (r < 0)
                        return client_fail(ctl, NULL, r);
        } while (*after);
        return EXIT_OK;
}
