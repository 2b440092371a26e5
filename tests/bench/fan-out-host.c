/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a channel that is hosted as the daemon does it, in real time; leaves its members to
 * bench-fan-out.c. */
#include "bench/fan-out-host.h"

#include <limits.h>

#include "daemon/host/peer.h"
#include "support/sync-vfs.h"

#define N_THREADS 2

typedef struct Host {
        BenchLoop *loop;
        Store *store;
        uint64_t row; /* of what was saved last */
        bool is_done;
        ChannelHost *channel;
        PeerServer *server;
} Host;

static void on_saved(int r, void *userdata) {
        Host *h = userdata;

        must(r);
        h->is_done = true;
}

static void on_row(int r, uint64_t row, void *userdata) {
        Host *h = userdata;

        must(r);
        h->row = row;
        h->is_done = true;
}

static void on_loaded(ChannelHost *channel, int r, void *userdata) {
        Host *h = userdata;

        must(r);
        h->is_done = true;
}

static void on_unlimited(const Failure *f, void *userdata) {
        Host *h = userdata;

        must(f ? -EIO : 0);
        h->is_done = true;
}

static void wait_done(Host *h) {
        bench_until(&h->loop->rt, &h->is_done);
        h->is_done = false;
}

static void save_identity(Host *h, const TestAuthority *a) {
        StoredTracker t = { .address = "localhost:1", .ca_pem = "CA" };
        StoredIdentity i = {
                .user_type = USER_REGISTERED,
                .username = "alice",
                .certificate_pem = "C",
                .key_pem = "K",
        };

        memcpy(t.tracker_id, a->tracker_id, sizeof(t.tracker_id));
        memcpy(t.pin, a->pin, sizeof(t.pin));
        memcpy(i.tracker_id, a->tracker_id, sizeof(i.tracker_id));
        must(store_save_tracker(h->store, &t, on_saved, h, NULL));
        wait_done(h);
        must(store_sign_in(h->store, &i, on_row, h, NULL));
        wait_done(h);
}

static void save_channel(Host *h, const char *channel_id) {
        StoredChannel c = {
                .identity = h->row,
                .name = FAN_OUT_CHANNEL,
                .owner = "alice",
                .host = "alice",
                .hosted = true,
                .wanted = true,
                .role = ROLE_OWNER,
                .view = VIEW_PUBLIC,
                .send = SEND_REGISTERED,
                .epoch = 1,
        };

        strcpy(c.channel_id, channel_id);
        must(store_save_channel(h->store, &c, on_row, h, NULL));
        wait_done(h);
}

static void open_channel(Host *h, const TestAuthority *a, const char *directory) {
        static const ChannelHostHandlers handlers = { .on_loaded = on_loaded };
        static const Actor alice = { .user_type = USER_REGISTERED, .username = "alice" };
        char path[PATH_MAX], channel_id[UUID_STRING_SIZE];
        const Runtime *rt = &h->loop->rt;
        Permissions p = PERMISSIONS_UNSAID;

        snprintf(path, sizeof(path), "%s/peer.sqlite", directory);
        must(store_new(rt, path, &h->store));
        random_uuid(rt->random, channel_id);
        save_identity(h, a);
        save_channel(h, channel_id);
        must(channel_host_new(rt, h->store, h->row, FAN_OUT_CHANNEL, channel_id, 1, &alice,
                              &handlers, h, &h->channel));
        wait_done(h);
        /* Speed is what is measured. */
        p.message_rate = 0;
        must(channel_host_set_permissions(h->channel, &alice, &p, on_unlimited, h));
        wait_done(h);
}

static void listen_for_peers(Host *h, const TestAuthority *a, Address *ret) {
        static const PeerServerHandlers handlers = {};
        _cleanup_(tls_config_freep) TlsConfig *tls =
                test_authority_tls(a, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        int fd;

        must(peer_server_new(&h->loop->rt, &handlers, NULL, &h->server));
        must(address_parse("127.0.0.1:0", true, ret));
        must(listener_bind(ret, &fd));
        peer_server_set_tls(h->server, tls);
        must(peer_server_listen(h->server, fd));
        must(peer_server_get_address(h->server, ret));
        must(peer_server_add_host(h->server, h->channel));
}

static bool leave_out(bool is_wal, void *userdata) {
        return false;
}

void fan_out_host(int fd, void *userdata) {
        const FanOutHost *what = userdata;
        Host h = { .loop = bench_loop_new(N_THREADS) };
        Address address;

        if (what->without_fsync)
                sync_vfs_set(leave_out, NULL);
        open_channel(&h, what->authority, what->directory);
        listen_for_peers(&h, what->authority, &address);
        bench_send(fd, &address, sizeof(address));
        bench_serve(&h.loop->rt, fd);

        peer_server_free(h.server);
        channel_host_free(h.channel, NULL);
        store_free(h.store);
        bench_loop_free(h.loop);
}

void fan_out_write_request(const Runtime *rt, Writer *w, unsigned n) {
        char text[MESSAGE_BYTES + 1], id[UUID_STRING_SIZE];

        memset(text, 'x', MESSAGE_BYTES);
        text[MESSAGE_BYTES] = '\0';
        writer_begin_object(w, NULL);
        writer_string(w, "channel_name", FAN_OUT_CHANNEL);
        writer_begin_array(w, "messages");
        for (unsigned i = 0; i < n; i++) {
                random_uuid(rt->random, id);
                writer_begin_object(w, NULL);
                writer_string(w, "id", id);
                writer_string(w, "message_content", text);
                writer_end_object(w);
        }
        writer_end_array(w);
        writer_end_object(w);
        must(w->error);
}
