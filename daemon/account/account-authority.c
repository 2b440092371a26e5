/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how an account follows its tracker to a newer authority (protocol §1 "Rotation"); leaves
 * which chains are one to net/chain.h. */
#include "base/log.h"
#include "daemon/account/account-internal.h"
#include "daemon/message-ids.h"

/* All who are told of it at once do not renew at once. */
#define RENEW_SPREAD_USEC USEC_PER_HOUR

void account_look_at_issuer(Account *a) {
        int issuer;

        if (!a->certificate || !a->chain)
                return;
        issuer = chain_find_issuer(a->chain, a->certificate);
        if (issuer == 0) {
                a->renew_early = 0;
                return;
        }
        /* Of an authority that is none of these the tracker accepts nothing. */
        a->subject.not_after = MIN(a->subject.not_after,
                                   issuer < 0 ? 0 : chain_get_end(a->chain, (size_t) issuer));
        if (a->renew_early == 0)
                a->renew_early =
                        account_now(a) + random_below(a->rt->random, RENEW_SPREAD_USEC) + 1;
}

static void on_saved(int r, void *userdata) {
        Account *a = userdata;

        a->chain_job = NULL;
        /* The older pin finds the way to the newer one again. */
        if (r < 0)
                log_warning_errno(r, "Cannot keep the tracker's new pin on disk: until it is taken "
                                     "again the one before counts after a restart");
}

static int save(Account *a, const Chain *chain) {
        _cleanup_free_ char *pem = NULL;
        int r;

        r = chain_to_pem(chain, &pem);
        if (r < 0)
                return r;
        a->chain_job = job_free(a->chain_job);
        return store_save_authorities(a->store, a->tracker_id, chain_get_pin(chain), pem, on_saved,
                                      a, &a->chain_job);
}

int account_take_chain(Account *a, const Chain *chain) {
        char old_pin[PIN_SIZE];
        int r;

        if (!a->chain || !chain_has_pin(chain, a->pin) ||
            !streq(chain_get_tracker_id(chain), a->tracker_id))
                return -EKEYREJECTED;
        if (streq(chain_get_pin(chain), a->pin))
                return 0;
        r = save(a, chain);
        if (r < 0)
                return r;
        memcpy(old_pin, a->pin, sizeof(old_pin));
        snprintf(a->pin, sizeof(a->pin), "%s", chain_get_pin(chain));
        chain_free(a->chain);
        a->chain = chain_ref(chain);
        account_look_at_issuer(a);
        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_PIN_FOLLOWED, "CHAT_TRACKER", a->tracker_id,
                              "CHAT_PEER", a->address, "CHAT_PIN", a->pin, "CHAT_BEFORE", old_pin),
                   "The tracker %s has a new pin, vouched for by the one held before: %s.",
                   a->address, a->pin);
        /* The next connections trust the new one, and show the way to it. */
        (void) account_show_certificate(a);
        if (a->identity != 0)
                a->handlers.on_certificate(a, a->userdata);
        account_changed(a);
        account_renew_schedule(a);
        return 1;
}

int account_take_ca(Account *a, const Value *payload) {
        const char *pem = value_string(value_get(payload, "ca"), NULL);
        _cleanup_(chain_freep) Chain *chain = NULL;
        int r;

        if (!pem)
                return 0;
        r = chain_from_pem(pem, &chain);
        return r < 0 ? r : account_take_chain(a, chain);
}
