/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the three files of rpc share; for these only. */
#pragma once

/* Without memory for the table an add leaves hh.tbl NULL instead of ending the program. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "net/rpc.h"

typedef enum RpcState {
        RPC_OPENING, /* the conn is not open yet */
        RPC_HELLO,   /* HELLO is awaited, or its answer */
        RPC_READY,
        RPC_ENDING, /* what was sent goes out; nothing new */
        RPC_CLOSED,
        RPC_STATE_MAX,
        RPC_STATE_INVALID = -EINVAL,
} RpcState;

struct Rpc {
        const Runtime *rt; /* weak */
        unsigned n_ref;
        bool is_freed; /* by the owner; callbacks that still run may try again */
        Conn *conn;
        RpcState state;
        RpcHandlers handlers;
        void *userdata; /* weak */
        char agent[AGENT_BYTES_MAX + 1];
        unsigned in_flight;
        bool payloads_end;
        bool is_full;         /* reading stopped: too many requests, or too large ones */
        bool is_paused;       /* reading stopped by the owner */
        ConnClosed why;       /* message "": the conn says why */
        RpcCall *calls;       /* by id */
        RpcCall *waiting;     /* those of them that have not gone out; RpcCall.prev/next */
        ConnSource *outgoing; /* of the dialling side, once HELLO is exchanged */
        RpcRequest *requests; /* by id */
        size_t requests_bytes;
        uint64_t last_call_id;
        uint64_t their_in_flight; /* of HELLO's answer */
        uint64_t n_unanswered;    /* of ours that went out, whether somebody still waits or not */
        ClockTimer *hello, *ping, *certificate;
};

struct RpcCall {
        Rpc *rpc; /* weak: calls end before it does */
        uint64_t id;
        rpc_reply_fn reply;
        void *userdata; /* weak */
        Writer frame;   /* until it has gone out */
        RpcCall *prev, *next;
        ClockTimer *deadline;
        bool is_replying;
        UT_hash_handle hh;
};

struct RpcRequest {
        Rpc *rpc; /* weak; NULL: the connection is gone */
        Envelope envelope;
        size_t n_bytes; /* of its line */
        UT_hash_handle hh;
};

Rpc *rpc_ref(Rpc *r);
Rpc *rpc_unref(Rpc *r);
DEFINE_CLEANUP(Rpc *, rpc_unref);

/* rpc-call.c. with_hello: goes out at once, even before HELLO is done. */
int rpc_call_start(Rpc *r, bool with_hello, const char *command, const Writer *payload,
                   uint64_t timeout_usec, rpc_reply_fn reply, void *userdata, RpcCall **ret);
/* HELLO is exchanged: what waits goes out. */
int rpc_calls_begin(Rpc *r);
void rpc_calls_on_response(Rpc *r, const Envelope *e);
void rpc_calls_end(Rpc *r, int error, const char *message);

/* rpc-request.c. Moves e, a line of n_bytes, into a new request. -EEXIST: its id is in flight
 * already. */
int rpc_request_new(Rpc *r, Envelope *e, size_t n_bytes, RpcRequest **ret);
bool rpc_requests_are_full(const Rpc *r);
/* The request of that id, if it is still there, needs its payload no more. */
void rpc_requests_end_payload(Rpc *r, const char *id);
void rpc_requests_detach(Rpc *r);
