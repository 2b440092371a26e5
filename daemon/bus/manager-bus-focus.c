/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how clients say which channel they show now, and that who left the bus shows none; leaves
 * what follows from it to notify/. */
#include "bus/error.h"
#include "bus/options.h"
#include "daemon/bus/manager-bus-internal.h"
#include "daemon/notify/focus.h"
#include "dbus/names.h"

/* NULL: there is none. */
static ChannelMember *find_channel(const ManagerBus *b, const char *path) {
        const char *hex = path + strlen(P2PCHAT_PATH_CHANNELS "/");
        char id[UUID_STRING_SIZE];

        if (strncmp(path, P2PCHAT_PATH_CHANNELS "/", strlen(P2PCHAT_PATH_CHANNELS "/")) != 0 ||
            !hex_is_valid(hex, 32))
                return NULL;
        (void) snprintf(id, sizeof(id), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                        hex + 16, hex + 20);
        return manager_find_channel(b->manager, id);
}

int manager_method_set_focus(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *path, *client = sd_bus_message_get_sender(m);
        ManagerBus *b = userdata;
        const char *id = NULL;
        int r;

        r = sd_bus_message_read_basic(m, 'o', &path);
        if (r >= 0)
                r = options_read(m, NULL, NULL, error);
        if (r < 0)
                return r;
        if (!streq(path, "/")) {
                const ChannelMember *c = find_channel(b, path);

                if (!c)
                        return bus_error_code(error, ERROR_NO_SUCH_CHANNEL,
                                              "There is no channel %s here.", path);
                id = channel_member_get_id(c);
        }
        /* Without a bus between us there is one client. */
        r = notifier_set_focus(b->notifier, client ?: "", id);
        if (r == -E2BIG)
                return bus_error_code(error, ERROR_BUSY,
                                      "%d clients show channels already: end some of them.",
                                      FOCUS_CLIENTS_MAX);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(m, NULL);
}

static int on_name_owner_changed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *name, *before, *now;
        ManagerBus *b = userdata;

        if (sd_bus_message_read(m, "sss", &name, &before, &now) >= 0 && name[0] == ':' && !*now)
                (void) notifier_set_focus(b->notifier, name, NULL);
        return 0;
}

/* Who was on the connection before is not on this one. */
int manager_bus_watch_clients(ManagerBus *b, sd_bus *connection) {
        notifier_clear_focus(b->notifier);
        return sd_bus_add_match_async(connection, NULL,
                                      "type='signal',sender='org.freedesktop.DBus',"
                                      "interface='org.freedesktop.DBus',"
                                      "member='NameOwnerChanged'",
                                      on_name_owner_changed, NULL, b);
}
