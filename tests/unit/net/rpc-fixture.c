/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how both sides are started, driven and told apart; leaves what they are for to
 * rpc-fixture.h. */
#include "unit/net/rpc-fixture.h"

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

void start_side(Fixture *f, Side *s, int fd, bool accepting, TlsConfig *tls, unsigned in_flight) {
        const RpcParameters p = { .agent = "test/1",
                                  .in_flight = in_flight,
                                  .frame_max = FRAME_BYTES_MAX,
                                  .payloads_end = f->payloads_end };

        assert_null(s->rpc);
        *s = (Side){};
        assert_int_equal(conn_new(&f->loop->rt, fd, &nowhere, tls, accepting, NULL, NULL, &s->conn),
                         0);
        assert_int_equal(rpc_new(&f->loop->rt, s->conn, &p, &handlers, s, &s->rpc), 0);
}

TlsConfig *user_tls(Fixture *f, const char *name) {
        return test_authority_tls(f->authority, SUBJECT_USER, name, TLS_EXPECT_PEER);
}

void start_pair(Fixture *f, unsigned in_flight) {
        _cleanup_(tls_config_freep) TlsConfig *a = user_tls(f, "alice");
        _cleanup_(tls_config_freep) TlsConfig *b = user_tls(f, "bobby");
        int fds[2];

        make_pair(fds);
        start_side(f, &f->dialling, fds[0], false, a, in_flight);
        start_side(f, &f->accepting, fds[1], true, b, in_flight);
}

void start_ready_pair(Fixture *f, unsigned in_flight) {
        start_pair(f, in_flight);
        test_loop_until_true(f->loop, &f->dialling.is_ready, USEC_PER_SEC);
        assert_true(f->accepting.is_ready);
}

void start_raw(Fixture *f, unsigned in_flight) {
        _cleanup_(tls_config_freep) TlsConfig *a = user_tls(f, "alice");
        _cleanup_(tls_config_freep) TlsConfig *b = user_tls(f, "bobby");
        int fds[2];

        make_pair(fds);
        raw_start(&f->raw, fds[0], a, 4 * FRAME_BYTES_MAX);
        start_side(f, &f->accepting, fds[1], true, b, in_flight);
        test_loop_until(f->loop, raw_is_open, &f->raw, USEC_PER_SEC);
}

void say(Fixture *f, const char *bytes, size_t n) {
        size_t n_said;

        while ((n_said = raw_say(&f->raw, bytes, n)) < n) {
                bytes += n_said;
                n -= n_said;
                test_loop_run(f->loop, 0);
        }
}

void say_line(Fixture *f, const char *line) {
        say(f, line, strlen(line));
}

static bool raw_has_line(void *userdata) {
        Raw *r = userdata;

        (void) raw_is_ended(r);
        return memchr(r->in, '\n', r->n_in);
}

const char *hear(Fixture *f) {
        static char line[FRAME_BYTES_MAX];
        Raw *raw = &f->raw;
        char *lf;
        size_t n;

        test_loop_until(f->loop, raw_has_line, raw, 20 * USEC_PER_SEC);
        lf = memchr(raw->in, '\n', raw->n_in);
        n = (size_t) (lf - raw->in);
        assert_true(n < sizeof(line));
        memcpy(line, raw->in, n);
        line[n] = 0;
        raw->n_in -= n + 1;
        memmove(raw->in, lf + 1, raw->n_in);
        return line;
}

int setup(void **state) {
        Fixture *f = new0(Fixture, 1);

        assert_non_null(f);
        f->raw.fd = -EBADF;
        f->loop = test_loop_new();
        f->authority = test_authority_new(f->loop->rt.clock);
        *state = f;
        return 0;
}

int teardown(void **state) {
        Fixture *f = *state;
        Side *sides[] = { &f->dialling, &f->accepting };

        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                rpc_free(sides[i]->rpc);
                for (unsigned k = 0; k < sides[i]->n_parked; k++)
                        rpc_request_free(sides[i]->parked[k]);
        }
        conn_free(f->plain);
        raw_stop(&f->raw);
        test_authority_free(f->authority);
        test_loop_free(f->loop);
        free(f);
        return 0;
}

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

void call(Rpc *r, const char *command, Caller *c) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_uint(&w, "number", c->number);
        writer_end_object(&w);
        assert_int_equal(rpc_call(r, command, &w, 0, on_reply, c, &c->call), 0);
}

bool caller_has_reply(void *userdata) {
        return ((Caller *) userdata)->n_replies > 0;
}
