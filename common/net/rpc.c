/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a connection says by protocol §2 and §3: HELLO first, PING while it lives, and what a
 * fault ends; leaves calls and requests to rpc-call.c and rpc-request.c. */
#include "net/rpc.h"

#include <stdarg.h>

#include "base/text.h"
#include "base/timestamp.h"
#include "net/rpc-internal.h"

/* Where both certificates end at once, who can say why goes first. */
#define FAREWELL_USEC (5 * USEC_PER_SEC)

Rpc *rpc_ref(Rpc *r) {
        r->n_ref++;
        return r;
}

Rpc *rpc_unref(Rpc *r) {
        if (!r || --r->n_ref > 0)
                return NULL;
        conn_free(r->conn);
        free(r);
        return NULL;
}

static void rpc_stop(Rpc *r) {
        r->hello = clock_timer_free(r->hello);
        r->ping = clock_timer_free(r->ping);
        r->certificate = clock_timer_free(r->certificate);
        r->outgoing = conn_source_free(r->outgoing);
}

/* The connection is gone: everything that hung on it ends, each thing once. From the loop only. */
static void rpc_finish(Rpc *rpc, const ConnClosed *why) {
        _cleanup_(rpc_unrefp) Rpc *r = rpc_ref(rpc);

        r->state = RPC_CLOSED;
        rpc_stop(r);
        rpc_requests_detach(r);
        rpc_calls_end(r, -ECONNRESET, why->message);
        if (r->handlers.on_closed)
                r->handlers.on_closed(r, why, r->userdata);
}

static _printf_(3, 4) void rpc_set_reason(Rpc *r, int error, const char *format, ...) {
        va_list ap;

        if (r->why.message[0])
                return;
        r->why.error = error;
        r->why.stage = conn_get_stage(r->conn);
        va_start(ap, format);
        vsnprintf(r->why.message, sizeof(r->why.message), format, ap);
        va_end(ap);
}

/* A deadline: there is nobody to say anything to. From the loop only. */
static void rpc_cut(Rpc *r, int error, const char *message) {
        rpc_set_reason(r, error, "%s", message);
        conn_cut(r->conn);
        rpc_finish(r, &r->why);
}

static void rpc_end(Rpc *r) {
        r->state = RPC_ENDING;
        conn_close(r->conn);
}

/* The other side broke a rule that ends the connection. id NULL = null. */
static void rpc_fault(Rpc *r, const char *id, ErrorCode code, const char *message) {
        _cleanup_(writer_done) Writer w = {};
        Failure f;

        (void) failure_set(&f, code, "%s", message);
        envelope_write_failure(&w, id, &f);
        if (w.error >= 0)
                (void) conn_send(r->conn, w.data, w.size);
        rpc_set_reason(r, -EPROTO, "the other side broke the protocol: %s", message);
        rpc_end(r);
}

static void rpc_arm_ping(Rpc *r) {
        const uint64_t spread = PING_INTERVAL_USEC / 10;

        clock_timer_arm(r->ping,
                        PING_INTERVAL_USEC - spread + random_below(r->rt->random, 2 * spread + 1));
}

/* By today's clock, which may have been set since. */
static void rpc_arm_certificate(Rpc *r) {
        const Subject *peer = conn_get_peer(r->conn);
        uint64_t now, end;

        if (!peer)
                return;
        now = conn_now(r->conn);
        end = peer->not_after + CERTIFICATE_GRACE_USEC;
        if (conn_is_accepting(r->conn))
                end -= FAREWELL_USEC;
        clock_timer_arm(r->certificate, end > now ? end - now : 0);
}

static void on_ping_timer(void *userdata) {
        _cleanup_(rpc_unrefp) Rpc *r = rpc_ref(userdata);
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        if (r->handlers.fill_ping)
                r->handlers.fill_ping(r, &w, r->userdata);
        writer_end_object(&w);
        /* Nobody waits for the answer: any byte of theirs is life, and conn counts these. */
        (void) rpc_call_start(r, false, "PING", &w, 0, NULL, NULL, NULL);
        if (r->state == RPC_READY) {
                rpc_arm_ping(r);
                rpc_arm_certificate(r);
        }
}

static void on_certificate_timer(void *userdata) {
        Rpc *r = userdata;

        if (r->state >= RPC_ENDING)
                return;
        rpc_set_reason(r, -EKEYEXPIRED, "the other side's certificate has ended");
        if (conn_is_accepting(r->conn))
                rpc_go_away(r, "certificate-expired", 0);
        else
                rpc_end(r); /* GOING_AWAY is what the other side would say */
}

static void on_hello_deadline(void *userdata) {
        rpc_cut(userdata, -ETIMEDOUT, "the other side said no HELLO in time");
}

static void rpc_ready(Rpc *r, int64_t offset_usec) {
        r->state = RPC_READY;
        if (conn_is_accepting(r->conn)) {
                clock_timer_disarm(r->hello);
                rpc_arm_ping(r);
        } else if (rpc_calls_begin(r) < 0) {
                rpc_set_reason(r, -ENOMEM, "out of memory");
                rpc_end(r);
                return;
        }
        if (r->handlers.on_ready)
                r->handlers.on_ready(r, offset_usec, r->userdata);
}

static void on_hello_reply(int error, const Value *payload, const Failure *failure,
                           void *userdata) {
        Rpc *r = userdata; /* held by the call that is being completed */
        uint64_t theirs, ours, in_flight;
        const char *time;

        if (r->state != RPC_HELLO)
                return;
        if (error < 0) {
                rpc_cut(r, error, "the other side did not answer HELLO in time");
                return;
        }
        if (failure) {
                rpc_set_reason(r, -EPROTO, "the other side refused HELLO: %.100s",
                               failure->message);
                rpc_end(r);
                return;
        }
        time = value_string(value_get(payload, "time"), NULL);
        if (!time || time_parse(time, &theirs) < 0) {
                rpc_set_reason(r, -EPROTO, "the other side's answer to HELLO is not as it should");
                rpc_end(r);
                return;
        }
        if (value_uint(value_get(value_get(payload, "limits"), "in_flight"), &in_flight) < 0)
                in_flight = 1;
        r->their_in_flight = MAX(in_flight, 1U);
        ours = clock_realtime(r->rt->clock);
        rpc_ready(r, (int64_t) theirs - (int64_t) ours);
}

static void rpc_say_hello(Rpc *r) {
        _cleanup_(writer_done) Writer w = {};

        writer_begin_object(&w, NULL);
        writer_string(&w, "agent", r->agent);
        writer_begin_array(&w, "features");
        writer_end_array(&w);
        writer_end_object(&w);
        if (rpc_call_start(r, true, "HELLO", &w, HELLO_TIMEOUT_USEC, on_hello_reply, r, NULL) < 0) {
                rpc_set_reason(r, -ENOMEM, "out of memory");
                rpc_end(r);
        }
}

static bool features_are_valid(const Value *features) {
        for (size_t i = 0; i < value_length(features); i++)
                if (!value_string(value_at(features, i), NULL))
                        return false;
        return true;
}

static void rpc_answer_hello(Rpc *r, RpcRequest *q) {
        static const struct HelloFields {
                const char *agent;
                const Value *features;
        } none;
        static const Field table[] = {
                { "agent", FIELD_STRING, offsetof(struct HelloFields, agent), true, 0,
                  AGENT_BYTES_MAX },
                { "features", FIELD_ARRAY, offsetof(struct HelloFields, features), true, 0,
                  FEATURES_MAX },
                {},
        };
        _cleanup_(writer_done) Writer w = {};
        struct HelloFields hello = none;
        bool agent_is_valid;
        Failure f;

        if (rpc_request_read(q, table, &hello) < 0)
                return;
        agent_is_valid = text_is_valid(hello.agent, strlen(hello.agent), false);
        if (!agent_is_valid || !features_are_valid(hello.features)) {
                (void) failure_set(&f, ERROR_BAD_REQUEST,
                                   "The agent is text, and the features are strings.");
                strcpy(f.field, agent_is_valid ? "features" : "agent");
                rpc_request_fail(q, &f);
                return;
        }

        writer_begin_object(&w, NULL);
        writer_string(&w, "agent", r->agent);
        writer_begin_array(&w, "features");
        writer_end_array(&w);
        writer_time(&w, "time", clock_realtime(r->rt->clock));
        writer_begin_object(&w, "limits");
        writer_uint(&w, "frame_bytes", FRAME_BYTES_MAX);
        writer_uint(&w, "message_bytes", MESSAGE_BYTES_MAX);
        writer_uint(&w, "in_flight", r->in_flight);
        writer_end_object(&w);
        writer_end_object(&w);
        rpc_request_reply(q, &w);
        rpc_ready(r, 0);
}

static void rpc_on_request(Rpc *r, Envelope *e, size_t n_bytes) {
        _cleanup_(value_unrefp) Value *body = NULL;
        const Value *payload = e->payload;
        RpcRequest *q;
        int k;

        /* A PING's payload is told after its request has been answered and freed. */
        body = value_ref(e->body);
        k = rpc_request_new(r, e, n_bytes, &q);
        if (k == -EEXIST) {
                rpc_fault(r, NULL, ERROR_BAD_REQUEST, "This id is in flight already.");
                return;
        }
        if (k < 0) {
                rpc_set_reason(r, k, "out of memory");
                rpc_end(r);
                return;
        }

        if (!conn_is_accepting(r->conn)) {
                if (!streq(q->envelope.header, "PING")) {
                        rpc_request_fail_code(q, ERROR_UNSUPPORTED,
                                              "Requests go to the side that was dialled.");
                        return;
                }
                rpc_request_reply(q, NULL);
                if (r->state == RPC_READY)
                        rpc_arm_certificate(r);
                if (r->handlers.on_ping)
                        r->handlers.on_ping(r, payload, r->userdata);
        } else if (r->state == RPC_HELLO) {
                rpc_answer_hello(r, q);
        } else if (streq(q->envelope.header, "PING")) {
                rpc_request_fail_code(q, ERROR_UNSUPPORTED, "PING comes from the dialled side.");
        } else if (r->handlers.on_request) {
                r->handlers.on_request(r, q, r->userdata);
                if (r->payloads_end)
                        rpc_requests_end_payload(r, e->id);
        } else {
                rpc_request_fail_code(q, ERROR_UNKNOWN_COMMAND, "There is no such command here.");
        }
}

static void rpc_on_response(Rpc *r, const Envelope *e) {
        Failure f;

        if (e->id[0]) {
                rpc_calls_on_response(r, e);
                return;
        }
        /* Of no request: something of ours was no frame for them, and their close follows. */
        if (e->status == STATUS_OK)
                return;
        envelope_read_failure(e, &f);
        rpc_set_reason(r, -EPROTO, "the other side refused what was sent: %.100s", f.message);
}

static void rpc_on_envelope(Rpc *r, Envelope *e, size_t n_bytes) {
        bool is_hello = e->status == STATUS_INVALID && e->id[0] && streq(e->header, "HELLO");

        if (conn_is_accepting(r->conn) && is_hello != (r->state == RPC_HELLO)) {
                if (is_hello)
                        rpc_fault(r, e->id, ERROR_BAD_REQUEST, "HELLO has been said.");
                else if (r->state == RPC_HELLO)
                        rpc_fault(r, e->id[0] ? e->id : NULL, ERROR_BAD_REQUEST,
                                  "The first frame is HELLO.");
                return;
        }
        if (e->status != STATUS_INVALID)
                rpc_on_response(r, e);
        else if (e->id[0])
                rpc_on_request(r, e, n_bytes);
        else if (r->state == RPC_READY && r->handlers.on_push)
                r->handlers.on_push(r, e->header, e->payload, r->userdata);
}

static bool on_line(Conn *conn, const char *line, size_t n, void *userdata) {
        _cleanup_(rpc_unrefp) Rpc *r = rpc_ref(userdata);
        _cleanup_(envelope_done) Envelope e = {};
        int k;

        k = envelope_parse(line, n, &e);
        if (k == -EBADMSG) {
                rpc_fault(r, NULL, ERROR_BAD_FRAME, "This line is no frame.");
        } else if (k == -EPROTO) {
                rpc_fault(r, NULL, ERROR_BAD_REQUEST,
                          "An id is null or has 1 to 64 characters 0x21 to 0x7E.");
        } else if (k < 0) {
                rpc_set_reason(r, k, "out of memory");
                rpc_end(r);
        } else {
                rpc_on_envelope(r, &e, n);
        }
        if (r->state >= RPC_ENDING)
                return true;
        r->is_full = rpc_requests_are_full(r);
        return !r->is_full && !r->is_paused;
}

static void on_too_large(Conn *conn, void *userdata) {
        rpc_fault(userdata, NULL, ERROR_TOO_LARGE, "A frame is larger than is allowed here.");
}

static void on_open(Conn *conn, void *userdata) {
        Rpc *r = userdata;

        r->state = RPC_HELLO;
        conn_set_silence_max(conn, SILENCE_MAX_USEC);
        rpc_arm_certificate(r);
        if (conn_is_accepting(conn))
                clock_timer_arm(r->hello, HELLO_TIMEOUT_USEC);
        else
                rpc_say_hello(r);
}

static void on_closed(Conn *conn, const ConnClosed *why, void *userdata) {
        Rpc *r = userdata;

        rpc_finish(r, why->error == 0 && r->why.message[0] ? &r->why : why);
}

static const ConnHandlers conn_handlers = {
        .on_open = on_open,
        .on_line = on_line,
        .on_too_large = on_too_large,
        .on_closed = on_closed,
};

int rpc_new(const Runtime *rt, Conn *conn, const RpcParameters *p, const RpcHandlers *handlers,
            void *userdata, Rpc **ret) {
        _cleanup_(rpc_freep) Rpc *r = NULL;
        int k;

        r = new0(Rpc, 1);
        if (!r) {
                conn_free(conn);
                return -ENOMEM;
        }
        *r = (Rpc){
                .rt = rt,
                .n_ref = 1,
                .conn = conn,
                .handlers = *handlers,
                .userdata = userdata,
                .in_flight = MAX(p->in_flight, 1U),
                .payloads_end = p->payloads_end,
        };
        if (conn_get_stage(conn) >= CONN_CLOSING)
                return -ENOTCONN;
        if (!p->agent || strlen(p->agent) >= sizeof(r->agent))
                return -EINVAL;
        memcpy(r->agent, p->agent, strlen(p->agent) + 1);
        k = clock_timer_new(rt->clock, on_hello_deadline, r, &r->hello);
        if (k < 0)
                return k;
        k = clock_timer_new(rt->clock, on_ping_timer, r, &r->ping);
        if (k < 0)
                return k;
        k = clock_timer_new(rt->clock, on_certificate_timer, r, &r->certificate);
        if (k < 0)
                return k;

        if (p->frame_max > 0)
                conn_set_frame_max(conn, p->frame_max);
        conn_set_handlers(conn, &conn_handlers, r);
        if (conn_get_stage(conn) == CONN_OPEN)
                on_open(conn, r);

        *ret = TAKE_PTR(r);
        return 0;
}

Rpc *rpc_free(Rpc *r) {
        if (!r || r->is_freed)
                return NULL;
        r->is_freed = true;
        r->handlers = (RpcHandlers){};
        r->state = RPC_CLOSED;
        conn_cut(r->conn);
        rpc_stop(r);
        rpc_requests_detach(r);
        rpc_calls_end(r, -ECANCELED, "the connection was closed on this side");
        return rpc_unref(r);
}

Conn *rpc_get_conn(Rpc *r) {
        return r->conn;
}

void rpc_set_frame_max(Rpc *r, size_t bytes) {
        conn_set_frame_max(r->conn, bytes);
}

void rpc_set_paused(Rpc *r, bool paused) {
        r->is_paused = paused;
        if (!paused && !r->is_full)
                conn_resume(r->conn);
}

int rpc_push(Rpc *r, const char *command, const Writer *payload) {
        _cleanup_(writer_done) Writer w = {};

        if (r->state != RPC_READY)
                return -ENOTCONN;
        if (payload && payload->error < 0)
                return payload->error;
        envelope_begin(&w, command, NULL);
        if (payload)
                writer_raw(&w, NULL, payload->data, payload->size);
        else
                writer_raw(&w, NULL, "{}", 2);
        envelope_end(&w);
        if (w.error < 0)
                return w.error;
        return w.size > FRAME_BYTES_MAX ? -EMSGSIZE : conn_send(r->conn, w.data, w.size);
}

void rpc_go_away(Rpc *r, const char *reason, uint64_t resume_in_usec) {
        _cleanup_(writer_done) Writer w = {};

        if (r->state >= RPC_ENDING)
                return;
        writer_begin_object(&w, NULL);
        writer_string(&w, "reason", reason);
        writer_uint(&w, "resume_in_ms", resume_in_usec / USEC_PER_MSEC);
        writer_end_object(&w);
        (void) rpc_push(r, "GOING_AWAY", &w);
        rpc_end(r);
}
