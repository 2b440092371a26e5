/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what a person may want to be told of in a channel; leaves telling to notifier.h. */
#include "daemon/notify/notify-level.h"

#include "base/cleanup.h"

static const char *const notify_table[NOTIFY_MAX] = {
        [NOTIFY_ALL] = "all",
        [NOTIFY_MENTIONS] = "mentions",
        [NOTIFY_NONE] = "none",
};

const char *notify_to_string(Notify n) {
        return n >= 0 && n < NOTIFY_MAX ? notify_table[n] : NULL;
}

Notify notify_from_string(const char *s) {
        for (int i = NOTIFY_UNSET + 1; s && i < NOTIFY_MAX; i++)
                if (streq(notify_table[i], s))
                        return i;
        return NOTIFY_INVALID;
}
