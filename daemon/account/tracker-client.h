/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how to be, and stay, connected to one tracker; leaves what is said there to account.h. */
#pragma once

#include "base/runtime.h"
#include "daemon/network-watch.h"
#include "net/dialer.h"
#include "net/rpc.h"
#include "version.h"

#define CLIENT_AGENT "p2pchatd/" P2PCHAT_VERSION

/* Dials for ever with full jitter, and at once when somebody asks for something. */
typedef struct TrackerClient TrackerClient;
typedef struct TrackerCall TrackerCall; /* one request whose answer somebody waits for */

typedef struct TrackerClientHandlers {
        /* HELLO is exchanged. Ordinary calls stay parked until tracker_client_release(). */
        void (*on_ready)(TrackerClient *t, int64_t offset_usec, void *userdata);
        void (*on_push)(TrackerClient *t, const char *command, const Value *payload,
                        void *userdata);
        /* What it showed in the handshake, before HELLO; borrowed. */
        void (*on_authorities)(TrackerClient *t, const Chain *chain, void *userdata);
        /* Another process has our key. The connection ends, and nothing is dialled until
         * tracker_client_set_tls(): two would take it from each other for ever. */
        void (*on_replaced)(TrackerClient *t, void *userdata);
        /* An attempt failed or the connection ended; parked calls have been told. was_ready: HELLO
         * had been exchanged. Dialling goes on by itself. */
        void (*on_down)(TrackerClient *t, const ConnClosed *why, bool was_ready, void *userdata);
} TrackerClientHandlers;

/* host without brackets. Does nothing until it has a TLS configuration. */
int tracker_client_new(const Runtime *rt /* weak */, const char *host, uint16_t port,
                       const TrackerClientHandlers *handlers, void *userdata /* weak */,
                       TrackerClient **ret);
/* Calls that are under way complete with `cancelled`. */
TrackerClient *tracker_client_free(TrackerClient *t);
DEFINE_CLEANUP(TrackerClient *, tracker_client_free);

/* Who we are from now on: what is connected is cut, and dialled again at once. */
void tracker_client_set_tls(TrackerClient *t, TlsConfig *tls);
/* For later connections only; the present one goes on as who it was. */
void tracker_client_set_next_tls(TrackerClient *t, TlsConfig *tls);
/* What is connected is cut, and nothing is dialled any more, as after on_replaced. */
void tracker_client_halt(TrackerClient *t);
void tracker_client_release(TrackerClient *t);

#define REPLACED_MESSAGE                                                                           \
        "The same identity is in use by another computer, which came later: leave it to that "     \
        "one, or sign in anew here."

/* Why an attempt ended, as who waited for it is told. */
void tracker_client_describe(const ConnClosed *why, Failure *ret);

/* Connected: as network_change_apply(). Waiting to dial: soon. */
void tracker_client_network_changed(TrackerClient *t, const NetworkChange *x);

bool tracker_client_is_online(const TrackerClient *t); /* released */
bool tracker_client_is_ready(const TrackerClient *t);  /* HELLO is exchanged */
bool tracker_client_is_dialling(const TrackerClient *t);

/* failure NULL: OK with payload, borrowed. Not answered: `timeout` (it was sent, its fate is
 * unknown); or it was never sent: `tracker-unreachable`, `untrusted-tracker`, `pin-mismatch`. */
typedef void (*tracker_reply_fn)(const Value *payload, const Failure *failure, void *userdata);

/* payload as in rpc_call(). Parked while we are not online: sent once we are, failed when the
 * attempt fails; begins one when none is under way. timeout 0 = the usual. ret_call may be NULL;
 * freeing it means that reply never runs; after reply the handle is gone by itself. */
int tracker_client_call(TrackerClient *t, const char *command, const Writer *payload,
                        uint64_t timeout_usec, tracker_reply_fn reply, void *userdata /* weak */,
                        TrackerCall **ret_call);
/* Ahead of tracker_client_release(): what must be said before anything else may be. -ENOTCONN. */
int tracker_client_call_first(TrackerClient *t, const char *command, const Writer *payload,
                              tracker_reply_fn reply, void *userdata /* weak */,
                              TrackerCall **ret_call);
TrackerCall *tracker_call_free(TrackerCall *c);
DEFINE_CLEANUP(TrackerCall *, tracker_call_free);
