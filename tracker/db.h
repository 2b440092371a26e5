/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which questions the tracker asks its database; leaves how they are answered to
 * db-sqlite.c (and, one day, to others behind the same calls). */
#pragma once

#include "base/near-names.h"
#include "base/runtime.h"
#include "tracker/directory.h"
#include "wire/entry.h"
#include "wire/limits.h"

/* Nothing blocks: each call copies what it is given and answers once, on the loop, from a later
 * turn; writes are durable by then and take effect in the order of the calls. A call that returns
 * negative never answers. *ret_call, where it is not NULL, is the caller's until the answer:
 * freeing it means that nobody is answered (a write happens all the same). */
typedef struct Db Db;
typedef struct DbCall DbCall;

Db *db_free(Db *db);
DEFINE_CLEANUP(Db *, db_free);
DbCall *db_call_free(DbCall *c);
DEFINE_CLEANUP(DbCall *, db_call_free);

/* 0, or negative: -ENOSPC, -EIO … nothing was done. */
typedef void (*db_done_fn)(int r, void *userdata);

/* 0, or what keeps the database from being used: -ENOSPC, -EROFS, -EIO … It ends by itself, but for
 * -EBADMSG: what is damaged is neither read nor written again. fn runs on the loop, with each
 * change. */
int db_get_trouble(const Db *db);
typedef void (*db_trouble_fn)(int trouble, void *userdata);
void db_watch(Db *db, db_trouble_fn fn, void *userdata /* weak */);
/* r is part of the trouble, and no matter of what was asked. */
bool db_is_in_trouble(const Db *db, int r);

/* At start. generation is above all that earlier runs have given, also by a database that is in use
 * no more, and not below the milliseconds of now (µs since 1970). Records' topics are moved out by
 * the callee where it wants to keep them. */
typedef void (*db_load_fn)(int r, uint64_t generation, ChannelRecord *records, size_t n,
                           const RetiredId *retired, size_t n_retired, void *userdata);
int db_load(Db *db, uint64_t now, db_load_fn done, void *userdata /* weak */, DbCall **ret_call);

/* What is known of a name and of a key; strings are borrowed. */
typedef struct DbIdentity {
        bool user_exists; /* deleted ones too: their names are never given again */
        bool user_deleted;
        const char *password, *recovery; /* hashes */
        uint64_t user_created;           /* µs since the epoch, as all times here */
        bool user_suspended;
        const char *suspend_reason;   /* "": none was given */
        uint64_t guest_until;         /* the last certificate of a guest of that name; 0: none */
        char changed_by[KEY_ID_SIZE]; /* who changed the password last; "": nobody did */
        uint64_t changed;
        const char *spent; /* hash of the recovery code that did it; NULL: none */

        bool key_exists;
        bool key_is_guest, key_is_revoked;
        char key_name[NAME_SIZE];
        uint64_t key_created, key_seen;
        uint64_t key_until; /* the end of its last certificate */
} DbIdentity;
typedef void (*db_identity_fn)(int r, const DbIdentity *identity, void *userdata);
/* name or key may be NULL. */
int db_get_identity(Db *db, const char *name, const char *key, db_identity_fn done,
                    void *userdata /* weak */, DbCall **ret_call);

/* Users whose names are near to one that nobody has, deleted ones left out. All at one edit, and
 * the NEAR_ROWS_MAX in whose midst it would stand: the same whatever number of accounts there is.
 */
typedef void (*db_near_fn)(int r, const NearNames *near, void *userdata);
int db_get_near(Db *db, const char *name, db_near_fn done, void *userdata /* weak */,
                DbCall **ret_call);

typedef struct DbDevice {
        const char *key, *name;
        bool guest;
        uint64_t now, until;
        /* Of the user: -ESTALE where another one, or none, is stored by now, and -EKEYREJECTED
         * where the user is suspended. NULL: not asked. */
        const char *password;
} DbDevice;

/* A new account with its first device. -EEXIST: the name is taken; -EADDRINUSE: the key belongs to
 * another identity; -EKEYREVOKED. recovery != NULL with replace: only the recovery code of an
 * account that is there, and the device. */
int db_put_user(Db *db, const DbDevice *device, const char *password, const char *recovery,
                bool replace, db_done_fn done, void *userdata /* weak */, DbCall **ret_call);
/* A device gets a certificate until device->until: registered where it is new (a user's), or the
 * guest's name is held by it. Errors as above; -EEXIST for guests only. */
int db_put_device(Db *db, const DbDevice *device, db_done_fn done, void *userdata /* weak */,
                  DbCall **ret_call);
/* The device was here; written at most once a day. Nobody waits for it. */
int db_touch_device(Db *db, const char *key, uint64_t now);

/* A key that counts no more, and when its last certificate ends. Versions only ever grow. */
typedef struct DbRevocation {
        uint64_t version;
        char key[KEY_ID_SIZE];
        uint64_t until;
} DbRevocation;

typedef enum DbRevoke {
        DB_REVOKE_NONE,
        DB_REVOKE_LISTED, /* -ENODEV where one is no device of that name; revoked ones are left */
        DB_REVOKE_OTHERS, /* all but `key` */
        DB_REVOKE_ALL,
} DbRevoke;

typedef enum DbMark {
        DB_MARK_NONE,
        DB_MARK_SUSPEND, /* who is suspended keeps the time, and gets the reason */
        DB_MARK_RESUME,
} DbMark;

/* All of it or nothing. Revoked keys' leases end in the same transaction. */
typedef struct DbChange {
        const char *name;
        bool guest;
        uint64_t now;
        /* Of an account that is there and not deleted, suspended or not, else -ESRCH. */
        bool is_by_operator;
        DbMark mark;
        const char *reason; /* with DB_MARK_SUSPEND; NULL: "" */
        /* Hashes that must be stored still, else -ESTALE: nothing overtook what was verified. Where
         * they are, and the user is suspended by now: -EKEYREJECTED. */
        const char *expected_password, *expected_recovery;
        const char *password, *recovery; /* new hashes; NULL: as they were */
        /* With a password, which `key` (or the device's) changes: the hash of the code that is
         * spent for it, NULL for none. is_repeated: what was noted the first time stays. */
        const char *spent;
        bool is_repeated;
        bool is_deletion;       /* … and the names of channels that are the user's are free */
        const DbDevice *device; /* gets a certificate, as by db_put_device(); NULL: none does */
        DbRevoke revoke;
        const char *key;
        const char (*keys)[KEY_ID_SIZE];
        size_t n_keys;
} DbChange;
/* Borrowed; in the order of their versions. */
typedef void (*db_change_fn)(int r, const DbRevocation *revoked, size_t n, void *userdata);
int db_change_account(Db *db, const DbChange *change, db_change_fn done, void *userdata /* weak */,
                      DbCall **ret_call);

typedef struct DbDeviceInfo {
        char key[KEY_ID_SIZE];
        uint64_t created, seen;
} DbDeviceInfo;
typedef void (*db_devices_fn)(int r, const DbDeviceInfo *devices, size_t n, void *userdata);
/* A user's devices that are not revoked, in order of key after this one, at most limit. */
int db_get_devices(Db *db, const char *name, const char *after, size_t limit, db_devices_fn done,
                   void *userdata /* weak */, DbCall **ret_call);

typedef enum DbUserState {
        DB_USER_ACTIVE,
        DB_USER_SUSPENDED,
        DB_USER_DELETED,
        DB_USER_STATE_MAX,
        DB_USER_INVALID = -EINVAL,
} DbUserState;
const char *db_user_state_to_string(DbUserState s); /* "active" … */
DbUserState db_user_state_from_string(const char *s);

/* Times are 0 where it never came to that. */
typedef struct DbUser {
        char name[NAME_SIZE];
        DbUserState state;
        uint64_t created, suspended, deleted;
        uint64_t seen;                     /* by any device, revoked ones too; to a day */
        uint64_t n_devices;                /* those that are not revoked */
        char reason[REASON_BYTES_MAX + 1]; /* of the suspension; "": none was given */
} DbUser;
/* Those behind `after` that match, limit at most, in byte order of names; looks at USERS_SCAN_MAX
 * names. query NULL matches all, state DB_USER_INVALID all but
 * the deleted. next: where to go on, NULL: that is all.
 * Borrowed. */
typedef void (*db_users_fn)(int r, const DbUser *users, size_t n, const char *next, void *userdata);
int db_get_users(Db *db, const char *after, const char *query, DbUserState state, size_t limit,
                 db_users_fn done, void *userdata /* weak */, DbCall **ret_call);
/* One with the devices; -ESRCH where nobody ever had the name. Borrowed. */
typedef void (*db_user_fn)(int r, const DbUser *user, const DbDeviceInfo *devices, size_t n,
                           void *userdata);
int db_get_user(Db *db, const char *name, size_t limit, db_user_fn done, void *userdata /* weak */,
                DbCall **ret_call);

/* At start: all that were not pruned, in the order of their versions. */
int db_get_revocations(Db *db, db_change_fn done, void *userdata /* weak */, DbCall **ret_call);
/* Forgets revocations and guests whose last certificate ended before. Nobody waits for it. */
int db_prune(Db *db, uint64_t before);

/* The whole row. -EEXIST: the channel_id is another channel's. -EKEYREVOKED: its owner was deleted
 * meanwhile. */
int db_put_channel(Db *db, const ChannelRecord *record, db_done_fn done, void *userdata /* weak */,
                   DbCall **ret_call);
int db_set_channel_view(Db *db, const char *name, const bool *restricted, const char *topic,
                        db_done_fn done, void *userdata /* weak */, DbCall **ret_call);
/* Only leased, unhosted and since. */
int db_set_channel_lease(Db *db, const char *name, bool leased, bool unhosted, uint64_t since,
                         db_done_fn done, void *userdata /* weak */, DbCall **ret_call);
/* since: when it was taken out of the directory, and its lease ends with that; 0: it is back. */
int db_set_channel_delisted(Db *db, const char *name, uint64_t since, const char *reason,
                            db_done_fn done, void *userdata /* weak */, DbCall **ret_call);
int db_remove_channel(Db *db, const char *name, db_done_fn done, void *userdata /* weak */,
                      DbCall **ret_call);

/* last_seq of channels, only upwards, only while that key and epoch hold them. */
typedef struct DbProgress {
        char channel_name[NAME_SIZE];
        char key[KEY_ID_SIZE];
        uint64_t epoch, last_seq;
} DbProgress;
int db_put_progress(Db *db, const DbProgress *progress, size_t n, db_done_fn done,
                    void *userdata /* weak */, DbCall **ret_call);
