/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how people say when: absolute, or so long ago. */
#pragma once

#include <stdint.h>

#define WHEN_FORMS                                                                                 \
        "a time like 2026-01-31, '2026-01-31 18:30', 18:30, yesterday, today, now, or -90min, "    \
        "-1h, -2d, -1w ago"

/* µs since the epoch; local time, but RFC 3339 with Z. -EINVAL: none of WHEN_FORMS. */
int when_parse(const char *s, uint64_t *ret);
