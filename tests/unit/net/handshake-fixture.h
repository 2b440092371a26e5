/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows two conns that meet, two authorities they may be of, and how a handshake went; leaves who
 * accepts whom to test-handshake-*.c. */
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

typedef struct Side {
        Conn *conn;
        unsigned n_opened, n_closed, n_lines;
        ConnClosed why;
} Side;

typedef struct Fixture {
        TestLoop *loop;
        TestAuthority *ours, *other;
        Side dialling, accepting;
} Fixture;

int setup(void **state);
int teardown(void **state);

/* Each side has a line to say, which must never get out when the handshake fails. */
void side_start(Fixture *f, Side *s, int fd, bool accepting, TlsConfig *tls);
void side_stop(Side *s);

/* Lets both shake hands and whatever follows happen. */
void meet(Fixture *f, TlsConfig *dialling, TlsConfig *accepting);
void part(Fixture *f);

void assert_met(Fixture *f);
/* The dialler refused: the other side never comes to read a byte. */
void assert_dialler_refused(Fixture *f, int error, int told);
/* The accepting side refused: TLS 1.3 lets the dialler learn it afterwards. */
void assert_dialler_was_refused(Fixture *f, int error, int told);

/* Who dials a tracker without a certificate of its own. */
TlsConfig *nobody(Fixture *f, const char *pin);
