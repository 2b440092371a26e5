/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a hosted channel with 2,000 members, and a connection with 1,000 channels: every list of
 * them in pages and frames; leaves small ones to test-channel-host.c. */
#include <sys/resource.h>

#include "unit/daemon/member-double.h"

#define N_CROWD 2000
#define BATCH 40 /* from one address: below what one source may have */
#define N_CHANNELS CHANNELS_HOSTED_MAX
#define N_ALL (N_CROWD + 3) /* alice, who hosts it, bob and carol */
#define PAGE 500

/* Joins and reads no further: what it would be told costs nobody anything. */
typedef struct One {
        TlsConfig *tls;
        Rpc *rpc;
} One;
static One crowd[N_CROWD];
static unsigned n_joined;

static void crowd_name(unsigned i, char ret[static NAME_SIZE]) {
        snprintf(ret, NAME_SIZE, "m%04u-with-a-name-of-thirty-two.", i % 10000);
        assert_int_equal(strlen(ret), NAME_MAX_BYTES);
}

static void on_joined(int r, const Value *payload, const Failure *failure, void *userdata) {
        One *one = userdata;

        assert_int_equal(r, 0);
        assert_null(failure);
        rpc_set_paused(one->rpc, true);
        n_joined++;
}

static void one_on_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", "lobby");
        writer_uint(&w, "since", 0);
        writer_bool(&w, "invisible", false);
        writer_end_object(&w);
        assert_int_equal(rpc_call(r, "CONNECT", &w, 0, on_joined, userdata, NULL), 0);
}

static void one_dial(Fixture *f, One *one, unsigned i) {
        static const RpcHandlers handlers = { .on_ready = one_on_ready };
        struct sockaddr_in from = {
                .sin_family = AF_INET,
                .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 256 * (1 + i / BATCH)),
        };
        char name[NAME_SIZE];
        Conn *conn;
        int fd;

        crowd_name(i, name);
        one->tls = test_authority_tls(f->authority, SUBJECT_USER, name, TLS_EXPECT_PEER);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &from, sizeof(from)), 0);
        assert_int_equal(connect(fd, &f->address.sa, f->address.size), 0);
        assert_int_equal(
                conn_new(&f->loop->rt, fd, &f->address, one->tls, false, NULL, NULL, &conn), 0);
        assert_int_equal(rpc_new(&f->loop->rt, conn,
                                 &(RpcParameters){
                                         .agent = "one/1",
                                         .in_flight = 1,
                                         .frame_max = FRAME_BYTES_MAX,
                                 },
                                 &handlers, one, &one->rpc),
                         0);
}

static void crowd_comes(Fixture *f) {
        n_joined = 0;
        for (unsigned i = 0; i < N_CROWD; i++) {
                one_dial(f, &crowd[i], i);
                if (i % BATCH == BATCH - 1)
                        wait_count(f, &n_joined, i + 1);
        }
}

static void crowd_goes(void) {
        for (unsigned i = 0; i < N_CROWD; i++) {
                rpc_free(crowd[i].rpc);
                tls_config_free(crowd[i].tls);
                crowd[i] = (One){};
        }
}

static int teardown_crowd(void **state) {
        crowd_goes();
        return teardown(state);
}

/* The names of a page are next in order, and are counted. */
static void take_page(const Value *members, char last[static NAME_SIZE], size_t *n) {
        for (size_t i = 0; i < value_length(members); i++) {
                const char *name = get_string(value_at(members, i), "username");

                assert_true(strcmp(name, last) > 0);
                strcpy(last, name);
                ++*n;
        }
}

static const char *get_next(const Value *v, const char *key) {
        return value_string(value_get(v, key), NULL);
}

/* From after `last` to the end. */
static void read_members(Member *m, unsigned limit, char last[static NAME_SIZE], size_t *n) {
        const char *next;

        do {
                size_t before = *n;

                test_loop_run(m->fixture->loop, 50 * USEC_PER_MSEC); /* 20 a second */
                assert_int_equal(member_call(m, "MEMBERS", ",\"limit\":%u,\"after\":\"%s\"", limit,
                                             last[0] ? last : "-"),
                                 ERROR_NONE);
                take_page(value_get(m->reply, "members"), last, n);
                next = get_next(m->reply, "next");
                assert_in_range(*n - before, 1, limit);
                assert_true(!next || streq(next, last));
        } while (next);
}

static int count_peer(const PeerInfo *info, void *userdata) {
        PeerInfo *last = userdata;

        assert_true(info->number > last->number);
        last->number = info->number;
        last->since++; /* how many */
        return last->since % PAGE == 0;
}

static bool bob_knows_all(void *userdata) {
        return ((const Member *) userdata)->n_online == N_ALL;
}

/* 2,001 others in pages. Of so many only the number is told; who does not read hears of it once,
 * when it reads. Of all who go each is told once, in frames, since so few stay. */
static void test_two_thousand_members(void **state) {
        static const unsigned limits[] = { MEMBERS_LIMIT_MAX, 7 };
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        PeerInfo info = {};
        char last[NAME_SIZE] = "";
        size_t n = 0;
        unsigned n_told;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        wait_count(f, &bob->n_changes, 1);
        rpc_set_paused(carol->rpc, true);
        crowd_comes(f);
        assert_int_equal(channel_host_get_n_sessions(f->host), N_CROWD + 2);

        for (size_t i = 0; i < ELEMENTSOF(limits); i++) {
                last[0] = '\0';
                n = 0;
                read_members(bob, limits[i], last, &n);
                assert_int_equal(n, N_ALL);
        }

        /* The first page comes with RET_INFO. */
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_int_equal(get_uint(bob->reply, "members_online"), N_ALL);
        last[0] = '\0';
        n = 0;
        take_page(value_get(bob->reply, "members"), last, &n);
        assert_true(n > 100 && streq(get_next(bob->reply, "members_next"), last));
        read_members(bob, MEMBERS_LIMIT_MAX, last, &n);
        assert_int_equal(n, N_ALL);

        for (n = 0; peer_server_each(f->server, f->host, info.number, count_peer, &info) == 1; n++)
                assert_int_equal(info.since, (n + 1) * PAGE);
        assert_int_equal(info.since, N_CROWD + 2);

        wait_until(f, bob_knows_all, bob);
        n_told = bob->n_changes;
        assert_in_range(n_told, 1, PRESENCE_ONLINE_MAX);
        assert_true(bob->n_reset > 0);
        assert_int_equal(bob->generation, channel_host_get_generation(f->host));
        rpc_set_paused(carol->rpc, false);
        wait_until(f, bob_knows_all, carol);
        assert_int_equal(carol->n_changes, 0);
        assert_in_range(carol->n_reset, 1, 2); /* one was begun before */
        crowd_goes();
        wait_count(f, &carol->n_changes, N_CROWD);
        wait_count(f, &bob->n_changes, n_told + N_CROWD);
        assert_int_equal(channel_host_get_n_online(f->host), N_ALL - N_CROWD);
        settle(f);
        assert_int_equal(carol->n_changes, N_CROWD);
        assert_int_equal(bob->n_changes, n_told + N_CROWD);
        assert_int_equal(carol->n_online, 3);
        assert_int_equal(bob->n_online, 3);
}

/* More have a role than a frame holds: as many as fit, and word that there are more. */
static void test_many_roles(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        char name[NAME_SIZE];
        bool more = false;
        size_t n;

        f->answer_lookup_at_once = true;
        for (unsigned i = 0; i < 150; i++) {
                crowd_name(i, name);
                assert_int_equal(local_authorize(f, name, ROLE_MEMBER), ERROR_NONE);
        }
        /* Who has not joined gets frames of 8 KiB, who has 64. */
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
        n = value_length(value_get(bob->reply, "authorized"));
        assert_in_range(n, 50, 149);
        assert_int_equal(value_bool(value_get(bob->reply, "authorized_more"), &more), 0);
        assert_true(more);
        assert_int_equal(member_connect(bob, 1), ERROR_NONE);
        assert_int_equal(member_call(bob, "RET_INFO", "%s", ""), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->reply, "authorized")), 150);
        assert_false(value_has(bob->reply, "authorized_more"));
}

static void on_connected(int r, const Value *payload, const Failure *failure, void *userdata) {
        assert_int_equal(r, 0);
        assert_null(failure);
        *(bool *) userdata = true;
}

static bool has_ping(void *userdata) {
        return ((Member *) userdata)->ping;
}

/* One connection carries as many channels as one may host; a PING tells the heads of all. */
static void test_thousand_channels(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(value_unrefp) Value *ping = NULL;
        ChannelHost *hosts[N_CHANNELS];

        for (unsigned i = 0; i < N_CHANNELS; i++) {
                _cleanup_(writer_done) Writer w = {};
                char name[NAME_SIZE];
                bool is_connected = false;
                uint64_t row;

                crowd_name(i, name);
                row = add_channel(f, f->identity, name, uuid_of(i));
                f->is_loaded = false;
                assert_int_equal(channel_host_new(&f->loop->rt, f->store, row, name, uuid_of(i), 1,
                                                  &f->owner, &host_handlers, f, &hosts[i]),
                                 0);
                wait_true(f, &f->is_loaded);
                assert_int_equal(peer_server_add_host(f->server, hosts[i]), 0);

                writer_begin_object(&w, NULL);
                writer_string(&w, "channel_name", name);
                writer_uint(&w, "since", 1);
                writer_bool(&w, "invisible", false);
                writer_end_object(&w);
                assert_int_equal(
                        rpc_call(bob->rpc, "CONNECT", &w, 0, on_connected, &is_connected, NULL), 0);
                wait_true(f, &is_connected);
        }
        free(TAKE_PTR(bob->ping));
        wait_until(f, has_ping, bob);
        assert_in_range(strlen(bob->ping), N_CHANNELS * (NAME_MAX_BYTES + 5), FRAME_BYTES_MAX);
        assert_int_equal(value_parse(bob->ping, strlen(bob->ping), &ping), 0);
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                char name[NAME_SIZE];

                crowd_name(i, name);
                assert_int_equal(get_uint(value_get(ping, "heads"), name), 1);
        }
        for (unsigned i = 0; i < N_CHANNELS; i++) {
                peer_server_remove_host(f->server, hosts[i]);
                channel_host_free(hosts[i], NULL);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_two_thousand_members, setup, teardown_crowd),
                cmocka_unit_test_setup_teardown(test_many_roles, setup, teardown),
                cmocka_unit_test_setup_teardown(test_thousand_channels, setup, teardown_crowd),
        };
        struct rlimit limit;

        /* Both ends of each connection are here. */
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
