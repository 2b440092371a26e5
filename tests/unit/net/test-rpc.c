/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what rpc promises (protocol §2 and §3), over real TLS in virtual time; leaves commands to
 * their own tests. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "net/rpc.h"
#include "support/authority.h"
#include "support/loop.h"

#define N_CALLS 1000

typedef struct Side {
        struct Fixture *fixture;
        Conn *conn;
        Rpc *rpc;
        bool is_ready;
        int64_t offset;
        bool is_closed;
        ConnClosed why;
        RpcRequest *parked[N_CALLS + 8];
        unsigned n_parked;
        unsigned n_pushes, n_pings;
        char push[HEADER_BYTES_MAX + 1];
        char push_reason[64];
        bool frees_itself; /* in on_closed */
} Side;

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *authority;
        Side dialling, accepting; /* the second may be without rpc: a raw double */
        Conn *plain;              /* the accepting side of tests of the dialling one */
        Tls *raw;                 /* the dialling side of tests that say what rpc never would */
        int raw_fd;
        char raw_in[4 * FRAME_BYTES_MAX];
        size_t n_raw_in;
        bool raw_ended;
        bool raw_stopped; /* does not read */
        bool payloads_end;
} Fixture;

static void on_ready(Rpc *r, int64_t offset_usec, void *userdata) {
        Side *s = userdata;

        assert_false(s->is_ready);
        s->is_ready = true;
        s->offset = offset_usec;
}

static void on_request(Rpc *r, RpcRequest *q, void *userdata) {
        Side *s = userdata;

        if (streq(rpc_request_get_command(q), "ECHO")) {
                _cleanup_(writer_done) Writer w = {};

                writer_value(&w, NULL, rpc_request_get_payload(q));
                rpc_request_reply(q, &w);
        } else if (streq(rpc_request_get_command(q), "FORGET")) {
                rpc_request_free(q);
        } else if (streq(rpc_request_get_command(q), "DIE")) {
                s->rpc = rpc_free(s->rpc);
                rpc_request_free(q);
        } else {
                assert_true(s->n_parked < ELEMENTSOF(s->parked));
                s->parked[s->n_parked++] = q;
        }
}

static void on_push(Rpc *r, const char *command, const Value *payload, void *userdata) {
        Side *s = userdata;
        const char *reason = value_string(value_get(payload, "reason"), NULL);

        s->n_pushes++;
        snprintf(s->push, sizeof(s->push), "%s", command);
        snprintf(s->push_reason, sizeof(s->push_reason), "%s", reason ?: "");
}

static void fill_ping(Rpc *r, Writer *w, void *userdata) {
        writer_uint(w, "beat", 7);
}

static void on_ping(Rpc *r, const Value *payload, void *userdata) {
        Side *s = userdata;
        uint64_t beat;

        assert_int_equal(value_uint(value_get(payload, "beat"), &beat), 0);
        assert_int_equal(beat, 7);
        s->n_pings++;
}

static void on_closed(Rpc *r, const ConnClosed *why, void *userdata) {
        Side *s = userdata;

        assert_false(s->is_closed);
        assert_int_equal(rpc_get_n_calls(r), 0);
        s->is_closed = true;
        s->why = *why;
        if (s->frees_itself)
                s->rpc = rpc_free(s->rpc);
}

static const RpcHandlers handlers = {
        .on_ready = on_ready,
        .on_request = on_request,
        .on_push = on_push,
        .fill_ping = fill_ping,
        .on_ping = on_ping,
        .on_closed = on_closed,
};

static void start(Fixture *f, Side *s, int fd, bool accepting, TlsConfig *tls, unsigned in_flight) {
        static const Address nowhere = { .size = sizeof(nowhere.in),
                                         .in = { .sin_family = AF_INET } };
        const RpcParameters p = { .agent = "test/1",
                                  .in_flight = in_flight,
                                  .frame_max = FRAME_BYTES_MAX,
                                  .payloads_end = f->payloads_end };

        assert_null(s->rpc);
        *s = (Side){ .fixture = f };
        assert_int_equal(conn_new(&f->loop->rt, fd, &nowhere, tls, accepting, NULL, NULL, &s->conn),
                         0);
        assert_int_equal(rpc_new(&f->loop->rt, s->conn, &p, &handlers, s, &s->rpc), 0);
}

static TlsConfig *user_tls(Fixture *f, const char *name) {
        return test_authority_tls(f->authority, SUBJECT_USER, name, TLS_EXPECT_PEER);
}

static void start_pair(Fixture *f, unsigned in_flight) {
        _cleanup_(tls_config_freep) TlsConfig *a = user_tls(f, "alice");
        _cleanup_(tls_config_freep) TlsConfig *b = user_tls(f, "bobby");
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        start(f, &f->dialling, fds[0], false, a, in_flight);
        start(f, &f->accepting, fds[1], true, b, in_flight);
}

static void start_ready_pair(Fixture *f, unsigned in_flight) {
        start_pair(f, in_flight);
        test_loop_until_true(f->loop, &f->dialling.is_ready, USEC_PER_SEC);
        assert_true(f->accepting.is_ready);
}

static bool raw_turn(Fixture *f) {
        uint32_t events;
        ssize_t n;

        while (!f->raw_stopped && f->n_raw_in < sizeof(f->raw_in) - 1 && !f->raw_ended) {
                n = tls_read(f->raw, f->raw_in + f->n_raw_in, sizeof(f->raw_in) - 1 - f->n_raw_in,
                             &events);
                if (n == -EAGAIN)
                        break;
                if (n <= 0)
                        f->raw_ended = true;
                else
                        f->n_raw_in += (size_t) n;
                f->raw_in[f->n_raw_in] = 0;
        }
        return f->raw_ended;
}

static bool raw_handshaken(void *userdata) {
        Fixture *f = userdata;
        uint32_t events;

        return tls_handshake(f->raw, &events) == 0;
}

static bool raw_has_line(void *userdata) {
        Fixture *f = userdata;

        (void) raw_turn(f);
        return memchr(f->raw_in, '\n', f->n_raw_in);
}

static bool raw_is_ended(void *userdata) {
        return raw_turn(userdata);
}

/* The accepting side is ours, the dialling one says what it is told. */
static void start_raw(Fixture *f, unsigned in_flight) {
        _cleanup_(tls_config_freep) TlsConfig *a = user_tls(f, "alice");
        _cleanup_(tls_config_freep) TlsConfig *b = user_tls(f, "bobby");
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        f->raw_fd = fds[0];
        f->n_raw_in = 0;
        f->raw_ended = f->raw_stopped = false;
        assert_int_equal(tls_new(a, fds[0], false, &f->raw), 0);
        start(f, &f->accepting, fds[1], true, b, in_flight);
        test_loop_until(f->loop, raw_handshaken, f, USEC_PER_SEC);
}

static void stop_raw(Fixture *f) {
        f->raw = tls_free(f->raw);
        f->raw_fd = close_fd(f->raw_fd);
}

static void raw_say(Fixture *f, const char *bytes, size_t n) {
        uint32_t events;

        while (n > 0) {
                ssize_t k = tls_write(f->raw, bytes, n, &events);

                if (k == -EAGAIN) {
                        test_loop_run(f->loop, 0);
                        continue;
                }
                assert_true(k > 0);
                bytes += k;
                n -= (size_t) k;
        }
}

/* The next line, without its LF; "" when the connection ended instead. */
static const char *raw_hear(Fixture *f) {
        static char line[FRAME_BYTES_MAX];
        char *lf;
        size_t n;

        test_loop_until(f->loop, raw_has_line, f, 20 * USEC_PER_SEC);
        lf = memchr(f->raw_in, '\n', f->n_raw_in);
        n = (size_t) (lf - f->raw_in);
        memcpy(line, f->raw_in, n);
        line[n] = 0;
        f->n_raw_in -= n + 1;
        memmove(f->raw_in, lf + 1, f->n_raw_in);
        return line;
}

#define HELLO "HELLO-{\"id\":\"h\",\"payload\":{\"agent\":\"raw\",\"features\":[]}}\n"

static void raw_say_line(Fixture *f, const char *line) {
        raw_say(f, line, strlen(line));
}

static int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->raw_fd = -EBADF;
        f->loop = test_loop_new();
        f->authority = test_authority_new(f->loop->rt.clock);
        *state = f;
        return 0;
}

static int teardown(void **state) {
        Fixture *f = *state;
        Side *sides[] = { &f->dialling, &f->accepting };

        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                rpc_free(sides[i]->rpc);
                for (unsigned k = 0; k < sides[i]->n_parked; k++)
                        rpc_request_free(sides[i]->parked[k]);
        }
        conn_free(f->plain);
        stop_raw(f);
        test_authority_free(f->authority);
        test_loop_free(f->loop);
        free(f);
        return 0;
}

/* One caller's view of one call. */
typedef struct Caller {
        unsigned number;
        unsigned n_replies;
        int r;
        bool ok;
        uint64_t value;
        Failure failure;
        RpcCall *call;
        Rpc **frees; /* inside the reply */
} Caller;

static void on_reply(int r, const Value *payload, const Failure *failure, void *userdata) {
        Caller *c = userdata;

        c->n_replies++;
        c->r = r;
        c->ok = r == 0 && !failure;
        assert_true(r >= 0 || failure);
        assert_true(!payload || !failure);
        if (failure)
                c->failure = *failure;
        if (payload)
                (void) value_uint(value_get(payload, "number"), &c->value);
        c->call = rpc_call_free(c->call); /* allowed, and nothing */
        if (c->frees)
                *c->frees = rpc_free(*c->frees);
}

static void call(Rpc *r, const char *command, Caller *c) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_uint(&w, "number", c->number);
        writer_end_object(&w);
        assert_int_equal(rpc_call(r, command, &w, 0, on_reply, c, &c->call), 0);
}

static bool caller_has_reply(void *userdata) {
        return ((Caller *) userdata)->n_replies > 0;
}

static void test_hello(void **state) {
        Fixture *f = *state;
        Caller early = { .number = 3 };

        start_pair(f, 8);
        call(f->dialling.rpc, "ECHO", &early); /* waits for HELLO */
        test_loop_until(f->loop, caller_has_reply, &early, USEC_PER_SEC);
        assert_true(f->dialling.is_ready && f->accepting.is_ready);
        assert_true(early.ok);
        assert_int_equal(early.value, 3);
        /* The wire has milliseconds, the clock did not move. */
        assert_true(f->dialling.offset <= 0 && f->dialling.offset > -1000);
        assert_string_equal(conn_get_peer(f->dialling.conn)->name, "bobby");
        assert_string_equal(conn_get_peer(f->accepting.conn)->name, "alice");
        f->accepting.rpc = rpc_free(f->accepting.rpc);

        /* To the letter. */
        start_raw(f, 8);
        raw_say_line(f, HELLO);
        assert_string_equal(raw_hear(f),
                            "OK-{\"id\":\"h\",\"payload\":{\"agent\":\"test/1\",\"features\":[],"
                            "\"time\":\"2026-01-01T00:00:00.000Z\",\"limits\":{"
                            "\"frame_bytes\":65536,\"message_bytes\":16384,\"in_flight\":8}}}");
}

static void test_thousand_out_of_order(void **state) {
        Fixture *f = *state;
        Caller *callers = new0(Caller, N_CALLS);
        const unsigned unanswered = 500;
        size_t n_done = 0;

        assert_non_null(callers);
        start_ready_pair(f, N_CALLS);
        for (unsigned i = 0; i < N_CALLS; i++) {
                callers[i].number = i;
                call(f->dialling.rpc, "PARK", &callers[i]);
        }
        test_loop_until_count(f->loop, &f->accepting.n_parked, N_CALLS, USEC_PER_SEC);

        /* 7 and 1,000 have no common divisor: every one, far from the order of asking. */
        for (unsigned i = 0; i < N_CALLS; i++) {
                RpcRequest *q = f->accepting.parked[(i * 7 + 3) % N_CALLS];
                _cleanup_(writer_done) Writer w = {};

                if ((i * 7 + 3) % N_CALLS == unanswered)
                        continue;
                writer_value(&w, NULL, rpc_request_get_payload(q));
                rpc_request_reply(q, &w);
        }
        test_loop_run(f->loop, 5 * USEC_PER_SEC);
        for (unsigned i = 0; i < N_CALLS; i++) {
                if (i == unanswered) {
                        assert_int_equal(callers[i].n_replies, 0);
                        continue;
                }
                assert_int_equal(callers[i].n_replies, 1);
                assert_true(callers[i].ok);
                assert_int_equal(callers[i].value, i);
                n_done++;
        }
        assert_int_equal(n_done, N_CALLS - 1);
        assert_int_equal(rpc_get_n_calls(f->dialling.rpc), 1);

        /* It times out alone; its late answer is dropped, and the connection goes on. */
        test_loop_until(f->loop, caller_has_reply, &callers[unanswered], REQUEST_TIMEOUT_USEC);
        assert_int_equal(callers[unanswered].r, -ETIMEDOUT);
        assert_int_equal(callers[unanswered].failure.code, ERROR_TIMEOUT);
        rpc_request_reply(f->accepting.parked[unanswered], NULL);
        f->accepting.n_parked = 0;
        Caller again = { .number = 1 };
        call(f->dialling.rpc, "ECHO", &again);
        test_loop_until(f->loop, caller_has_reply, &again, USEC_PER_SEC);
        assert_true(again.ok);
        assert_int_equal(callers[unanswered].n_replies, 1);
        assert_false(f->dialling.is_closed);
        free(callers);
}

static void test_nobody_answers(void **state) {
        Fixture *f = *state;
        Caller c = {};

        start_ready_pair(f, 8);
        call(f->dialling.rpc, "FORGET", &c);
        test_loop_until(f->loop, caller_has_reply, &c, USEC_PER_SEC);
        assert_int_equal(c.r, 0);
        assert_int_equal(c.failure.code, ERROR_INTERNAL);
}

static void test_close_completes_each_once(void **state) {
        Fixture *f = *state;
        Caller c[3] = {};

        start_ready_pair(f, 8);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                call(f->dialling.rpc, "PARK", &c[i]);
        rpc_call_free(c[1].call); /* this one is not told any more */
        c[1].call = NULL;
        test_loop_until_count(f->loop, &f->accepting.n_parked, 3, USEC_PER_SEC);
        f->accepting.rpc = rpc_free(f->accepting.rpc);
        assert_null(rpc_request_get_rpc(f->accepting.parked[0]));
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_int_equal(c[0].n_replies, 1);
        assert_int_equal(c[0].r, -ECONNRESET);
        assert_int_equal(c[1].n_replies, 0);
        assert_int_equal(c[2].n_replies, 1);
        assert_int_equal(rpc_call(f->dialling.rpc, "PARK", NULL, 0, NULL, NULL, NULL), -ENOTCONN);

        /* Answers without a connection only free. */
        rpc_request_reply(f->accepting.parked[0], NULL);
        rpc_request_fail_code(f->accepting.parked[1], ERROR_BUSY, "late");
        rpc_request_free(f->accepting.parked[2]);
        f->accepting.n_parked = 0;
}

static void test_free_completes_before_it_returns(void **state) {
        Fixture *f = *state;
        Caller c[2] = {};

        start_ready_pair(f, 8);
        call(f->dialling.rpc, "PARK", &c[0]);
        call(f->dialling.rpc, "PARK", &c[1]);
        f->dialling.rpc = rpc_free(f->dialling.rpc);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(c[i].n_replies, 1);
                assert_int_equal(c[i].r, -ECANCELED);
        }
        assert_false(f->dialling.is_closed);

        f->accepting.rpc = rpc_free(f->accepting.rpc);

        /* A caller that gives the connection up when a call fails does so within. */
        start_ready_pair(f, 8);
        c[0] = (Caller){ .frees = &f->dialling.rpc };
        call(f->dialling.rpc, "PARK", &c[0]);
        f->dialling.rpc = rpc_free(f->dialling.rpc);
        assert_int_equal(c[0].n_replies, 1);
}

static void test_free_inside_callbacks(void **state) {
        Fixture *f = *state;
        Caller c = {}, other = {};

        start_ready_pair(f, 8);
        c.frees = &f->dialling.rpc;
        call(f->dialling.rpc, "ECHO", &c);
        call(f->dialling.rpc, "PARK", &other);
        f->accepting.frees_itself = true;
        test_loop_until_true(f->loop, &f->accepting.is_closed, USEC_PER_SEC);
        assert_true(c.ok);
        assert_null(f->dialling.rpc);
        assert_int_equal(other.r, -ECANCELED);
        assert_null(f->accepting.rpc);
        for (unsigned i = 0; i < f->accepting.n_parked; i++)
                rpc_request_free(f->accepting.parked[i]);

        start_ready_pair(f, 8);
        call(f->dialling.rpc, "DIE", &other);
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_int_equal(other.r, -ECONNRESET);
}

static void test_ping_and_silence(void **state) {
        Fixture *f = *state;

        start_ready_pair(f, 8);
        test_loop_run(f->loop, 18 * USEC_PER_SEC - 1);
        assert_int_equal(f->dialling.n_pings, 0);
        test_loop_run(f->loop, 4 * USEC_PER_SEC + 2);
        assert_int_equal(f->dialling.n_pings, 1);
        test_loop_run(f->loop, 10 * USEC_PER_MINUTE);
        assert_in_range(f->dialling.n_pings, 27, 35);
        assert_false(f->dialling.is_closed || f->accepting.is_closed);
}

static void test_silence_ends_both_sides(void **state) {
        Fixture *f = *state;

        /* The accepting side: PINGs go out, nothing comes back. */
        start_raw(f, 8);
        raw_say_line(f, HELLO);
        (void) raw_hear(f);
        f->raw_stopped = true;
        test_loop_run(f->loop, SILENCE_MAX_USEC - 1);
        assert_false(f->accepting.is_closed);
        raw_say_line(f, " "); /* not even a frame, but a byte */
        test_loop_run(f->loop, SILENCE_MAX_USEC - 1);
        assert_false(f->accepting.is_closed);
        test_loop_run(f->loop, 2);
        assert_true(f->accepting.is_closed);
        assert_int_equal(f->accepting.why.error, -ETIMEDOUT);
        f->accepting.rpc = rpc_free(f->accepting.rpc);
        stop_raw(f);

        /* The dialling side: what accepts is there, but its loop stands still. */
        start_ready_pair(f, 8);
        conn_set_silence_max(f->dialling.conn, 15 * USEC_PER_SEC); /* shorter than PING */
        test_loop_run(f->loop, 15 * USEC_PER_SEC);
        assert_true(f->dialling.is_closed);
        assert_int_equal(f->dialling.why.error, -ETIMEDOUT);
}

static bool on_line_ignored(Conn *c, const char *line, size_t n, void *userdata) {
        return true;
}

static void on_conn_closed(Conn *c, const ConnClosed *why, void *userdata) {
}

/* The other side is a conn without rpc, which says what it is told, or nothing. */
static void start_towards_conn(Fixture *f) {
        static const ConnHandlers ignore = { .on_line = on_line_ignored,
                                             .on_closed = on_conn_closed };
        static const Address nowhere = { .size = sizeof(nowhere.in),
                                         .in = { .sin_family = AF_INET } };
        _cleanup_(tls_config_freep) TlsConfig *a = user_tls(f, "alice");
        _cleanup_(tls_config_freep) TlsConfig *b = user_tls(f, "bobby");
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
                         0);
        assert_int_equal(
                conn_new(&f->loop->rt, fds[1], &nowhere, b, true, &ignore, NULL, &f->plain), 0);
        start(f, &f->dialling, fds[0], false, a, 8);
        test_loop_run(f->loop, USEC_PER_MSEC);
        assert_int_equal(conn_get_stage(f->plain), CONN_OPEN);
}

static void test_hello_of_the_dialler(void **state) {
        static const struct {
                const char *says;
                int error;
        } table[] = {
                { "", -ETIMEDOUT },
                { "SERVER_ERROR-{\"id\":\"1\",\"payload\":{\"error\":\"busy\"}}\n", -EPROTO },
                { "OK-{\"id\":\"1\",\"payload\":{}}\n", -EPROTO }, /* no time */
                { "OK-{\"id\":\"1\",\"payload\":{\"time\":\"noon\"}}\n", -EPROTO },
                { "REQUEST_ERROR-{\"id\":null,\"payload\":{\"error\":\"bad-frame\"}}\n", -EPROTO },
                { "garbage\n", -EPROTO },
                { "OK-{\"id\":\"01\",\"payload\":{}}\nOK-{\"id\":\"+1\",\"payload\":{}}\n"
                  "OK-{\"id\":\"18446744073709551617\",\"payload\":{}}\n",
                  -ETIMEDOUT }, /* ids that only look like it */
                { "OK-{\"id\":\"1\",\"payload\":{\"time\":\"2026-01-01T01:00:00.000Z\"}}\n", 0 },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                Caller waiting = {};

                start_towards_conn(f);
                call(f->dialling.rpc, "ECHO", &waiting);
                if (table[i].says[0])
                        assert_int_equal(conn_send(f->plain, table[i].says, strlen(table[i].says)),
                                         0);
                test_loop_run(f->loop, HELLO_TIMEOUT_USEC + 2 * LINGER_USEC);
                assert_int_equal(f->dialling.is_ready, table[i].error == 0);
                assert_int_equal(f->dialling.is_closed, table[i].error != 0);
                assert_int_equal(waiting.n_replies, 1);
                if (table[i].error == 0) {
                        assert_true(f->dialling.offset > 58 * 60 * (int64_t) USEC_PER_SEC);
                        assert_int_equal(waiting.r, -ETIMEDOUT);
                } else {
                        assert_int_equal(f->dialling.why.error, table[i].error);
                }
                f->dialling.rpc = rpc_free(f->dialling.rpc);
                f->plain = conn_free(f->plain);
        }
}

/* Their word on what was wrong with ours is the reason of the close that follows. */
static void test_their_complaint(void **state) {
        static const char says[] =
                "OK-{\"id\":\"1\",\"payload\":{\"time\":\"2026-01-01T00:00:00.000Z\"}}\n"
                "REQUEST_ERROR-{\"id\":null,\"payload\":{\"error\":\"too-large\","
                "\"message\":\"Far too large.\"}}\n";
        Fixture *f = *state;

        start_towards_conn(f);
        assert_int_equal(conn_send(f->plain, says, strlen(says)), 0);
        conn_close(f->plain);
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_int_equal(f->dialling.why.error, -EPROTO);
        assert_non_null(strstr(f->dialling.why.message, "Far too large."));
        f->plain = conn_free(f->plain);
}

static void test_hello_deadline(void **state) {
        Fixture *f = *state;

        start_raw(f, 8);
        test_loop_run(f->loop, HELLO_TIMEOUT_USEC - 1);
        assert_false(f->accepting.is_closed);
        test_loop_run(f->loop, 1);
        assert_true(f->accepting.is_closed);
        assert_int_equal(f->accepting.why.error, -ETIMEDOUT);
        assert_int_equal(f->accepting.why.stage, CONN_OPEN);
}

/* What a dialler says, and how it is answered. */
static void test_faults(void **state) {
        static const struct {
                const char *says; /* after HELLO unless it is first */
                bool first;
                const char *id, *error;
                bool closes;
        } table[] = {
                { "LIST-{\"id\":\"1\",\"payload\":{}}\n", true, "\"1\"", "bad-request", true },
                { "CLOSED-{\"id\":null,\"payload\":{}}\n", true, "null", "bad-request", true },
                { "OK-{\"id\":\"1\",\"payload\":{}}\n", true, "\"1\"", "bad-request", true },
                { "hello\n", true, "null", "bad-frame", true },
                { "HELLO-{\"id\":\"1\",\"payload\":{\"features\":[]}}\n", true, "\"1\"",
                  "bad-request", false },
                { "HELLO-{\"id\":\"1\",\"payload\":{\"agent\":\"x\",\"features\":[1]}}\n", true,
                  "\"1\"", "bad-request", false },
                { HELLO, false, "\"h\"", "bad-request", true },
                { "\n", false, "null", "bad-frame", true },
                { "ECHO-{\"id\":\"1\",\"payload\":{\"a\":1,\"a\":2}}\n", false, "null", "bad-frame",
                  true },
                { "ECHO-{\"id\":\"1\",\"payload\":{}} {}\n", false, "null", "bad-frame", true },
                { "ECHO-{\"id\":\"\",\"payload\":{}}\n", false, "null", "bad-request", true },
                { "ECHO-{\"id\":5,\"payload\":{}}\n", false, "null", "bad-request", true },
                { "PARK-{\"id\":\"1\",\"payload\":{}}\nPARK-{\"id\":\"1\",\"payload\":{}}\n", false,
                  "null", "bad-request", true },
                { "PING-{\"id\":\"1\",\"payload\":{}}\n", false, "\"1\"", "unsupported", false },
        };
        Fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char expected[64];
                const char *line;

                start_raw(f, 8);
                if (!table[i].first) {
                        raw_say_line(f, HELLO);
                        assert_non_null(strstr(raw_hear(f), "OK-"));
                }
                raw_say_line(f, table[i].says);
                line = raw_hear(f);
                assert_memory_equal(line, "REQUEST_ERROR-", 14);
                snprintf(expected, sizeof(expected), "\"id\":%s,", table[i].id);
                assert_non_null(strstr(line, expected));
                snprintf(expected, sizeof(expected), "\"error\":\"%s\"", table[i].error);
                assert_non_null(strstr(line, expected));
                if (table[i].closes) {
                        test_loop_until(f->loop, raw_is_ended, f, 2 * USEC_PER_SEC);
                        assert_false(f->accepting.is_closed); /* it drains */
                        stop_raw(f);
                        test_loop_until_true(f->loop, &f->accepting.is_closed, USEC_PER_SEC);
                        assert_int_equal(f->accepting.why.error, -EPROTO);
                } else {
                        if (table[i].first)
                                raw_say_line(f, HELLO);
                        raw_say_line(f, "ECHO-{\"id\":\"2\",\"payload\":{}}\n");
                        if (table[i].first)
                                (void) raw_hear(f);
                        assert_memory_equal(raw_hear(f), "OK-{\"id\":\"2\"", 12);
                        stop_raw(f);
                }
                f->accepting.rpc = rpc_free(f->accepting.rpc);
                for (unsigned k = 0; k < f->accepting.n_parked; k++)
                        rpc_request_free(f->accepting.parked[k]);
                f->accepting.n_parked = 0;
        }
}

static void test_pushes(void **state) {
        Fixture *f = *state;

        start_ready_pair(f, 8);
        assert_int_equal(rpc_push(f->accepting.rpc, "NEWS", NULL), 0);
        test_loop_until_count(f->loop, &f->dialling.n_pushes, 1, USEC_PER_SEC);
        assert_string_equal(f->dialling.push, "NEWS");

        rpc_go_away(f->accepting.rpc, "stopping", 5 * USEC_PER_SEC);
        test_loop_until_true(f->loop, &f->dialling.is_closed, USEC_PER_SEC);
        assert_string_equal(f->dialling.push, "GOING_AWAY");
        assert_string_equal(f->dialling.push_reason, "stopping");
        assert_int_equal(f->dialling.why.error, 0);
        test_loop_until_true(f->loop, &f->accepting.is_closed, USEC_PER_SEC);
        assert_int_equal(f->accepting.why.error, 0);
        assert_int_equal(rpc_push(f->accepting.rpc, "NEWS", NULL), -ENOTCONN);
}

static void test_requests_towards_the_dialler(void **state) {
        Fixture *f = *state;
        Caller c = {};

        start_ready_pair(f, 8);
        call(f->accepting.rpc, "ECHO", &c);
        test_loop_until(f->loop, caller_has_reply, &c, USEC_PER_SEC);
        assert_int_equal(c.failure.code, ERROR_UNSUPPORTED);
}

static void test_in_flight_waits_unread(void **state) {
        Fixture *f = *state;
        Caller c[6] = {};

        start_ready_pair(f, 4);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                call(f->dialling.rpc, "PARK", &c[i]);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 4);
        rpc_request_reply(f->accepting.parked[2], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 5);
        rpc_request_reply(f->accepting.parked[0], NULL);
        rpc_request_reply(f->accepting.parked[1], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 6);
        for (unsigned i = 3; i < 6; i++)
                rpc_request_free(f->accepting.parked[i]);
        f->accepting.n_parked = 0;
        test_loop_run(f->loop, USEC_PER_SEC);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                assert_int_equal(c[i].n_replies, 1);
}

static void raw_park(Fixture *f, unsigned id, size_t n_bytes) {
        static char line[FRAME_BYTES_MAX];
        int n;

        n = snprintf(line, sizeof(line), "PARK-{\"id\":\"%u\",\"payload\":{\"x\":\"%0*d\"}}\n", id,
                     (int) n_bytes, 0);
        assert_true(n > 0 && (size_t) n < sizeof(line));
        raw_say(f, line, (size_t) n);
        test_loop_run(f->loop, 0);
}

/* What is not answered yet is bounded in bytes too, and many small ones cannot be traded for as
 * many large ones. */
static void test_in_flight_bytes_wait_unread(void **state) {
        Fixture *f = *state;
        const size_t n_large = IN_FLIGHT_BYTES_MAX / 2 - 5000;
        Side *s = &f->accepting;
        unsigned id = 0;

        start_raw(f, 100);
        raw_say_line(f, HELLO);
        raw_hear(f);
        for (unsigned i = 0; i < 10; i++)
                raw_park(f, ++id, 1);
        for (unsigned i = 0; i < 4; i++)
                raw_park(f, ++id, n_large);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 13);
        for (unsigned i = 0; i < 10; i++)
                rpc_request_reply(s->parked[i], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 13);
        rpc_request_reply(s->parked[10], NULL);
        rpc_request_reply(s->parked[11], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(s->n_parked, 14);
        rpc_request_reply(s->parked[12], NULL);
        rpc_request_reply(s->parked[13], NULL);
        s->n_parked = 0;
}

static void test_payloads_end(void **state) {
        Fixture *f = *state;
        Caller c = {};

        f->payloads_end = true;
        start_ready_pair(f, 4);
        call(f->dialling.rpc, "ECHO", &c);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_true(c.ok);
        call(f->dialling.rpc, "PARK", &c);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 1);
        assert_null(rpc_request_get_payload(f->accepting.parked[0]));
        assert_string_equal(rpc_request_get_command(f->accepting.parked[0]), "PARK");
        f->accepting.n_parked = 0;
        rpc_request_reply(f->accepting.parked[0], NULL);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(c.n_replies, 2);
        assert_true(c.ok);
}

static void test_owner_pauses(void **state) {
        Fixture *f = *state;
        Caller c[3] = {};

        start_ready_pair(f, 8);
        rpc_set_paused(f->accepting.rpc, true);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                call(f->dialling.rpc, "PARK", &c[i]);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 1); /* from the next frame on */
        rpc_request_free(f->accepting.parked[0]);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 1);
        rpc_set_paused(f->accepting.rpc, false);
        test_loop_run(f->loop, USEC_PER_SEC);
        assert_int_equal(f->accepting.n_parked, 3);
        rpc_request_free(f->accepting.parked[1]);
        rpc_request_free(f->accepting.parked[2]);
        f->accepting.n_parked = 0;
        test_loop_run(f->loop, USEC_PER_SEC);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                assert_int_equal(c[i].failure.code, ERROR_INTERNAL);
}

static void test_certificate_ends(void **state) {
        Fixture *f = *state;

        start_ready_pair(f, 8);
        test_loop_run(f->loop, CERTIFICATE_USER_DAYS * USEC_PER_DAY + 9 * USEC_PER_MINUTE);
        assert_false(f->dialling.is_closed);
        test_loop_run(f->loop, USEC_PER_MINUTE + USEC_PER_SEC);
        assert_true(f->dialling.is_closed);
        assert_string_equal(f->dialling.push, "GOING_AWAY");
        assert_string_equal(f->dialling.push_reason, "certificate-expired");
        f->dialling.rpc = rpc_free(f->dialling.rpc);
        f->accepting.rpc = rpc_free(f->accepting.rpc);

        /* A clock that is set is noticed with the next PING. */
        start_ready_pair(f, 8);
        clock_virtual_jump_realtime(f->loop->rt.clock, 8 * USEC_PER_DAY);
        test_loop_run(f->loop, 22 * USEC_PER_SEC);
        assert_true(f->dialling.is_closed);
}

static void test_too_large(void **state) {
        Fixture *f = *state;
        _cleanup_(writer_done) Writer w = {};
        char *big = malloc(70000);
        Caller c = {};

        assert_non_null(big);
        memset(big, 'x', 70000);
        start_raw(f, 8);
        raw_say_line(f, HELLO);
        (void) raw_hear(f);
        raw_say(f, big, 70000);
        raw_say_line(f, "\n");
        assert_non_null(strstr(raw_hear(f), "\"error\":\"too-large\""));
        test_loop_until(f->loop, raw_is_ended, f, USEC_PER_SEC);
        test_loop_until_true(f->loop, &f->accepting.is_closed, 2 * USEC_PER_SEC);
        f->accepting.rpc = rpc_free(f->accepting.rpc);
        stop_raw(f);

        /* Ours never leave; an answer that would is internal. */
        start_ready_pair(f, 8);
        writer_begin_object(&w, NULL);
        writer_string_n(&w, "big", big, FRAME_BYTES_MAX);
        writer_end_object(&w);
        assert_int_equal(rpc_call(f->dialling.rpc, "ECHO", &w, 0, NULL, NULL, NULL), -EMSGSIZE);
        assert_int_equal(rpc_push(f->dialling.rpc, "ECHO", &w), -EMSGSIZE);
        call(f->dialling.rpc, "PARK", &c);
        test_loop_until_count(f->loop, &f->accepting.n_parked, 1, USEC_PER_SEC);
        rpc_request_reply(f->accepting.parked[0], &w);
        f->accepting.n_parked = 0;
        test_loop_until(f->loop, caller_has_reply, &c, USEC_PER_SEC);
        assert_int_equal(c.failure.code, ERROR_INTERNAL);
        free(big);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_hello, setup, teardown),
                cmocka_unit_test_setup_teardown(test_thousand_out_of_order, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody_answers, setup, teardown),
                cmocka_unit_test_setup_teardown(test_close_completes_each_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_free_completes_before_it_returns, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(test_free_inside_callbacks, setup, teardown),
                cmocka_unit_test_setup_teardown(test_ping_and_silence, setup, teardown),
                cmocka_unit_test_setup_teardown(test_silence_ends_both_sides, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hello_of_the_dialler, setup, teardown),
                cmocka_unit_test_setup_teardown(test_their_complaint, setup, teardown),
                cmocka_unit_test_setup_teardown(test_owner_pauses, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hello_deadline, setup, teardown),
                cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
                cmocka_unit_test_setup_teardown(test_pushes, setup, teardown),
                cmocka_unit_test_setup_teardown(test_requests_towards_the_dialler, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_flight_waits_unread, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_flight_bytes_wait_unread, setup, teardown),
                cmocka_unit_test_setup_teardown(test_payloads_end, setup, teardown),
                cmocka_unit_test_setup_teardown(test_certificate_ends, setup, teardown),
                cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
