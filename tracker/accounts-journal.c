/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the journal is told of accounts: who came, what was refused, and to whom; leaves
 * deciding to the other files of accounts. */
#include "base/log-pace.h"
#include "base/timestamp.h"
#include "tracker/accounts-internal.h"
#include "tracker/message-ids.h"

void accounts_tell_sign_up(const AccountCall *c) {
        char peer[ADDRESS_STRING_SIZE];

        address_print_ip(&c->source, peer);
        /* Each by itself, however many: an account stays, and SignUpsPerMinute= bounds them. */
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_SIGNED_UP, "CHAT_USER", c->name,
                              "CHAT_PEER", peer, "CHAT_KEY", c->key_id),
                   "%s %s from %s.", c->name, c->is_repeated ? "signed up again" : "signed up",
                   peer);
}

void accounts_tell_recovery(const AccountCall *c) {
        char peer[ADDRESS_STRING_SIZE];

        address_print_ip(&c->source, peer);
        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_RECOVERED, "CHAT_USER", c->name,
                              "CHAT_PEER", peer, "CHAT_KEY", c->key_id),
                   "%s recovered the account from %s.", c->name, peer);
}

/* A name that nobody has is not told: people type passwords where a name is asked for. */
void accounts_tell_failure(const AccountCall *c) {
        char peer[ADDRESS_STRING_SIZE];

        address_print_ip(&c->source, peer);
        log_paced(c->accounts->rt->pace, peer, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_SIGN_IN_FAILED, "CHAT_PEER", peer,
                             "CHAT_USER", c->user_exists ? c->name : NULL),
                  "%s was refused: wrong name, password or code, from %s.",
                  c->user_exists ? c->name : "A name that nobody has", peer);
}

static const char *limit_of(const Accounts *a, const Throttle *t) {
        if (t == a->sign_ups)
                return "SignUpsPerMinute";
        if (t == a->whois_misses)
                return "WhoisMissesPerMinute";
        if (t == a->sign_ins || t == a->recoveries)
                return "SignInsPerDay";
        return "SignInFailuresPerMinute";
}

void accounts_tell_throttled(const Accounts *a, const Throttle *t, const Address *source,
                             const char *user) {
        const char *limit = limit_of(a, t);
        char peer[ADDRESS_STRING_SIZE];

        address_print_ip(source, peer);
        log_paced(a->rt->pace, user ?: peer, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_THROTTLED, "CHAT_PEER", peer,
                             "CHAT_LIMIT", limit, "CHAT_USER", user),
                  "%s%s%s asks too often: %s= refuses it.", user ?: "", user ? " from " : "", peer,
                  limit);
}

void accounts_tell_issued(const AccountCall *c) {
        char peer[ADDRESS_STRING_SIZE], until[TIME_STRING_SIZE];

        address_print_ip(&c->source, peer);
        time_print(c->expires, until);
        log_paced(c->accounts->rt->pace, c->user_type == USER_GUEST ? peer : c->name, LOG_INFO,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_CERTIFICATE_ISSUED, "CHAT_USER", c->name,
                             "CHAT_KEY", c->key_id, "CHAT_PEER", peer, "CHAT_UNTIL", until),
                  "%s at %s has a certificate until %s.", c->name, peer, until);
}

void accounts_tell_refused(const AccountCall *c, const char *reason) {
        char peer[ADDRESS_STRING_SIZE];

        address_print_ip(&c->source, peer);
        log_paced(c->accounts->rt->pace, peer, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_CERTIFICATE_REFUSED, "CHAT_PEER", peer,
                             "CHAT_REASON", reason, "CHAT_KEY", c->key_id),
                  "A key at %s gets no certificate: %s.", peer, reason);
}

void accounts_tell_suspended_refused(const AccountCall *c) {
        char peer[ADDRESS_STRING_SIZE];

        address_print_ip(&c->source, peer);
        log_paced(c->accounts->rt->pace, c->name, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_TRACKER_SUSPENDED_REFUSED, "CHAT_USER", c->name,
                             "CHAT_PEER", peer),
                  "%s is suspended and was refused, from %s.", c->name, peer);
}

static void tell_deed(const char *id, const AccountCall *c, const char *deed) {
        const char *reason = c->reason && c->reason[0] ? c->reason : NULL;

        log_fields(LOG_NOTICE, 0,
                   LOG_FIELDS("MESSAGE_ID", id, "CHAT_USER", c->name, "CHAT_REASON", reason),
                   "%s %s by an operator%s%s.", c->name, deed, reason ? ": " : "", reason ?: "");
}

void accounts_tell_deed(const AccountCall *c) {
        if (c->reset)
                tell_deed(MESSAGE_TRACKER_RESET, c, "was given another password");
        else if (c->mark == DB_MARK_SUSPEND)
                tell_deed(MESSAGE_TRACKER_SUSPENDED, c, "was suspended");
        else if (c->mark == DB_MARK_RESUME)
                tell_deed(MESSAGE_TRACKER_RESUMED, c, "was let in again");
}
