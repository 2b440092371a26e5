/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows debug --peers: who is connected to a channel that this daemon hosts, and from where. */
#include <inttypes.h>

#include "ctl/client/client.h"
#include "ctl/show/print.h"
#include "ctl/verb/debug.h"

typedef struct Peer {
        const char *username, *user_type, *address;
        uint64_t number, since, queued_bytes;
} Peer;

static int read_pair(sd_bus_message *m, const char *key, void *userdata) {
        Peer *p = userdata;
        const struct {
                const char *key, *type;
                void *target;
        } known[] = {
                { "number", "t", &p->number },       { "username", "s", &p->username },
                { "user_type", "s", &p->user_type }, { "address", "s", &p->address },
                { "since", "t", &p->since },         { "queued_bytes", "t", &p->queued_bytes },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (streq(known[i].key, key))
                        return sd_bus_message_read(m, "v", known[i].type, known[i].target) ?: 1;
        return 0;
}

static int add_peer(Listing *l, const Peer *p) {
        char number[24], queued[24], since[LOCAL_TIME_SIZE];

        writer_begin_object(&l->json, NULL);
        writer_uint(&l->json, "number", p->number);
        writer_string(&l->json, "username", p->username);
        writer_string(&l->json, "user_type", streq(p->user_type, "guest") ? "GUEST" : "REGISTERED");
        writer_string(&l->json, "address", p->address);
        writer_time(&l->json, "since", p->since);
        writer_uint(&l->json, "queued_bytes", p->queued_bytes);
        writer_end_object(&l->json);
        snprintf(number, sizeof(number), "%" PRIu64, p->number);
        snprintf(queued, sizeof(queued), "%" PRIu64, p->queued_bytes);
        print_local_time(p->since, since);
        return table_add(&l->table, number, p->username, p->user_type, p->address, since, queued);
}

/* *after becomes the number of the last one. → how many there were, or negative errno */
static int read_page(sd_bus_message *m, Listing *l, uint64_t *after) {
        int n = 0, r;

        r = sd_bus_message_enter_container(m, 'a', "a{sv}");
        while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
                Peer p = { .username = "", .user_type = "", .address = "" };

                r = client_read_pairs(m, read_pair, &p);
                /* A page that does not go on would be asked for ever. */
                if (r >= 0 && p.number <= *after)
                        r = -EBADMSG;
                if (r >= 0)
                        r = add_peer(l, &p);
                *after = p.number;
                n++;
        }
        return r < 0 ? r : n;
}

int debug_show_peers(Ctl *ctl, const char *name) {
        _cleanup_(listing_done) Listing l = { .table.n_columns = 6 };
        _cleanup_(snapshot_done) Snapshot s = {};
        ChannelView *channel;
        uint64_t after = 0;
        int n, r;

        r = client_get_channel(ctl, name, &s, &channel);
        if (r != EXIT_OK)
                return r;
        if (!channel->hosted)
                return client_fail_as(ctl, "Conflict", EXIT_REFUSED,
                                      _("%s is not hosted here, and only its host knows who is "
                                        "connected; its owner asks it by: p2pchatctl debug %s"),
                                      name, name);
        if (table_add(&l.table, _("NUMBER"), _("NAME"), _("TYPE"), _("ADDRESS"), _("SINCE"),
                      _("QUEUED")) < 0)
                return client_fail(ctl, NULL, -ENOMEM);
        writer_begin_array(&l.json, NULL);
        do {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;

                r = client_new_call(ctl, FACE_HOST, channel->path, "GetPeers", &m);
                if (r == EXIT_OK)
                        r = client_append_options(ctl, m, "after", "t", after, NULL);
                if (r == EXIT_OK)
                        r = client_call(ctl, m, 0, &reply);
                if (r != EXIT_OK)
                        return r;
                n = read_page(reply, &l, &after);
                if (n < 0)
                        return client_fail(ctl, NULL, n);
        } while (n > 0);
        writer_end_array(&l.json);
        return listing_show(ctl, &l, _("Nobody is connected."));
}
