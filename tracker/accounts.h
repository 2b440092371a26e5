/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who has an account or a guest's name, and which devices are theirs (protocol §4 SIGNUP …
 * WHOIS); leaves the wire to session-commands, storage to db.h, and what revoked keys must not do
 * any more to the tracker. */
#pragma once

#include "base/runtime.h"
#include "tracker/authority.h"
#include "tracker/db.h"
#include "tracker/settings.h"
#include "wire/error.h"

typedef struct Accounts Accounts;

/* What a device walks away with; borrowed. */
typedef struct Grant {
        const char *username;
        UserType user_type;
        const char *certificate, *ca; /* PEM */
        uint64_t expires;             /* realtime */
        const char *recovery_code;    /* NULL but from sign-up and recovery; shown this once */
} Grant;

/* Called exactly once, never from inside the call: with a failure or with a grant (NULL where no
 * certificate was asked for). */
typedef void (*accounts_done_fn)(const Failure *failure, const Grant *grant, void *userdata);

int accounts_new(const Runtime *rt /* weak */, const TrackerSettings *settings /* weak */,
                 Authority *authority /* weak */, Db *db /* weak */, Accounts **ret);
/* What the settings say holds from now on. */
void accounts_settings_changed(Accounts *a);
/* What is under way is answered `busy` first. */
Accounts *accounts_free(Accounts *a);
DEFINE_CLEANUP(Accounts *, accounts_free);

/* On disk, and the request is answered. Set before anything is asked. is_deleted: the user is no
 * more. */
typedef void (*accounts_revoked_fn)(const char *user, const DbRevocation *revoked, size_t n,
                                    bool is_deleted, void *userdata);
void accounts_on_revoked(Accounts *a, accounts_revoked_fn fn, void *userdata /* weak */);

/* source: whom to count failures against (an address without its port). The name's form is checked
 * here; key is the public one of a request whose signature was good. */
typedef struct Credentials {
        const char *username;
        const char *password;      /* NULL for guests; of recovery the new one */
        const char *recovery_code; /* of recovery */
        const Key *key;
        const Address *source;
} Credentials;

/* Each returns 0 and calls done later, or -errno with a failure and never calls it. */
int accounts_sign_up(Accounts *a, const Credentials *c, accounts_done_fn done, void *userdata,
                     Failure *failure);
int accounts_sign_in(Accounts *a, const Credentials *c, accounts_done_fn done, void *userdata,
                     Failure *failure);
/* Repeated by the same key with the code that it spent within 10 min: done again, with another new
 * code. An answer may have been lost, and nothing else would let its person in. */
int accounts_recover(Accounts *a, const Credentials *c, accounts_done_fn done, void *userdata,
                     Failure *failure);
int accounts_guest(Accounts *a, const Credentials *c, accounts_done_fn done, void *userdata,
                   Failure *failure);
/* certified: the connection proved by its certificate that it is this key's (guests need that).
 * username is ignored: the key says who it is. */
int accounts_renew(Accounts *a, const Key *key, bool certified, const Address *source,
                   accounts_done_fn done, void *userdata, Failure *failure);

/* Of a signed-in connection. */
int accounts_sign_out(Accounts *a, const Subject *who, accounts_done_fn done, void *userdata,
                      Failure *failure);
typedef struct PasswordChange {
        const Address *source;
        const char *old_password, *new_password;
        bool keep_others;
} PasswordChange;
/* Repeated by the same key within 10 min, when new_password is the present one: OK again. */
int accounts_change_password(Accounts *a, const Subject *who, const PasswordChange *change,
                             accounts_done_fn done, void *userdata, Failure *failure);
int accounts_delete(Accounts *a, const Subject *who, const Address *source, const char *password,
                    accounts_done_fn done, void *userdata, Failure *failure);

/* Devices in order of key after `after`. Keys to revoke first must all be the user's, or nothing
 * is done (bad-request). */
typedef struct DevicesQuery {
        const char *after;
        size_t limit;
        const char (*revoke)[KEY_ID_SIZE];
        size_t n_revoke;
} DevicesQuery;
typedef void (*accounts_devices_fn)(const Failure *failure, const DbDeviceInfo *devices, size_t n,
                                    void *userdata);
int accounts_devices(Accounts *a, const Subject *who, const DevicesQuery *query,
                     accounts_devices_fn done, void *userdata, Failure *failure);

/* Borrowed. */
typedef struct WhoisAnswer {
        bool exists;
        UserType user_type;    /* where it exists */
        const NearNames *near; /* where it does not, for users who ask; else NULL */
} WhoisAnswer;
typedef void (*accounts_whois_fn)(const Failure *failure, const WhoisAnswer *answer,
                                  void *userdata);
/* Names that nobody has count against who asks: a user, or the source of a guest. */
int accounts_whois(Accounts *a, const Subject *who, const Address *source, const char *username,
                   accounts_whois_fn done, void *userdata, Failure *failure);

/* A signed-in connection of this key was seen: the device stays good for another while. */
void accounts_seen(Accounts *a, const char *key_id);
