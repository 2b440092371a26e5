/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the two processes whose CPU bench-fan-out.c compares; leaves who reads what they write to
 * it. */
#pragma once

#include "bench/bench.h"
#include "support/authority.h"

#define FAN_OUT_CHANNEL "lobby"
#define MESSAGE_BYTES 100

/* bench_child_fn's. Each first sends the Address it listens on, then does what bench_serve() does.
 *
 * The host: a channel of alice's as the daemon hosts it, with its store on disk and its threads. */
typedef struct FanOutHost {
        const TestAuthority *authority; /* weak */
        const char *directory;          /* weak */
        bool without_fsync;             /* of its store */
} FanOutHost;
void fan_out_host(int fd, void *host);
/* The payload of a MESSAGE with so many new messages. */
void fan_out_write_request(const Runtime *rt, Writer *w, unsigned n);

/* The floor: bytes that are cut into n_turns equal pieces and written to each of n_recipients, one
 * SSL_write each (OpenSSL seals at most 16 KiB in one; a larger piece takes more). A packet
 * FLOOR_TURN asks for a turn and is answered when it is written. */
#define FLOOR_TURN 't'
typedef struct FanOutFloor {
        const TestAuthority *authority; /* weak */
        const char *bytes;              /* weak */
        size_t n_bytes, n_turns, n_recipients;
} FanOutFloor;
void fan_out_floor(int fd, void *floor);
