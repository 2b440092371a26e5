/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the outbound connections to hosts: one a host, carrying any number of channels, dialled for
 * ever. Leaves what is said about a channel to channel-member. */
#pragma once

#include "base/runtime.h"
#include "daemon/network-watch.h"
#include "net/dialer.h"
#include "net/rpc.h"

typedef struct HostLinks HostLinks; /* all of one identity */
typedef struct HostSlot HostSlot;   /* one channel's place on one of them */

/* Makes the configuration for the next handshake, with our present certificate. */
typedef int (*host_links_tls_fn)(tls_check_fn check, void *check_userdata, void *userdata,
                                 TlsConfig **ret);

/* check is asked of every host that has the right name. */
int host_links_new(const Runtime *rt /* weak */, host_links_tls_fn make_tls, tls_check_fn check,
                   void *userdata /* weak */, HostLinks **ret);
/* The key of a host counts no more: what is connected to it is cut, and dialled again. */
void host_links_cut_key(HostLinks *l, const char *key_id);
/* Slots must be gone (asserted). */
HostLinks *host_links_free(HostLinks *l);
DEFINE_CLEANUP(HostLinks *, host_links_free);

/* Connected: as network_change_apply(). Waiting to dial: soon. */
void host_links_network_changed(HostLinks *l, const NetworkChange *x);

typedef struct HostSlotHandlers {
        /* Connected; HELLO is exchanged. Also from the turn after host_slot_new() on a connection
         * that is there already. */
        void (*on_up)(HostSlot *s, void *userdata);
        /* The connection, or an attempt, ended; the next one is planned. Freeing the slot is fine.
         */
        void (*on_down)(HostSlot *s, const ConnClosed *why, void *userdata);
        /* A push about this channel. */
        void (*on_push)(HostSlot *s, const char *command, const Value *payload, void *userdata);
        /* What the host's PING says of this channel. */
        void (*on_head)(HostSlot *s, uint64_t last_seq, void *userdata);
        /* It has heads of channels, and this one is not among them. */
        void (*on_no_head)(HostSlot *s, void *userdata);
} HostSlotHandlers;

/* Dials when it is the first of its host; the last one that leaves cuts. A host at other addresses
 * is another device of that user, and another connection. -EEXIST: this channel has a slot there.
 */
int host_slot_new(HostLinks *l, const char *host, const char *channel_name,
                  const Address *addresses, size_t n_addresses, const HostSlotHandlers *handlers,
                  void *userdata /* weak */, HostSlot **ret);
HostSlot *host_slot_free(HostSlot *s);
DEFINE_CLEANUP(HostSlot *, host_slot_free);

/* Is it dialled at one of these? */
bool host_slot_is_at(const HostSlot *s, const Address *addresses, size_t n);
/* What the directory says now. False: this connection goes elsewhere; make another slot. */
bool host_slot_set_addresses(HostSlot *s, const Address *addresses, size_t n);
/* The host is said to be at these: a connection that goes elsewhere is put to the test. */
void host_slot_doubt(HostSlot *s, const Address *addresses, size_t n);
/* The host is said to be there: dial soon (people: at once). Nothing when it is dialled or up. */
void host_slot_kick(HostSlot *s, bool at_once);
bool host_slot_is_up(const HostSlot *s);
uint64_t host_slot_get_next_retry(const HostSlot *s); /* boottime; 0: none is planned */

/* -ENOTCONN: not up. As rpc_call() otherwise. */
int host_slot_call(HostSlot *s, const char *command, const Writer *payload, uint64_t timeout_usec,
                   rpc_reply_fn reply, void *userdata /* weak */, RpcCall **ret_call);

/* Bytes of this channel that wait for the disk. While all channels of a connection together have
 * more than HOST_LINK_BYTES_MAX, nothing is read from it. */
#define HOST_LINK_BYTES_MAX (1024 * 1024)
void host_slot_set_waiting(HostSlot *s, size_t bytes);
