/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an operator may set for a tracker (tracker.conf); leaves acting on it to the tracker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

#define TRACKER_STATE_NAME "p2pchat-tracker"

/* Public, so that main() and tests fill it as they like; initialised before anything else. */
typedef struct TrackerSettings {
        char *listen;          /* [Tracker] Listen=, only without a passed socket */
        char *database;        /* [Tracker] Database=; NULL: tracker.db in the state directory */
        char *state_directory; /* never from a file: --state-directory, $STATE_DIRECTORY */
        char *credentials_directory;  /* $CREDENTIALS_DIRECTORY; ca.key may be there */
        char *database_password;      /* the credential database.password; NULL: none. Erased */
        uint64_t idle_exit_usec;      /* [Tracker] IdleExitSec=; 0: never */
        uint64_t certificate_days;    /* [Tracker] CertificateDays=, of users */
        uint64_t lease_seconds;       /* [Limits] LeaseSeconds= */
        uint64_t password_cost;       /* [Limits] PasswordCost=, yescrypt's: each step doubles it */
        uint64_t sign_ups_per_minute; /* [Limits] SignUpsPerMinute=, a source; 0: no limit */
        uint64_t sign_in_failures_per_minute; /* [Limits] SignInFailuresPerMinute=, likewise */
        uint64_t sign_ins_per_day;            /* [Limits] SignInsPerDay=, a user; 0: no limit */
        uint64_t whois_misses_per_minute;     /* [Limits] WhoisMissesPerMinute=, likewise */
} TrackerSettings;

void tracker_settings_init(TrackerSettings *s);
void tracker_settings_done(TrackerSettings *s); /* for _cleanup_ */

/* Layers tracker.conf of these directories (ends with NULL) over s; logs what is wrong there.
 * -EINVAL when a value was refused. */
int tracker_settings_load(TrackerSettings *s, const char *const *dirs);
/* Loads those again. What may change while a tracker runs is in s then; for what may not it says
 * that it waits for a restart. Negative: it said why, and s is as it was, all of it. */
int tracker_settings_reload(TrackerSettings *s, const char *const *dirs);
