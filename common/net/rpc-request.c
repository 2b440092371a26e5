/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the requests of theirs that we have not answered yet, and that each is answered once;
 * leaves the connection to rpc.c. */
#include <stdarg.h>

#include "net/rpc-internal.h"

bool rpc_requests_are_full(const Rpc *r) {
        return HASH_COUNT(r->requests) >= r->in_flight || r->requests_bytes >= IN_FLIGHT_BYTES_MAX;
}

static void request_unlink(RpcRequest *q) {
        Rpc *r = q->rpc;

        if (!r)
                return;
        HASH_DEL(r->requests, q);
        r->requests_bytes -= q->n_bytes;
        q->rpc = NULL;
        if (r->is_full && !rpc_requests_are_full(r)) {
                r->is_full = false;
                if (!r->is_paused)
                        conn_resume(r->conn);
        }
}

bool rpc_is_idle(const Rpc *r) {
        return !r->requests;
}

void rpc_request_expect_large(RpcRequest *q) {
        q->n_bytes += FRAME_BYTES_MAX;
        if (q->rpc)
                q->rpc->requests_bytes += FRAME_BYTES_MAX;
}

static RpcRequest *request_destroy(RpcRequest *q) {
        Rpc *r = q->rpc;

        request_unlink(q);
        envelope_done(&q->envelope);
        free(q);
        if (r && !r->requests && r->handlers.on_idle)
                r->handlers.on_idle(r, r->userdata);
        return NULL;
}

int rpc_request_new(Rpc *r, Envelope *e, size_t n_bytes, RpcRequest **ret) {
        RpcRequest *q;
        size_t n = strlen(e->id);

        HASH_FIND(hh, r->requests, e->id, n, q);
        if (q)
                return -EEXIST;
        q = new0(RpcRequest, 1);
        if (!q)
                return -ENOMEM;
        q->envelope = *e;
        HASH_ADD_KEYPTR(hh, r->requests, q->envelope.id, n, q);
        if (!q->hh.tbl) {
                free(q);
                return -ENOMEM;
        }
        q->rpc = r;
        q->n_bytes = n_bytes;
        r->requests_bytes += n_bytes;
        e->body = NULL;
        e->payload = NULL;
        *ret = q;
        return 0;
}

void rpc_requests_end_payload(Rpc *r, const char *id) {
        RpcRequest *q;

        HASH_FIND(hh, r->requests, id, strlen(id), q);
        if (q)
                envelope_done(&q->envelope);
}

void rpc_requests_detach(Rpc *r) {
        RpcRequest *q, *next;

        r->is_full = false;
        HASH_ITER(hh, r->requests, q, next)
                request_unlink(q);
}

const char *rpc_request_get_command(const RpcRequest *q) {
        return q->envelope.header;
}

const Value *rpc_request_get_payload(const RpcRequest *q) {
        return q->envelope.payload;
}

Rpc *rpc_request_get_rpc(const RpcRequest *q) {
        return q->rpc;
}

void rpc_request_fail(RpcRequest *q, const Failure *f) {
        _cleanup_(writer_done) Writer w = {};

        if (q->rpc) {
                envelope_write_failure(&w, q->envelope.id, f);
                if (w.error < 0 || conn_send(q->rpc->conn, w.data, w.size) < 0)
                        conn_close(q->rpc->conn); /* an answer is owed and cannot be given */
        }
        request_destroy(q);
}

void rpc_request_fail_code(RpcRequest *q, ErrorCode code, const char *format, ...) {
        char message[FAILURE_MESSAGE_SIZE];
        Failure f;
        va_list ap;

        va_start(ap, format);
        vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        (void) failure_set(&f, code, "%s", message);
        rpc_request_fail(q, &f);
}

/* Negative: q has failed. */
static int write_reply(RpcRequest *q, const Writer *payload, Writer *w) {
        envelope_begin(w, wire_status_to_string(STATUS_OK), q->envelope.id);
        if (payload)
                writer_raw(w, NULL, payload->data, payload->size);
        else
                writer_raw(w, NULL, "{}", 2);
        envelope_end(w);
        if ((payload && payload->error < 0) || w->error < 0) {
                rpc_request_fail_code(q, ERROR_INTERNAL, "The answer could not be written.");
                return -ENOMEM;
        }
        if (w->size > FRAME_BYTES_MAX) {
                rpc_request_fail_code(q, ERROR_INTERNAL, "The answer is too large for one frame.");
                return -EMSGSIZE;
        }
        return 0;
}

int rpc_request_pull_reply(RpcRequest *q, const Writer *payload, Writer *out) {
        assert(out->size == 0);
        if (q->rpc && write_reply(q, payload, out) < 0) {
                writer_truncate(out, 0, false);
                return 0;
        }
        request_destroy(q);
        return out->size > 0;
}

void rpc_request_reply(RpcRequest *q, const Writer *payload) {
        _cleanup_(writer_done) Writer w = {};

        if (!q->rpc) {
                request_destroy(q);
                return;
        }
        if (write_reply(q, payload, &w) < 0)
                return;
        if (conn_send(q->rpc->conn, w.data, w.size) < 0)
                conn_close(q->rpc->conn);
        request_destroy(q);
}

RpcRequest *rpc_request_free(RpcRequest *q) {
        if (!q)
                return NULL;
        if (q->rpc)
                rpc_request_fail_code(q, ERROR_INTERNAL, "Nobody here answered the request.");
        else
                request_destroy(q);
        return NULL;
}

int rpc_request_read(RpcRequest *q, const Field *table, void *target) {
        const char *bad;
        Failure f;

        if (fields_read(q->envelope.payload, table, target, &bad) >= 0)
                return 0;
        (void) failure_set(&f, ERROR_BAD_REQUEST, "\"%s\" is missing or not as the protocol says.",
                           bad);
        snprintf(f.field, sizeof(f.field), "%s", bad);
        rpc_request_fail(q, &f);
        return -EINVAL;
}
