/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who we are at one tracker, and the connection to it; leaves channels to the manager. */
#pragma once

#include "daemon/store/store.h"
#include "net/rpc.h"

typedef struct Account Account;
typedef struct AccountOp AccountOp; /* one operation that somebody waits for */

typedef enum TrackerState {
        TRACKER_NONE,
        TRACKER_CONNECTING,
        TRACKER_ONLINE,
        TRACKER_OFFLINE,
        TRACKER_UNTRUSTED,
        TRACKER_MISMATCH,
        TRACKER_STATE_MAX,
        TRACKER_STATE_INVALID = -EINVAL
} TrackerState;
const char *tracker_state_to_string(TrackerState s); /* "none", "connecting" … */

const char *account_get_tracker_id(const Account *a); /* "" while its pin was never accepted */
const char *account_get_tracker_address(const Account *a);
const char *account_get_pin(const Account *a);         /* "" */
/* Is it the one held, or one that the same tracker had before? */
bool account_has_pin(const Account *a, const char *pin);
const char *account_get_offered_pin(const Account *a); /* "" */
TrackerState account_get_tracker_state(const Account *a);
const char *account_get_tracker_reason(const Account *a); /* "" when online */
/* NULL username: nobody is signed in. */
const char *account_get_username(const Account *a);
UserType account_get_user_type(const Account *a);           /* meaningful with a username */
uint64_t account_get_certificate_expires(const Account *a); /* µs since the epoch; 0 */

AccountOp *account_op_free(AccountOp *op); /* ends the waiting only */
DEFINE_CLEANUP(AccountOp *, account_op_free);

/* f NULL = done: certificate and key are on disk, the tracker knows us. recovery_code NULL but for
 * sign-up. Names are folded here. The password is copied and erased. */
typedef void (*account_signed_in_fn)(const Failure *f, const char *recovery_code, void *userdata);
/* By a guest who is signed in: what the guest has here is the user's then (store_sign_up()). */
int account_sign_up(Account *a, const char *username, const char *password,
                    account_signed_in_fn done, void *userdata, AccountOp **ret_op);
int account_sign_in(Account *a, const char *username, const char *password,
                    account_signed_in_fn done, void *userdata, AccountOp **ret_op);
int account_sign_in_guest(Account *a, const char *username, account_signed_in_fn done,
                          void *userdata, AccountOp **ret_op);
/* Key and certificate are destroyed; channels and outboxes of this identity stay on disk for its
 * return. */
typedef void (*account_done_fn)(const Failure *f, void *userdata);
int account_sign_out(Account *a, account_done_fn done, void *userdata, AccountOp **ret_op);

/* A new key with the code that sign-up gave, where the password is lost; the code is spent, a new
 * one comes with success. All other devices are signed out. Nobody else may be signed in. What is
 * not answered may be asked again the same way, within ten minutes. */
int account_recover(Account *a, const char *username, const char *recovery_code,
                    const char *new_password, account_signed_in_fn done, void *userdata,
                    AccountOp **ret_op);

/* Of a registered user. Secrets are copied and erased. What is not answered (`timeout`) may have
 * been done. */

/* The other devices are signed out unless keep_others. Asking again the same way is safe. */
int account_change_password(Account *a, const char *old_password, const char *new_password,
                            bool keep_others, account_done_fn done, void *userdata,
                            AccountOp **ret_op);
typedef struct AccountDevice {
        char key[KEY_ID_SIZE];
        uint64_t created, seen; /* µs since the epoch; seen is the day, about */
        bool is_this;
} AccountDevice;
/* Borrowed, in the order of their keys after `after` (NULL: all), DEVICES_LISTED_MAX at most. */
typedef void (*account_devices_fn)(const Failure *f, const AccountDevice *devices, size_t n,
                                   void *userdata);
int account_list_devices(Account *a, const char *after, account_devices_fn done, void *userdata,
                         AccountOp **ret_op);
/* Not this one (`bad-request`). */
int account_revoke_device(Account *a, const char *key, account_done_fn done, void *userdata,
                          AccountOp **ret_op);
/* At the tracker, with the names of its channels; then here: nobody can be that user again, and
 * channels, copies and outboxes of it are erased. */
int account_delete(Account *a, const char *password, account_done_fn done, void *userdata,
                   AccountOp **ret_op);

/* One page of the directory; entries borrowed. */
typedef struct DirectoryQuery {
        const char *query; /* NULL: all */
        const char *after; /* NULL: from the first */
        bool online_only;
        unsigned limit; /* 0 = LIST_LIMIT_MAX */
} DirectoryQuery;
typedef void (*account_directory_fn)(const Failure *f, const DirectoryEntry *entries, size_t n,
                                     const char *next, uint64_t generation, void *userdata);
int account_list(Account *a, const DirectoryQuery *q, account_directory_fn done, void *userdata,
                 AccountOp **ret_op);
