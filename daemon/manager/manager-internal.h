/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of the manager share; only manager*.c see it. */
#pragma once

#include "daemon/account/account-owner.h"
#include "daemon/account/revoked-keys.h"
#include "daemon/manager/manager.h"
#include "daemon/member/channel-member-owner.h"
#include "daemon/network-watch.h"
#include "daemon/operation.h"
#include "daemon/state-directory.h"

typedef struct ManagedChannel ManagedChannel;
typedef struct Hosting Hosting;         /* manager-host.c */
typedef struct Whois Whois;             /* manager-whois.c */
typedef struct HostFlow HostFlow;       /* manager-host-flow.c: one that somebody asked for */
typedef struct TakeOver TakeOver;       /* manager-take-over.c */
typedef struct JoinFlow JoinFlow;       /* manager-join.c */
typedef struct LeaveFlow LeaveFlow;     /* manager-leave.c */
typedef struct TrackerFlow TrackerFlow; /* manager-tracker.c */
typedef struct Deletion Deletion;       /* manager-store.c */
typedef struct Archiving Archiving;     /* manager-store.c */
typedef struct Stop Stop;               /* manager-stop.c */
typedef struct Wish Wish;               /* manager-presence.c */

struct ManagerOp {
        Operation base;
        Manager *manager; /* weak */
        union {
                manager_account_fn account;
                manager_channel_fn channel;
                manager_done_fn done;
                manager_archive_fn archive;
        } fn;
        void *userdata;                    /* weak */
        char channel_id[UUID_STRING_SIZE]; /* of the channel that is the result */
};

/* Why it is not known that others can come in (manager-reach.c). */
typedef enum ReachReason {
        REACH_REASON_NONE,
        REACH_NOBODY_YET,
        REACH_BEHIND_NAT,
        REACH_LOOPBACK_ONLY,
        REACH_REASON_MAX
} ReachReason;

/* One channel of who is signed in. */
struct ManagedChannel {
        Manager *manager; /* weak */
        ManagedChannel *prev, *next;
        ChannelMember *member;
        bool announced; /* the observer knows of it */
        DirectoryLookup *lookup;
        Hosting *hosting;        /* NULL: not hosted here, or not now */
        bool is_stopping;        /* Manager.stop, or Manager.sign_out, waits for its host */
        uint64_t retention_days; /* as it was told last */
        uint64_t round, beat;    /* Manager's: in which the tracker was told last that it lives */
};

struct Manager {
        const Runtime *rt; /* weak */
        ManagerObserver observer;
        void *observer_userdata; /* weak */

        char *state_path, *tracker_address, *tracker_pin;
        char refused_pin[PIN_SIZE]; /* offered last by who is not the tracker that was asked for */
        Address *listen, *advertise;
        size_t n_listen, n_advertise;
        PassedSocket *passed; /* weak, until it has started */
        size_t n_passed;

        StateDirectory *directory;
        Store *store;
        Job *load_job;
        bool must_load;       /* it could not be read, or is another one now */
        int store_trouble;    /* as it was told last */
        char store_text[512]; /* … in words */
        uint64_t store_since; /* realtime: of the last change */
        ClockTimer *store_retry;
        Deletion *deletions; /* Deletion */
        Job *aside_job;      /* a damaged one is looked at, and set aside */
        char *store_aside;   /* the last that was; NULL: none */
        char *store_aside_next;
        uint64_t aside_after; /* boottime */
        unsigned n_checked;   /* … and were in order */
        bool has_started;
        bool is_freed; /* nobody is told anything any more */

        Account *account;
        RevokedKeys *revoked; /* NULL while the account's pin was not accepted */
        bool account_announced;
        Operation *account_op; /* who waits for the account that is being loaded; weak */
        TrackerFlow *tracker_flow;
        Operation *invite_op;  /* who waits for an invitation's tracker; weak */
        ManagerOp *invite_set; /* … which is being set; NULL: none is */
        Invite invite;         /* … by this */
        Lane *archive_lane;   /* from the first backup on */
        Archiving *archiving; /* one at a time */

        Actor me;                /* username "": nobody is signed in */
        MemberPresence presence; /* … is to be shown so */
        int lingers;             /* below 0: not known */
        Wish *wishes;            /* Wish */
        HostLinks *links;
        Exporter *exporter;
        Notify notify;     /* of channels where nothing else is set */
        ClockTimer *sweep; /* for messages that are too old */
        Job *sweep_job;
        int sweep_error; /* as the journal was told */
        bool sweep_held; /* … by clocks that do not agree */
        Job *channels_job;
        ManagedChannel *channels; /* ManagedChannel */
        JoinFlow *joins;          /* JoinFlow */
        LeaveFlow *leaves;        /* LeaveFlow */

        PeerServer *peers;
        Stop *stop;           /* NULL: it goes on */
        ClockTimer *sign_out; /* NULL: none waits for channels to end */
        ClockTimer *reach;    /* nobody has come in for so long */
        Address observed;     /* by the tracker; size 0: not yet */
        bool has_waited, is_behind_nat;
        ReachReason reach_told; /* to the journal */
        NetworkWatch *network;  /* NULL: the kernel does not tell */
        ClockTimer *door;       /* NULL: it is open */
        Address listening[PEER_LISTENERS_MAX];
        Address listening_for[PEER_LISTENERS_MAX]; /* … as the settings say it */
        size_t n_listening;
        Address advertised[ADDRESSES_MAX];
        size_t n_advertised;
        uint64_t n_refreshed; /* how often they changed */

        ClockTimer *heartbeat;
        TrackerCall *heartbeat_call;
        uint64_t n_rounds, n_beats; /* of HEARTBEAT: a round has as many as its channels need */
        uint64_t round;             /* that goes on; 0: one about no channels */
        uint64_t heartbeat_sent;    /* boottime */
        uint64_t lease_usec;

        Operation *ops; /* ManagerOp */
};

/* manager.c */
void manager_changed(Manager *m);
ManagerOp *manager_op_new(Manager *m, const OperationType *type, void *userdata);
int manager_op_return(ManagerOp *op, ManagerOp **ret_op, const Failure *f);
extern const OperationType manager_channel_type, manager_done_type;
/* From the next turn: who is told may let the channel go. */
void manager_complete_channel(Operation *o, const Failure *f, const ChannelMember *c);
void manager_cancel(Operation *o);

/* manager-account.c */
void manager_started(Manager *m, int r); /* tells it once */
int manager_load(Manager *m);            /* the store's tracker becomes the account */
/* SetTracker was done when the pin was accepted; it is answered once people can see what came of
 * it. */
void manager_account_settled(Manager *m);
int manager_set_account(Manager *m, const StoredTracker *tracker, const StoredIdentity *identity);
void manager_drop_account(Manager *m);
/* Signed in, or a failure that says what is missing. */
int manager_check_identity(const Manager *m, bool registered, Failure *f);

/* manager-store.c */
int manager_store_init(Manager *m);
void manager_store_watch(Manager *m);
void manager_store_done(Manager *m);
/* 0 as well where the disk does not let us lock it yet: tried again. */
int manager_open_directory(Manager *m);
/* r is the disk's fault: what was to be loaded is loaded when it is back. */
bool manager_load_later(Manager *m, int r);
/* store_delete_channel(), store_sign_out() or store_delete_identity(). */
typedef int (*store_delete_fn)(Store *s, uint64_t row, store_done_fn done, void *userdata,
                               Job **ret_job);
/* For good, however often the disk says no. */
void manager_delete_row(Manager *m, store_delete_fn what, uint64_t row);
/* Nobody is signed in as that one, whatever the disk says. */
bool manager_is_to_erase(const Manager *m, uint64_t identity);
/* It is signed in again: the key that was to be erased is gone, and another one in its place. */
void manager_keep_identity(Manager *m, uint64_t identity);

/* manager-backup.c */
void manager_stop_archiving(Manager *m); /* before the store goes */
/* A key is erased: no snapshot may keep the pages where it was. */
void manager_stop_backup(Manager *m);
/* The store is another one, or about to be. */
bool manager_is_replacing(const Manager *m);
void manager_archive_loaded(Manager *m, int r); /* … and what is in it is shown */

/* manager-tracker.c */
TrackerFlow *tracker_flow_free(TrackerFlow *t);
/* A pin that the settings hold is as good as one that a person types. */
void manager_trust_settings(Manager *m);
int manager_set_account_from_settings(Manager *m); /* 0 as well where they name no tracker */

/* manager-channels.c */
int manager_load_channels(Manager *m);
void manager_drop_channels(Manager *m); /* those who wait are told `cancelled` */
int managed_channel_new(Manager *m, const StoredChannel *stored, ManagedChannel **ret);
ManagedChannel *managed_channel_free(ManagedChannel *x);
void manager_forget(ManagedChannel *x); /* here and on disk; frees x */
void managed_channel_announce(ManagedChannel *x);
void managed_channel_begin(ManagedChannel *x); /* as its row says */
ManagedChannel *manager_find_member(const Manager *m, const ChannelMember *c);

/* manager-which.c */
/* The one that the name means here: the open one, else one that is closed. */
ManagedChannel *manager_find_name(const Manager *m, const char *name);
ManagedChannel *manager_find_id(const Manager *m, const char *channel_id);
/* Its name was asked for and never granted: nobody is shown it, or misses it. */
bool managed_channel_is_unborn(const ManagedChannel *x);
/* By itself, and without the tracker's word if need be. */
bool managed_channel_is_to_be_hosted(const ManagedChannel *x);
/* What is ours becomes a copy, which may be left and forgotten, only where somebody has more of it:
 * another device, whose lease the tracker gave a later epoch. An earlier lease of our own does not
 * count. */
bool managed_channel_may_be_copy(const ManagedChannel *x, const DirectoryEntry *entry);
/* The tracker says that another device has the lease of x, which is ours … */
void manager_moved(ManagedChannel *x);
void manager_left_log(ManagedChannel *x); /* … and all of ours was handed on */
/* … or that the log here ends too early, or has a successor (stale-epoch of HOST). */
void manager_behind(ManagedChannel *x, const Failure *f);
/* A new log is to follow that one: it is not served from now on, whatever comes. */
void manager_set_went_back(Manager *m, const char *channel_id);
/* x has the name: the channel that it follows is closed. */
void manager_follows_previous(ManagedChannel *x);
void manager_settle_previous(Manager *m);
void manager_locate(ManagedChannel *x); /* asks the directory */
void manager_locate_all(Manager *m);
void manager_directory(Manager *m, const DirectoryEntry *changed, size_t n_changed,
                       const char *const *removed, size_t n_removed, bool reset);

/* manager-presence.c */
int manager_show_presence(ManagedChannel *x); /* to its host, where that is here */
/* Of who has just signed in, before any channel is begun; r: how reading went. */
void manager_presence_loaded(Manager *m, int r, bool invisible);
void manager_presence_done(Manager *m); /* nobody is signed in any more */

/* manager-join.c, manager-leave.c */
JoinFlow *join_flow_free(JoinFlow *j);
LeaveFlow *leave_flow_free(LeaveFlow *l);
/* Members have what they were to get: goes on with all that waited for it. False: nobody did. */
bool manager_unhost_ended(ManagedChannel *x);
/* Its name is being given back; with the answer it is forgotten. */
bool manager_is_giving_up(const Manager *m, const char *channel_id);

/* manager-whois.c */
/* Asks the tracker about somebody whom the host never saw, and answers the host. */
void whois_ask(Whois **list, Account *a, const Runtime *rt /* weak */, ChannelHost *host,
               const char *username, uint64_t ticket);
void whois_free_all(Whois **list);

/* manager-host.c */
/* As far as the tracker lets us. flow (may be NULL) is ended by what comes of it. */
int hosting_begin(ManagedChannel *x, HostFlow *flow);
/* Keeps a flow that has something to do before. */
int hosting_hold(ManagedChannel *x, HostFlow *flow);
bool hosting_has_flow(const ManagedChannel *x);
void hosting_flow_done(ManagedChannel *x);
/* closed_reason is what members are told (NULL: nothing); reason what we show. Nothing on one that
 * is not hosted. */
void hosting_end(ManagedChannel *x, const char *closed_reason, const char *reason);
/* Another device goes on with the log: nothing more is taken in, and members, that device among
 * them, get all of it; then manager_left_log(). False: there is nothing to wait for. */
bool hosting_leave_log(ManagedChannel *x);
/* The same where its name means another channel now. */
bool hosting_leave_for(ManagedChannel *x, const char *successor);
/* A person ends it: likewise, and then manager_unhost_ended(). */
bool hosting_close(ManagedChannel *x);
/* This process ends: as hosting_leave_log(), and then manager_stop_ended(). */
bool hosting_stop(ManagedChannel *x);
bool hosting_is_leaving(const Hosting *h);
void manager_register_all(Manager *m);     /* HOST, again: the tracker is there */
void manager_register_missing(Manager *m); /* … those that it did not take yet, or not at the
                                            * addresses of now */
void manager_serve_all(Manager *m);        /* the tracker is not there: what is known is served */
/* The tracker says that we are nobody to host. Members are told closed_reason. */
void manager_stop_hosting(Manager *m, const char *closed_reason, const char *reason);
ChannelHost *hosting_get_host(const Hosting *h); /* NULL: it does not serve */
const char *hosting_get_name(const Hosting *h);
bool hosting_is_registered(const Hosting *h);
bool hosting_may_have_lease(const Hosting *h); /* … or it is asked for */
/* The addresses changed while it was being registered. */
bool hosting_has_moved(const Hosting *h);
bool hosting_is_elsewhere(const Hosting *h); /* another key of ours has the lease */
/* An operator of the tracker took it out of the directory, and the directory shows it again. */
bool hosting_is_back(const Hosting *h, const DirectoryEntry *entry);
void hosting_put_back(Hosting *h);
/* What its channel shows while it is served; "": nothing is out of the ordinary. */
const char *hosting_get_reason(const Hosting *h);
/* The directory has it under a later epoch than we do. */
bool hosting_is_superseded(const Hosting *h, const DirectoryEntry *entry);
const char *hosting_get_successor(const Hosting *h); /* of hosting_leave_for(); "": none */
TakeOver *hosting_get_take_over(const Hosting *h);   /* NULL: it waits for nobody */
void hosting_taken_over(ManagedChannel *x);          /* … and does not any more; frees that */
void hosting_write_beat(const Hosting *h, Writer *w);
void hosting_renewed(Hosting *h, uint64_t lease_until);
void hosting_lost(Hosting *h, ErrorCode error); /* frees h where that is the end */

/* manager-take-over.c */
/* Who was told that an entry is stored must find it in the log that goes on: the lease is ours, and
 * the device that had it may not know yet. As its member we hear all that it takes in, until it
 * says CLOSED, or does not even when its next heartbeat must have been answered. Then all of it has
 * to be on disk. NULL: there is nothing to wait for. */
TakeOver *take_over_new(ManagedChannel *x);
TakeOver *take_over_free(TakeOver *t);
void take_over_ended(TakeOver *t); /* the connection has ended */
/* A person (flow, may be NULL) wants back what is being handed on: that ends now. */
void take_over_back(ManagedChannel *x, const HostFlow *flow);

/* manager-host-flow.c */
typedef struct HostWish {
        const char *topic; /* NULL: as it is; borrowed */
        ViewPermission view;
        bool take_over;
} HostWish;
void host_flow_get_wish(const HostFlow *f, HostWish *ret);
/* The channel is up; what else was wished is done now. True: the flow has ended. */
bool host_flow_up(HostFlow *f, ChannelHost *host);
/* Says why in words of this side. True: that takes a question to the tracker; f ends with its
 * answer. */
bool host_flow_explain(HostFlow *f, const Failure *failure, Failure *ret);
/* The tracker's no says nothing of the channel: another time it may be a yes. */
bool host_flow_may_repeat(ErrorCode code);
/* Frees f and tells who waits. True: the channel was to be a new one and is none; forget it. */
bool host_flow_end(HostFlow *f, const Failure *failure);

/* manager-lease.c */
int manager_lease_init(Manager *m);
void manager_lease_schedule(Manager *m);
void manager_release_all(Manager *m); /* UNHOST: our leases end before our key does */
void manager_release(ManagedChannel *x);
void manager_ask_revocations(Manager *m); /* now, not with the next heartbeat */
void manager_beat_now(Manager *m);        /* one that is under way was sent too early */

/* manager-reach.c */
int manager_reach_init(Manager *m);
void manager_reach_hosting(Manager *m); /* something is served */
/* What HOST was answered; may be anything, or NULL. */
void manager_reach_observed(Manager *m, const char *observed);
void manager_reach_moved(Manager *m); /* our addresses are others now: nothing is known */

/* manager-network.c */
int manager_network_init(Manager *m);

/* manager-stop.c */
void manager_stop_ended(ManagedChannel *x); /* nothing of it is at the disk any more */
void manager_stop_peers_changed(Manager *m);
bool manager_waits_for_hosts(const Manager *m); /* to end: some are still at the disk */
Stop *stop_free(Stop *s);

/* manager-sign-out.c */
/* Nothing new is hosted; account_left() follows. False: there is nothing to wait for. */
bool manager_sign_out_begin(Manager *m);
void manager_sign_out_check(Manager *m); /* a host has ended */
void manager_sign_out_done(Manager *m);  /* the identity goes */

/* manager-retention.c */
int manager_sweep_init(Manager *m); /* once there is a store */
void manager_sweep_done(Manager *m);
void manager_sweep_soon(Manager *m); /* a rule is another now, or the time was told */

/* manager-listen.c */
int manager_listen(Manager *m);
/* What we are and what we host is known, or more of it than before. */
void manager_state_is_read(Manager *m);
void manager_check_door(Manager *m);
bool manager_refresh_addresses(Manager *m);
/* Takes fd; wanted: as the settings say it. */
int manager_listen_on(Manager *m, const Address *wanted, int fd);
int manager_copy_addresses(const Address *list, size_t n, Address **ret,
                           size_t *ret_n); /* true: others than before */
