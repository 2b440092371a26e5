/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows who is told whether a name is somebody's, and which ones are near to it; leaves finding
 * them to db.h. */
#include <inttypes.h>

#include "tracker/accounts-internal.h"
#include "wire/limits.h"

static const char *asker_name(const AccountCall *c) {
        return c->asker[0] ? c->asker : NULL;
}

/* A guest's name is anybody's for the asking, so guests count by their source. */
static const Address *asker_source(const AccountCall *c) {
        return c->asker[0] ? NULL : &c->source;
}

static int take(AccountCall *c, Failure *failure) {
        const Accounts *a = c->accounts;
        uint64_t wait_usec = 0;
        int r;

        r = throttle_take(a->whois_misses, asker_source(c), asker_name(c),
                          clock_boottime(a->rt->clock), &wait_usec);
        if (r == -EAGAIN) {
                accounts_tell_throttled(a, a->whois_misses, &c->source, asker_name(c));
                r = failure_set(failure, ERROR_RATE_LIMITED,
                                "Too many names that nobody has; wait %" PRIu64 " s.",
                                wait_usec / USEC_PER_SEC + 1);
                failure->retry_after_ms = wait_usec / USEC_PER_MSEC + 1;
                return r;
        }
        return r < 0 ? failure_set(failure, ERROR_INTERNAL, "Out of memory.") : 0;
}

static void give_back(AccountCall *c) {
        throttle_give_back(c->accounts->whois_misses, asker_source(c), asker_name(c));
}

static void answer(AccountCall *c, const WhoisAnswer *a) {
        if (a->exists)
                give_back(c);
        c->whois(NULL, a, c->userdata);
        account_call_free(c);
}

static void on_near(int r, const NearNames *near, void *userdata) {
        AccountCall *c = userdata;

        c->db_call = NULL;
        c->accounts->n_near--;
        if (r < 0)
                account_call_fail_errno(c, r);
        else
                answer(c, &(WhoisAnswer){ .near = near });
}

static void on_identity(int r, const DbIdentity *i, void *userdata) {
        AccountCall *c = userdata;
        bool guest;

        c->db_call = NULL;
        if (r < 0) {
                give_back(c);
                account_call_fail_errno(c, r);
                return;
        }
        guest = i->guest_until > clock_realtime(c->accounts->rt->clock);
        if (guest || (i->user_exists && !i->user_deleted))
                answer(c, &(WhoisAnswer){ .exists = true,
                                          .user_type = guest ? USER_GUEST : USER_REGISTERED });
        else if (!c->asker[0] || name_is_guest(c->name) ||
                 c->accounts->n_near >= NEAR_SEARCHES_MAX ||
                 db_get_near(c->accounts->db, c->name, on_near, c, &c->db_call) < 0)
                answer(c, &(WhoisAnswer){});
        else
                c->accounts->n_near++;
}

int accounts_whois(Accounts *a, const Subject *who, const Address *source, const char *username,
                   accounts_whois_fn done, void *userdata, Failure *failure) {
        AccountCall *c;
        int r;

        if (!name_is_valid(username))
                return failure_set(failure, ERROR_INVALID_NAME, "That is not a name.");
        r = account_call_new(a, USER_REGISTERED, username, NULL, NULL, userdata, &c, failure);
        if (r < 0)
                return r;
        c->whois = done;
        c->source = *source;
        if (who->kind == SUBJECT_USER)
                memcpy(c->asker, who->name, sizeof(c->asker));
        /* Taken before it is known whether somebody has the name: what is asked at once counts. */
        r = take(c, failure);
        if (r < 0) {
                account_call_free(c);
                return r;
        }
        r = db_get_identity(a->db, username, NULL, on_identity, c, &c->db_call);
        if (r < 0) {
                give_back(c);
                account_call_free(c);
                return accounts_cannot_start(r, failure);
        }
        return 0;
}
