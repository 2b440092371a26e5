/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what time it is by somebody else's clock, and how people are told that theirs is off;
 * leaves whose clock is believed to its user. */
#include "base/remote-time.h"

#include <inttypes.h>
#include <stdio.h>

void remote_time_set(RemoteTime *t, int64_t offset_usec) {
        t->is_known = true;
        t->realtime = clock_realtime(t->clock) + (uint64_t) offset_usec;
        t->boottime = clock_boottime(t->clock);
        t->slept = clock_slept(t->clock);
}

uint64_t remote_time_now(const RemoteTime *t) {
        return t->is_known ? t->realtime + (clock_boottime(t->clock) - t->boottime)
                           : clock_realtime(t->clock);
}

int64_t remote_time_offset(const RemoteTime *t) {
        return (int64_t) (remote_time_now(t) - clock_realtime(t->clock));
}

static uint64_t distance(int64_t offset_usec) {
        return offset_usec < 0 ? -(uint64_t) offset_usec : (uint64_t) offset_usec;
}

bool remote_time_agrees(const RemoteTime *t, uint64_t *ret_ours, uint64_t *ret_theirs) {
        uint64_t apart, slept;

        *ret_theirs = remote_time_now(t);
        *ret_ours = clock_realtime(t->clock);
        if (!t->is_known)
                return false;
        apart = distance((int64_t) (*ret_theirs - *ret_ours));
        slept = clock_slept(t->clock);
        slept -= MIN(slept, t->slept);
        return apart <= CLOCK_WRONG_MIN_USEC && slept <= CLOCK_WRONG_MIN_USEC - apart;
}

bool clock_is_off(int64_t offset_usec) {
        return distance(offset_usec) > CLOCK_OFF_MIN_USEC;
}

bool clock_is_wrong(int64_t offset_usec) {
        return distance(offset_usec) > CLOCK_WRONG_MIN_USEC;
}

const char *clock_describe_off(int64_t offset_usec, bool at_least,
                               char ret[static CLOCK_OFF_TEXT_SIZE]) {
        static const struct {
                const char *name;
                uint64_t usec;
                uint64_t from; /* of these, else a smaller unit says more */
        } units[] = {
                { "year", 365 * USEC_PER_DAY, 2 }, { "month", 30 * USEC_PER_DAY, 2 },
                { "day", USEC_PER_DAY, 2 },        { "hour", USEC_PER_HOUR, 2 },
                { "minute", USEC_PER_MINUTE, 1 },  { "second", USEC_PER_SEC, 0 },
        };
        uint64_t off = distance(offset_usec), n = 0;
        size_t i;

        for (i = 0; i < ELEMENTSOF(units); i++) {
                n = (off + (at_least ? 0 : units[i].usec / 2)) / units[i].usec;
                if (n >= units[i].from)
                        break;
        }
        snprintf(ret, CLOCK_OFF_TEXT_SIZE, "%" PRIu64 " %s%s %s", n, units[i].name,
                 n == 1 ? "" : "s", offset_usec >= 0 ? "behind" : "ahead");
        return ret;
}
