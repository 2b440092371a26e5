/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what an operator may set for a tracker (tracker.conf); leaves acting on it to the tracker.
 */
#include "tracker/settings.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/settings.h"
#include "wire/limits.h"

static int parse_bounded(const char *value, uint64_t min, uint64_t max, uint64_t *ret) {
        uint64_t u = 0;

        if (!*value)
                return -EINVAL;
        for (const char *p = value; *p; p++) {
                if (*p < '0' || *p > '9')
                        return -EINVAL;
                u = u * 10 + (uint64_t) (*p - '0');
                if (u > max)
                        return -ERANGE;
        }
        if (u < min)
                return -ERANGE;
        *ret = u;
        return 0;
}

static int parse_listen(const char *value, void *settings) {
        TrackerSettings *s = settings;
        Address address;
        int r;

        r = address_parse(value, true, &address);
        if (r < 0)
                return r;
        return free_and_strdup(&s->listen, value);
}

static int parse_database(const char *value, void *settings) {
        TrackerSettings *s = settings;

        if (value[0] != '/')
                return -EINVAL;
        return free_and_strdup(&s->database, value);
}

static int parse_certificate_days(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_bounded(value, 1, 30, &s->certificate_days);
}

static int parse_lease_seconds(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_bounded(value, 3, 3600, &s->lease_seconds);
}

static int parse_password_cost(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_bounded(value, 1, 11, &s->password_cost);
}

static int parse_sign_ups(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_bounded(value, 0, 1000000, &s->sign_ups_per_minute);
}

static int parse_sign_in_failures(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_bounded(value, 0, 1000000, &s->sign_in_failures_per_minute);
}

static int parse_sign_ins(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_bounded(value, 0, 1000000, &s->sign_ins_per_day);
}

static int parse_whois_misses(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_bounded(value, 0, 1000000, &s->whois_misses_per_minute);
}

void tracker_settings_init(TrackerSettings *s) {
        *s = (TrackerSettings){
                .certificate_days = CERTIFICATE_USER_DAYS,
                .lease_seconds = LEASE_USEC / USEC_PER_SEC,
                .password_cost = 5,
                .sign_ups_per_minute = 30,
                .sign_in_failures_per_minute = 10,
                .sign_ins_per_day = SIGN_INS_PER_DAY,
                .whois_misses_per_minute = WHOIS_MISSES_PER_MINUTE,
        };
}

void tracker_settings_done(TrackerSettings *s) {
        free(s->listen);
        free(s->database);
        free(s->state_directory);
        free(s->credentials_directory);
        *s = (TrackerSettings){ 0 };
}

static void on_warning(const char *file, unsigned line, const char *message, bool fatal,
                       void *userdata) {
        log_fields(fatal ? LOG_ERR : LOG_WARNING, 0, NULL, "%s:%u: %s", file, line, message);
}

static const Setting setting_table[] = {
        { "Tracker", "Listen", parse_listen },
        { "Tracker", "Database", parse_database },
        { "Tracker", "CertificateDays", parse_certificate_days },
        { "Limits", "LeaseSeconds", parse_lease_seconds },
        { "Limits", "PasswordCost", parse_password_cost },
        { "Limits", "SignUpsPerMinute", parse_sign_ups },
        { "Limits", "SignInFailuresPerMinute", parse_sign_in_failures },
        { "Limits", "SignInsPerDay", parse_sign_ins },
        { "Limits", "WhoisMissesPerMinute", parse_whois_misses },
        {},
};

int tracker_settings_load(TrackerSettings *s, const char *const *dirs) {
        return settings_load(dirs, "tracker", setting_table, s, on_warning, NULL);
}
