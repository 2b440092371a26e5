/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an operator suspends, lets in again, resets, removes and lists accounts; leaves what
 * users do themselves to accounts-change.c. */
#include "tracker/accounts-operator.h"

#include <utlist.h>

#include "tracker/accounts-internal.h"
#include "wire/limits.h"

#define NO_SUCH_USER "There is no user %s; users are listed with p2pchat-trackerctl user list."

static int no_such_user(const char *name, Failure *f) {
        return failure_set(f, ERROR_NO_SUCH_USER, NO_SUCH_USER, name);
}

static int check_name(const char *name, Failure *f) {
        if (name_is_guest(name))
                return failure_set(f, ERROR_NO_SUCH_USER,
                                   "%s is a guest: guests have no account, and are gone within a "
                                   "day.",
                                   name);
        return name_is_user(name) ? 0 : no_such_user(name, f);
}

static int call_new(Accounts *a, const char *name, accounts_done_fn done, void *userdata,
                    AccountCall **ret, Failure *failure) {
        int r;

        if (a->n_by_operator >= OPERATOR_CALLS_MAX)
                return accounts_cannot_start(-ENOBUFS, failure);
        r = account_call_new(a, USER_REGISTERED, name, NULL, done, userdata, ret, failure);
        if (r < 0)
                return r;
        (*ret)->is_by_operator = true;
        a->n_by_operator++;
        return 0;
}

/* What the database said of a call that is done now; the journal tells it too. */
static void on_changed(int r, const DbRevocation *revoked, size_t n, void *userdata) {
        AccountCall *c = userdata;
        Failure f;

        c->db_call = NULL;
        if (r == -ESRCH) {
                (void) no_such_user(c->name, &f);
                account_call_finish(c, &f);
                return;
        }
        if (r < 0) {
                account_call_fail_errno(c, r);
                return;
        }
        accounts_tell_deed(c);
        account_call_finish_revoked(c, revoked, n);
}

static int change(Accounts *a, const char *name, const DbChange *wanted, accounts_done_fn done,
                  void *userdata, Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        DbChange change = *wanted;
        int r;

        r = check_name(name, failure);
        if (r >= 0)
                r = call_new(a, name, done, userdata, &c, failure);
        if (r < 0)
                return r;
        c->mark = change.mark;
        c->is_deletion = change.is_deletion;
        change.name = name;
        change.now = clock_realtime(a->rt->clock);
        change.is_by_operator = true;
        r = free_and_strdup(&c->reason, change.reason);
        if (r >= 0)
                r = db_change_account(a->db, &change, on_changed, c, &c->db_call);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        TAKE_PTR(c);
        return 0;
}

int accounts_suspend(Accounts *a, const char *name, const char *reason, accounts_done_fn done,
                     void *userdata, Failure *failure) {
        const DbChange wanted = {
                .mark = DB_MARK_SUSPEND,
                .reason = reason,
                .revoke = DB_REVOKE_ALL,
        };
        int r;

        if (reason &&
            (strlen(reason) > REASON_BYTES_MAX || !text_is_valid(reason, strlen(reason), false))) {
                r = failure_set(failure, ERROR_BAD_REQUEST,
                                "A reason is text of one line, at most %d bytes.",
                                REASON_BYTES_MAX);
                strcpy(failure->field, "reason");
                return r;
        }
        return change(a, name, &wanted, done, userdata, failure);
}

int accounts_resume(Accounts *a, const char *name, accounts_done_fn done, void *userdata,
                    Failure *failure) {
        return change(a, name, &(DbChange){ .mark = DB_MARK_RESUME }, done, userdata, failure);
}

int accounts_remove(Accounts *a, const char *name, accounts_done_fn done, void *userdata,
                    Failure *failure) {
        return change(a, name, &(DbChange){ .is_deletion = true, .revoke = DB_REVOKE_ALL }, done,
                      userdata, failure);
}

/* ---- another password ---- */

static void on_reset_hashed(int r, const char *password, const char *recovery, void *userdata) {
        AccountCall *c = userdata;
        Accounts *a = c->accounts;

        account_call_hashing_ended(c);
        if (r >= 0)
                r = db_change_account(a->db,
                                      &(DbChange){
                                              .name = c->name,
                                              .now = clock_realtime(a->rt->clock),
                                              .is_by_operator = true,
                                              .password = password,
                                              .recovery = recovery,
                                              .revoke = DB_REVOKE_ALL,
                                      },
                                      on_changed, c, &c->db_call);
        if (r < 0)
                account_call_fail_errno(c, r);
}

/* Hashing takes a while: not for a name that nobody has. */
static void on_reset_identity(int r, const DbIdentity *i, void *userdata) {
        AccountCall *c = userdata;
        char plain[RECOVERY_CODE_SIZE];

        c->db_call = NULL;
        if (r >= 0 && (!i->user_exists || i->user_deleted)) {
                on_changed(-ESRCH, NULL, 0, c);
                return;
        }
        if (r >= 0) {
                account_call_make_recovery_code(c, plain);
                r = account_call_hash(c, c->new_password, plain, on_reset_hashed);
                explicit_bzero(plain, sizeof(plain));
        }
        if (r < 0)
                account_call_fail_errno(c, r);
}

static bool is_being_reset(const Accounts *a, const char *name) {
        const AccountCall *c;

        DL_FOREACH(a->calls, c)
                if (c->reset && streq(c->name, name))
                        return true;
        return false;
}

int accounts_reset(Accounts *a, const char *name, accounts_reset_fn done, void *userdata,
                   Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        r = check_name(name, failure);
        if (r < 0)
                return r;
        if (is_being_reset(a, name)) {
                r = failure_set(failure, ERROR_BUSY,
                                "Another operator resets %s at this moment: ask who that is, or "
                                "again.",
                                name);
                failure->retry_after_ms = BUSY_RETRY_MSEC;
                return r;
        }
        r = call_new(a, name, NULL, userdata, &c, failure);
        if (r < 0)
                return r;
        c->reset = done;
        c->new_password = new0(char, RESET_PASSWORD_SIZE);
        r = c->new_password ? 0 : -ENOMEM;
        if (r >= 0) {
                accounts_make_code(a, RESET_PASSWORD_GROUPS, RESET_PASSWORD_GROUP, c->new_password,
                                   NULL);
                r = db_get_identity(a->db, name, NULL, on_reset_identity, c, &c->db_call);
        }
        if (r < 0)
                return accounts_cannot_start(r, failure);
        TAKE_PTR(c);
        return 0;
}

/* ---- lists ---- */

static void on_users(int r, const DbUser *users, size_t n, const char *next, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        if (r < 0) {
                account_call_fail_errno(c, r);
                return;
        }
        c->users(NULL, users, n, next, c->userdata);
        account_call_free(c);
}

int accounts_list(Accounts *a, const UsersQuery *query, accounts_users_fn done, void *userdata,
                  Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        if (query->limit < 1 || query->limit > OPERATOR_LIMIT_MAX)
                return failure_set(failure, ERROR_BAD_REQUEST, "A limit is from 1 to %d.",
                                   OPERATOR_LIMIT_MAX);
        if (strlen(query->after) > NAME_MAX_BYTES ||
            (query->query && strlen(query->query) > QUERY_BYTES_MAX))
                return failure_set(failure, ERROR_BAD_REQUEST,
                                   "A name has at most %d bytes, a part to look for %d.",
                                   NAME_MAX_BYTES, QUERY_BYTES_MAX);
        r = call_new(a, NULL, NULL, userdata, &c, failure);
        if (r < 0)
                return r;
        c->users = done;
        r = db_get_users(a->db, query->after, query->query, query->state, query->limit, on_users, c,
                         &c->db_call);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        TAKE_PTR(c);
        return 0;
}

static void on_user(int r, const DbUser *user, const DbDeviceInfo *devices, size_t n,
                    void *userdata) {
        AccountCall *c = userdata;

        if (r < 0) {
                on_changed(r, NULL, 0, c);
                return;
        }
        c->db_call = NULL;
        c->user(NULL, user, devices, n, c->userdata);
        account_call_free(c);
}

int accounts_get(Accounts *a, const char *name, accounts_user_fn done, void *userdata,
                 Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        r = check_name(name, failure);
        if (r >= 0)
                r = call_new(a, name, NULL, userdata, &c, failure);
        if (r < 0)
                return r;
        c->user = done;
        r = db_get_user(a->db, name, DEVICES_LISTED_MAX, on_user, c, &c->db_call);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        TAKE_PTR(c);
        return 0;
}

size_t accounts_get_n_operator_calls(const Accounts *a) {
        return a->n_by_operator;
}
