/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows whether the daemon is on the bus, how it is asked and what it says unasked; leaves what it
 * all means to the objects above. Never waits. */
#include "gui/model/bus.h"

#include "dbus/names.h"

struct _ChatBus {
        GObject parent;
        GDBusConnection *connection;
        GCancellable *cancellable;
        ChatBusState state;
        guint watch, subscription;
};

enum { SIGNAL_STATE, SIGNAL_OWNER, SIGNAL_EMITTED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatBus, chat_bus, G_TYPE_OBJECT)

static void bus_set_state(ChatBus *self, ChatBusState state) {
        if (self->state == state)
                return;
        self->state = state;
        g_signal_emit(self, signals[SIGNAL_STATE], 0);
}

static void on_name_appeared(GDBusConnection *c, const char *name, const char *owner,
                             gpointer userdata) {
        ChatBus *self = userdata;

        bus_set_state(self, CHAT_BUS_HERE);
        g_signal_emit(self, signals[SIGNAL_OWNER], 0);
}

static void on_name_vanished(GDBusConnection *c, const char *name, gpointer userdata) {
        bus_set_state(userdata, CHAT_BUS_AWAY);
}

static void on_signal(GDBusConnection *c, const char *sender, const char *path,
                      const char *interface, const char *member, GVariant *parameters,
                      gpointer userdata) {
        g_signal_emit(userdata, signals[SIGNAL_EMITTED], 0, path, interface, member, parameters);
}

static void on_started(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatBus) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply =
                g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

        /* Started, it is seen by its name. */
        if (!reply && self->state == CHAT_BUS_STARTING)
                bus_set_state(self, CHAT_BUS_AWAY);
}

void chat_bus_start(ChatBus *self) {
        if (self->state == CHAT_BUS_HERE)
                return;
        bus_set_state(self, CHAT_BUS_STARTING);
        g_dbus_connection_call(self->connection, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "StartServiceByName",
                               g_variant_new("(su)", P2PCHAT_BUS_NAME, 0), G_VARIANT_TYPE("(u)"),
                               G_DBUS_CALL_FLAGS_NONE, CHAT_CALL_TIMEOUT_MS, self->cancellable,
                               on_started, g_object_ref(self));
}

ChatBusState chat_bus_get_state(ChatBus *self) {
        return self->state;
}

static void on_answered(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GTask) task = userdata;
        GError *error = NULL;
        GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

        if (reply)
                g_task_return_pointer(task, reply, (GDestroyNotify) g_variant_unref);
        else
                g_task_return_error(task, chat_error_from_bus(error));
}

void chat_bus_call_async(ChatBus *self, const char *path, const char *interface, const char *method,
                         GVariant *parameters, const GVariantType *reply, int timeout_ms,
                         GCancellable *cancellable, GAsyncReadyCallback callback,
                         gpointer userdata) {
        GTask *task = g_task_new(self, cancellable, callback, userdata);

        g_task_set_source_tag(task, chat_bus_call_async);
        g_dbus_connection_call(self->connection, P2PCHAT_BUS_NAME, path, interface, method,
                               parameters, reply, G_DBUS_CALL_FLAGS_NO_AUTO_START, timeout_ms,
                               cancellable, on_answered, task);
}

GVariant *chat_bus_call_finish(ChatBus *self, GAsyncResult *result, GError **error) {
        return g_task_propagate_pointer(G_TASK(result), error);
}

static void chat_bus_dispose(GObject *object) {
        ChatBus *self = CHAT_BUS(object);

        g_cancellable_cancel(self->cancellable);
        if (self->subscription)
                g_dbus_connection_signal_unsubscribe(self->connection, self->subscription);
        self->subscription = 0;
        g_clear_handle_id(&self->watch, g_bus_unwatch_name);
        g_clear_object(&self->cancellable);
        g_clear_object(&self->connection);
        G_OBJECT_CLASS(chat_bus_parent_class)->dispose(object);
}

static void chat_bus_init(ChatBus *self) {
        self->cancellable = g_cancellable_new();
}

ChatBus *chat_bus_new(GDBusConnection *connection) {
        ChatBus *self = g_object_new(CHAT_TYPE_BUS, NULL);

        self->connection = g_object_ref(connection);
        /* Before the name is looked at: nothing may be said in between that is not heard. */
        self->subscription = g_dbus_connection_signal_subscribe(
                connection, P2PCHAT_BUS_NAME, NULL, NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                on_signal, self, NULL);
        self->watch = g_bus_watch_name_on_connection(
                connection, P2PCHAT_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE, on_name_appeared,
                on_name_vanished, self, NULL);
        return self;
}

static void chat_bus_class_init(ChatBusClass *class) {
        G_OBJECT_CLASS(class)->dispose = chat_bus_dispose;
        signals[SIGNAL_STATE] = g_signal_new("state", CHAT_TYPE_BUS, G_SIGNAL_RUN_LAST, 0, NULL,
                                             NULL, NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_OWNER] = g_signal_new("owner", CHAT_TYPE_BUS, G_SIGNAL_RUN_LAST, 0, NULL,
                                             NULL, NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_EMITTED] = g_signal_new("emitted", CHAT_TYPE_BUS, G_SIGNAL_RUN_LAST, 0, NULL,
                                               NULL, NULL, G_TYPE_NONE, 4, G_TYPE_STRING,
                                               G_TYPE_STRING, G_TYPE_STRING, G_TYPE_VARIANT);
}
