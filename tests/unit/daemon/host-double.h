/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a host is played that says whatever a test wants, to one member with a real store and
 * real TLS; leaves what is expected to the tests. */
#pragma once

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "daemon/member/channel-member-owner.h"
#include "net/listener.h"
#include "support/authority.h"
#include "support/loop.h"

#define CHANNEL_ID "0c0c0c0c-0000-4000-8000-000000000000"
#define DOUBLE_WAIT_USEC (5 * USEC_PER_MINUTE)

typedef struct HostDouble {
        TestLoop *loop;
        TestAuthority *authority;
        TlsConfig *host_tls, *member_tls;
        tls_check_fn check;
        void *check_userdata;
        Listener *listener;
        Address address;
        Rpc *rpc;
        unsigned n_connections;
        RpcRequest *request; /* what the member asked last */
        bool is_asked, is_saved, is_done;

        Store *store;
        uint64_t identity;
        HostLinks *links;
        ChannelMember *member;
        uint64_t last_told;
        unsigned n_lost, n_outbox_told;
        Failure failure; /* of the operation that was waited for */
        uint64_t seq;
        OutboxRow rows[8];
        size_t n_rows;
} HostDouble;

static inline void on_double_request(Rpc *r, RpcRequest *q, void *userdata) {
        HostDouble *d = userdata;

        assert_null(d->request); /* one in flight */
        d->request = q;
        d->is_asked = true;
}

static inline void on_double_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        HostDouble *d = userdata;

        d->request = rpc_request_free(d->request);
        d->is_asked = false;
        d->rpc = rpc_free(d->rpc);
}

static inline void on_double_ready(Rpc *r, int64_t offset, void *userdata) {
}

static inline void on_double_conn(Listener *l, int fd, const Address *peer, void *userdata) {
        static const RpcHandlers handlers = {
                .on_ready = on_double_ready,
                .on_request = on_double_request,
                .on_closed = on_double_closed,
        };
        static const RpcParameters parameters = {
                .agent = "double/1",
                .in_flight = 32,
                .frame_max = FRAME_BYTES_MAX,
        };
        HostDouble *d = userdata;
        Conn *conn;

        d->request = rpc_request_free(d->request);
        d->rpc = rpc_free(d->rpc);
        d->is_asked = false;
        d->n_connections++;
        assert_int_equal(conn_new(&d->loop->rt, fd, peer, d->host_tls, true, NULL, NULL, &conn), 0);
        assert_int_equal(rpc_new(&d->loop->rt, conn, &parameters, &handlers, d, &d->rpc), 0);
}

static inline int make_member_tls(tls_check_fn check, void *check_userdata, void *userdata,
                                  TlsConfig **ret) {
        HostDouble *d = userdata;
        _cleanup_(key_freep) Key *key = NULL;
        _cleanup_(certificate_freep) Certificate *certificate = NULL;

        assert_int_equal(key_generate(&key), 0);
        certificate = test_authority_issue(d->authority, key, SUBJECT_USER, "bob");
        return tls_config_new(&(TlsParameters){ .clock = d->loop->rt.clock,
                                                .expect = TLS_EXPECT_PEER,
                                                .key = key,
                                                .certificate = certificate,
                                                .chain = d->authority->chain,
                                                .check = check,
                                                .userdata = check_userdata },
                              ret);
}

static inline void on_double_entries(ChannelMember *c, uint64_t first, uint64_t last,
                                     void *userdata) {
        HostDouble *d = userdata;

        assert_int_equal(last, channel_member_get_synced_seq(c)); /* stored before seen */
        d->last_told = last;
}

static inline void on_double_outbox(ChannelMember *c, uint64_t generation, void *userdata) {
        ((HostDouble *) userdata)->n_outbox_told++;
}

static inline void on_double_nothing(ChannelMember *c, void *userdata) {
}

static inline void on_double_members(ChannelMember *c, uint64_t generation, void *userdata) {
}

static inline void on_double_lost(ChannelMember *c, void *userdata) {
        ((HostDouble *) userdata)->n_lost++;
}

static inline void on_double_row(int r, uint64_t row, void *userdata) {
        HostDouble *d = userdata;

        assert_true(r >= 0);
        d->identity = row;
        d->is_saved = true;
}

static inline void make_identity(HostDouble *d) {
        StoredTracker tracker = { .address = "127.0.0.1", .ca_pem = "-" };
        StoredIdentity identity = { .key_pem = "-", .certificate_pem = "-", .username = "bob" };

        memcpy(tracker.tracker_id, d->authority->tracker_id, sizeof(tracker.tracker_id));
        memcpy(tracker.pin, d->authority->pin, sizeof(tracker.pin));
        memcpy(identity.tracker_id, d->authority->tracker_id, sizeof(identity.tracker_id));
        assert_int_equal(store_save_tracker(d->store, &tracker, NULL, NULL, NULL), 0);
        assert_int_equal(store_sign_in(d->store, &identity, on_double_row, d, NULL), 0);
        test_loop_until_true(d->loop, &d->is_saved, DOUBLE_WAIT_USEC);
}

static inline void make_member(HostDouble *d) {
        static const MemberHandlers handlers = {
                .on_changed = on_double_nothing,
                .on_entries = on_double_entries,
                .on_outbox = on_double_outbox,
                .on_members = on_double_members,
                .on_lost = on_double_lost,
        };
        StoredChannel stored = { .identity = d->identity,
                                 .channel_id = CHANNEL_ID,
                                 .name = "lobby",
                                 .owner = "alice",
                                 .host = "alice",
                                 .wanted = true };
        MemberContext context = { .rt = &d->loop->rt,
                                  .store = d->store,
                                  .links = d->links,
                                  .tracker_id = d->authority->tracker_id,
                                  .me = { .username = "bob" },
                                  .handlers = &handlers,
                                  .userdata = d };

        assert_int_equal(channel_member_new(&context, &stored, &d->member), 0);
}

static inline void double_locate(HostDouble *d, bool online) {
        DirectoryEntry entry = { .channel_name = "lobby",
                                 .channel_id = CHANNEL_ID,
                                 .owner = "alice",
                                 .host = "alice",
                                 .addresses = { d->address },
                                 .n_addresses = 1,
                                 .online = online,
                                 .topic = "" };

        channel_member_locate(d->member, &entry);
}

/* At an address that nobody had before: bound while the old one still is. */
static inline void double_listen(HostDouble *d) {
        static const ListenerHandlers handlers = { .on_conn = on_double_conn };
        Address any;
        int fd;

        assert_int_equal(address_parse("127.0.0.1:0", true, &any), 0);
        assert_int_equal(listener_bind(&any, &fd), 0);
        listener_free(d->listener);
        assert_int_equal(listener_new(&d->loop->rt, fd, &handlers, d, &d->listener), 0);
        assert_int_equal(listener_get_address(d->listener, &d->address), 0);
}

static inline int double_setup(void **state) {
        HostDouble *d = new0(HostDouble, 1);

        assert_non_null(d);
        d->loop = test_loop_new();
        d->authority = test_authority_new(d->loop->rt.clock);
        d->host_tls = test_authority_tls(d->authority, SUBJECT_USER, "alice", TLS_EXPECT_PEER);
        double_listen(d);
        assert_int_equal(store_new(&d->loop->rt, ":memory:", &d->store), 0);
        assert_int_equal(host_links_new(&d->loop->rt, make_member_tls, NULL, d, &d->links), 0);
        make_identity(d);
        make_member(d);
        *state = d;
        return 0;
}

static inline void rows_done(HostDouble *d) {
        for (size_t i = 0; i < d->n_rows; i++)
                free((char *) d->rows[i].text);
        d->n_rows = 0;
}

static inline int double_teardown(void **state) {
        HostDouble *d = *state;

        rows_done(d);
        channel_member_free(d->member);
        host_links_free(d->links);
        rpc_request_free(d->request);
        rpc_free(d->rpc);
        listener_free(d->listener);
        store_free(d->store);
        tls_config_free(d->host_tls);
        test_authority_free(d->authority);
        test_loop_free(d->loop);
        free(d);
        return 0;
}

/* ---- the script ---- */

/* Waits for the next request, which must be this command; its payload. */
static inline const Value *double_expect(HostDouble *d, const char *command) {
        test_loop_until_true(d->loop, &d->is_asked, DOUBLE_WAIT_USEC);
        d->is_asked = false;
        assert_string_equal(rpc_request_get_command(d->request), command);
        return rpc_request_get_payload(d->request);
}

_printf_(2, 0) static inline void writer_of(Writer *w, const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL;
        int n = vasprintf(&text, format, ap);

        assert_true(n > 0);
        writer_bytes(w, text, (size_t) n);
}

_printf_(2, 3) static inline void double_reply(HostDouble *d, const char *format, ...) {
        _cleanup_(writer_done) Writer w = {};
        RpcRequest *q = d->request;
        va_list ap;

        va_start(ap, format);
        writer_of(&w, format, ap);
        va_end(ap);
        d->request = NULL;
        rpc_request_reply(q, &w);
}

static inline void double_fail(HostDouble *d, ErrorCode code, uint64_t retry_after_ms) {
        RpcRequest *q = d->request;
        Failure f;

        failure_set(&f, code, "The double says so.");
        f.retry_after_ms = retry_after_ms;
        d->request = NULL;
        rpc_request_fail(q, &f);
}

_printf_(3, 4) static inline void double_push(HostDouble *d, const char *command,
                                              const char *format, ...) {
        _cleanup_(writer_done) Writer w = {};
        va_list ap;

        va_start(ap, format);
        writer_of(&w, format, ap);
        va_end(ap);
        assert_int_equal(rpc_push(d->rpc, command, &w), 0);
}

#define ENTRY_ID "eeeeeeee-0000-4000-8000-%012" PRIu64

/* Messages of alice from first to last; other: the same seqs, other ids. */
static inline void double_push_entries(HostDouble *d, uint64_t first, uint64_t last, bool other) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "channel_name", "lobby");
        writer_string(&w, "channel_id", CHANNEL_ID);
        writer_begin_array(&w, "entries");
        for (uint64_t seq = first; seq <= last; seq++) {
                char id[UUID_STRING_SIZE];

                snprintf(id, sizeof(id), ENTRY_ID, seq + (other ? 500000 : 0));
                writer_begin_object(&w, NULL);
                writer_uint(&w, "seq", seq);
                writer_string(&w, "id", id);
                writer_string(&w, "kind", "message");
                writer_string(&w, "username", "alice");
                writer_string(&w, "user_type", "REGISTERED");
                writer_time(&w, "time", TEST_REALTIME + seq * USEC_PER_SEC);
                writer_string(&w, "message_content", "text");
                writer_end_object(&w);
        }
        writer_end_array(&w);
        writer_end_object(&w);
        assert_int_equal(rpc_push(d->rpc, "MESSAGE", &w), 0);
}

/* A PING that says how far the log is. */
static inline void double_ping_with_head(HostDouble *d, unsigned head) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_begin_object(&w, "heads");
        writer_uint(&w, "lobby", head);
        writer_end_object(&w);
        writer_end_object(&w);
        assert_int_equal(rpc_call(d->rpc, "PING", &w, 0, NULL, NULL, NULL), 0);
        test_loop_run(d->loop, USEC_PER_SEC);
}

static inline void double_accept(HostDouble *d, uint64_t last_seq) {
        double_reply(d,
                     "{\"channel_id\":\"" CHANNEL_ID "\",\"epoch\":1,\"owner\":\"alice\","
                     "\"role\":\"none\",\"view_permission\":\"public\","
                     "\"send_permission\":\"registered\",\"topic\":\"\",\"last_seq\":%" PRIu64
                     ",\"members_online\":2,\"generation\":1,\"message_rate\":5,"
                     "\"message_burst\":20}",
                     last_seq);
}

static inline uint64_t double_uint(const Value *object, const char *key) {
        uint64_t u = UINT64_MAX;

        (void) value_uint(value_get(object, key), &u);
        return u;
}

static inline void double_assert_cursor(const Value *connect, uint64_t since) {
        char id[UUID_STRING_SIZE];

        assert_string_equal(value_string(value_get(connect, "channel_name"), NULL), "lobby");
        assert_string_equal(value_string(value_get(connect, "channel_id"), NULL), CHANNEL_ID);
        assert_int_equal(double_uint(connect, "since"), since);
        if (since == 0) {
                assert_false(value_has(connect, "since_id"));
                return;
        }
        snprintf(id, sizeof(id), ENTRY_ID, since);
        assert_string_equal(value_string(value_get(connect, "since_id"), NULL), id);
        assert_false(value_has(connect, "backlog"));
}

typedef struct DoubleState {
        HostDouble *d;
        MemberState state;
        uint64_t seq;
} DoubleState;

static inline bool double_has_state(void *userdata) {
        const DoubleState *s = userdata;

        return channel_member_get_state(s->d->member) == s->state &&
               channel_member_get_synced_seq(s->d->member) >= s->seq;
}

static inline void double_until(HostDouble *d, MemberState state, uint64_t seq) {
        test_loop_until(d->loop, double_has_state,
                        &(DoubleState){ .d = d, .state = state, .seq = seq }, DOUBLE_WAIT_USEC);
}

static inline void on_double_done(const Failure *f, void *userdata) {
        HostDouble *d = userdata;

        d->failure = f ? *f : (Failure){};
        d->is_done = true;
}

static inline void on_double_sent(const Failure *f, const char *id, uint64_t seq, void *userdata) {
        HostDouble *d = userdata;

        d->seq = seq;
        on_double_done(f, d);
}

static inline ErrorCode double_wait(HostDouble *d) {
        test_loop_until_true(d->loop, &d->is_done, DOUBLE_WAIT_USEC);
        d->is_done = false;
        return d->failure.code;
}

/* Into the outbox, on disk. */
static inline void double_send(HostDouble *d, const char *id, const char *text) {
        assert_int_equal(channel_member_send(d->member, id, text, NULL, 0, on_double_sent, d, NULL),
                         0);
        assert_int_equal(double_wait(d), ERROR_NONE);
        assert_int_equal(d->seq, 0);
}

/* Connected, with entries 1 to last. */
static inline void double_live(HostDouble *d, uint64_t last) {
        double_locate(d, true);
        (void) double_expect(d, "CONNECT");
        double_accept(d, last);
        if (last > 0)
                double_push_entries(d, 1, last, false);
        double_until(d, MEMBER_LIVE, last);
}
