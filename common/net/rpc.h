/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows requests, responses and pushes over a conn, and what every connection says by protocol §3
 * (HELLO, PING, GOING_AWAY); leaves the commands of §4 and §5 to who registers handlers. */
#pragma once

#include "net/conn.h"
#include "wire/envelope.h"

typedef struct Rpc Rpc;
typedef struct RpcCall RpcCall;       /* one request of ours that is not answered yet */
typedef struct RpcRequest RpcRequest; /* one request of theirs that we have not answered yet */

typedef struct RpcHandlers {
        /* HELLO is exchanged. offset_usec (dialling side): their clock minus ours. */
        void (*on_ready)(Rpc *r, int64_t offset_usec, void *userdata);
        /* Accepting side only; the callee owns the request and answers it now or later. */
        void (*on_request)(Rpc *r, RpcRequest *request, void *userdata);
        void (*on_push)(Rpc *r, const char *command, const Value *payload, void *userdata);
        /* Accepting side, may be NULL: members for a PING's payload. */
        void (*fill_ping)(Rpc *r, Writer *w, void *userdata);
        /* Dialling side, may be NULL. */
        void (*on_ping)(Rpc *r, const Value *payload, void *userdata);
        /* Once; not after rpc_free(). Every call has been completed by then. */
        void (*on_closed)(Rpc *r, const ConnClosed *why, void *userdata);
        /* The last of their requests is answered. From inside the answer: nothing may be freed. */
        void (*on_idle)(Rpc *r, void *userdata);
} RpcHandlers;

typedef struct RpcParameters {
        const char *agent;  /* "p2pchatd/0.1.0" */
        unsigned in_flight; /* of theirs; IN_FLIGHT_… */
        size_t frame_max;   /* of theirs to begin with; raised by rpc_set_frame_max() */
        /* A request's payload ends with on_request(): what waits for disk or workers afterwards is
         * small, whatever was sent. */
        bool payloads_end;
} RpcParameters;

/* Takes conn (also on failure), in whatever stage; the direction is the conn's. The dialling side
 * says HELLO by itself once it is open. */
int rpc_new(const Runtime *rt, Conn *conn, const RpcParameters *p, const RpcHandlers *handlers,
            void *userdata /* weak */, Rpc **ret);
/* Cuts. Calls complete with -ECANCELED before it returns; requests of theirs become answerless
 * handles that their owners still free. Safe inside every callback, those that it runs itself
 * included. */
Rpc *rpc_free(Rpc *r);
DEFINE_CLEANUP(Rpc *, rpc_free);
Conn *rpc_get_conn(Rpc *r);
void rpc_set_frame_max(Rpc *r, size_t bytes);
/* Back-pressure: from the next frame on nothing is read from the other side until it is taken back.
 * Safe inside handlers. */
void rpc_set_paused(Rpc *r, bool paused);

/* r = 0: answered, failure NULL = OK with payload (borrowed). r < 0: not answered: -ETIMEDOUT (its
 * fate is unknown), -ECONNRESET (likewise), -ENOTCONN (the connection ended before it went out),
 * -ECANCELED (by rpc_free(); its fate is unknown); failure then says it in words too. */
typedef void (*rpc_reply_fn)(int r, const Value *payload, const Failure *failure, void *userdata);

/* payload: the text of one JSON object, "{}" when NULL; copied. timeout 0 = REQUEST_TIMEOUT_USEC. A
 * call made before HELLO is done waits for it. *ret_call may be NULL; otherwise freeing it means
 * that reply never runs, nor is asked what has not gone out yet; after reply has run the handle is
 * gone by itself. Any number may be made at once: they go out in their order, as there is room and
 * never more than the other side takes unanswered (limits.in_flight of its HELLO). */
int rpc_call(Rpc *r, const char *command, const Writer *payload, uint64_t timeout_usec,
             rpc_reply_fn reply, void *userdata /* weak */, RpcCall **ret_call);
RpcCall *rpc_call_free(RpcCall *c);
DEFINE_CLEANUP(RpcCall *, rpc_call_free);
size_t rpc_get_n_calls(const Rpc *r);

int rpc_push(Rpc *r, const char *command, const Writer *payload);
/* Nothing of theirs waits for an answer. */
bool rpc_is_idle(const Rpc *r);
/* GOING_AWAY, then a close after what is queued is out. */
void rpc_go_away(Rpc *r, const char *reason, uint64_t resume_in_usec);

const char *rpc_request_get_command(const RpcRequest *q);
/* Lives as long as the request, or until on_request() returns (RpcParameters.payloads_end). */
const Value *rpc_request_get_payload(const RpcRequest *q);
Rpc *rpc_request_get_rpc(const RpcRequest *q); /* NULL: the connection is gone */
/* Its answer comes later and may be large: until then it counts as FRAME_BYTES_MAX more of what is
 * in flight, so that few such answers at a time wait for who does not take them. */
void rpc_request_expect_large(RpcRequest *q);
/* Both consume q, and do nothing but free it when the connection is gone. payload NULL = {}. A
 * response over FRAME_BYTES_MAX becomes `internal`. */
void rpc_request_reply(RpcRequest *q, const Writer *payload);
void rpc_request_fail(RpcRequest *q, const Failure *f);
/* The same from a source of the connection (conn_pull_fn): the frame goes to out. 1; or 0 where it
 * has become a failure, which goes out by itself. */
int rpc_request_pull_reply(RpcRequest *q, const Writer *payload, Writer *out);
void rpc_request_fail_code(RpcRequest *q, ErrorCode code, const char *format, ...) _printf_(3, 4);
/* Unanswered: `internal` goes out. */
RpcRequest *rpc_request_free(RpcRequest *q);
DEFINE_CLEANUP(RpcRequest *, rpc_request_free);
/* fields_read(payload) with `bad-request` naming the member as the answer when it fails (q
 * consumed, -EINVAL). */
int rpc_request_read(RpcRequest *q, const Field *table, void *target);
