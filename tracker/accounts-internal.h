/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of accounts share; nobody else includes it. */
#pragma once

#include "tracker/accounts-operator.h"
#include "tracker/passwords.h"
#include "tracker/throttle.h"

#define RECOVERY_CODE_SIZE 24 /* four groups of five with dashes, and NUL */

/* 80 bits, and easy to type. */
#define RESET_PASSWORD_GROUPS 4
#define RESET_PASSWORD_GROUP 4
#define RESET_PASSWORD_SIZE (RESET_PASSWORD_GROUPS * (RESET_PASSWORD_GROUP + 1))

#define BUSY_RETRY_MSEC 2000
#define REPEAT_USEC (10 * USEC_PER_MINUTE)         /* protocol §4 SIGNUP, RECOVER, PASSWD */
#define PASSWORD_TRY_DELAY_USEC (4 * USEC_PER_SEC) /* well within a requester's deadline */
#define PASSWORD_TRIES_DELAYED_MAX 1000            /* at a time; further ones are not delayed */

typedef struct AccountCall AccountCall;

struct Accounts {
        const Runtime *rt;               /* weak */
        const TrackerSettings *settings; /* weak */
        Authority *authority;            /* weak */
        Db *db;                          /* weak */
        Throttle *sign_ups;
        Throttle *tries_of_source, *tries_of_both, *tries_of_name; /* passwords that were wrong */
        Throttle *sign_ins, *recoveries; /* new devices of a user, by each */
        Throttle *whois_misses;          /* of users, and of sources of guests */
        unsigned n_hashing, n_delayed, n_near;
        size_t n_by_operator;           /* calls */
        accounts_revoked_fn on_revoked; /* NULL: nobody */
        void *userdata;                 /* weak */
        AccountCall *calls;
};

/* One request on its way through disk and workers: at most one of db_call, job and delay is under
 * way. */
struct AccountCall {
        Accounts *accounts; /* weak */
        AccountCall *prev, *next;
        DbCall *db_call;
        Job *job;
        ClockTimer *delay; /* the account is being tried too often */
        db_identity_fn after_delay;

        UserType user_type;
        char name[NAME_SIZE];
        char asker[NAME_SIZE]; /* the user who asks WHOIS; "": a guest at source does */
        char key_id[KEY_ID_SIZE];
        char *password;     /* what is to be verified; erased */
        char *new_password; /* erased */
        char *verified;     /* the stored hash that it met: writes count only while it is stored */
        char *recovery;     /* the stored hash of the code, where that is another one */
        bool keep_others, is_deletion;
        char after[KEY_ID_SIZE];
        size_t limit;
        DbRevocation *revoked; /* until the devices that are left are known */
        size_t n_revoked;
        Key *key;
        Address source;
        bool certified;
        bool is_repeated;  /* what was answered before */
        bool may_repeat;   /* … and may have been: by this key, a moment ago */
        bool key_is_known; /* no new device */
        bool user_exists;  /* … of that name, or did */
        bool was_raced;    /* a sign-up that another one overtook: looked up a second time */
        char recovery_code[RECOVERY_CODE_SIZE];
        char *certificate;
        uint64_t expires;
        bool is_suspended; /* which is told when the password was good */
        char *reason;      /* of that */
        bool is_by_operator;
        DbMark mark;

        accounts_done_fn done;
        accounts_reset_fn reset;
        accounts_users_fn users;
        accounts_user_fn user;
        accounts_whois_fn whois;
        accounts_devices_fn devices;
        void *userdata; /* weak */
};

AccountCall *account_call_free(AccountCall *c);
DEFINE_CLEANUP(AccountCall *, account_call_free);

/* The name by its form, and copies of the rest. */
int account_call_new(Accounts *a, UserType type, const char *username, const Key *key,
                     accounts_done_fn done, void *userdata, AccountCall **ret, Failure *failure);
/* Steps that fail at once may not answer from inside the caller's call. Returns negative. */
int accounts_cannot_start(int r, Failure *failure);
int accounts_throttle(Accounts *a, Throttle *t, const Address *source, const char *name,
                      Failure *failure);

/* From here on the call answers by itself: each of these ends in account_call_finish() or in a
 * further step. */
void account_call_finish(AccountCall *c, const Failure *failure);
void account_call_fail(AccountCall *c, ErrorCode code, const char *message);
/* What the database, the workers or the authority said. */
void account_call_fail_errno(AccountCall *c, int r);
int account_call_issue(AccountCall *c);
void account_call_put_device(AccountCall *c);
/* Tells whom it concerns after c was answered; c is gone. */
void account_call_finish_revoked(AccountCall *c, const DbRevocation *revoked, size_t n);

/* The steps of passwords. What they begin ends in the callback, which calls the first of them. */
void account_call_hashing_ended(AccountCall *c);
int account_call_verify(AccountCall *c, const char *hash, password_verified_fn done);
int account_call_hash(AccountCall *c, const char *first, const char *second,
                      password_hashed_fn done);
/* n_groups of `group` digits, 5 bits each, with dashes between them in ret; ret_plain (may be NULL)
 * is without. */
void accounts_make_code(const Accounts *a, unsigned n_groups, unsigned group, char *ret,
                        char *ret_plain);
/* A code is hashed without its dashes, so that people may leave them out. */
void account_call_make_recovery_code(AccountCall *c, char ret_plain[static RECOVERY_CODE_SIZE]);
int accounts_check_password_length(const char *password, const char *field, bool is_new,
                                   Failure *failure);
/* A try at what only the owner of c->name knows, counted against c->source: looks the name up, now
 * or a little later, or is refused. */
int account_call_try(AccountCall *c, db_identity_fn on_identity, Failure *failure);
void account_call_try_was_good(AccountCall *c);
/* Each new device of a user is a key that may be revoked, which all hosts keep. Asked when the
 * password or code was good, so nobody else can use it up. false: it was refused, and c is gone. */
bool account_call_may_make_device(AccountCall *c, Throttle *t);
/* What was found of a name whose password or code is tried now. */
int account_call_note_suspension(AccountCall *c, const DbIdentity *i);
/* The password or code was good. false: the user is suspended and was told so, and c is gone. */
bool account_call_check_suspension(AccountCall *c);
/* The answer to a wrong one. */
void account_call_try_was_bad(AccountCall *c, const char *message);

/* What the journal is told (accounts-journal.c). user: who is known to have asked, or NULL. */
void accounts_tell_sign_up(const AccountCall *c);
void accounts_tell_recovery(const AccountCall *c);
void accounts_tell_failure(const AccountCall *c);
void accounts_tell_throttled(const Accounts *a, const Throttle *t, const Address *source,
                             const char *user);
void accounts_tell_issued(const AccountCall *c);
void accounts_tell_refused(const AccountCall *c, const char *reason);
void accounts_tell_suspended_refused(const AccountCall *c);
/* What an operator did; a deletion is told where all are. */
void accounts_tell_deed(const AccountCall *c);
