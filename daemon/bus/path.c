/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows which object path belongs to which id; leaves whether there is such an object to others. */
#include "daemon/bus/path.h"

#include "base/random.h"
#include "dbus/names.h"

void bus_path_account(const char *tracker_id, char ret[static BUS_PATH_SIZE]) {
        (void) snprintf(ret, BUS_PATH_SIZE, "%s/%.32s", P2PCHAT_PATH_ACCOUNTS, tracker_id);
}

void bus_path_channel(const char *channel_id, char ret[static BUS_PATH_SIZE]) {
        char id[UUID_STRING_SIZE];
        size_t n = 0;

        for (const char *p = channel_id; *p && n < sizeof(id) - 1; p++)
                if (*p != '-')
                        id[n++] = *p;
        id[n] = '\0';
        (void) snprintf(ret, BUS_PATH_SIZE, "%s/%s", P2PCHAT_PATH_CHANNELS, id);
}
