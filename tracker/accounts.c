/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a request for an identity begins, waits and ends, and those that need no password;
 * leaves passwords to accounts-password.c. */
#include <inttypes.h>
#include <utlist.h>

#include "base/log.h"
#include "tracker/accounts-internal.h"
#include "wire/limits.h"

static void erase(char *s) {
        if (s)
                explicit_bzero(s, strlen(s));
        free(s);
}

AccountCall *account_call_free(AccountCall *c) {
        if (!c)
                return NULL;
        if (c->next || c->prev)
                DL_DELETE(c->accounts->calls, c);
        db_call_free(c->db_call);
        job_free(c->job);
        if (c->delay) {
                clock_timer_free(c->delay);
                c->accounts->n_delayed--;
        }
        key_free(c->key);
        erase(c->password);
        erase(c->new_password);
        c->accounts->n_by_operator -= c->is_by_operator;
        free(c->reason);
        free(c->verified);
        free(c->recovery);
        free(c->revoked);
        free(c->certificate);
        explicit_bzero(c, sizeof(*c));
        free(c);
        return NULL;
}

#define DAY_SECONDS (USEC_PER_DAY / USEC_PER_SEC)

void accounts_settings_changed(Accounts *a) {
        const TrackerSettings *s = a->settings;

        throttle_set_limit(a->sign_ups, s->sign_ups_per_minute);
        throttle_set_limit(a->tries_of_source, s->sign_in_failures_per_minute);
        /* Who tries one name must leave something to the others behind the same address. */
        throttle_set_limit(a->tries_of_both, (s->sign_in_failures_per_minute + 1) / 2);
        throttle_set_limit(a->tries_of_name, s->sign_in_failures_per_minute);
        throttle_set_limit(a->sign_ins, s->sign_ins_per_day);
        throttle_set_limit(a->recoveries, s->sign_ins_per_day);
        throttle_set_limit(a->whois_misses, s->whois_misses_per_minute);
}

int accounts_new(const Runtime *rt, const TrackerSettings *settings, Authority *authority, Db *db,
                 Accounts **ret) {
        _cleanup_(accounts_freep) Accounts *a = NULL;
        int r;

        a = new0(Accounts, 1);
        if (!a)
                return -ENOMEM;
        *a = (Accounts){ .rt = rt, .settings = settings, .authority = authority, .db = db };
        const struct {
                Throttle **throttle;
                uint64_t seconds;
        } periods[] = {
                { &a->sign_ups, 60 },          { &a->tries_of_source, 60 },
                { &a->tries_of_both, 60 },     { &a->tries_of_name, 60 },
                { &a->sign_ins, DAY_SECONDS }, { &a->recoveries, DAY_SECONDS },
                { &a->whois_misses, 60 },
        };
        for (size_t i = 0; i < ELEMENTSOF(periods); i++) {
                r = throttle_new(0, periods[i].seconds, periods[i].throttle);
                if (r < 0)
                        return r;
        }
        accounts_settings_changed(a);
        *ret = TAKE_PTR(a);
        return 0;
}

Accounts *accounts_free(Accounts *a) {
        if (!a)
                return NULL;
        while (a->calls)
                account_call_fail(a->calls, ERROR_BUSY, "The tracker is stopping; ask again.");
        throttle_free(a->sign_ups);
        throttle_free(a->tries_of_source);
        throttle_free(a->tries_of_both);
        throttle_free(a->tries_of_name);
        throttle_free(a->sign_ins);
        throttle_free(a->recoveries);
        throttle_free(a->whois_misses);
        free(a);
        return NULL;
}

void accounts_on_revoked(Accounts *a, accounts_revoked_fn fn, void *userdata) {
        a->on_revoked = fn;
        a->userdata = userdata;
}

int account_call_new(Accounts *a, UserType type, const char *username, const Key *key,
                     accounts_done_fn done, void *userdata, AccountCall **ret, Failure *failure) {
        AccountCall *c;

        c = new0(AccountCall, 1);
        if (!c) {
                (void) failure_set(failure, ERROR_INTERNAL, "Out of memory.");
                return -ENOMEM;
        }
        *c = (AccountCall){
                .accounts = a,
                .user_type = type,
                .key = key ? key_ref(key) : NULL,
                .done = done,
                .userdata = userdata,
        };
        if (username)
                snprintf(c->name, sizeof(c->name), "%s", username);
        if (key)
                key_get_id(key, c->key_id);
        DL_APPEND(a->calls, c);
        *ret = c;
        return 0;
}

int accounts_throttle(Accounts *a, Throttle *t, const Address *source, const char *name,
                      Failure *failure) {
        uint64_t wait_usec = 0;
        int r;

        r = throttle_take(t, source, name, clock_boottime(a->rt->clock), &wait_usec);
        if (r == -EAGAIN) {
                accounts_tell_throttled(a, t, source, NULL);
                r = failure_set(failure, ERROR_RATE_LIMITED,
                                "Too many tries from your address; wait %" PRIu64 " s.",
                                wait_usec / USEC_PER_SEC + 1);
                failure->retry_after_ms = wait_usec / USEC_PER_MSEC + 1;
                return r;
        }
        return r < 0 ? failure_set(failure, ERROR_INTERNAL, "Out of memory.") : 0;
}

int accounts_cannot_start(int r, Failure *failure) {
        if (r != -ENOBUFS)
                return failure_set(failure, ERROR_INTERNAL, "The tracker cannot do that now: %s.",
                                   strerror(-r));
        r = failure_set(failure, ERROR_BUSY, "The tracker has too much to do; ask again.");
        failure->retry_after_ms = BUSY_RETRY_MSEC;
        return r;
}

void account_call_finish(AccountCall *c, const Failure *failure) {
        Grant grant = {
                .username = c->name,
                .user_type = c->user_type,
                .certificate = c->certificate,
                .ca = authority_get_ca_pem(c->accounts->authority),
                .expires = c->expires,
                .recovery_code = c->recovery_code[0] ? c->recovery_code : NULL,
        };

        if (c->reset)
                c->reset(failure, failure ? NULL : c->new_password,
                         failure ? NULL : c->recovery_code, c->userdata);
        else if (c->users)
                c->users(failure, NULL, 0, NULL, c->userdata);
        else if (c->user)
                c->user(failure, NULL, NULL, 0, c->userdata);
        else if (c->whois)
                c->whois(failure, NULL, c->userdata);
        else if (c->devices)
                c->devices(failure, NULL, 0, c->userdata);
        else {
                if (!failure && c->certificate)
                        accounts_tell_issued(c);
                c->done(failure, failure || !c->certificate ? NULL : &grant, c->userdata);
        }
        account_call_free(c);
}

void account_call_finish_revoked(AccountCall *c, const DbRevocation *revoked, size_t n) {
        Accounts *a = c->accounts;
        bool is_deleted = c->is_deletion;
        char name[NAME_SIZE];

        memcpy(name, c->name, sizeof(name));
        account_call_finish(c, NULL);
        if ((n > 0 || is_deleted) && a->on_revoked)
                a->on_revoked(name, revoked, n, is_deleted, a->userdata);
}

void account_call_fail(AccountCall *c, ErrorCode code, const char *message) {
        Failure failure;

        failure_set(&failure, code, "%s", message);
        if (code == ERROR_BUSY)
                failure.retry_after_ms = BUSY_RETRY_MSEC;
        account_call_finish(c, &failure);
}

/* Only to who has the password or the recovery code. */
static void fail_suspended(AccountCall *c) {
        bool has_reason = c->reason && c->reason[0];
        Failure f;

        (void) failure_set(&f, ERROR_BANNED,
                           "%s was suspended by the operator of this tracker%s%s%s; only they can "
                           "let you in again.",
                           c->name, has_reason ? " (" : "", has_reason ? c->reason : "",
                           has_reason ? ")" : "");
        account_call_finish(c, &f);
}

void account_call_fail_errno(AccountCall *c, int r) {
        switch (r) {
        case -EADDRINUSE:
                accounts_tell_refused(c, "it belongs to another identity");
                account_call_fail(c, ERROR_CONFLICT,
                                  "That key belongs to another identity; make a new one.");
                return;
        case -EKEYREVOKED:
                accounts_tell_refused(c, "it was revoked");
                account_call_fail(c, ERROR_REVOKED,
                                  "That key was revoked; make a new one and sign in with it.");
                return;
        case -EKEYREJECTED:
                fail_suspended(c);
                return;
        case -ESTALE:
                account_call_fail(c, ERROR_BAD_CREDENTIALS, "The password was changed meanwhile.");
                return;
        case -EEXIST:
                account_call_fail(
                        c, ERROR_NAME_TAKEN,
                        "That name is taken: choose another one, or sign in if it is yours.");
                return;
        case -ENOBUFS:
                account_call_fail(c, ERROR_BUSY, "The tracker has too much to do; ask again.");
                return;
        default:
                if (db_is_in_trouble(c->accounts->db, r)) {
                        account_call_fail(c, ERROR_BUSY,
                                          "The tracker cannot use its disk now; nothing was done. "
                                          "Ask again.");
                        return;
                }
                log_fields(LOG_ERR, r, LOG_FIELDS("CHAT_USER", c->name[0] ? c->name : NULL),
                           "Cannot answer a request for an identity");
                account_call_fail(c, ERROR_INTERNAL, "The tracker failed; nothing was done.");
        }
}

int account_call_issue(AccountCall *c) {
        const Accounts *a = c->accounts;
        bool guest = c->user_type == USER_GUEST;

        free(TAKE_PTR(c->certificate));
        return authority_issue(a->authority, c->key, guest ? SUBJECT_GUEST : SUBJECT_USER, c->name,
                               guest ? CERTIFICATE_GUEST_HOURS * USEC_PER_HOUR
                                     : a->settings->certificate_days * USEC_PER_DAY,
                               &c->certificate, &c->expires);
}

static void on_device_put(int r, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        if (r < 0)
                account_call_fail_errno(c, r);
        else
                account_call_finish(c, NULL);
}

void account_call_put_device(AccountCall *c) {
        Accounts *a = c->accounts;
        int r;

        r = account_call_issue(c);
        if (r >= 0)
                r = db_put_device(a->db,
                                  &(DbDevice){
                                          .key = c->key_id,
                                          .name = c->name,
                                          .guest = c->user_type == USER_GUEST,
                                          .now = clock_realtime(a->rt->clock),
                                          .until = c->expires,
                                          .password = c->verified,
                                  },
                                  on_device_put, c, &c->db_call);
        if (r < 0)
                account_call_fail_errno(c, r);
}

static int start(AccountCall *c, int r, Failure *failure) {
        if (r >= 0)
                return 0;
        account_call_free(c);
        return accounts_cannot_start(r, failure);
}

int accounts_guest(Accounts *a, const Credentials *credentials, accounts_done_fn done,
                   void *userdata, Failure *failure) {
        AccountCall *c;
        char name[NAME_SIZE];
        int r;

        if (strlen(credentials->username) > NAME_MAX_BYTES - strlen("guest-") ||
            snprintf(name, sizeof(name), "guest-%s", credentials->username) < 0 ||
            !name_is_guest(name) || !name_is_valid(credentials->username) ||
            strncmp(credentials->username, "guest-", strlen("guest-")) == 0)
                return failure_set(failure, ERROR_INVALID_NAME,
                                   "A guest's name has 2–26 characters a–z, 0–9, '.', '_', '-', "
                                   "begins with a letter or digit and not with guest-.");
        r = accounts_throttle(a, a->sign_ups, credentials->source, NULL, failure);
        if (r < 0)
                return r;
        r = account_call_new(a, USER_GUEST, name, credentials->key, done, userdata, &c, failure);
        if (r < 0)
                return r;
        c->source = *credentials->source;
        r = account_call_issue(c);
        if (r >= 0)
                r = db_put_device(a->db,
                                  &(DbDevice){
                                          .key = c->key_id,
                                          .name = c->name,
                                          .guest = true,
                                          .now = clock_realtime(a->rt->clock),
                                          .until = c->expires,
                                  },
                                  on_device_put, c, &c->db_call);
        return start(c, r, failure);
}

static void on_renew_identity(int r, const DbIdentity *i, void *userdata) {
        AccountCall *c = userdata;
        uint64_t now = clock_realtime(c->accounts->rt->clock);

        c->db_call = NULL;
        if (r < 0)
                account_call_fail_errno(c, r);
        else if (i->key_is_revoked)
                account_call_fail_errno(c, -EKEYREVOKED);
        else if (!i->key_exists || (i->key_is_guest && !c->certified)) {
                accounts_tell_refused(c, "it is not signed in");
                account_call_fail(c, ERROR_NOT_SIGNED_IN, "That key is not signed in.");
        } else if (i->key_is_guest ? i->key_until <= now
                                   : i->key_seen + DEVICE_UNSEEN_DAYS * USEC_PER_DAY <= now) {
                accounts_tell_refused(c, "it was away for too long");
                account_call_fail(c, ERROR_EXPIRED,
                                  "That device was away for too long; sign in again.");
        } else {
                c->user_type = i->key_is_guest ? USER_GUEST : USER_REGISTERED;
                memcpy(c->name, i->key_name, sizeof(c->name));
                account_call_put_device(c);
        }
}

int accounts_renew(Accounts *a, const Key *key, bool certified, const Address *source,
                   accounts_done_fn done, void *userdata, Failure *failure) {
        AccountCall *c;
        int r;

        r = account_call_new(a, USER_REGISTERED, NULL, key, done, userdata, &c, failure);
        if (r < 0)
                return r;
        c->certified = certified;
        c->source = *source;
        return start(c, db_get_identity(a->db, NULL, c->key_id, on_renew_identity, c, &c->db_call),
                     failure);
}

void accounts_seen(Accounts *a, const char *key_id) {
        int r;

        r = db_touch_device(a->db, key_id, clock_realtime(a->rt->clock));
        if (r < 0)
                log_warning_errno(r, "Cannot note that a device was seen");
}
