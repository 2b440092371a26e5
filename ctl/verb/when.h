/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how people say when: absolute, so long ago, or in so long. */
#pragma once

#include <stdint.h>

/* To be given to _(). */
#define WHEN_FORMS                                                                                 \
        "a time like 2026-01-31, '2026-01-31 18:30', 18:30, yesterday, today, now, or -90min, "    \
        "-1h, -2d, -1w ago"

#define WHEN_END_FORMS                                                                             \
        "a time to come like 2026-01-31, '2026-01-31 18:30', 18:30, tomorrow, or 90min, 2h, 3d, "  \
        "1w"

/* µs since the epoch. 0, or negative errno. */
int when_now(uint64_t *ret);
/* µs since the epoch; local time, but RFC 3339 with Z. -EINVAL: none of WHEN_FORMS. */
int when_parse(const char *s, uint64_t *ret);
/* The same of what is to come: -EINVAL for none of WHEN_END_FORMS. Whether it is to come is not
 * looked at. */
int when_parse_end(const char *s, uint64_t *ret);
