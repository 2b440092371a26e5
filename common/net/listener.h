/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how connections come in, and how many one source may have; leaves them to who accepts. */
#pragma once

#include "base/names.h"
#include "base/runtime.h"
#include "net/conn.h"

typedef struct Listener Listener;

/* Every accepted connection is admitted here first: over all, per source prefix (/32, /64),
 * unfinished handshakes. Over a cap the fd is closed at once, counted and told. */
typedef struct ListenerHandlers {
        void (*on_conn)(Listener *l, int fd /* yours */, const Address *peer, void *userdata);
        void (*on_refused)(Listener *l, const Address *peer, const char *which_cap,
                           uint64_t n_refused, void *userdata);
} ListenerHandlers;

/* Binds (SO_REUSEADDR; [::] dual-stack) and listens. -EADDRINUSE, -EADDRNOTAVAIL … */
int listener_bind(const Address *address, int *ret_fd);
/* Where it listens; -EINVAL: fd is no listening stream socket of AF_INET/AF_INET6, or none at all.
 */
int listener_check(int fd, Address *ret);
/* Takes fd: a bound, listening stream socket of AF_INET/AF_INET6 (else -EINVAL, also what systemd
 * passed). */
int listener_new(const Runtime *rt, int fd, const ListenerHandlers *handlers, void *userdata,
                 Listener **ret);
Listener *listener_free(Listener *l);
DEFINE_CLEANUP(Listener *, listener_free);
int listener_get_address(const Listener *l, Address *ret);
int listener_get_fd(const Listener *l);
/* Has anybody dialled who was not taken in yet? */
bool listener_is_dialled(const Listener *l);
/* Takes nobody in; who dials waits in the kernel's queue, for later or for who has the socket then.
 */
void listener_hold(Listener *l, bool hold);
/* The owner tells of each accepted connection's fate, for the caps. */
void listener_conn_handshaked(Listener *l, const Address *peer);
void listener_conn_closed(Listener *l, const Address *peer, bool was_handshaked);
