/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a hosted channel behind a real listener, in virtual time; leaves who dials it to
 * member-double.h and what is expected to the tests. */
#pragma once

#include <limits.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <utlist.h>

#include "daemon/host/peer.h"
#include "support/authority.h"
#include "support/loop.h"
#include "support/scratch.h"

#include <cmocka.h>

#define CHANNEL_ID "7f3c2a10-5b1e-4c57-9a41-0d6f3f1e2b11"
#define LIMIT_USEC (60 * USEC_PER_SEC)

typedef struct Member Member;

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *authority;
        char *directory;
        Store *store;
        uint64_t identity, row;
        Actor owner; /* alice, the local user */
        ChannelHost *host;
        PeerServer *server;
        Address address;
        Member *members; /* Member.prev/next (member-double.h) */

        bool is_loaded;
        int loaded;
        unsigned n_entries; /* told by on_entries, each once and in order */
        unsigned n_members_told, n_peers_told;
        int disk;
        unsigned n_disk_told;
        char lookup[NAME_SIZE]; /* the latest */
        uint64_t ticket;
        unsigned n_lookups;
        bool answer_lookup_at_once;
} Fixture;

/* ---- waiting ---- */

/* Members are behind TCP, whose own timers run in real time: where nothing is ready, a millisecond
 * of it goes with each 10 ms of ours. */
static inline void wait_until(Fixture *f, bool (*condition)(void *userdata), void *userdata) {
        const uint64_t step = 10 * USEC_PER_MSEC;

        for (uint64_t passed = 0; passed < LIMIT_USEC; passed += step) {
                if (clock_virtual_run(f->loop->rt.clock, condition, userdata, 0) == 1)
                        return;
                (void) poll(NULL, 0, 1);
                if (clock_virtual_run(f->loop->rt.clock, condition, userdata, step) == 1)
                        return;
        }
        fail_msg("what was waited for did not come");
}

static inline bool is_true(void *userdata) {
        return *(const bool *) userdata;
}

static inline void wait_true(Fixture *f, const bool *flag) {
        wait_until(f, is_true, (void *) flag);
}

typedef struct Count {
        const unsigned *value;
        unsigned n;
} Count;

static inline bool is_reached(void *userdata) {
        const Count *c = userdata;

        return *c->value >= c->n;
}

static inline void wait_count(Fixture *f, const unsigned *value, unsigned n) {
        Count c = { value, n };

        wait_until(f, is_reached, &c);
}

/* Lets everything that is under way arrive, without a second passing: real time goes with ours here
 * too, or a busy machine has not delivered it when we look. */
static inline void settle(Fixture *f) {
        for (unsigned i = 0; i < 10; i++) {
                (void) poll(NULL, 0, 1);
                test_loop_run(f->loop, 10 * USEC_PER_MSEC);
        }
}

/* ---- the host side ---- */

static inline void on_loaded(ChannelHost *h, int r, void *userdata) {
        Fixture *f = userdata;

        assert_false(f->is_loaded);
        f->is_loaded = true;
        f->loaded = r;
}

static inline void on_entries(ChannelHost *h, const Entry *entries, size_t n, void *userdata) {
        Fixture *f = userdata;

        assert_int_equal(entries[n - 1].seq, channel_get_last_seq(channel_host_get_channel(h)));
        f->n_entries += n;
}

static inline void on_members(ChannelHost *h, uint64_t generation, void *userdata) {
        Fixture *f = userdata;

        f->n_members_told++;
}

static inline void lookup_user(ChannelHost *h, const char *username, uint64_t ticket,
                               void *userdata) {
        Fixture *f = userdata;

        snprintf(f->lookup, sizeof(f->lookup), "%s", username);
        f->ticket = ticket;
        f->n_lookups++;
        if (f->answer_lookup_at_once)
                channel_host_user_looked_up(h, ticket, NULL, NULL);
}

static inline void on_disk(ChannelHost *h, int r, void *userdata) {
        Fixture *f = userdata;

        f->disk = r;
        f->n_disk_told++;
}

static const ChannelHostHandlers host_handlers = {
        .on_loaded = on_loaded,
        .on_entries = on_entries,
        .on_members = on_members,
        .lookup_user = lookup_user,
        .on_disk = on_disk,
};

static inline void start_host(Fixture *f, const char *channel_id, uint64_t epoch) {
        f->is_loaded = false;
        assert_int_equal(channel_host_new(&f->loop->rt, f->store, f->row, "lobby", channel_id,
                                          epoch, &f->owner, &host_handlers, f, &f->host),
                         0);
        wait_true(f, &f->is_loaded);
}

typedef struct Row {
        bool is_done;
        uint64_t row;
} Row;

static inline void on_row(int r, uint64_t row, void *userdata) {
        Row *x = userdata;

        assert_int_equal(r, 0);
        *x = (Row){ true, row };
}

static inline void on_saved(int r, void *userdata) {
        assert_int_equal(r, 0);
        *(bool *) userdata = true;
}

static inline uint64_t add_channel(Fixture *f, uint64_t identity, const char *name,
                                   const char *channel_id) {
        StoredChannel c = {
                .identity = identity,
                .owner = "alice",
                .host = "alice",
                .hosted = true,
                .wanted = true,
                .role = ROLE_OWNER,
                .view = VIEW_PUBLIC,
                .send = SEND_REGISTERED,
                .epoch = 1,
        };
        Row x = {};

        snprintf(c.name, sizeof(c.name), "%s", name);
        snprintf(c.channel_id, sizeof(c.channel_id), "%s", channel_id);
        assert_int_equal(store_save_channel(f->store, &c, on_row, &x, NULL), 0);
        wait_true(f, &x.is_done);
        return x.row;
}

static inline uint64_t add_identity(Fixture *f) {
        StoredTracker t = { .address = "localhost:1", .ca_pem = "CA" };
        StoredIdentity i = { .user_type = USER_REGISTERED, .certificate_pem = "C", .key_pem = "K" };
        bool saved = false;
        Row x = {};

        snprintf(t.tracker_id, sizeof(t.tracker_id), "%s", f->authority->tracker_id);
        snprintf(t.pin, sizeof(t.pin), "%s", f->authority->pin);
        assert_int_equal(store_save_tracker(f->store, &t, on_saved, &saved, NULL), 0);
        wait_true(f, &saved);
        snprintf(i.tracker_id, sizeof(i.tracker_id), "%s", t.tracker_id);
        snprintf(i.username, sizeof(i.username), "alice");
        assert_int_equal(store_sign_in(f->store, &i, on_row, &x, NULL), 0);
        wait_true(f, &x.is_done);
        return x.row;
}

static inline void on_peers_changed(PeerServer *s, void *userdata) {
        Fixture *f = userdata;

        f->n_peers_told++;
}

static inline void start_server(Fixture *f) {
        static const PeerServerHandlers handlers = { .on_peers_changed = on_peers_changed };
        _cleanup_(tls_config_freep) TlsConfig *tls =
                test_authority_tls(f->authority, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        Address any;
        int fd;

        assert_int_equal(peer_server_new(&f->loop->rt, &handlers, f, &f->server), 0);
        assert_int_equal(address_parse("127.0.0.1:0", true, &any), 0);
        assert_int_equal(listener_bind(&any, &fd), 0);
        peer_server_set_tls(f->server, tls);
        assert_int_equal(peer_server_listen(f->server, fd), 0);
        assert_int_equal(peer_server_get_address(f->server, &f->address), 0);
}

static inline void open_store(Fixture *f) {
        char path[PATH_MAX];

        snprintf(path, sizeof(path), "%s/peer.sqlite", f->directory);
        assert_int_equal(store_new(&f->loop->rt, path, &f->store), 0);
}

static inline int setup_with(void **state, bool on_threads) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->loop = test_loop_new();
        if (on_threads) {
                workers_free(f->loop->rt.workers);
                assert_int_equal(workers_new(f->loop->rt.event, 2, &f->loop->rt.workers), 0);
        }
        f->authority = test_authority_new(f->loop->rt.clock);
        f->directory = scratch_new();
        open_store(f);
        snprintf(f->owner.username, sizeof(f->owner.username), "alice");
        f->identity = add_identity(f);
        f->row = add_channel(f, f->identity, "lobby", CHANNEL_ID);
        start_host(f, CHANNEL_ID, 1);
        assert_int_equal(f->loaded, 0);
        start_server(f);
        assert_int_equal(peer_server_add_host(f->server, f->host), 0);
        *state = f;
        return 0;
}

static inline int setup(void **state) {
        return setup_with(state, false);
}

static inline int setup_on_threads(void **state) {
        return setup_with(state, true);
}

/* ---- the local user ---- */

static inline const char *uuid_of(unsigned n) {
        static char ids[8][UUID_STRING_SIZE];
        static unsigned next;
        char *id = ids[next++ % ELEMENTSOF(ids)];

        snprintf(id, UUID_STRING_SIZE, "11111111-1111-4111-8111-%012u", n);
        return id;
}

typedef struct Local {
        unsigned n_done;
        Failure failure; /* of the latest */
        uint64_t seq;    /* of its last message */
} Local;

static inline void local_sent(const LocalResult *results, size_t n, const Failure *f,
                              void *userdata) {
        Local *l = userdata;

        l->n_done++;
        l->failure = f ? *f : results[n - 1].failure;
        l->seq = f ? 0 : results[n - 1].seq;
}

static inline void local_done(const Failure *f, void *userdata) {
        Local *l = userdata;

        l->n_done++;
        l->failure = f ? *f : (Failure){};
}

static inline void local_start(Fixture *f, Local *l, unsigned id, const char *text) {
        LocalMessage m = { .text = text };

        snprintf(m.id, sizeof(m.id), "%s", uuid_of(id));
        assert_int_equal(channel_host_send(f->host, &f->owner, &m, 1, local_sent, l), 0);
}

static inline void local_wait(Fixture *f, Local *l, unsigned n) {
        wait_count(f, &l->n_done, n);
}

/* n messages with ids first…; their length goes up and down, up to max bytes. */
static inline void local_fill(Fixture *f, unsigned first, unsigned n, size_t max) {
        char *text = calloc(1, max + 1);
        unsigned n_sent = 0;
        Local l = {};

        assert_non_null(text);
        for (unsigned i = 0; i < n; i++) {
                size_t size = 1 + (i * 7919) % max;

                memset(text, 'a' + (char) (i % 26), size);
                text[size] = '\0';
                local_start(f, &l, first + i, text);
                n_sent++;
                if (n_sent % 500 == 0)
                        local_wait(f, &l, n_sent);
        }
        local_wait(f, &l, n_sent);
        assert_int_equal(l.failure.code, ERROR_NONE);
        free(text);
}

static inline ErrorCode local_permissions(Fixture *f, ViewPermission view, SendPermission send) {
        Local l = {};

        assert_int_equal(channel_host_set_permissions(f->host, &f->owner,
                                                      &(Permissions){ view, send, -1, -1, -1 },
                                                      local_done, &l),
                         0);
        local_wait(f, &l, 1);
        return l.failure.code;
}

/* For who says more at a time than a new channel takes. One entry of the log. */
static inline void local_without_rate(Fixture *f) {
        Permissions p = PERMISSIONS_UNSAID;
        Local l = {};

        p.message_rate = 0;
        assert_int_equal(channel_host_set_permissions(f->host, &f->owner, &p, local_done, &l), 0);
        local_wait(f, &l, 1);
        assert_int_equal(l.failure.code, ERROR_NONE);
}

static inline ErrorCode local_authorize(Fixture *f, const char *target, Role role) {
        Local l = {};

        assert_int_equal(
                channel_host_authorize(f->host, &f->owner, target, role, NULL, local_done, &l), 0);
        local_wait(f, &l, 1);
        return l.failure.code;
}

static inline uint64_t head_of(const Fixture *f) {
        return channel_get_last_seq(channel_host_get_channel(f->host));
}
