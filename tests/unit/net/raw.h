/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the other end of a conn, made by hand: a pair of sockets, and TLS that says what it is told
 * and may stand still; leaves what is said to the tests. */
#pragma once

#include "net/tls.h"

/* What a conn over a socket pair is told its peer's address is. */
extern const Address nowhere;

void make_pair(int fds[static 2]);

typedef struct Raw {
        Tls *tls;        /* the dialling side */
        int fd;          /* -EBADF while there is none */
        bool is_stopped; /* does not read */
        bool is_ended;
        char *in; /* what has come and was not taken */
        size_t n_in, size;
} Raw;

/* Takes fd. Reads as long as there is room in in_max bytes. */
void raw_start(Raw *r, int fd, TlsConfig *tls, size_t in_max);
void raw_stop(Raw *r);

/* Says as much as goes at once; returns how much that was. */
size_t raw_say(Raw *r, const char *bytes, size_t n);

/* Conditions for test_loop_until(); userdata is the Raw. The second reads what there is. */
bool raw_is_open(void *userdata);
bool raw_is_ended(void *userdata);
