/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how people say when; leaves what happened then to the verbs. */
#include "ctl/verb/when.h"

#include <time.h>

#include "base/clock.h"
#include "base/timestamp.h"

int when_now(uint64_t *ret) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(clock_freep) Clock *clock = NULL;
        int r;

        r = sd_event_new(&event);
        if (r >= 0)
                r = clock_new(event, &clock);
        if (r < 0)
                return r;
        *ret = clock_realtime(clock);
        return 0;
}

static int parse_span(const char *s, uint64_t *ret) {
        static const struct {
                const char *name;
                uint64_t usec;
        } units[] = {
                { "s", USEC_PER_SEC },
                { "sec", USEC_PER_SEC },
                { "m", USEC_PER_MINUTE },
                { "min", USEC_PER_MINUTE },
                { "h", 60 * USEC_PER_MINUTE },
                { "d", 1440 * USEC_PER_MINUTE },
                { "w", 10080 * USEC_PER_MINUTE },
        };
        unsigned long long n;
        char *end;

        if (*s < '0' || *s > '9')
                return -EINVAL;
        errno = 0;
        n = strtoull(s, &end, 10);
        if (errno != 0)
                return -EINVAL;
        for (size_t i = 0; i < ELEMENTSOF(units); i++)
                if (streq(end, units[i].name)) {
                        *ret = n < UINT64_MAX / units[i].usec ? n * units[i].usec : UINT64_MAX;
                        return 0;
                }
        return -EINVAL;
}

/* The day and the moment of it that are not named are today and its beginning. */
static int parse_local(const char *s, uint64_t now, uint64_t *ret) {
        static const struct {
                const char *format;
                bool has_day;
        } forms[] = {
                { "%Y-%m-%d", true },          { "%Y-%m-%d %H:%M", true },
                { "%Y-%m-%d %H:%M:%S", true }, { "%Y-%m-%dT%H:%M", true },
                { "%Y-%m-%dT%H:%M:%S", true }, { "%H:%M", false },
                { "%H:%M:%S", false },
        };
        time_t seconds = (time_t) (now / USEC_PER_SEC);

        for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
                struct tm today, tm;
                const char *end;
                time_t then;

                if (!localtime_r(&seconds, &today))
                        return -EINVAL;
                tm = (struct tm){ .tm_isdst = -1 };
                if (!forms[i].has_day) {
                        tm.tm_year = today.tm_year;
                        tm.tm_mon = today.tm_mon;
                        tm.tm_mday = today.tm_mday;
                }
                end = strptime(s, forms[i].format, &tm);
                if (!end || *end)
                        continue;
                then = mktime(&tm);
                if (then < 0)
                        return -EINVAL;
                *ret = (uint64_t) then * USEC_PER_SEC;
                return 0;
        }
        return -EINVAL;
}

static int parse_day(int days_ago, uint64_t now, uint64_t *ret) {
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&seconds, &tm))
                return -EINVAL;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday -= days_ago;
        tm.tm_isdst = -1;
        seconds = mktime(&tm);
        if (seconds < 0)
                return -EINVAL;
        *ret = (uint64_t) seconds * USEC_PER_SEC;
        return 0;
}

int when_parse(const char *s, uint64_t *ret) {
        uint64_t now, span = 0;
        int r;

        r = when_now(&now);
        if (r < 0)
                return r;
        if (streq(s, "now")) {
                *ret = now;
                return 0;
        }
        if (streq(s, "today"))
                return parse_day(0, now, ret);
        if (streq(s, "yesterday"))
                return parse_day(1, now, ret);
        if (*s == '-') {
                r = parse_span(s + 1, &span);
                *ret = now - MIN(now, span);
                return r;
        }
        if (time_parse(s, ret) >= 0)
                return 0;
        return parse_local(s, now, ret);
}

int when_parse_end(const char *s, uint64_t *ret) {
        uint64_t now, span;
        int r;

        r = when_now(&now);
        if (r < 0)
                return r;
        if (streq(s, "tomorrow"))
                return parse_day(-1, now, ret);
        if (parse_span(s + (*s == '+'), &span) >= 0) {
                *ret = now + MIN(span, UINT64_MAX - now);
                return 0;
        }
        if (*s == '-')
                return -EINVAL;
        return when_parse(s, ret);
}
