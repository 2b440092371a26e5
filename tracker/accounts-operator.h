/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an operator of the tracker may do to accounts, and how they are listed; leaves who is
 * an operator to who asks, and the directory's channels to registry.h. */
#pragma once

#include "tracker/accounts.h"

/* As in accounts.h: each returns 0 and calls done later, exactly once, or -errno with a failure and
 * never calls it; what is under way when accounts_free() comes is answered `busy`. Names come
 * folded; one that is no user's, or a deleted one's, is no-such-user. When done says that it is
 * done it is on disk. Any number at once, also for one name: each is done on what the earlier ones
 * left behind. What revokes keys ends their leases and connections right behind the answer, and
 * hosts hear of it with their next heartbeat. */

/* All keys are revoked, and nobody gets another one for that account: with the right password or
 * recovery code it is `banned`. Done to one who is suspended already the time stays, and the reason
 * is the new one. reason: NULL, "" or one line of at most REASON_BYTES_MAX bytes; who has the
 * password is told. */
int accounts_suspend(Accounts *a, const char *name, const char *reason, accounts_done_fn done,
                     void *userdata, Failure *failure);
/* They sign in anew; OK too where nobody is suspended. */
int accounts_resume(Accounts *a, const char *name, accounts_done_fn done, void *userdata,
                    Failure *failure);
/* As by the user (DELETE), but nobody asks for the password. */
int accounts_remove(Accounts *a, const char *name, accounts_done_fn done, void *userdata,
                    Failure *failure);

/* Another password and recovery code, made by chance (80 and 100 bits), and all keys are revoked;
 * who is suspended stays so. Both strings are NULL with a failure, erased behind the call, and kept
 * nowhere. While one of that name is under way a second is `busy`: its password would count for a
 * moment only. */
typedef void (*accounts_reset_fn)(const Failure *failure, const char *password,
                                  const char *recovery_code, void *userdata);
int accounts_reset(Accounts *a, const char *name, accounts_reset_fn done, void *userdata,
                   Failure *failure);

/* In byte order of names, those behind `after`. query: NULL or part of the name, at most
 * QUERY_BYTES_MAX. state: DB_USER_INVALID for all but the
 * deleted. limit: 1 to OPERATOR_LIMIT_MAX. next: NULL at
 * the end, else to be given as `after`; one call looks at USERS_SCAN_MAX names, so that a page may
 * be empty and have next. users and next are borrowed. */
typedef struct UsersQuery {
        const char *after, *query;
        DbUserState state;
        size_t limit;
} UsersQuery;
typedef void (*accounts_users_fn)(const Failure *failure, const DbUser *users, size_t n,
                                  const char *next, void *userdata);
int accounts_list(Accounts *a, const UsersQuery *query, accounts_users_fn done, void *userdata,
                  Failure *failure);

/* Deleted ones too, with what is left of them. devices: those that are not revoked, in order of
 * key, DEVICES_LISTED_MAX at most. Borrowed. Which channels are theirs: directory_next_owned(). */
typedef void (*accounts_user_fn)(const Failure *failure, const DbUser *user,
                                 const DbDeviceInfo *devices, size_t n_devices, void *userdata);
int accounts_get(Accounts *a, const char *name, accounts_user_fn done, void *userdata,
                 Failure *failure);

/* Calls of these kinds that have no answer yet. */
size_t accounts_get_n_operator_calls(const Accounts *a);
