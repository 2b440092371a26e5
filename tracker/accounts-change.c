/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what ends devices and accounts: sign-out, another password, recovery, deletion, and the
 * list of devices; leaves trying passwords to accounts-password.c. */
#include "base/log.h"
#include "tracker/accounts-internal.h"
#include "wire/limits.h"

static void on_changed(int r, const DbRevocation *revoked, size_t n, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        if (r < 0)
                account_call_fail_errno(c, r);
        else
                account_call_finish_revoked(c, revoked, n);
}

/* A call of somebody who is signed in. */
static int call_new(Accounts *a, const Subject *who, const Address *source, accounts_done_fn done,
                    void *userdata, AccountCall **ret, Failure *failure) {
        int r;

        r = account_call_new(a, who->kind == SUBJECT_GUEST ? USER_GUEST : USER_REGISTERED,
                             who->name, NULL, done, userdata, ret, failure);
        if (r < 0)
                return r;
        memcpy((*ret)->key_id, who->key_id, sizeof((*ret)->key_id));
        if (source)
                (*ret)->source = *source;
        return 0;
}

int accounts_sign_out(Accounts *a, const Subject *who, accounts_done_fn done, void *userdata,
                      Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        char keys[1][KEY_ID_SIZE];
        int r;

        r = call_new(a, who, NULL, done, userdata, &c, failure);
        if (r < 0)
                return r;
        memcpy(keys[0], who->key_id, sizeof(keys[0]));
        r = db_change_account(a->db,
                              &(DbChange){
                                      .name = c->name,
                                      .guest = c->user_type == USER_GUEST,
                                      .now = clock_realtime(a->rt->clock),
                                      .revoke = DB_REVOKE_LISTED,
                                      .keys = keys,
                                      .n_keys = 1,
                              },
                              on_changed, c, &c->db_call);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        TAKE_PTR(c);
        return 0;
}

static void on_password_hashed(int r, const char *hash, const char *unused, void *userdata) {
        AccountCall *c = userdata;
        Accounts *a = c->accounts;

        account_call_hashing_ended(c);
        if (r >= 0)
                r = db_change_account(
                        a->db,
                        &(DbChange){
                                .name = c->name,
                                .now = clock_realtime(a->rt->clock),
                                .expected_password = c->verified,
                                .password = hash,
                                .revoke = c->keep_others ? DB_REVOKE_NONE : DB_REVOKE_OTHERS,
                                .key = c->key_id,
                        },
                        on_changed, c, &c->db_call);
        if (r < 0)
                account_call_fail_errno(c, r);
}

static int delete_account(AccountCall *c) {
        Accounts *a = c->accounts;

        return db_change_account(a->db,
                                 &(DbChange){
                                         .name = c->name,
                                         .now = clock_realtime(a->rt->clock),
                                         .expected_password = c->verified,
                                         .is_deletion = true,
                                         .revoke = DB_REVOKE_ALL,
                                 },
                                 on_changed, c, &c->db_call);
}

static bool may_repeat(const AccountCall *c, const DbIdentity *i) {
        return i->user_exists && !i->user_deleted && streq(i->changed_by, c->key_id) &&
               clock_realtime(c->accounts->rt->clock) <= i->changed + REPEAT_USEC;
}

/* The password is the wished one already: what is left to do is done, again or for the first time.
 */
static void on_repeat_verified(int r, void *userdata) {
        AccountCall *c = userdata;

        account_call_hashing_ended(c);
        if (r == 0) {
                account_call_try_was_bad(c, "That password is wrong.");
                return;
        }
        if (r > 0) {
                account_call_try_was_good(c);
                if (!account_call_check_suspension(c))
                        return;
                r = db_change_account(
                        c->accounts->db,
                        &(DbChange){
                                .name = c->name,
                                .now = clock_realtime(c->accounts->rt->clock),
                                .expected_password = c->verified,
                                .revoke = c->keep_others ? DB_REVOKE_NONE : DB_REVOKE_OTHERS,
                                .key = c->key_id,
                        },
                        on_changed, c, &c->db_call);
        }
        if (r < 0)
                account_call_fail_errno(c, r);
}

/* Was the answer to the same request lost? */
static int verify_repeat(AccountCall *c) {
        _cleanup_free_ char *hash = strdup(c->verified);
        char *old_password = c->password;

        if (!hash)
                return -ENOMEM;
        c->password = c->new_password;
        c->new_password = old_password;
        return account_call_verify(c, hash, on_repeat_verified);
}

static void on_password_verified(int r, void *userdata) {
        AccountCall *c = userdata;

        account_call_hashing_ended(c);
        if (r == 0 && c->may_repeat) {
                r = verify_repeat(c);
                if (r < 0)
                        account_call_fail_errno(c, r);
                return;
        }
        if (r == 0) {
                account_call_try_was_bad(c, "That password is wrong.");
                return;
        }
        if (r > 0) {
                account_call_try_was_good(c);
                if (!account_call_check_suspension(c))
                        return;
                r = c->is_deletion
                            ? delete_account(c)
                            : account_call_hash(c, c->new_password, NULL, on_password_hashed);
        }
        if (r < 0)
                account_call_fail_errno(c, r);
}

static void on_password_identity(int r, const DbIdentity *i, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        if (r >= 0)
                r = account_call_note_suspension(c, i);
        if (r >= 0) {
                c->user_exists = i->user_exists;
                c->may_repeat = !c->is_deletion && may_repeat(c, i);
                r = account_call_verify(c, i->user_exists && !i->user_deleted ? i->password : NULL,
                                        on_password_verified);
        }
        if (r < 0)
                account_call_fail_errno(c, r);
}

int accounts_change_password(Accounts *a, const Subject *who, const PasswordChange *change,
                             accounts_done_fn done, void *userdata, Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        r = accounts_check_password_length(change->old_password, "old_password", false, failure);
        if (r >= 0)
                r = accounts_check_password_length(change->new_password, "new_password", true,
                                                   failure);
        if (r >= 0)
                r = call_new(a, who, change->source, done, userdata, &c, failure);
        if (r < 0)
                return r;
        c->keep_others = change->keep_others;
        r = free_and_strdup(&c->password, change->old_password);
        if (r >= 0)
                r = free_and_strdup(&c->new_password, change->new_password);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        r = account_call_try(c, on_password_identity, failure);
        if (r < 0)
                return r;
        TAKE_PTR(c);
        return 0;
}

int accounts_delete(Accounts *a, const Subject *who, const Address *source, const char *password,
                    accounts_done_fn done, void *userdata, Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        r = accounts_check_password_length(password, "password", false, failure);
        if (r >= 0)
                r = call_new(a, who, source, done, userdata, &c, failure);
        if (r < 0)
                return r;
        c->is_deletion = true;
        r = free_and_strdup(&c->password, password);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        r = account_call_try(c, on_password_identity, failure);
        if (r < 0)
                return r;
        TAKE_PTR(c);
        return 0;
}

static void on_recovered(int r, const DbRevocation *revoked, size_t n, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        if (r < 0) {
                account_call_fail_errno(c, r);
                return;
        }
        accounts_tell_recovery(c);
        account_call_finish_revoked(c, revoked, n);
}

static void on_recovery_hashed(int r, const char *password, const char *recovery, void *userdata) {
        AccountCall *c = userdata;
        Accounts *a = c->accounts;
        uint64_t now = clock_realtime(a->rt->clock);

        account_call_hashing_ended(c);
        if (r >= 0)
                r = account_call_issue(c);
        if (r >= 0)
                r = db_change_account(a->db,
                                      &(DbChange){
                                              .name = c->name,
                                              .now = now,
                                              .expected_recovery = c->recovery,
                                              .password = password,
                                              .recovery = recovery,
                                              .spent = c->verified,
                                              .is_repeated = c->is_repeated,
                                              .device =
                                                      &(DbDevice){
                                                              .key = c->key_id,
                                                              .name = c->name,
                                                              .now = now,
                                                              .until = c->expires,
                                                      },
                                              .revoke = DB_REVOKE_OTHERS,
                                      },
                                      on_recovered, c, &c->db_call);
        if (r < 0)
                account_call_fail_errno(c, r);
}

static void on_recovery_verified(int r, void *userdata) {
        AccountCall *c = userdata;
        char plain[RECOVERY_CODE_SIZE];

        account_call_hashing_ended(c);
        if (r == 0 && c->is_repeated) { /* not the one that it spent: the present one, perhaps */
                c->is_repeated = false;
                r = account_call_verify(c, c->recovery, on_recovery_verified);
                if (r < 0)
                        account_call_fail_errno(c, r);
                return;
        }
        if (r == 0) {
                account_call_try_was_bad(c, "That name or recovery code is wrong.");
                return;
        }
        if (r > 0) {
                account_call_try_was_good(c);
                if (!account_call_check_suspension(c) ||
                    !account_call_may_make_device(c, c->accounts->recoveries))
                        return;
                account_call_make_recovery_code(c, plain);
                r = account_call_hash(c, c->new_password, plain, on_recovery_hashed);
                explicit_bzero(plain, sizeof(plain));
        }
        if (r < 0)
                account_call_fail_errno(c, r);
}

static void on_recovery_identity(int r, const DbIdentity *i, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        c->key_is_known = r >= 0 && i->key_exists;
        c->user_exists = r >= 0 && i->user_exists;
        if (r >= 0 && i->user_exists && !i->user_deleted) {
                c->is_repeated = may_repeat(c, i) && i->spent;
                r = account_call_note_suspension(c, i);
                if (r >= 0)
                        r = free_and_strdup(&c->recovery, i->recovery);
        }
        if (r >= 0)
                r = account_call_verify(c, c->is_repeated ? i->spent : c->recovery,
                                        on_recovery_verified);
        if (r < 0)
                account_call_fail_errno(c, r);
}

/* As people copy it: with or without dashes and blanks, in whatever case. */
static int plain_code(const char *code, char **ret) {
        char *plain = strdup(code), *end = plain;

        if (!plain)
                return -ENOMEM;
        for (; *code; code++)
                if (*code != '-' && *code != ' ')
                        *end++ = (char) (*code >= 'A' && *code <= 'Z' ? *code | 0x20 : *code);
        *end = '\0';
        *ret = plain;
        return 0;
}

int accounts_recover(Accounts *a, const Credentials *credentials, accounts_done_fn done,
                     void *userdata, Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        if (!name_is_valid(credentials->username))
                return failure_set(failure, ERROR_INVALID_NAME, "That is not a user's name.");
        r = accounts_check_password_length(credentials->password, "new_password", true, failure);
        if (r >= 0)
                r = account_call_new(a, USER_REGISTERED, credentials->username, credentials->key,
                                     done, userdata, &c, failure);
        if (r < 0)
                return r;
        c->source = *credentials->source;
        r = free_and_strdup(&c->new_password, credentials->password);
        if (r >= 0)
                r = plain_code(credentials->recovery_code, &c->password);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        r = account_call_try(c, on_recovery_identity, failure);
        if (r < 0)
                return r;
        TAKE_PTR(c);
        return 0;
}

/* The keys that were revoked are told only now: one of them may be the asker's. */
static void finish_devices(AccountCall *c, const Failure *failure, const DbDeviceInfo *devices,
                           size_t n) {
        _cleanup_free_ DbRevocation *revoked = TAKE_PTR(c->revoked);
        const size_t n_revoked = c->n_revoked;
        Accounts *a = c->accounts;
        char name[NAME_SIZE];

        memcpy(name, c->name, sizeof(name));
        c->devices(failure, devices, n, c->userdata);
        account_call_free(c);
        if (n_revoked > 0 && a->on_revoked)
                a->on_revoked(name, revoked, n_revoked, false, a->userdata);
}

static void fail_devices(AccountCall *c, int r) {
        Failure failure;

        if (c->n_revoked == 0) {
                account_call_fail_errno(c, r);
                return;
        }
        (void) accounts_cannot_start(r, &failure);
        finish_devices(c, &failure, NULL, 0);
}

static void on_devices(int r, const DbDeviceInfo *devices, size_t n, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        if (r < 0)
                fail_devices(c, r);
        else
                finish_devices(c, NULL, devices, n);
}

static int list_devices(AccountCall *c) {
        return db_get_devices(c->accounts->db, c->name, c->after, c->limit, on_devices, c,
                              &c->db_call);
}

static void on_devices_revoked(int r, const DbRevocation *revoked, size_t n, void *userdata) {
        AccountCall *c = userdata;
        Failure failure;

        c->db_call = NULL;
        if (r == -ENODEV) {
                (void) failure_set(&failure, ERROR_BAD_REQUEST,
                                   "revoke: one of them is no device of yours.");
                strcpy(failure.field, "revoke");
                account_call_finish(c, &failure);
                return;
        }
        if (r >= 0 && n > 0) {
                c->revoked = reallocarray(NULL, n, sizeof(*c->revoked));
                if (c->revoked) {
                        memcpy(c->revoked, revoked, n * sizeof(*c->revoked));
                        c->n_revoked = n;
                } else
                        r = -ENOMEM;
        }
        if (r >= 0)
                r = list_devices(c);
        if (r < 0)
                fail_devices(c, r);
}

int accounts_devices(Accounts *a, const Subject *who, const DevicesQuery *query,
                     accounts_devices_fn done, void *userdata, Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        r = call_new(a, who, NULL, NULL, userdata, &c, failure);
        if (r < 0)
                return r;
        c->devices = done;
        c->limit = query->limit;
        snprintf(c->after, sizeof(c->after), "%s", query->after);
        if (query->n_revoke == 0)
                r = list_devices(c);
        else
                r = db_change_account(a->db,
                                      &(DbChange){
                                              .name = c->name,
                                              .now = clock_realtime(a->rt->clock),
                                              .revoke = DB_REVOKE_LISTED,
                                              .keys = query->revoke,
                                              .n_keys = query->n_revoke,
                                      },
                                      on_devices_revoked, c, &c->db_call);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        TAKE_PTR(c);
        return 0;
}
