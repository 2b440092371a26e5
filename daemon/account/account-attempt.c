/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the key that the tracker may have granted something to, of which nobody heard here: the one
 * who asks again takes the same, over the death of this process too. Leaves asking to
 * account-sign-in.c. */
#include "daemon/account/account-internal.h"

void attempt_drop(Account *a) {
        a->attempt.key = key_free(a->attempt.key);
        clock_timer_disarm(a->attempt.expiry);
}

static void hold(Account *a, const char *username, UserType type, Key *key, uint64_t usec) {
        Key *held = key_ref(key); /* it may be the one that is dropped */

        attempt_drop(a);
        a->attempt.key = held;
        a->attempt.user_type = type;
        snprintf(a->attempt.username, sizeof(a->attempt.username), "%s", username);
        clock_timer_arm(a->attempt.expiry, usec);
}

void attempt_forget(Account *a) {
        attempt_drop(a);
        if (a->tracker_id[0]) /* not done, it is done when its time is over */
                (void) store_forget_attempt(a->store, a->tracker_id, clock_realtime(a->rt->clock));
}

static void on_expiry(void *userdata) {
        attempt_forget(userdata);
}

static int load(Account *a, const StoredAttempt *stored) {
        _cleanup_(key_freep) Key *key = NULL;
        uint64_t now = clock_realtime(a->rt->clock);
        int r;

        if (now >= stored->since + ATTEMPT_KEPT_USEC || stored->since > now + ATTEMPT_KEPT_USEC)
                return 0;
        r = key_from_pem(stored->key_pem, &key);
        if (r < 0)
                return r == -EBADMSG ? 0 : r; /* worth no more than none */
        hold(a, stored->username, stored->user_type, key,
             MIN(stored->since + ATTEMPT_KEPT_USEC - now, ATTEMPT_KEPT_USEC));
        return 0;
}

int attempt_init(Account *a, const StoredAttempt *stored) {
        int r;

        r = clock_timer_new(a->rt->clock, on_expiry, a, &a->attempt.expiry);
        if (r < 0 || !stored->key_pem)
                return r;
        r = load(a, stored);
        if (r >= 0 && !a->attempt.key)
                attempt_forget(a);
        return r;
}

void attempt_done(Account *a) {
        a->attempt.key = key_free(a->attempt.key);
        a->attempt.expiry = clock_timer_free(a->attempt.expiry);
}

Key *attempt_find(const Account *a, const char *username, UserType type) {
        return a->attempt.key && a->attempt.user_type == type &&
                               streq(a->attempt.username, username)
                       ? a->attempt.key
                       : NULL;
}

int attempt_save(Account *a, const char *username, UserType type, Key *key, store_done_fn done,
                 Job **ret_job) {
        StoredAttempt stored = { .user_type = type, .since = clock_realtime(a->rt->clock) };
        char *pem;
        int r;

        snprintf(stored.username, sizeof(stored.username), "%s", username);
        r = key_to_pem(key, &pem);
        if (r < 0)
                return r;
        stored.key_pem = pem;
        r = store_save_attempt(a->store, a->tracker_id, &stored, done, a, ret_job);
        explicit_bzero(pem, strlen(pem));
        free(pem);
        if (r >= 0)
                hold(a, username, type, key, ATTEMPT_KEPT_USEC);
        return r;
}
