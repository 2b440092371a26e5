/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an account does for the manager that owns it: identity, TLS, calls, directory. Leaves
 * what everybody else may do with it to account.h. */
#pragma once

#include "daemon/account/account.h"
#include "daemon/account/tracker-client.h"

typedef struct AccountHandlers {
        /* Any property. */
        void (*on_changed)(Account *a, void *userdata);
        /* There is an identity: read from disk, or just signed in. Who asked for the latter is told
         * by account_is_shown(), which is called once for each, also in here. */
        void (*on_signed_in)(Account *a, void *userdata);
        /* The identity is to be forgotten. True: that waits for account_left(). */
        bool (*on_leaving)(Account *a, void *userdata);
        /* The identity is about to be forgotten; it can still be asked for. */
        void (*on_signing_out)(Account *a, void *userdata);
        /* It is forgotten, and the disk keeps its key: that is to be erased as soon as it can be
         * (store_sign_out(), is_deleted: store_delete_identity()). */
        void (*on_not_erased)(Account *a, uint64_t identity, bool is_deleted, void *userdata);
        /* The certificate was renewed. */
        void (*on_certificate)(Account *a, void *userdata);
        /* The tracker listens to us (as who we are, where somebody is signed in). */
        void (*on_online)(Account *a, void *userdata);
        /* CHANNELS: entries borrowed. reset: anything may have changed. */
        void (*on_directory)(Account *a, const DirectoryEntry *changed, size_t n_changed,
                             const char *const *removed, size_t n_removed, bool reset,
                             uint64_t generation, void *userdata);
} AccountHandlers;

/* tracker->pin "": nothing is accepted yet, only the offered pin is found out. */
int account_new(const Runtime *rt /* weak */, Store *store /* weak */, const StoredTracker *tracker,
                const AccountHandlers *handlers, void *userdata /* weak */, Account **ret);
/* Everybody who waits is told `cancelled`. */
Account *account_free(Account *a);
DEFINE_CLEANUP(Account *, account_free);

/* Who was signed in when the store was last written; may be NULL. on_signed_in follows at once.
 * Then it dials. -EBADMSG: what is stored is damaged; nobody is signed in then. */
int account_start(Account *a, const StoredIdentity *identity);

/* Nothing has to be done as the identity that leaves any more. */
void account_left(Account *a);

/* All that is here of who signed in can be seen, or never will. */
void account_is_shown(Account *a);

uint64_t account_get_identity(const Account *a);    /* row of the store; 0: nobody */
bool account_is_signing_in(const Account *a);       /* that may put a key on disk from now on */
int64_t account_get_clock_offset(const Account *a); /* µs, theirs minus ours */
/* Both clocks, and whether they agree so far that something may be destroyed by them: not before
 * the tracker has told its time. */
bool account_clocks_agree(const Account *a, uint64_t *ret_ours, uint64_t *ret_theirs);
void account_get_key_id(const Account *a, char ret[static KEY_ID_SIZE]); /* "": nobody */
/* The tracker's time, µs since the epoch: by our clock until it has said it. */
uint64_t account_now(const Account *a);
/* ERROR_NONE, or why the tracker does not take our key any more. */
ErrorCode account_get_dismissed(const Account *a);
bool account_is_online(const Account *a); /* ordinary calls are sent at once */
/* False: the tracker has said that this sign-in has ended, or listens to another process that has
 * its key; nothing is hosted by it. */
bool account_may_host(const Account *a);
/* … without the tracker's word: not where another process, which has our key, may do so now. */
bool account_may_host_alone(const Account *a);
/* The latter: nothing is dialled until a person asks for it. */
bool account_is_replaced(const Account *a);
int account_resume(Account *a);
/* Which process we are: a UUID, another one for each start and after account_resume(). */
const char *account_get_instance(const Account *a);
/* A host says that another process has our key: the next sign-in makes a key of its own. */
void account_note_copy(Account *a);

/* The pin that its tracker was seen to offer, before it is dialled for this account. */
void account_note_offer(Account *a, const char *pin);

/* This machine's network is another one now. */
void account_network_changed(Account *a, const NetworkChange *x);

/* A configuration with our certificate towards other peers; -ENOKEY: nobody is signed in. */
int account_new_peer_tls(const Account *a, tls_check_fn check, void *userdata, TlsConfig **ret);

/* As tracker_client_call(), failing at once where nothing may be said to this tracker. */
int account_call(Account *a, const char *command, const Writer *payload, tracker_reply_fn reply,
                 void *userdata /* weak */, TrackerCall **ret_call);

/* One channel by its exact name: f `no-such-channel` when the directory has none. */
typedef struct DirectoryLookup DirectoryLookup;
typedef void (*account_lookup_fn)(const Failure *f, const DirectoryEntry *entry, void *userdata);
int account_lookup(Account *a, const char *name, account_lookup_fn done, void *userdata /* weak */,
                   DirectoryLookup **ret);
DirectoryLookup *directory_lookup_free(DirectoryLookup *l);
DEFINE_CLEANUP(DirectoryLookup *, directory_lookup_free);
