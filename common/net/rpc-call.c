/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the requests of ours that are not answered yet; leaves the connection to rpc.c. */
#include <inttypes.h>
#include <utlist.h>

#include "net/rpc-internal.h"

static void call_destroy(RpcCall *c) {
        clock_timer_free(c->deadline);
        writer_done(&c->frame);
        free(c);
}

static void call_unlink(RpcCall *c) {
        if (c->hh.tbl)
                HASH_DEL(c->rpc->calls, c);
        if (c->prev)
                DL_DELETE(c->rpc->waiting, c);
        c->prev = NULL;
}

RpcCall *rpc_call_free(RpcCall *c) {
        /* Inside its own reply it is on its way out already. */
        if (!c || c->is_replying)
                return NULL;
        call_unlink(c);
        call_destroy(c);
        return NULL;
}

static void call_complete(RpcCall *c, int error, const Value *payload, const Failure *failure) {
        _cleanup_(rpc_unrefp) _unused_ Rpc *r = rpc_ref(c->rpc);

        call_unlink(c);
        c->is_replying = true;
        if (c->reply)
                c->reply(error, payload, failure, c->userdata);
        call_destroy(c);
}

static void on_call_deadline(void *userdata) {
        Failure f;

        (void) failure_set(&f, ERROR_TIMEOUT,
                           "No answer came in time; whether it was done is not known.");
        call_complete(userdata, -ETIMEDOUT, NULL, &f);
}

static int call_write(RpcCall *c, const char *command, const Writer *payload) {
        char id[24];

        if (payload && payload->error < 0)
                return payload->error;
        snprintf(id, sizeof(id), "%" PRIu64, c->id);
        envelope_begin(&c->frame, command, id);
        if (payload)
                writer_raw(&c->frame, NULL, payload->data, payload->size);
        else
                writer_raw(&c->frame, NULL, "{}", 2);
        envelope_end(&c->frame);
        if (c->frame.error < 0)
                return c->frame.error;
        return c->frame.size > FRAME_BYTES_MAX ? -EMSGSIZE : 0;
}

int rpc_call_start(Rpc *r, bool with_hello, const char *command, const Writer *payload,
                   uint64_t timeout_usec, rpc_reply_fn reply, void *userdata, RpcCall **ret) {
        _cleanup_(rpc_call_freep) RpcCall *c = NULL;
        int k;

        if (r->state >= RPC_ENDING)
                return -ENOTCONN;
        c = new0(RpcCall, 1);
        if (!c)
                return -ENOMEM;
        *c = (RpcCall){
                .rpc = r,
                .id = ++r->last_call_id,
                .reply = reply,
                .userdata = userdata,
        };
        k = call_write(c, command, payload);
        if (k < 0)
                return k;
        k = clock_timer_new(r->rt->clock, on_call_deadline, c, &c->deadline);
        if (k < 0)
                return k;
        HASH_ADD(hh, r->calls, id, sizeof(c->id), c);
        if (!c->hh.tbl)
                return -ENOMEM;

        if (with_hello || conn_is_accepting(r->conn)) {
                k = conn_send(r->conn, c->frame.data, c->frame.size);
                if (k < 0)
                        return k;
                writer_done(&c->frame);
        } else {
                DL_APPEND(r->waiting, c);
                if (r->outgoing)
                        conn_source_wake(r->outgoing);
        }
        clock_timer_arm(c->deadline, timeout_usec > 0 ? timeout_usec : REQUEST_TIMEOUT_USEC);

        if (ret)
                *ret = c;
        TAKE_PTR(c);
        return 0;
}

int rpc_call(Rpc *r, const char *command, const Writer *payload, uint64_t timeout_usec,
             rpc_reply_fn reply, void *userdata, RpcCall **ret_call) {
        return rpc_call_start(r, false, command, payload, timeout_usec, reply, userdata, ret_call);
}

size_t rpc_get_n_calls(const Rpc *r) {
        return HASH_COUNT(r->calls);
}

/* However much is asked for, little of it waits in the connection: there it would keep answers from
 * being read, whose sender, in turn, reads no more requests until they are. */
static int on_pull(Conn *conn, Writer *out, void *userdata) {
        Rpc *r = userdata;
        RpcCall *c = r->waiting;

        if (!c || r->n_unanswered >= r->their_in_flight)
                return 0;
        r->n_unanswered++;
        DL_DELETE(r->waiting, c);
        c->prev = NULL;
        writer_bytes(out, c->frame.data, c->frame.size);
        writer_done(&c->frame);
        return 1;
}

int rpc_calls_begin(Rpc *r) {
        return conn_source_new(r->conn, on_pull, r, &r->outgoing);
}

/* Only what we write ourselves: decimal, no zero in front. */
static uint64_t id_parse(const char *id) {
        uint64_t u = 0;

        if (id[0] < '1' || strlen(id) > 19)
                return 0;
        for (; *id; id++) {
                if (*id < '0' || *id > '9')
                        return 0;
                u = u * 10 + (uint64_t) (*id - '0');
        }
        return u;
}

/* One less on the wire, whether somebody still waits for it or not; at the accepting side only
 * PING, which nothing waits behind. */
static void count_answer(Rpc *r) {
        if (r->n_unanswered > 0 && r->n_unanswered-- == r->their_in_flight)
                conn_source_wake(r->outgoing);
}

void rpc_calls_on_response(Rpc *r, const Envelope *e) {
        uint64_t id = id_parse(e->id);
        RpcCall *c;
        Failure f;

        HASH_FIND(hh, r->calls, &id, sizeof(id), c);
        if (id < 1 || id > r->last_call_id || (c && c->prev))
                return; /* never asked */
        count_answer(r);
        if (!c)
                return; /* late */
        if (e->status == STATUS_OK) {
                call_complete(c, 0, e->payload, NULL);
                return;
        }
        envelope_read_failure(e, &f);
        call_complete(c, 0, NULL, &f);
}

void rpc_calls_end(Rpc *r, int error, const char *message) {
        Failure f;

        (void) failure_set(&f, ERROR_CANCELLED, "%s", message);
        while (r->calls)
                call_complete(r->calls, error == -ECONNRESET && r->calls->prev ? -ENOTCONN : error,
                              NULL, &f);
}
