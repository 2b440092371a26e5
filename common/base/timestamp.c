/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows RFC 3339 as protocol §2 narrows it; leaves what time it is to base/clock.h. */
#include "base/timestamp.h"

#include <time.h>

#include "base/cleanup.h"

#define LAST_SECOND INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

void time_print(uint64_t realtime_usec, char ret[static TIME_STRING_SIZE]) {
        uint64_t msec = MIN(realtime_usec / USEC_PER_MSEC, (uint64_t) LAST_SECOND * 1000 + 999);
        time_t seconds = (time_t) (msec / 1000);
        struct tm tm;
        size_t n;

        gmtime_r(&seconds, &tm);
        n = strftime(ret, TIME_STRING_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(ret + n, TIME_STRING_SIZE - n, ".%03uZ", (unsigned) (msec % 1000));
}

void time_print_name(uint64_t realtime_usec, char ret[static TIME_STRING_SIZE]) {
        time_print(realtime_usec, ret);
        for (char *c = ret; *c; c++)
                if (*c == ':')
                        *c = '-';
}

/* n decimal digits at *s, which moves past them. */
static int digits(const char **s, int n) {
        int value = 0;

        for (; n > 0; n--, (*s)++) {
                if (**s < '0' || **s > '9')
                        return -EINVAL;
                value = value * 10 + (**s - '0');
        }
        return value;
}

int time_parse(const char *s, uint64_t *ret_usec) {
        static const struct {
                int n_digits;
                char after;
        } parts[] = { { 4, '-' }, { 2, '-' }, { 2, 'T' }, { 2, ':' },
                      { 2, ':' }, { 2, '.' }, { 3, 'Z' } };
        char canonical[TIME_STRING_SIZE];
        int value[ELEMENTSOF(parts)];
        const char *p = s;
        struct tm tm;
        time_t seconds;
        uint64_t usec;

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                value[i] = digits(&p, parts[i].n_digits);
                if (value[i] < 0 || *p++ != parts[i].after)
                        return -EINVAL;
        }
        if (*p)
                return -EINVAL;
        tm = (struct tm){
                .tm_year = value[0] - 1900,
                .tm_mon = value[1] - 1,
                .tm_mday = value[2],
                .tm_hour = value[3],
                .tm_min = value[4],
                .tm_sec = value[5],
        };
        seconds = timegm(&tm);
        if (seconds < 0)
                return -EINVAL;
        usec = (uint64_t) seconds * USEC_PER_SEC + (uint64_t) value[6] * USEC_PER_MSEC;
        time_print(usec, canonical); /* timegm() takes the 31st of February for a day of March */
        if (!streq(canonical, s))
                return -EINVAL;
        *ret_usec = usec;
        return 0;
}
