/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person may want to be told of in a channel; leaves telling to notifier.h. */
#pragma once

#include <errno.h>

typedef enum Notify {
        NOTIFY_UNSET,    /* somebody else decides */
        NOTIFY_MENTIONS, /* messages of others that speak to the person by name (base/mention.h) */
        NOTIFY_ALL,      /* all of them */
        NOTIFY_NONE,
        NOTIFY_MAX,
        NOTIFY_INVALID = -EINVAL,
} Notify;

const char *notify_to_string(Notify n); /* "all", "mentions", "none"; else NULL */
Notify notify_from_string(const char *s);
