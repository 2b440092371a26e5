/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows all that one daemon owns and in which order it lives: store, account, listener, channels.
 * Owns and orders, nothing else; what can be done with an account or a channel is theirs. */
#pragma once

#include "daemon/account/account.h"
#include "daemon/host/peer.h"
#include "daemon/member/channel-member.h"
#include "daemon/store/store-archive.h"
#include "wire/invite.h"

typedef struct Manager Manager;

/* A socket that the process before this one listened on, for it to go on with: who dialled
 * meanwhile waits in its queue. */
typedef struct PassedSocket {
        int fd;           /* manager_start() takes it, and leaves -EBADF */
        const char *name; /* for the journal */
        bool is_used;     /* set by manager_start() */
} PassedSocket;

typedef struct ManagerSettings {
        const char *state_directory; /* 0700, made when missing; exclusive lock inside (-EBUSY) */
        const Address *listen; /* n_listen; port 0 = any free one; the preferred port taken: any
                                  free one */
        size_t n_listen;
        /* Borrowed until manager_start() has returned. Used where it is what listen says; anything
         * else, of whatever kind, is closed. */
        PassedSocket *passed;
        size_t n_passed;
        const Address *advertise; /* n_advertise 0: our own interfaces' addresses */
        size_t n_advertise;
        const char *tracker_address; /* from settings: used where none is set yet; may be NULL */
        const char *tracker_pin;     /* may be NULL */
        Notify notify;               /* of channels where nothing else is set */
} ManagerSettings;

/* What faces (the bus, tests) are told. Everything is announced after it is true. All are optional.
 */
typedef struct ManagerObserver {
        /* The state is read, or will be when the disk lets us; r < 0: it cannot be, and that may be
         * told later too. */
        void (*on_started)(Manager *m, int r, void *userdata);
        void (*on_changed)(Manager *m,
                           void *userdata); /* counts, addresses, clock offset, hosting */
        void (*on_account_added)(Manager *m, Account *a, void *userdata);
        void (*on_account_removed)(Manager *m, Account *a, void *userdata);
        void (*on_account_changed)(Manager *m, Account *a,
                                   void *userdata); /* any of its properties */
        void (*on_channel_added)(Manager *m, ChannelMember *c, void *userdata);
        void (*on_channel_removed)(Manager *m, ChannelMember *c, void *userdata);
        void (*on_channel_changed)(Manager *m, ChannelMember *c, void *userdata);
        void (*on_entries_appended)(Manager *m, ChannelMember *c, uint64_t first, uint64_t last,
                                    void *userdata);
        /* Behind it: what was said now, or while we were away, with who is spoken to. */
        void (*on_heard)(Manager *m, ChannelMember *c, const Entry *entries, size_t n,
                         void *userdata);
        void (*on_outbox_changed)(Manager *m, ChannelMember *c, uint64_t generation,
                                  void *userdata);
        void (*on_members_changed)(Manager *m, ChannelMember *c, uint64_t generation,
                                   void *userdata);
        void (*on_directory_changed)(Manager *m, uint64_t generation, void *userdata);
        /* After manager_stop(), once: free it now. */
        void (*on_stopped)(Manager *m, void *userdata);
        /* How far a backup or restore is; twice a second at most. total 0: nobody knows. */
        void (*on_progress)(Manager *m, const char *step, uint64_t n_done, uint64_t n_total,
                            void *userdata);
} ManagerObserver;

int manager_new(const Runtime *rt /* weak */, const ManagerSettings *settings, Manager **ret);
Manager *manager_free(Manager *m);
DEFINE_CLEANUP(Manager *, manager_free);
void manager_set_observer(Manager *m, const ManagerObserver *o, void *userdata /* weak */);
/* Opens the store, reads it, listens, dials; on_started follows. */
int manager_start(Manager *m);
/* While it runs, listen (one at least), advertise, tracker and notify alone: all of it, or nothing
 * with a negative errno, which is told in the journal where an address cannot be had. Connections
 * stay, also those that came in where nobody is waited for any more. */
int manager_set_settings(Manager *m, const ManagerSettings *settings);
/* Takes nothing in any more, finishes and answers what is at the disk, then says GOING_AWAY to
 * everybody; on_stopped follows, from a later turn, within ten seconds. */
int manager_stop(Manager *m);

/* How the disk is, since when (µs since the epoch; 0: since the beginning), and what a person can
 * do about it: "" where nothing is. aside: a damaged database that was replaced by an empty one, ""
 * where none was since the start. */
StoreState manager_get_store_state(const Manager *m);
uint64_t manager_get_store_since(const Manager *m);
const char *manager_get_store_aside(const Manager *m);
const char *manager_get_store_reason(const Manager *m);
void manager_get_store_statistics(const Manager *m, StoreStatistics *ret);
/* -EBUSY and ERROR_BUSY while it is not known what is stored: neither accounts nor channels. */
int manager_check_store(const Manager *m, Failure *f);

/* NULL until a tracker was set. (One at a time today; accounts are objects all the same.) */
Account *manager_get_account(const Manager *m);
typedef int (*manager_each_channel_fn)(ChannelMember *c, void *userdata);
int manager_each_channel(const Manager *m, manager_each_channel_fn fn, void *userdata);
ChannelMember *manager_find_channel(const Manager *m, const char *channel_id);
uint64_t manager_get_n_outbox(const Manager *m);
void manager_get_hosting(const Manager *m, size_t *ret_n_channels, size_t *ret_n_members);
/* What we listen on, and what we advertise. */
size_t manager_get_listen_addresses(const Manager *m, const Address **ret);
int manager_get_listen_fd(const Manager *m, size_t i); /* borrowed */
size_t manager_get_advertised_addresses(const Manager *m, const Address **ret);
/* Can others come in? "yes": somebody did, from another machine, since this one is where it is now;
 * "no": it listens on loopback only; "unknown" else, with what makes it doubtful: "nobody-yet"
 * after a minute of hosting, "behind-nat" where the tracker sees an address that is none of ours.
 */
const char *manager_get_reachable(const Manager *m);
const char *manager_get_reachable_reason(const Manager *m);    /* also "loopback-only", "" */
const Address *manager_get_observed_address(const Manager *m); /* the tracker's; NULL: none yet */
PeerServer *manager_get_peers(const Manager *m);
int64_t manager_get_clock_offset(const Manager *m); /* µs, the tracker's clock minus ours */

/* Operations: exactly one completion each, from a later turn of the loop, unless the operation was
 * freed first: then only the waiting ends, what was begun goes on. ret_op may be NULL. f NULL =
 * done. */
typedef struct ManagerOp ManagerOp;
ManagerOp *manager_op_free(ManagerOp *op);
DEFINE_CLEANUP(ManagerOp *, manager_op_free);

/* Dials, checks the pin: given, or held already, or trust_new where none is held.
 * ERROR_UNTRUSTED_TRACKER (the message says the offered pin; account shows it), ERROR_PIN_MISMATCH,
 * ERROR_TRACKER_UNREACHABLE. With success the tracker is saved, and the account (of its tracker-id)
 * is the default. */
typedef void (*manager_account_fn)(const Failure *f, Account *a, void *userdata);
int manager_set_tracker(Manager *m, const char *address, const char *pin, bool trust_new,
                        manager_account_fn done, void *userdata, ManagerOp **ret_op);

/* Replies when the lease is granted (or, with the tracker away and the channel known already, when
 * it is up). */
typedef struct HostOptions {
        const char *topic;   /* NULL: none */
        ViewPermission view; /* VIEW_INVALID: public, or as it was */
        SendPermission send; /* SEND_INVALID: registered, or as it was */
        bool take_over;
        bool new_log; /* the name goes on with a new log, which follows the one that it has */
} HostOptions;
/* ERROR_CHANNEL_EXISTS and ERROR_STALE_EPOCH of one's own name say that, and what can be done. */
typedef void (*manager_channel_fn)(const Failure *f, ChannelMember *c, void *userdata);
int manager_host(Manager *m, const char *name, const HostOptions *options, manager_channel_fn done,
                 void *userdata, ManagerOp **ret_op);
/* Idempotent. Done when the host has accepted, or with its refusal (and no channel); a host that is
 * away: done, offline. */
typedef struct JoinOptions {
        int64_t backlog;        /* −1: from the first entry */
        const char *channel_id; /* ERROR_CONFLICT where the name means another; NULL: any */
        bool new_copy;          /* of one that has diverged: drop what is held, keep the outbox */
} JoinOptions;
int manager_join(Manager *m, const char *name, const JoinOptions *options, manager_channel_fn done,
                 void *userdata, ManagerOp **ret_op);

/* ---- invitations (wire/invite.h) ---- */

/* Is an invitation's tracker ours? */
typedef enum InviteTracker {
        INVITE_TRACKER_SAME,  /* by its pin, or an earlier one; whatever its address */
        INVITE_TRACKER_UNSET, /* none is set: manager_join_invite() would set it */
        INVITE_TRACKER_OTHER,
        INVITE_TRACKER_MAX,
        INVITE_TRACKER_INVALID = -EINVAL
} InviteTracker;
const char *invite_tracker_to_string(InviteTracker t); /* "same", "unset", "other" */
/* -EBUSY and ERROR_BUSY while it is not known. */
int manager_judge_invite(const Manager *m, const Invite *i, InviteTracker *ret, Failure *f);
/* From elsewhere it leads to another machine, or nowhere. Names are not looked up for it. */
bool manager_invite_is_only_here(const Invite *i);
/* To the channel, by the tracker as it is set here. -errno of *f: ERROR_CONFLICT of one that nobody
 * can join any more. */
int manager_make_invite(const Manager *m, const ChannelMember *c, char ret[static INVITE_SIZE],
                        Failure *f);
/* As manager_join() of that very channel; sets its tracker where none is set, which stays set when
 * nobody is signed in yet (ERROR_NOT_SIGNED_IN). ERROR_CONFLICT: another tracker is in use.
 * options->channel_id is the invitation's. */
int manager_join_invite(Manager *m, const Invite *i, const JoinOptions *options,
                        manager_channel_fn done, void *userdata, ManagerOp **ret_op);

/* Stop hosting; forget also releases the name at the tracker and drops the log. */
typedef void (*manager_done_fn)(const Failure *f, void *userdata);
int manager_unhost(Manager *m, ChannelMember *c, bool forget, manager_done_fn done, void *userdata,
                   ManagerOp **ret_op);
/* The end of one's own that was unhosted: its name is released and its log dropped, whatever forget
 * says. */
int manager_end(Manager *m, ChannelMember *c, bool forget, manager_done_fn done, void *userdata,
                ManagerOp **ret_op);
/* Leave for good; forget drops the local copy (kept otherwise, closed). */
int manager_leave(Manager *m, ChannelMember *c, bool forget, manager_done_fn done, void *userdata,
                  ManagerOp **ret_op);

/* Not to be seen, by anybody, in any channel: on disk before it is done, and for the next sign-in
 * of this user too. Hosts that do not answer now hear it before anything else. False: nobody is
 * signed in, or a guest. ERROR_GUESTS_NOT_ALLOWED, ERROR_NOT_SIGNED_IN. */
bool manager_is_invisible(const Manager *m);
int manager_set_invisible(Manager *m, bool invisible, manager_done_fn done, void *userdata,
                          ManagerOp **ret_op);

/* No session of the user on this machine is in use (false until it is said): members are told. */
void manager_set_away(Manager *m, bool is_away);

/* Does this daemon live on when the user has logged out? Below 0: not known (until it is said). */
void manager_set_lingers(Manager *m, int lingers);
const char *manager_get_lingering(const Manager *m); /* "yes", "no", "unknown" */

/* All that the store holds, but no key, into fd (a copy of it is kept until the end). The waiting's
 * end is its end. aside: NULL. ERROR_BUSY: one at a time. ERROR_TIMEOUT: nobody read for a minute.
 */
typedef void (*manager_archive_fn)(const Failure *f, const BackupSummary *summary,
                                   const char *aside, void *userdata);
int manager_back_up(Manager *m, int fd, manager_archive_fn done, void *userdata,
                    ManagerOp **ret_op);
/* The backup in fd becomes the store, and the account of its tracker is shown, with nobody signed
 * in. ERROR_ALREADY_SIGNED_IN, ERROR_CONFLICT: it holds channels, and set_aside is not wished;
 * with it, the store before keeps the name `aside`. Until the store is swapped, the waiting's end
 * is its end. */
int manager_restore(Manager *m, int fd, bool set_aside, manager_archive_fn done, void *userdata,
                    ManagerOp **ret_op);
