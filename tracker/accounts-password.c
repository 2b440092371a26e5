/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how passwords are tried, how often, and signing up and in with them; leaves hashing to
 * passwords.c, and what changes an account to accounts-change.c. */
#include "tracker/accounts-internal.h"
#include "wire/limits.h"

static const char recovery_digits[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* no i, l, o, u */

void accounts_make_code(const Accounts *a, unsigned n_groups, unsigned group, char *ret,
                        char *ret_plain) {
        for (unsigned i = 0; i < n_groups * group; i++) {
                if (i > 0 && i % group == 0)
                        *ret++ = '-';
                *ret = recovery_digits[random_below(a->rt->random, 32)];
                if (ret_plain)
                        *ret_plain++ = *ret;
                ret++;
        }
        *ret = '\0';
        if (ret_plain)
                *ret_plain = '\0';
}

/* 100 bits. */
void account_call_make_recovery_code(AccountCall *c, char ret_plain[static RECOVERY_CODE_SIZE]) {
        accounts_make_code(c->accounts, 4, 5, c->recovery_code, ret_plain);
}

void account_call_hashing_ended(AccountCall *c) {
        c->job = NULL;
        c->accounts->n_hashing--;
}

static int look_up(AccountCall *c, db_identity_fn done) {
        return db_get_identity(c->accounts->db, c->name, c->key_id, done, c, &c->db_call);
}

int account_call_verify(AccountCall *c, const char *hash, password_verified_fn done) {
        Accounts *a = c->accounts;
        int r;

        if (a->n_hashing >= PASSWORD_JOBS_MAX)
                return -ENOBUFS;
        r = free_and_strdup(&c->verified, hash);
        if (r >= 0)
                r = password_verify(a->rt->workers, a->settings->password_cost, c->password, hash,
                                    done, c, &c->job);
        if (r >= 0)
                a->n_hashing++;
        return r;
}

int account_call_hash(AccountCall *c, const char *first, const char *second,
                      password_hashed_fn done) {
        Accounts *a = c->accounts;
        int r;

        if (a->n_hashing >= PASSWORD_JOBS_MAX)
                return -ENOBUFS;
        r = password_hash(a->rt->workers, a->settings->password_cost, first, second, done, c,
                          &c->job);
        if (r >= 0)
                a->n_hashing++;
        return r;
}

int accounts_check_password_length(const char *password, const char *field, bool is_new,
                                   Failure *failure) {
        int r;

        if (strlen(password) > PASSWORD_BYTES_MAX) {
                r = failure_set(failure, ERROR_BAD_REQUEST, "%s is longer than %d bytes.", field,
                                PASSWORD_BYTES_MAX);
                strcpy(failure->field, field);
                return r;
        }
        if (is_new && strlen(password) < PASSWORD_BYTES_MIN)
                return failure_set(failure, ERROR_WEAK_PASSWORD,
                                   "A password has at least %d bytes.", PASSWORD_BYTES_MIN);
        return 0;
}

static void on_delay(void *userdata) {
        AccountCall *c = userdata;
        int r;

        c->delay = clock_timer_free(c->delay);
        c->accounts->n_delayed--;
        r = look_up(c, c->after_delay);
        if (r < 0)
                account_call_fail_errno(c, r);
}

/* Who tries from everywhere at once makes the others wait a little, and never locks them out. */
static int look_up_slowly(AccountCall *c, db_identity_fn on_identity, uint64_t wait_usec) {
        Accounts *a = c->accounts;
        int r;

        if (wait_usec == 0 || a->n_delayed >= PASSWORD_TRIES_DELAYED_MAX)
                return look_up(c, on_identity);
        r = clock_timer_new(a->rt->clock, on_delay, c, &c->delay);
        if (r < 0)
                return r;
        a->n_delayed++;
        c->after_delay = on_identity;
        clock_timer_arm(c->delay, MIN(wait_usec, PASSWORD_TRY_DELAY_USEC));
        return 0;
}

int account_call_try(AccountCall *c, db_identity_fn on_identity, Failure *failure) {
        Accounts *a = c->accounts;
        uint64_t wait_usec = 0;
        int r;

        r = accounts_throttle(a, a->tries_of_both, &c->source, c->name, failure);
        if (r < 0)
                return r;
        r = accounts_throttle(a, a->tries_of_source, &c->source, NULL, failure);
        if (r < 0) {
                throttle_give_back(a->tries_of_both, &c->source, c->name);
                return r;
        }
        r = throttle_take(a->tries_of_name, NULL, c->name, clock_boottime(a->rt->clock),
                          &wait_usec);
        if (r >= 0)
                wait_usec = 0;
        if (r >= 0 || r == -EAGAIN)
                r = look_up_slowly(c, on_identity, wait_usec);
        return r < 0 ? accounts_cannot_start(r, failure) : 0;
}

void account_call_try_was_good(AccountCall *c) {
        Accounts *a = c->accounts;

        throttle_give_back(a->tries_of_both, &c->source, c->name);
        throttle_give_back(a->tries_of_source, &c->source, NULL);
        throttle_give_back(a->tries_of_name, NULL, c->name);
}

int account_call_note_suspension(AccountCall *c, const DbIdentity *i) {
        c->is_suspended = i->user_suspended;
        return c->is_suspended ? free_and_strdup(&c->reason, i->suspend_reason) : 0;
}

bool account_call_check_suspension(AccountCall *c) {
        if (!c->is_suspended)
                return true;
        accounts_tell_suspended_refused(c);
        account_call_fail_errno(c, -EKEYREJECTED);
        return false;
}

bool account_call_may_make_device(AccountCall *c, Throttle *t) {
        uint64_t wait_usec = 0;
        Failure f;
        int r;

        if (c->key_is_known)
                return true;
        r = throttle_take(t, NULL, c->name, clock_boottime(c->accounts->rt->clock), &wait_usec);
        if (r >= 0)
                return true;
        if (r != -EAGAIN) {
                account_call_fail_errno(c, r);
                return false;
        }
        accounts_tell_throttled(c->accounts, t, &c->source, c->name);
        (void) failure_set(&f, ERROR_RATE_LIMITED,
                           "Too many new devices of %s lately; wait %" PRIu64
                           " s. Those that are signed in go on.",
                           c->name, wait_usec / USEC_PER_SEC + 1);
        f.retry_after_ms = wait_usec / USEC_PER_MSEC + 1;
        account_call_finish(c, &f);
        return false;
}

void account_call_try_was_bad(AccountCall *c, const char *message) {
        accounts_tell_failure(c);
        account_call_fail(c, ERROR_BAD_CREDENTIALS, message);
}

/* try: a name that may be somebody else's is tried; else somebody signs up. */
static int begin(Accounts *a, const Credentials *credentials, accounts_done_fn done, void *userdata,
                 db_identity_fn on_identity, bool try, Failure *failure) {
        _cleanup_(account_call_freep) AccountCall *c = NULL;
        int r;

        r = account_call_new(a, USER_REGISTERED, credentials->username, credentials->key, done,
                             userdata, &c, failure);
        if (r < 0)
                return r;
        c->source = *credentials->source;
        r = free_and_strdup(&c->password, credentials->password);
        if (r < 0)
                return accounts_cannot_start(r, failure);
        if (try)
                r = account_call_try(c, on_identity, failure);
        else {
                r = accounts_throttle(a, a->sign_ups, &c->source, NULL, failure);
                if (r >= 0) {
                        r = look_up(c, on_identity);
                        if (r < 0)
                                (void) accounts_cannot_start(r, failure);
                }
        }
        if (r < 0)
                return r;
        TAKE_PTR(c);
        return 0;
}

static void on_verified_sign_in(int r, void *userdata) {
        AccountCall *c = userdata;

        account_call_hashing_ended(c);
        if (r < 0)
                account_call_fail_errno(c, r);
        else if (r == 0)
                account_call_try_was_bad(c, "That name or password is wrong.");
        else {
                account_call_try_was_good(c);
                if (account_call_check_suspension(c) &&
                    account_call_may_make_device(c, c->accounts->sign_ins))
                        account_call_put_device(c);
        }
}

static void on_sign_in_identity(int r, const DbIdentity *i, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        c->key_is_known = r >= 0 && i->key_exists;
        c->user_exists = r >= 0 && i->user_exists;
        if (r >= 0)
                r = account_call_note_suspension(c, i);
        if (r >= 0)
                r = account_call_verify(c, i->user_exists && !i->user_deleted ? i->password : NULL,
                                        on_verified_sign_in);
        if (r < 0)
                account_call_fail_errno(c, r);
}

int accounts_sign_in(Accounts *a, const Credentials *credentials, accounts_done_fn done,
                     void *userdata, Failure *failure) {
        if (!name_is_valid(credentials->username))
                return failure_set(failure, ERROR_INVALID_NAME, "That is not a user's name.");
        if (accounts_check_password_length(credentials->password, "password", false, failure) < 0)
                return -EINVAL;
        return begin(a, credentials, done, userdata, on_sign_in_identity, true, failure);
}

static void on_sign_up_identity(int r, const DbIdentity *i, void *userdata);

static void on_user_put(int r, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        if (r == -EEXIST && !c->was_raced) {
                c->was_raced = true;
                r = look_up(c, on_sign_up_identity);
                if (r >= 0)
                        return;
        }
        if (r < 0) {
                account_call_fail_errno(c, r);
                return;
        }
        accounts_tell_sign_up(c);
        account_call_finish(c, NULL);
}

static void put_user(AccountCall *c, const char *password, const char *recovery) {
        Accounts *a = c->accounts;
        int r;

        r = account_call_issue(c);
        if (r >= 0)
                r = db_put_user(a->db,
                                &(DbDevice){
                                        .key = c->key_id,
                                        .name = c->name,
                                        .now = clock_realtime(a->rt->clock),
                                        .until = c->expires,
                                        .password = c->verified,
                                },
                                password, recovery, c->is_repeated, on_user_put, c, &c->db_call);
        if (r < 0)
                account_call_fail_errno(c, r);
}

static void on_hashed(int r, const char *first, const char *second, void *userdata) {
        AccountCall *c = userdata;

        account_call_hashing_ended(c);
        if (r < 0)
                account_call_fail_errno(c, r);
        else if (c->is_repeated)
                put_user(c, NULL, first);
        else
                put_user(c, first, second);
}

static void make_account(AccountCall *c) {
        char plain[RECOVERY_CODE_SIZE];
        int r;

        account_call_make_recovery_code(c, plain);
        r = c->is_repeated ? account_call_hash(c, plain, NULL, on_hashed)
                           : account_call_hash(c, c->password, plain, on_hashed);
        explicit_bzero(plain, sizeof(plain));
        if (r < 0)
                account_call_fail_errno(c, r);
}

static void on_verified_repeat(int r, void *userdata) {
        AccountCall *c = userdata;

        account_call_hashing_ended(c);
        if (r < 0)
                account_call_fail_errno(c, r);
        else if (r == 0)
                account_call_fail_errno(c, -EEXIST);
        else {
                c->is_repeated = true;
                make_account(c);
        }
}

static void on_sign_up_identity(int r, const DbIdentity *i, void *userdata) {
        AccountCall *c = userdata;
        uint64_t now = clock_realtime(c->accounts->rt->clock);

        c->db_call = NULL;
        if (r < 0)
                account_call_fail_errno(c, r);
        else if (!i->user_exists)
                make_account(c);
        else if (i->user_deleted || !i->key_exists || i->key_is_guest || i->key_is_revoked ||
                 !streq(i->key_name, c->name) || now > i->user_created + REPEAT_USEC)
                account_call_fail_errno(c, -EEXIST);
        else {
                r = account_call_verify(c, i->password, on_verified_repeat);
                if (r < 0)
                        account_call_fail_errno(c, r);
        }
}

int accounts_sign_up(Accounts *a, const Credentials *credentials, accounts_done_fn done,
                     void *userdata, Failure *failure) {
        if (!name_is_user(credentials->username))
                return failure_set(failure, ERROR_INVALID_NAME,
                                   "A user's name has 2–32 characters a–z, 0–9, '.', '_', '-', "
                                   "begins with a letter or digit, and is not a reserved one.");
        if (accounts_check_password_length(credentials->password, "password", true, failure) < 0)
                return -EINVAL;
        return begin(a, credentials, done, userdata, on_sign_up_identity, false, failure);
}
