/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows when a certificate wants to be renewed, and how; leaves who gets the new one to the
 * manager. */
#include "daemon/account/account-internal.h"

/* The clock of people may jump: the deadline is looked at again at least this often. */
#define LOOK_AGAIN_USEC USEC_PER_HOUR

static uint64_t renew_due(const Account *a) {
        uint64_t due = a->subject.not_before + (a->subject.not_after - a->subject.not_before) / 3;

        return a->renew_early > 0 ? MIN(due, a->renew_early) : due;
}

static void renew_failed(Account *a) {
        clock_timer_arm(a->renew_timer, backoff_next(&a->renew_backoff, a->rt->random));
}

const char *account_get_dismissal(const Account *a) {
        switch (a->dismissed) {
        case ERROR_NONE:
                return "";
        case ERROR_REVOKED:
                return "This device was signed out from another one or by the operator of the "
                       "tracker, or the password was changed: sign in again. What is here is kept.";
        case ERROR_EXPIRED:
                return "This device was away for too long: sign in again. What is here is kept.";
        default:
                return "The tracker does not know this device any more: sign in again. What is "
                       "here is kept.";
        }
}

/* The tracker will not know this key any more: a guest's day is over, a user signs in again. */
static void dismissed(Account *a, const Failure *f) {
        account_tell_dismissed(a, f);
        if (a->user_type == USER_GUEST) {
                (void) account_end_identity(a);
                return;
        }
        a->dismissed = f->code;
        account_changed(a);
        (void) account_redial(a);
}

void account_renew_done(Account *a) {
        bool was_certified = a->certified;

        backoff_reset(&a->renew_backoff);
        account_tell_renewed(a);
        a->handlers.on_certificate(a, a->userdata);
        account_changed(a);
        /* A connection that shows the old certificate is good until the tracker ends it; the next
         * one shows the new. */
        if (!was_certified || account_show_certificate(a) < 0)
                (void) account_redial(a);
        else
                account_renew_schedule(a);
}

static void on_stored(int r, uint64_t row, void *userdata) {
        Account *a = userdata;

        a->renew_job = NULL;
        if (r < 0)
                renew_failed(a);
        else
                account_renew_done(a);
}

static int take_certificate(Account *a, const Value *payload) {
        _cleanup_(certificate_freep) Certificate *certificate = NULL;
        _cleanup_free_ char *key_pem = NULL;
        const char *pem = value_string(value_get(payload, "certificate"), NULL);
        StoredIdentity identity = { .user_type = a->user_type, .certificate_pem = pem };
        Subject subject;
        int r;

        if (!pem)
                return -EBADMSG;
        r = account_take_ca(a, payload);
        if (r < 0)
                return r;
        r = account_check_certificate(a, a->key, a->subject.kind, a->username, pem, &certificate,
                                      &subject);
        if (r < 0)
                return r;
        r = key_to_pem(a->key, &key_pem);
        if (r < 0)
                return r;
        memcpy(identity.tracker_id, a->tracker_id, sizeof(identity.tracker_id));
        memcpy(identity.username, a->username, sizeof(identity.username));
        identity.key_pem = key_pem;
        r = store_sign_in(a->store, &identity, on_stored, a, &a->renew_job);
        explicit_bzero(key_pem, strlen(key_pem));
        if (r < 0)
                return r;
        account_set_identity(a, a->identity, a->user_type, a->username, a->key, certificate);
        return 0;
}

static void on_renewed(const Value *payload, const Failure *failure, void *userdata) {
        Account *a = userdata;

        a->renew_call = NULL;
        if (failure) {
                if (error_info(failure->code)->status == STATUS_UNAUTHORIZED)
                        dismissed(a, failure);
                else
                        renew_failed(a);
                return;
        }
        if (take_certificate(a, payload) < 0)
                renew_failed(a);
}

static void renew(Account *a) {
        _cleanup_(writer_done) Writer w = {};
        _cleanup_free_ char *csr = NULL;

        if (a->renew_call || a->renew_job)
                return;
        if (csr_new(a->key, &csr) < 0) {
                renew_failed(a);
                return;
        }
        writer_begin_object(&w, NULL);
        writer_string(&w, "csr", csr);
        writer_end_object(&w);
        if (tracker_client_call_first(a->client, "RENEW", &w, on_renewed, a, &a->renew_call) < 0)
                renew_failed(a);
}

void account_renew_first(Account *a) {
        renew(a);
}

void account_renew_schedule(Account *a) {
        uint64_t now = account_now(a), due = renew_due(a);

        if (a->identity == 0 || a->dismissed != ERROR_NONE || a->sign_in || a->sign_out ||
            !tracker_client_is_ready(a->client))
                return;
        if (due <= now)
                renew(a);
        else
                clock_timer_arm(a->renew_timer, MIN(due - now, LOOK_AGAIN_USEC));
        account_look_at_clock(a);
}
