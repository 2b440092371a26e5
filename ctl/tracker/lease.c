/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows lease list: which device serves which channel. */
#include <inttypes.h>

#include "ctl/show/print.h"
#include "ctl/tracker/verbs.h"

typedef struct LeaseExtra {
        const char *key;
        uint64_t epoch, last_seq;
        uint32_t members;
        char **addresses; /* NULL-terminated */
} LeaseExtra;

static void lease_extra_done(LeaseExtra *e) {
        for (char **a = e->addresses; a && *a; a++)
                free(*a);
        free(e->addresses);
}

static int read_extra(sd_bus_message *m, const char *key, void *userdata) {
        LeaseExtra *e = userdata;
        int r;

        if (streq(key, "addresses") && !e->addresses) {
                r = sd_bus_message_enter_container(m, 'v', "as");
                if (r >= 0)
                        r = sd_bus_message_read_strv(m, &e->addresses);
                return r < 0 ? r : sd_bus_message_exit_container(m) ?: 1;
        }
        return streq(key, "key")        ? sd_bus_message_read(m, "v", "s", &e->key)
               : streq(key, "epoch")    ? sd_bus_message_read(m, "v", "t", &e->epoch)
               : streq(key, "last_seq") ? sd_bus_message_read(m, "v", "t", &e->last_seq)
               : streq(key, "members")  ? sd_bus_message_read(m, "v", "u", &e->members)
                                        : 0;
}

static int read_row(sd_bus_message *m, void *userdata) {
        _cleanup_(lease_extra_done) LeaseExtra e = {};
        char when[LOCAL_TIME_SIZE], members[16];
        const char *channel, *owner;
        Listing *l = userdata;
        uint64_t until;
        int r;

        r = sd_bus_message_read(m, "sst", &channel, &owner, &until);
        if (r >= 0)
                r = client_read_pairs(m, read_extra, &e);
        if (r < 0)
                return r;
        writer_begin_object(&l->json, NULL);
        writer_string(&l->json, "channel_name", channel);
        writer_string(&l->json, "owner", owner);
        writer_time(&l->json, "until", until);
        writer_string(&l->json, "key", e.key);
        writer_uint(&l->json, "epoch", e.epoch);
        writer_uint(&l->json, "last_seq", e.last_seq);
        writer_uint(&l->json, "members", e.members);
        writer_begin_array(&l->json, "addresses");
        for (char **a = e.addresses; a && *a; a++)
                writer_string(&l->json, NULL, *a);
        writer_end_array(&l->json);
        writer_end_object(&l->json);
        print_local_time(until, when);
        snprintf(members, sizeof(members), "%" PRIu32, e.members);
        return table_add(&l->table, channel, owner, when, members,
                         e.addresses ? e.addresses[0] : NULL);
}

static int verb_list(Ctl *ctl, int argc, char **argv) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 5 };
        int n_args, r, exit_status;
        char **args;

        if (ctl_parse(ctl, argc, argv, NULL, &args, &n_args, &exit_status) < 0)
                return exit_status;
        writer_begin_array(&l.json, NULL);
        if (table_add(&l.table, _("CHANNEL"), _("OWNER"), _("UNTIL"), _("MEMBERS"), _("ADDRESS")) <
            0)
                return client_fail(ctl, NULL, -ENOMEM);
        r = client_each_row(ctl, FACE_LEASES, NULL, "List", "ssta{sv}", read_row, &l, NULL);
        if (r != EXIT_OK)
                return r;
        writer_end_array(&l.json);
        return listing_show(ctl, &l, _("No channel is hosted now"));
}

const Verb verbs_lease[] = {
        { "lease list", "", 0, 0, verb_list, N_("show which channels are hosted now, and where") },
        {},
};
