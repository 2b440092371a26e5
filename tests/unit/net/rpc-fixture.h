/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows two sides of an rpc, or one and a raw end, over real TLS in virtual time, and what each was
 * told; leaves what they promise to test-rpc-*.c. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/rpc.h"
#include "support/authority.h"
#include "support/loop.h"
#include "unit/net/raw.h"

#define N_CALLS 1000

/* Answers ECHO with what it got, FORGETs, DIEs; parks every other request. */
typedef struct Side {
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
        Side dialling, accepting;
        Conn *plain; /* instead of the accepting side: a conn without rpc */
        Raw raw;     /* instead of the dialling side: says what rpc never would */
        bool payloads_end;
} Fixture;

int setup(void **state);
int teardown(void **state);

TlsConfig *user_tls(Fixture *f, const char *name);
void start_side(Fixture *f, Side *s, int fd, bool accepting, TlsConfig *tls, unsigned in_flight);
void start_pair(Fixture *f, unsigned in_flight);
void start_ready_pair(Fixture *f, unsigned in_flight);

/* The accepting side is ours, the dialling one says what it is told. */
void start_raw(Fixture *f, unsigned in_flight);

#define HELLO "HELLO-{\"id\":\"h\",\"payload\":{\"agent\":\"raw\",\"features\":[]}}\n"

void say(Fixture *f, const char *bytes, size_t n);
void say_line(Fixture *f, const char *line);
/* The next line, without its LF, valid until the next call. */
const char *hear(Fixture *f);

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

void call(Rpc *r, const char *command, Caller *c);
bool caller_has_reply(void *userdata);
