/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the files of an account share; only account*.c see it. */
#pragma once

#include "base/backoff.h"
#include "daemon/account/account-owner.h"
#include "daemon/operation.h"

typedef struct SignIn SignIn;
typedef struct SignOut SignOut;
typedef struct AccountRequest AccountRequest;

struct AccountOp {
        Operation base;
        Account *account; /* weak */
        union {
                account_signed_in_fn signed_in;
                account_done_fn done;
                account_directory_fn directory;
                account_devices_fn devices;
        };
        void *userdata;                /* weak */
        const char *recovery_code;     /* borrowed while it completes */
        const AccountRequest *request; /* likewise */
};

/* One request on its way, whether somebody waits for it or not. */
struct AccountRequest {
        Account *account; /* weak */
        AccountRequest *prev, *next;
        TrackerCall *call;
        Operation *op; /* weak; NULL: nobody waits any more */

        char after[KEY_ID_SIZE]; /* the last device that was told */
        AccountDevice *devices;
        size_t n_devices, n_allocated;
};

struct Account {
        const Runtime *rt; /* weak */
        Store *store;      /* weak */
        AccountHandlers handlers;
        void *userdata; /* weak */

        char tracker_id[TRACKER_ID_SIZE];
        char pin[PIN_SIZE];
        char offered_pin[PIN_SIZE];
        char *address;
        Chain *chain; /* the tracker's authorities; NULL: nothing is accepted yet */
        Job *chain_job;
        TrackerState state;
        char reason[FAILURE_MESSAGE_SIZE];
        RemoteTime time;   /* the tracker's */
        bool clock_told;   /* the journal knows that ours is off */
        TrackerState told; /* what the journal knows of the way to the tracker */

        TrackerClient *client;
        bool certified;     /* the connection that there is, or is dialled, shows our certificate */
        unsigned n_refused; /* certified connections in a row that ended before HELLO */

        uint64_t identity; /* 0: nobody */
        char username[NAME_SIZE];
        UserType user_type;
        Key *key;
        Certificate *certificate;
        Subject subject;                 /* not_after: until when it counts, whatever it says */
        uint64_t renew_early;            /* µs since the epoch: of an authority before; 0 */
        ErrorCode dismissed;             /* why the tracker does not renew us any more */
        bool is_copied;                  /* another computer has the key as well */
        bool is_replaced;                /* … and the tracker listens to that one */
        char instance[UUID_STRING_SIZE]; /* which process we are, among those that have the key */

        SignIn *sign_in;   /* one at a time */
        SignIn *signed_in; /* who asked for it waits for account_is_shown() */
        SignOut *sign_out; /* one at a time */
        struct {           /* account-attempt.c */
                Key *key;  /* NULL: there is none */
                char username[NAME_SIZE];
                UserType user_type;
                ClockTimer *expiry;
        } attempt;

        ClockTimer *renew_timer;
        Backoff renew_backoff;
        TrackerCall *renew_call;
        Job *renew_job;

        AccountRequest *requests; /* AccountRequest */

        uint64_t generation;
        TrackerCall *watch_call;
        ClockTimer *watch_timer;
        Backoff watch_backoff;

        Operation *ops;           /* AccountOp */
        DirectoryLookup *lookups; /* DirectoryLookup */
};

/* account.c */
void account_changed(Account *a);
void account_look_at_clock(Account *a); /* one warning each time that it is off */
void account_set_state(Account *a, TrackerState state, const char *reason);
/* Cuts and dials again as who we are now. */
int account_redial(Account *a);
/* The next connection shows the certificate that we have now. */
int account_show_certificate(Account *a);
void account_set_identity(Account *a, uint64_t row, UserType type, const char *username, Key *key,
                          Certificate *certificate);
void account_clear_identity(Account *a);
/* What the tracker gave us, checked: signed by the CA whose pin we hold, for this key. kind or name
 * may be left open (SUBJECT_KIND_INVALID, NULL). */
int account_check_certificate(const Account *a, const Key *key, SubjectKind kind, const char *name,
                              const char *pem, Certificate **ret, Subject *ret_subject);
AccountOp *account_op_new(Account *a, const OperationType *type, void *userdata);
/* Gives the new operation out, or completes it later where f says why. */
int account_op_return(AccountOp *op, AccountOp **ret_op, const Failure *f);

/* account-authority.c */
/* What the tracker says of its authorities: a newer one takes the place of the one held. 1: it
 * does; 0: nothing new; -EKEYREJECTED: it is not of this tracker, or leaves out the pin held. */
int account_take_chain(Account *a, const Chain *chain);
int account_take_ca(Account *a, const Value *payload); /* its `ca`, where there is one */
void account_look_at_issuer(Account *a); /* of the certificate, after either changed */

/* account-journal.c: what the journal is told */
void account_tell_state(Account *a); /* each time that the tracker is lost, found, or another one */
void account_tell_clock(const Account *a, const char *off);
void account_tell_copied(const Account *a);
void account_tell_sign_in_failed(const Account *a, const Failure *f);
void account_tell_renewed(const Account *a);
void account_tell_dismissed(const Account *a, const Failure *f);

/* account-sign-in.c */
void sign_in_connected(Account *a);              /* HELLO is exchanged and a sign-in waits */
void sign_in_lost(Account *a, const Failure *f); /* the connection, or the way to it */
SignIn *sign_in_free(SignIn *s);

/* account-attempt.c */
int attempt_init(Account *a, const StoredAttempt *stored);
void attempt_done(Account *a);
/* NULL: nothing was asked for by that name of which the answer may be lost. */
Key *attempt_find(const Account *a, const char *username, UserType type);
/* On disk when done runs: the request may leave. */
int attempt_save(Account *a, const char *username, UserType type, Key *key, store_done_fn done,
                 Job **ret_job);
void attempt_forget(Account *a); /* from disk too */
void attempt_drop(Account *a);   /* the disk is seen to */

/* account-request.c */
typedef int (*account_request_fn)(AccountRequest *q, const void *arguments);
/* What completes op, as the operation of an account begins: refused (unless its code is
 * ERROR_NONE), or by what this side knows at once, it is not sent. */
int account_request_begin(Account *a, AccountOp *op, const Failure *refused,
                          account_request_fn send, const void *arguments, AccountOp **ret_op);
/* The same with an operation of its own. */
int account_request_do(Account *a, const Failure *refused, account_request_fn send,
                       const void *arguments, account_done_fn done, void *userdata,
                       AccountOp **ret_op);
/* Erases what is in w. */
int account_request_send(AccountRequest *q, const char *command, Writer *w, tracker_reply_fn reply);
void account_request_end(AccountRequest *q, const Failure *f); /* frees it */
AccountRequest *account_request_free(AccountRequest *q);
void account_cancel_requests(Account *a);

/* account-change.c */
int account_check_password(const char *password, Failure *f);

/* account-sign-out.c */
SignOut *sign_out_free(SignOut *s);
/* The account is no more: key, certificate and all that belonged to it are erased. op (may be NULL)
 * is told; on failure it is the caller's. */
int account_forget_identity(Account *a, Operation *op);
/* Without being asked: a guest's day is over. */
int account_end_identity(Account *a);

/* account-renew.c */
/* Why the tracker does not take our key any more, as a sentence; "": it does. */
const char *account_get_dismissal(const Account *a);
void account_renew_schedule(Account *a);
void account_renew_first(Account *a); /* over a connection that does not show a certificate */
void account_renew_done(Account *a);

/* account-directory.c */
int account_watch_init(Account *a);
void account_watch(Account *a);
void account_directory_push(Account *a, const Value *payload);
