/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether the daemon is on the bus, how it is asked and what it says unasked; leaves what it
 * all means to the objects above. Never waits. */
#pragma once

#include <gio/gio.h>

#include "gui/model/error.h"

typedef enum ChatBusState {
        CHAT_BUS_STARTING, /* nobody knows yet, or the bus was asked to start it */
        CHAT_BUS_HERE,
        CHAT_BUS_AWAY,
} ChatBusState;

/* Unless a call takes long by its nature (a password is hashed, a host is asked): milliseconds. The
 * daemon's own deadlines are shorter. */
#define CHAT_CALL_TIMEOUT_MS 40000

#define CHAT_TYPE_BUS (chat_bus_get_type())
G_DECLARE_FINAL_TYPE(ChatBus, chat_bus, CHAT, BUS, GObject)

/* Signals: "state" (the state is another one), "owner" (a daemon has the name that had it not
 * before: all that was known is old), "emitted" (path, interface, member, parameters as GVariant).
 */
ChatBus *chat_bus_new(GDBusConnection *connection);
ChatBusState chat_bus_get_state(ChatBus *self);

/* Asks the bus to start the daemon; of one that is there nothing happens. */
void chat_bus_start(ChatBus *self);

/* parameters is consumed if floating, NULL: none. reply: the type of what comes, or NULL. Never
 * starts a daemon. callback's source is the ChatBus. */
void chat_bus_call_async(ChatBus *self, const char *path, const char *interface, const char *method,
                         GVariant *parameters, const GVariantType *reply, int timeout_ms,
                         GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer userdata);
/* Owned by who asks; NULL with error (CHAT_ERROR, or G_IO_ERROR_CANCELLED). */
GVariant *chat_bus_call_finish(ChatBus *self, GAsyncResult *result, GError **error);
