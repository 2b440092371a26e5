/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds peer.h to protocol §1 to §3 and to which channel gets which request; leaves what a channel
 * answers to test-channel-host. */
#include "unit/daemon/member-double.h"

#define OTHER_ID "11111111-2222-4333-8444-555555555555"

static void test_which_channel(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(writer_done) Writer w = {};
        static const char *const unknown[] = {
                "LIST", "SIGNIN", "HOST", "XYZZY", "OKAY", "PRESENCE", "GOING_AWAY",
        };

        for (size_t i = 0; i < ELEMENTSOF(unknown); i++)
                assert_int_equal(member_call(bob, unknown[i], "%s", ""), ERROR_UNKNOWN_COMMAND);

        /* Its command is looked at first, then where it goes. */
        bob->is_answered = false;
        writer_begin_object(&w, NULL);
        writer_end_object(&w);
        assert_int_equal(rpc_call(bob->rpc, "RET_INFO", &w, 0, member_on_reply, bob, NULL), 0);
        assert_int_equal(member_wait(bob), ERROR_BAD_REQUEST);
        assert_string_equal(bob->failure.field, "channel_name");
        assert_int_equal(member_call(bob, "RET_INFO", ",\"channel_id\":7"), ERROR_BAD_REQUEST);
        assert_string_equal(bob->failure.field, "channel_id");
        assert_int_equal(member_call(bob, "RET_INFO", ",\"channel_id\":\"" OTHER_ID "\""),
                         ERROR_NO_SUCH_CHANNEL);
        assert_int_equal(member_call(bob, "RET_INFO", ",\"channel_id\":\"" CHANNEL_ID "\""),
                         ERROR_NONE);
        writer_done(&w);
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", "nowhere");
        writer_end_object(&w);
        bob->is_answered = false;
        assert_int_equal(rpc_call(bob->rpc, "RET_INFO", &w, 0, member_on_reply, bob, NULL), 0);
        assert_int_equal(member_wait(bob), ERROR_NO_SUCH_CHANNEL);
        /* A username in a payload is nobody's. */
        assert_int_equal(member_call(bob, "CONNECT",
                                     ",\"since\":0,\"invisible\":false,\"username\":\"alice\""),
                         ERROR_NONE);
        assert_string_equal(get_string(bob->reply, "role"), "none");
        assert_int_equal(member_call(bob, "MESSAGE",
                                     ",\"username\":\"alice\",\"messages\":[{\"id\":\"%s\","
                                     "\"message_content\":\"x\",\"username\":\"alice\"}]",
                                     uuid_of(1)),
                         ERROR_NONE);
        wait_seen(bob, 2);
        assert_string_equal(bob->seen[1].username, "bob");
        assert_null(strstr(bob->seen[1].extra, "alice"));
}

typedef struct Ping {
        const Member *m;
        const char *text;
} Ping;

static bool ping_says(void *userdata) {
        const Ping *x = userdata;

        return x->m->ping && streq(x->m->ping, x->text);
}

static void test_two_channels_on_one_connection(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        _cleanup_(writer_done) Writer w = {};
        ChannelHost *tea;
        uint64_t row = add_channel(f, f->identity, "tea", OTHER_ID);

        f->is_loaded = false;
        assert_int_equal(channel_host_new(&f->loop->rt, f->store, row, "tea", OTHER_ID, 1,
                                          &f->owner, &host_handlers, f, &tea),
                         0);
        wait_true(f, &f->is_loaded);
        assert_int_equal(peer_server_add_host(f->server, tea), 0);
        assert_int_equal(peer_server_add_host(f->server, tea), -EEXIST);

        assert_int_equal(member_connect(bob, 1), ERROR_NONE);
        assert_int_equal(member_connect(carol, 1), ERROR_NONE);
        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", "tea");
        writer_uint(&w, "since", 1);
        writer_bool(&w, "invisible", false);
        writer_end_object(&w);
        bob->is_answered = false;
        assert_int_equal(rpc_call(bob->rpc, "CONNECT", &w, 0, member_on_reply, bob, NULL), 0);
        assert_int_equal(member_wait(bob), ERROR_NONE);
        assert_string_equal(get_string(bob->reply, "channel_id"), OTHER_ID);
        assert_int_equal(channel_host_get_n_sessions(tea), 1);

        local_fill(f, 0, 4, 10);
        wait_until(f, ping_says, &(Ping){ bob, "{\"heads\":{\"tea\":1,\"lobby\":5}}" });
        wait_until(f, ping_says, &(Ping){ carol, "{\"heads\":{\"lobby\":5}}" });

        /* One ends, the other goes on. */
        peer_server_remove_host(f->server, tea);
        channel_host_free(tea, "unhosted");
        wait_until(f, is_closed_there, bob);
        assert_string_equal(bob->closed_channel, "tea");
        wait_until(f, ping_says, &(Ping){ bob, "{\"heads\":{\"lobby\":5}}" });
        assert_int_equal(member_send(bob, 100, "still here"), ERROR_NONE);
        assert_string_equal(carol->closed_reason, "");
}

/* A channel whose log could not be read is not served; who asks is told to come again. */
static void test_not_up(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        static const char *const commands[] = { "CONNECT", "HISTORY", "MEMBERS", "RET_INFO" };
        ChannelHost *tea;

        f->is_loaded = false;
        assert_int_equal(channel_host_new(&f->loop->rt, f->store, f->row + 1000, "tea", OTHER_ID, 1,
                                          &f->owner, &host_handlers, f, &tea),
                         0);
        wait_true(f, &f->is_loaded);
        assert_true(f->loaded < 0);
        assert_int_equal(peer_server_add_host(f->server, tea), 0);
        for (size_t i = 0; i < ELEMENTSOF(commands); i++) {
                _cleanup_(writer_done) Writer w = {};

                writer_begin_object(&w, NULL);
                writer_string(&w, "channel_name", "tea");
                writer_uint(&w, "since", 0);
                writer_uint(&w, "limit", 1);
                writer_bool(&w, "invisible", false);
                writer_end_object(&w);
                bob->is_answered = false;
                assert_int_equal(rpc_call(bob->rpc, commands[i], &w, 0, member_on_reply, bob, NULL),
                                 0);
                assert_int_equal(member_wait(bob), ERROR_BUSY);
                assert_true(bob->failure.retry_after_ms > 0);
        }
        peer_server_remove_host(f->server, tea);
        channel_host_free(tea, NULL);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE); /* the others are served */
}

static void test_the_newest_of_a_key_wins(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *old = member_new(f, "bob");
        _cleanup_(member_freep) Member *new = member_new(f, "bob");

        tls_config_free(new->tls);
        new->tls = tls_config_ref(old->tls);
        new->rpc = rpc_free(new->rpc);
        new->is_ready = false;
        member_dial(new);
        assert_true(new->is_ready);

        assert_int_equal(member_connect(old, 0), ERROR_NONE);
        assert_int_equal(member_connect(new, 0), ERROR_NONE);
        wait_closed(old, "replaced");
        assert_int_equal(member_send(new, 1, "x"), ERROR_NONE);
        wait_seen(new, 2);
        assert_true(old->n_seen <= 1);
        assert_int_equal(channel_host_get_n_sessions(f->host), 1);
        assert_int_equal(channel_host_get_n_online(f->host), 2);
        assert_int_equal(member_send(old, 2, "y"), ERROR_BAD_REQUEST);
}

static bool one_peer_is_left(void *userdata) {
        return peer_server_get_n_peers(userdata) == 1;
}

static void test_frames_before_and_after_joining(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        char text[MESSAGE_BYTES_MAX + 1];

        memset(text, 'x', MESSAGE_BYTES_MAX);
        text[MESSAGE_BYTES_MAX] = '\0';
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_send(bob, 1, text), ERROR_NONE);

        member_start(carol, "MESSAGE", MESSAGES_1, uuid_of(1), text);
        wait_true(f, &carol->is_closed);
        wait_until(f, one_peer_is_left, f->server);
        assert_int_equal(member_send(bob, 2, text), ERROR_NONE);
        wait_seen(bob, 3);
}

static int list_peer(const PeerInfo *info, void *userdata) {
        char *all = userdata;

        assert_true(info->since >= TEST_REALTIME);
        assert_true(address_is_loopback(info->address));
        sprintf(all + strlen(all), "%s/%s ", info->username, user_type_to_string(info->user_type));
        return 0;
}

static void test_who_is_here(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *eve = member_new(f, "guest-eve");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        char all[256] = "";

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(eve, 0), ERROR_NONE);
        assert_int_equal(peer_server_get_n_peers(f->server), 3);
        assert_int_equal(peer_server_each(f->server, f->host, 0, list_peer, all), 0);
        assert_string_equal(all, "bob/REGISTERED guest-eve/GUEST ");
        assert_false(peer_server_was_reached(f->server)); /* all over loopback */

        eve = member_free(eve);
        carol = member_free(carol);
        wait_until(f, one_peer_is_left, f->server);
        all[0] = '\0';
        assert_int_equal(peer_server_each(f->server, f->host, 0, list_peer, all), 0);
        assert_string_equal(all, "bob/REGISTERED ");
        assert_int_equal(f->n_peers_told, 5);
}

static void test_going_away(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        peer_server_go_away(f->server, "restart");
        wait_true(f, &bob->is_closed);
        assert_string_equal(bob->going_away, "restart");
        assert_int_equal(bob->resume_in_ms, 1000);
        assert_string_equal(bob->closed_reason, "");
}

/* As long as it takes to let them all in again; how many there are that nobody must see, it does
 * not say. */
static void test_many_going_away(void **state) {
        Fixture *f = *state;
        Member *members[250];
        size_t n_seen = 0;

        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                char name[NAME_SIZE];

                snprintf(name, sizeof(name), "member%zu", i);
                members[i] = member_new(f, name);
                assert_int_equal(member_call(members[i], "CONNECT", ",\"since\":1,\"invisible\":%s",
                                             i % 25 == 7 ? "true" : "false"),
                                 ERROR_NONE);
                n_seen += i % 25 != 7;
        }
        peer_server_go_away(f->server, "restart");
        for (size_t i = 0; i < ELEMENTSOF(members); i++) {
                wait_true(f, &members[i]->is_closed);
                assert_int_equal(members[i]->resume_in_ms, n_seen * 5);
                member_free(members[i]);
        }
}

static void test_nobody_signed_in(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        peer_server_set_tls(f->server, NULL);
        wait_true(f, &bob->is_closed);
        assert_int_equal(peer_server_get_n_peers(f->server), 0);
        assert_int_equal(channel_host_get_n_sessions(f->host), 0);

        bob->rpc = rpc_free(bob->rpc);
        bob->is_closed = bob->is_ready = false;
        member_dial(bob);
        assert_false(bob->is_ready);
}

/* A certificate of another authority gets an alert, and never a word. */
static void test_strangers(void **state) {
        Fixture *f = *state;
        TestAuthority *other = test_authority_new(f->loop->rt.clock);
        _cleanup_free_ Member *mallory = new0(Member, 1);

        assert_non_null(mallory);
        mallory->fixture = f;
        mallory->tls = test_authority_tls(other, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        member_dial(mallory);
        assert_true(mallory->is_closed);
        assert_int_equal(peer_server_get_n_peers(f->server), 0);
        rpc_free(mallory->rpc);
        tls_config_free(mallory->tls);
        test_authority_free(other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(which_channel),
                TEST(two_channels_on_one_connection),
                TEST(not_up),
                TEST(the_newest_of_a_key_wins),
                TEST(frames_before_and_after_joining),
                TEST(who_is_here),
                TEST(going_away),
                TEST(many_going_away),
                TEST(nobody_signed_in),
                TEST(strangers),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
