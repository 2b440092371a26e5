/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the journal is told of a tracker and of who we are there; leaves what follows from it
 * to the other files of accounts. No word of the tracker's own is kept: only what it means. */
#include "base/log-pace.h"
#include "base/timestamp.h"
#include "daemon/account/account-internal.h"
#include "daemon/message-ids.h"

/* A way that is tried again and again is told once; what was never there is not lost. */
void account_tell_state(Account *a) {
        const TrackerState before = a->told, now = a->state;

        if (now == before || now == TRACKER_CONNECTING || now == TRACKER_NONE)
                return;
        a->told = now;
        if (now == TRACKER_MISMATCH)
                log_fields(LOG_ERR, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_PIN_MISMATCH, "CHAT_PEER", a->address,
                                      "CHAT_PIN", a->pin, "CHAT_OFFERED", a->offered_pin),
                           "The tracker at %s is not the one that was accepted: its pin is %s, and "
                           "not %s.",
                           a->address, a->offered_pin, a->pin);
        else if (now == TRACKER_ONLINE)
                log_fields(LOG_INFO, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_ONLINE, "CHAT_PEER", a->address,
                                      "CHAT_TRACKER", a->tracker_id),
                           "Connected to the tracker at %s.", a->address);
        else if (before == TRACKER_ONLINE)
                log_fields(LOG_NOTICE, 0,
                           LOG_FIELDS("MESSAGE_ID", MESSAGE_OFFLINE, "CHAT_PEER", a->address,
                                      "CHAT_TRACKER", a->tracker_id),
                           "The tracker at %s cannot be reached; it is tried again.", a->address);
}

void account_tell_clock(const Account *a, const char *off) {
        log_fields(LOG_WARNING, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_CLOCK_OFF, "CHAT_PEER", a->address),
                   "Your clock is %s, by the tracker's: set it (timedatectl set-ntp true).", off);
}

void account_tell_copied(const Account *a) {
        log_fields(LOG_WARNING, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_IDENTITY_COPIED, "CHAT_PEER", a->address,
                              "CHAT_USER", a->username[0] ? a->username : NULL),
                   "%s", REPLACED_MESSAGE);
}

/* Not the name: it may be a password that was typed into the wrong place. */
void account_tell_sign_in_failed(const Account *a, const Failure *f) {
        log_paced(a->rt->pace, a->address, LOG_NOTICE,
                  LOG_FIELDS("MESSAGE_ID", MESSAGE_SIGN_IN_FAILED, "CHAT_PEER", a->address,
                             "CHAT_REASON", error_info(f->code)->wire),
                  "A sign-in at the tracker %s failed: %s", a->address, error_info(f->code)->wire);
}

void account_tell_renewed(const Account *a) {
        char until[TIME_STRING_SIZE];

        time_print(a->subject.not_after, until);
        log_fields(LOG_INFO, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_CERTIFICATE_RENEWED, "CHAT_USER", a->username,
                              "CHAT_TRACKER", a->tracker_id, "CHAT_UNTIL", until),
                   "The certificate of %s was renewed, until %s.", a->username, until);
}

void account_tell_dismissed(const Account *a, const Failure *f) {
        log_fields(LOG_WARNING, 0,
                   LOG_FIELDS("MESSAGE_ID", MESSAGE_CERTIFICATE_REFUSED, "CHAT_USER", a->username,
                              "CHAT_TRACKER", a->tracker_id, "CHAT_REASON",
                              error_info(f->code)->wire),
                   "The tracker does not renew the certificate of %s any more: %s", a->username,
                   error_info(f->code)->wire);
}
