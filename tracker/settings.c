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

/* As systemd writes a time: a number and its unit, seconds if there is none. */
static int parse_span(const char *value, uint64_t max, uint64_t *ret) {
        static const struct {
                const char *unit;
                uint64_t usec;
        } units[] = {
                { "", USEC_PER_SEC },       { "s", USEC_PER_SEC },         { "ms", USEC_PER_MSEC },
                { "min", USEC_PER_MINUTE }, { "h", 60 * USEC_PER_MINUTE },
        };
        const char *unit = value + strspn(value, "0123456789");
        _cleanup_free_ char *number = strndup(value, (size_t) (unit - value));
        uint64_t n;
        int r;

        if (!number)
                return -ENOMEM;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(unit, units[i].unit)) {
                        r = parse_bounded(number, 0, max / units[i].usec, &n);
                        if (r >= 0)
                                *ret = n * units[i].usec;
                        return r;
                }
        return -EINVAL;
}

static int parse_idle_exit(const char *value, void *settings) {
        TrackerSettings *s = settings;

        return parse_span(value, 365 * USEC_PER_DAY, &s->idle_exit_usec);
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
                .idle_exit_usec = 5 * USEC_PER_MINUTE,
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
        if (s->database_password)
                explicit_bzero(s->database_password, strlen(s->database_password));
        free(s->database_password);
        *s = (TrackerSettings){ 0 };
}

static void on_warning(const char *file, unsigned line, const char *message, bool fatal,
                       void *userdata) {
        int priority = fatal ? LOG_ERR : LOG_WARNING;

        if (line == 0) /* it is the file */
                log_fields(priority, 0, NULL, "%s: %s", file, message);
        else
                log_fields(priority, 0, NULL, "%s:%u: %s", file, line, message);
}

static const Setting setting_table[] = {
        { "Tracker", "Listen", parse_listen },
        { "Tracker", "Database", parse_database },
        { "Tracker", "CertificateDays", parse_certificate_days },
        { "Tracker", "IdleExitSec", parse_idle_exit },
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

static bool same(const char *a, const char *b) {
        return streq(a ?: "", b ?: "");
}

int tracker_settings_reload(TrackerSettings *s, const char *const *dirs) {
        _cleanup_(tracker_settings_done) TrackerSettings fresh;
        int r;

        tracker_settings_init(&fresh);
        r = tracker_settings_load(&fresh, dirs);
        if (r < 0)
                return r;
        const struct {
                const char *key;
                bool is_same;
        } fixed[] = {
                { "Listen", same(s->listen, fresh.listen) },
                { "Database", same(s->database, fresh.database) },
                /* Hosts ask at a third of the time that they were told last. */
                { "LeaseSeconds", s->lease_seconds == fresh.lease_seconds },
        };
        for (size_t i = 0; i < ELEMENTSOF(fixed); i++)
                if (!fixed[i].is_same)
                        log_notice("%s= was changed: that takes effect after a restart.",
                                   fixed[i].key);
        s->certificate_days = fresh.certificate_days;
        s->idle_exit_usec = fresh.idle_exit_usec;
        s->password_cost = fresh.password_cost;
        s->sign_ups_per_minute = fresh.sign_ups_per_minute;
        s->sign_in_failures_per_minute = fresh.sign_in_failures_per_minute;
        s->sign_ins_per_day = fresh.sign_ins_per_day;
        s->whois_misses_per_minute = fresh.whois_misses_per_minute;
        return 0;
}
