/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one conn and the raw end it talks to, over real TLS in virtual time, and what the conn told
 * its owner; leaves what it promises to test-conn-*.c. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/conn.h"
#include "support/authority.h"
#include "support/loop.h"
#include "unit/net/raw.h"
#include "wire/limits.h"

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *authority;
        Conn *conn; /* NULL once it is closed */
        Raw raw;
        int relay_raw, relay_conn; /* when the test stands between the two */
        bool relayed;

        unsigned n_opened, n_lines, n_too_large, n_closed;
        char lines[64][64];
        ConnClosed why;
        bool accepts_one; /* on_line asks for no more */
        bool frees;       /* in the next callback */
        size_t reply_bytes;
        size_t n_queued_max;
} Fixture;

int setup(void **state);
int teardown(void **state);

/* Returns once both have shaken hands. */
void start(Fixture *f);
void stop(Fixture *f);

/* Runs the loop and the other end together for so long. */
void run(Fixture *f, uint64_t usec);

/* Passes on at most max bytes of what lies there. */
void relay(int from, int to, size_t max);
