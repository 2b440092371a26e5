/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a row of the outbox is read from the bus; leaves what is done with its rows to the
 * verbs. */
#include "ctl/client/client.h"

static int read_error(sd_bus_message *m, const char *key, void *userdata) {
        const char **error = userdata;

        return streq(key, "error") ? sd_bus_message_read(m, "v", "s", error) : 0;
}

typedef struct Reading {
        client_outbox_fn fn;
        void *userdata;
} Reading;

static int read_row(sd_bus_message *m, void *userdata) {
        const Reading *reading = userdata;
        OutboxRowView row = {};
        int r;

        r = sd_bus_message_read(m, "sstus", &row.id, &row.text, &row.queued, &row.attempts,
                                &row.state);
        if (r >= 0)
                r = client_read_pairs(m, read_error, &row.error);
        return r < 0 ? r : reading->fn(&row, reading->userdata);
}

int client_each_outbox_row(Ctl *ctl, const char *path, client_outbox_fn fn, void *userdata) {
        Reading reading = { .fn = fn, .userdata = userdata };

        return client_each_row(ctl, FACE_CHANNEL, path, "GetOutbox", "sstusa{sv}", read_row,
                               &reading, NULL);
}
