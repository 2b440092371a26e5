/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of accounts share; nobody else includes it. */
#pragma once

#include "tracker/accounts.h"
#include "tracker/passwords.h"
#include "tracker/throttle.h"

#define RECOVERY_CODE_SIZE 24 /* four groups of five with dashes, and NUL */

#define BUSY_RETRY_MSEC 2000

typedef struct AccountCall AccountCall;

struct Accounts {
        const Runtime *rt;               /* weak */
        const TrackerSettings *settings; /* weak */
        Authority *authority;            /* weak */
        Db *db;                          /* weak */
        Throttle *sign_ups, *sign_in_failures;
        unsigned n_hashing;
        AccountCall *calls;
};

/* One request on its way through disk and workers: at most one of db_call and job is under way. */
struct AccountCall {
        Accounts *accounts; /* weak */
        AccountCall *prev, *next;
        DbCall *db_call;
        Job *job;

        UserType user_type;
        char name[NAME_SIZE];
        char key_id[KEY_ID_SIZE];
        char *password; /* erased */
        Key *key;
        Address source;
        bool certified;
        bool is_repeated; /* a sign-up that was answered before */
        bool was_raced;   /* a sign-up that another one overtook: looked up a second time */
        char recovery_code[RECOVERY_CODE_SIZE];
        char *certificate;
        uint64_t expires;

        accounts_done_fn done;
        accounts_whois_fn whois;
        void *userdata; /* weak */
};

AccountCall *account_call_free(AccountCall *c);
DEFINE_CLEANUP(AccountCall *, account_call_free);

/* The name by its form, and copies of the rest. */
int account_call_new(Accounts *a, UserType type, const char *username, const Key *key,
                     accounts_done_fn done, void *userdata, AccountCall **ret, Failure *failure);
int account_call_set_password(AccountCall *c, const Credentials *credentials);
/* Steps that fail at once may not answer from inside the caller's call. Returns negative. */
int accounts_cannot_start(int r, Failure *failure);
int accounts_throttle(Accounts *a, Throttle *t, const Address *source, Failure *failure);

/* From here on the call answers by itself: each of these ends in account_call_finish() or in a
 * further step. */
void account_call_finish(AccountCall *c, const Failure *failure);
void account_call_fail(AccountCall *c, ErrorCode code, const char *message);
/* What the database, the workers or the authority said. */
void account_call_fail_errno(AccountCall *c, int r);
int account_call_issue(AccountCall *c);
void account_call_put_device(AccountCall *c);
int accounts_begin_hashing(Accounts *a);
