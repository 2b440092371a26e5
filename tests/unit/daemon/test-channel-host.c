/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds a hosted channel to protocol §5, by members over real connections; leaves rights and
 * answers to test-channel-host-rules and connections to test-peer. */
#include <signal.h>
#include <sys/resource.h>

#include "unit/daemon/member-double.h"

static const char *content(const Seen *s, char ret[static 128]) {
        _cleanup_(value_unrefp) Value *v = NULL;

        assert_int_equal(value_parse(s->extra, strlen(s->extra), &v), 0);
        snprintf(ret, 128, "%s", get_string(v, "message_content"));
        return ret;
}

/* ---- life ---- */

static void test_comes_back(void **state) {
        Fixture *f = *state;
        const Channel *c = channel_host_get_channel(f->host);
        char last_id[UUID_STRING_SIZE];

        assert_int_equal(channel_get_last_seq(c), 1);
        assert_string_equal(channel_get_id(c), CHANNEL_ID);
        assert_string_equal(channel_get_owner(c), "alice");
        assert_int_equal(f->n_entries, 1);
        assert_int_equal(channel_host_get_n_online(f->host), 1);

        assert_int_equal(local_permissions(f, VIEW_RESTRICTED, SEND_MEMBERS), ERROR_NONE);
        f->answer_lookup_at_once = true;
        assert_int_equal(local_authorize(f, "bob", ROLE_MEMBER), ERROR_NONE);
        local_fill(f, 0, 3, 10);
        snprintf(last_id, sizeof(last_id), "%s", channel_get_last_id(c));
        assert_int_equal(head_of(f), 6);

        peer_server_remove_host(f->server, f->host);
        f->host = channel_host_free(f->host, NULL);
        start_host(f, CHANNEL_ID, 1);
        c = channel_host_get_channel(f->host);
        assert_int_equal(f->loaded, 0);
        assert_int_equal(channel_get_last_seq(c), 6);
        assert_string_equal(channel_get_last_id(c), last_id);
        assert_int_equal(channel_get_view(c), VIEW_RESTRICTED);
        assert_int_equal(channel_get_role(c, "bob"), ROLE_MEMBER);

        f->host = channel_host_free(f->host, NULL);
        start_host(f, CHANNEL_ID, 4);
        assert_int_equal(channel_get_epoch(channel_host_get_channel(f->host)), 4);
        assert_int_equal(head_of(f), 7);

        /* The log of another channel is not served under this id. */
        f->host = channel_host_free(f->host, NULL);
        start_host(f, "00000000-0000-4000-8000-000000000000", 4);
        assert_int_equal(f->loaded, -EBADMSG);
        assert_false(channel_host_is_loaded(f->host));
}

typedef struct Freer {
        Fixture *fixture;
        unsigned n_done;
} Freer;

static void free_host(const LocalResult *results, size_t n, const Failure *f, void *userdata) {
        Freer *x = userdata;

        x->n_done++;
        if (x->fixture->host)
                x->fixture->host = channel_host_free(TAKE_PTR(x->fixture->host), "unhosted");
}

/* A completion that frees the host: what else waits is told busy, each once. */
static void test_freed_by_a_callback(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        LocalMessage m = { .text = "x" };
        Freer x = { .fixture = f };
        Local l = {};

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        for (unsigned i = 0; i < 3; i++) {
                snprintf(m.id, sizeof(m.id), "%s", uuid_of(i));
                assert_int_equal(channel_host_send(f->host, &f->owner, &m, 1, free_host, &x), 0);
        }
        local_start(f, &l, 9, "y");
        peer_server_remove_host(f->server, f->host);
        wait_count(f, &l.n_done, 1);
        assert_null(f->host);
        assert_int_equal(x.n_done, 3);
        assert_int_equal(l.failure.code, ERROR_NONE); /* stored with them, so it is said */
        wait_closed(bob, "unhosted");
        assert_false(bob->is_closed);
        assert_int_equal(member_connect(bob, 0), ERROR_NO_SUCH_CHANNEL);
}

static void test_freed_while_busy(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Local l = {};

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        local_start(f, &l, 1, "queued");
        assert_int_equal(channel_host_authorize(f->host, &f->owner, "carol", ROLE_MEMBER, NULL,
                                                local_done, &l),
                         0);
        peer_server_remove_host(f->server, f->host);
        f->host = channel_host_free(f->host, "moved");
        assert_int_equal(l.n_done, 2);
        assert_int_equal(l.failure.code, ERROR_BUSY);
        wait_closed(bob, "moved");
}

/* ---- the way of a message ---- */

static void test_two_members(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        const Value *stored;
        char text[128];
        Local l = {};

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_string_equal(get_string(bob->reply, "channel_id"), CHANNEL_ID);
        assert_string_equal(get_string(bob->reply, "owner"), "alice");
        assert_string_equal(get_string(bob->reply, "role"), "none");
        assert_string_equal(get_string(bob->reply, "view_permission"), "public");
        assert_string_equal(get_string(bob->reply, "send_permission"), "registered");
        assert_string_equal(get_string(bob->reply, "topic"), "");
        assert_int_equal(get_uint(bob->reply, "epoch"), 1);
        assert_int_equal(get_uint(bob->reply, "last_seq"), 1);
        assert_int_equal(get_uint(bob->reply, "members_online"), 2);
        assert_true(get_uint(bob->reply, "generation") > 0);
        assert_true(value_has(bob->reply, "message_rate"));
        assert_true(value_has(bob->reply, "message_burst"));
        assert_int_equal(member_connect(carol, 1), ERROR_NONE);
        assert_int_equal(get_uint(carol->reply, "members_online"), 3);

        assert_int_equal(member_send(bob, 1, "from bob"), ERROR_NONE);
        stored = value_at(value_get(bob->reply, "stored"), 0);
        assert_int_equal(get_uint(stored, "seq"), 2);
        assert_string_equal(get_string(stored, "id"), uuid_of(1));
        assert_string_equal(get_string(stored, "time"), "2026-01-01T00:00:00.000Z");
        assert_false(value_has(stored, "duplicate"));
        assert_int_equal(value_length(value_get(bob->reply, "refused")), 0);
        local_start(f, &l, 2, "from alice");
        local_wait(f, &l, 1);
        assert_int_equal(l.seq, 3);

        wait_seen(bob, 3);
        wait_seen(carol, 3);
        assert_int_equal(bob->n_seen, 3);
        assert_int_equal(bob->seen[0].kind, ENTRY_CREATE);
        assert_int_equal(carol->n_seen, 2);
        for (size_t i = 0; i < 2; i++)
                assert_string_equal(bob->seen[1 + i].extra, carol->seen[i].extra);
        assert_string_equal(carol->seen[0].username, "bob");
        assert_string_equal(content(&carol->seen[1], text), "from alice");
        assert_string_equal(carol->seen[1].username, "alice");

        assert_int_equal(member_call(bob, "DISCONNECT", ",\"channel_id\":\"" CHANNEL_ID "\""),
                         ERROR_NONE);
        assert_int_equal(member_send(carol, 3, "bob is gone"), ERROR_NONE);
        wait_seen(carol, 4);
        settle(f);
        assert_int_equal(bob->n_seen, 3);
        assert_int_equal(member_send(bob, 4, "not any more"), ERROR_BAD_REQUEST);
}

/* What a member types again after a lost answer, or tries to smuggle in. */
static void test_exactly_once(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        const Value *stored, *refused;

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        assert_int_equal(member_send(bob, 1, "once"), ERROR_NONE);

        assert_int_equal(member_send(bob, 1, "once"), ERROR_NONE);
        stored = value_at(value_get(bob->reply, "stored"), 0);
        assert_int_equal(get_uint(stored, "seq"), 2);
        assert_true(value_has(stored, "duplicate"));

        assert_int_equal(member_send(bob, 1, "twice"), ERROR_CONFLICT);
        assert_int_equal(member_call(bob, "MESSAGE",
                                     ",\"messages\":[{\"id\":\"%s\",\"message_content\":\"once\","
                                     "\"meta\":{\"a\":1}}]",
                                     uuid_of(1)),
                         ERROR_CONFLICT);

        /* The id is the sender's own: another's is another message. */
        assert_int_equal(member_send(carol, 1, "hers"), ERROR_NONE);
        assert_int_equal(get_uint(value_at(value_get(carol->reply, "stored"), 0), "seq"), 3);

        assert_int_equal(member_call(bob, "MESSAGE",
                                     ",\"messages\":[{\"id\":\"%s\",\"message_content\":\"new\"},"
                                     "{\"id\":\"%s\",\"message_content\":\"other\"},"
                                     "{\"id\":\"%s\",\"message_content\":\"new\"}]",
                                     uuid_of(2), uuid_of(1), uuid_of(2)),
                         ERROR_NONE);
        stored = value_get(bob->reply, "stored");
        refused = value_get(bob->reply, "refused");
        assert_int_equal(value_length(stored), 2);
        assert_int_equal(get_uint(value_at(stored, 0), "seq"), 4);
        assert_int_equal(get_uint(value_at(stored, 1), "seq"), 4);
        assert_true(value_has(value_at(stored, 1), "duplicate"));
        assert_int_equal(value_length(refused), 1);
        assert_string_equal(get_string(value_at(refused, 0), "error"), "conflict");
        assert_string_equal(get_string(value_at(refused, 0), "id"), uuid_of(1));
        assert_int_equal(head_of(f), 4);
}

/* A guest's name may be another's tomorrow: what counts is the key. */
static void test_a_guest_is_its_key(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *one = member_new(f, "guest-eve");
        _cleanup_(member_freep) Member *two = member_new(f, "guest-eve");

        assert_int_equal(member_connect(one, 0), ERROR_NONE);
        assert_int_equal(member_send(one, 1, "x"), ERROR_GUESTS_NOT_ALLOWED);
        assert_int_equal(local_permissions(f, VIEW_INVALID, SEND_EVERYONE), ERROR_NONE);
        assert_int_equal(member_send(one, 1, "first"), ERROR_NONE);
        assert_int_equal(member_connect(two, 0), ERROR_NONE);
        assert_int_equal(member_send(two, 1, "second"), ERROR_NONE);
        assert_false(value_has(value_at(value_get(two->reply, "stored"), 0), "duplicate"));
        assert_int_equal(head_of(f), 4);
        assert_string_equal(one->closed_reason, "");
}

/* ---- cursors ---- */

static void test_where_to_begin(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        char middle[UUID_STRING_SIZE], last[UUID_STRING_SIZE];
        static const char since[] = ",\"since\":%u,\"since_id\":\"%s\",\"invisible\":false";

        local_fill(f, 100, 9, 10);
        assert_int_equal(head_of(f), 10);
        snprintf(middle, sizeof(middle), "%s", uuid_of(103)); /* seq 5 */
        snprintf(last, sizeof(last), "%s", uuid_of(108));

        assert_int_equal(member_connect(bob, 11), ERROR_CONFLICT);
        assert_int_equal(bob->failure.last_seq, 10);
        assert_int_equal(bob->failure.epoch, 1);
        assert_int_equal(member_call(bob, "CONNECT", since, 5, last), ERROR_CONFLICT);
        assert_int_equal(bob->failure.last_seq, 10);
        assert_int_equal(member_call(bob, "CONNECT", since, 10, middle), ERROR_CONFLICT);
        settle(f);
        assert_int_equal(bob->n_seen, 0);

        assert_int_equal(member_call(bob, "CONNECT", since, 5, middle), ERROR_NONE);
        wait_seen(bob, 10);
        assert_int_equal(bob->n_seen, 5);
        member_forget(bob);

        /* Again on the same connection: the stream begins anew, and nothing of the old is left. */
        assert_int_equal(member_call(bob, "CONNECT", since, 10, last), ERROR_NONE);
        assert_int_equal(member_send(bob, 1, "x"), ERROR_NONE);
        wait_seen(bob, 11);
        assert_int_equal(bob->n_seen, 1);
        member_forget(bob);

        assert_int_equal(
                member_call(bob, "CONNECT", ",\"since\":0,\"backlog\":3,\"invisible\":false"),
                ERROR_NONE);
        wait_seen(bob, 11);
        assert_int_equal(bob->n_seen, 3);
        member_forget(bob);
        assert_int_equal(
                member_call(bob, "CONNECT", ",\"since\":0,\"backlog\":0,\"invisible\":false"),
                ERROR_NONE);
        settle(f);
        assert_int_equal(bob->n_seen, 0);
        assert_int_equal(
                member_call(bob, "CONNECT", ",\"since\":0,\"backlog\":500,\"invisible\":false"),
                ERROR_NONE);
        wait_seen(bob, 11);
        assert_int_equal(bob->n_seen, 11);
        assert_int_equal(
                member_call(bob, "CONNECT", ",\"since\":2,\"backlog\":1,\"invisible\":false"),
                ERROR_BAD_REQUEST);
        assert_string_equal(bob->failure.field, "backlog");
        assert_int_equal(channel_host_get_n_sessions(f->host), 1);
}

typedef struct Flood {
        Fixture *fixture;
        Local local;
        unsigned n_sent, n_total;
        Member *member;
} Flood;

/* A message a turn of the loop, while the member reads what was before. */
static bool flood_is_over(void *userdata) {
        Flood *x = userdata;
        SeenUpTo seen = { x->member, 1 + x->n_total };

        if (x->n_sent < x->n_total) {
                local_start(x->fixture, &x->local, x->n_sent++, "while you read");
                return false;
        }
        return has_seen(&seen);
}

static void test_catches_up_without_a_seam(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        Flood flood = { .fixture = f, .n_sent = 3000, .n_total = 5000, .member = bob };

        local_without_rate(f);
        local_fill(f, 0, 2999, 300);
        assert_int_equal(member_connect(carol, 3001), ERROR_NONE);
        member_start(bob, "CONNECT", ",\"since\":0,\"invisible\":false");
        wait_until(f, flood_is_over, &flood);
        wait_seen(bob, 5001);
        assert_int_equal(bob->n_seen, 5001); /* and contiguous: see_entry() */
        wait_seen(carol, 5001);
        for (size_t i = 0; i < carol->n_seen; i++)
                assert_string_equal(carol->seen[i].id, bob->seen[3001 + i].id);
        assert_int_equal(f->n_entries, 5001);
        assert_true(bob->n_pushes < 1000);
}

/* Texts that double when they are quoted still fit, and large ones come one by one. */
static void test_large_entries(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        char text[MESSAGE_BYTES_MAX + 1];
        Local l = {};

        memset(text, '\n', MESSAGE_BYTES_MAX);
        text[MESSAGE_BYTES_MAX] = '\0';
        for (unsigned i = 0; i < 20; i++)
                local_start(f, &l, i, text);
        local_wait(f, &l, 20);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        wait_seen(bob, 21);
        test_loop_run(f->loop, 4 * USEC_PER_SEC); /* as many again, at the rate of a new channel */
        for (unsigned i = 20; i < 40; i++)
                local_start(f, &l, i, text);
        local_wait(f, &l, 40);
        wait_seen(bob, 41);
        assert_true(bob->largest_push <= 2);
        assert_int_equal(member_call(bob, "HISTORY", ",\"limit\":500"), ERROR_NONE);
        assert_int_equal(value_length(value_get(bob->reply, "entries")), 1);
        assert_int_equal(get_uint(value_at(value_get(bob->reply, "entries"), 0), "seq"), 41);
}

static int keep_queued(const PeerInfo *info, void *userdata) {
        *(size_t *) userdata = MAX(*(size_t *) userdata, info->queued_bytes);
        return 0;
}

static void test_slow_reader_is_bounded(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        _cleanup_(member_freep) Member *carol = member_new(f, "carol");
        size_t queued = 0;

        local_without_rate(f);
        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_connect(carol, 0), ERROR_NONE);
        wait_seen(bob, 2);
        rpc_set_paused(bob->rpc, true);
        for (unsigned i = 0; i < 4; i++) {
                local_fill(f, i * 1000, 1000, 12000);
                wait_seen(carol, 2 + (i + 1) * 1000);
                assert_int_equal(peer_server_each(f->server, f->host, 0, keep_queued, &queued), 0);
        }
        assert_true(queued <= FRAME_BYTES_MAX);
        assert_true(bob->n_seen < 4002);

        rpc_set_paused(bob->rpc, false);
        wait_seen(bob, 4002);
        assert_int_equal(bob->n_seen, 4002);
}

/* ---- what there is too much of, and a disk that fails ---- */

static void test_one_message_in_flight(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(1), "first");
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(2), "second");
        wait_count(f, &bob->n_answers, 3);
        assert_int_equal(bob->answers[1], ERROR_BAD_REQUEST); /* it does not wait for the first */
        assert_int_equal(bob->answers[2], ERROR_NONE);
        assert_int_equal(head_of(f), 2);
        assert_int_equal(member_send(bob, 2, "second"), ERROR_NONE);
}

static void limit_files(rlim_t bytes) {
        struct rlimit limit;

        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = MIN(bytes, limit.rlim_max);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_disk_fails_and_works_again(void **state) {
        Fixture *f = *state;
        _cleanup_(member_freep) Member *bob = member_new(f, "bob");
        Local l = {};

        assert_int_equal(member_connect(bob, 0), ERROR_NONE);
        assert_int_equal(member_send(bob, 1, "before"), ERROR_NONE);
        wait_seen(bob, 2);

        signal(SIGXFSZ, SIG_IGN);
        limit_files(1);
        member_start(bob, "MESSAGE", MESSAGES_1, uuid_of(2), "lost?");
        local_start(f, &l, 3, "local");
        local_wait(f, &l, 1);
        assert_int_equal(member_wait(bob), ERROR_BUSY);
        assert_true(bob->failure.retry_after_ms > 0);
        assert_int_equal(l.failure.code, ERROR_BUSY);
        assert_true(f->disk < 0);
        assert_int_equal(member_send(bob, 2, "lost?"), ERROR_BUSY);
        assert_int_equal(f->n_disk_told, 1);
        settle(f);
        assert_int_equal(bob->n_seen, 2);
        assert_int_equal(head_of(f), 2);
        limit_files(RLIM_INFINITY);

        assert_int_equal(member_send(bob, 2, "lost?"), ERROR_NONE);
        assert_false(value_has(value_at(value_get(bob->reply, "stored"), 0), "duplicate"));
        wait_seen(bob, 3);
        assert_int_equal(f->disk, 0);
        assert_int_equal(f->n_disk_told, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(comes_back),
                TEST(freed_by_a_callback),
                TEST(freed_while_busy),
                TEST(two_members),
                TEST(exactly_once),
                TEST(a_guest_is_its_key),
                TEST(where_to_begin),
                TEST(catches_up_without_a_seam),
                TEST(large_entries),
                TEST(slow_reader_is_bounded),
                TEST(one_message_in_flight),
                TEST(disk_fails_and_works_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
