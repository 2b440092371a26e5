/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who has dialled us: inbound connections, who they are by certificate, and which hosted
 * channel a request is for. Leaves the channels to channel-host.h. */
#pragma once

#include "daemon/host/channel-host.h"
#include "daemon/network-watch.h"
#include "net/listener.h"

typedef struct PeerServer PeerServer;

typedef struct PeerServerHandlers {
        void (*on_peers_changed)(PeerServer *s, void *userdata); /* their number, or Reachable */
} PeerServerHandlers;

/* Not listening yet. agent as in rpc.h. */
int peer_server_new(const Runtime *rt /* weak */, const PeerServerHandlers *handlers,
                    void *userdata /* weak */, PeerServer **ret);
PeerServer *peer_server_free(PeerServer *s);
DEFINE_CLEANUP(PeerServer *, peer_server_free);

#define PEER_LISTENERS_MAX 16
/* Takes fd; once an address. -E2BIG beyond PEER_LISTENERS_MAX. Connections that are not from who
 * the certificate rules admit end in the handshake. */
int peer_server_listen(PeerServer *s, int fd);
/* Nobody comes in by the i-th listener any more, and those behind it move up; who came in by it
 * stays. */
void peer_server_close(PeerServer *s, size_t i);
/* Of the listener that came last; -ENOTCONN: not listening. */
int peer_server_get_address(const PeerServer *s, Address *ret);
/* Of the i-th listener; borrowed. */
int peer_server_get_fd(const PeerServer *s, size_t i);
/* Ours for handshakes from now on; NULL: nobody is signed in, connections are refused and live ones
 * cut. */
void peer_server_set_tls(PeerServer *s, TlsConfig *tls);

/* Nobody is signed in any more: connections are refused, and live ones end when what is queued is
 * out, which who does not read holds up for five seconds. */
void peer_server_sign_out(PeerServer *s);

/* What came in by an address that is gone ends at once; the rest is left in peace: a member that is
 * cut off comes again by itself. */
void peer_server_network_changed(PeerServer *s, const NetworkChange *x);

/* Weak; by channel_host_get_name(). */
int peer_server_add_host(PeerServer *s, ChannelHost *h);
void peer_server_remove_host(PeerServer *s, ChannelHost *h);

/* Nobody new comes in: who dials waits. */
void peer_server_hold(PeerServer *s, bool hold);
/* A planned stop: GOING_AWAY, with a spread that fits how many there are and ends before the roster
 * lets go of them, and a close that who does not read holds up for five seconds. */
void peer_server_go_away(PeerServer *s, const char *reason);
/* The key counts no more: CLOSED revoked for its channels, then a close. */
void peer_server_cut_key(PeerServer *s, const char *key_id);
size_t peer_server_get_n_peers(const PeerServer *s);
bool peer_server_was_reached(const PeerServer *s); /* somebody came in from another machine */
void peer_server_forget_reached(PeerServer *s);    /* this one is elsewhere now */

typedef struct PeerInfo {
        uint64_t number; /* of the connection, from 1 on and never given again */
        const char *username;
        UserType user_type;
        const Address *address;
        uint64_t since; /* µs since the epoch */
        size_t queued_bytes;
} PeerInfo;
typedef int (*peer_server_each_fn)(const PeerInfo *info, void *userdata);
/* Those connected to this channel, in the order in which they came, from after this number on. */
int peer_server_each(const PeerServer *s, const ChannelHost *h, uint64_t after,
                     peer_server_each_fn fn, void *userdata);
