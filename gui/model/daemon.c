/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the daemon as a whole: whether it is there, who is signed in, which channels there are;
 * leaves each of those to its own object, which keeps its identity while daemons come and go. */
#include "gui/model/daemon.h"

#include "base/remote-time.h"
#include "dbus/names.h"

#define PROPERTIES "org.freedesktop.DBus.Properties"
#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define OBJECTS "(a{oa{sa{sv}}})"

struct _ChatDaemon {
        ChatRemote parent;
        ChatDaemonState state;
        GCancellable *asking; /* what the present owner was asked for; NULL: nothing */
        gboolean has_properties, has_objects;
        GListStore *channels;
        GHashTable *accounts; /* path → ChatAccount */
        ChatAccount *account; /* one of them, or NULL */
        ChatChannel *focus;   /* weak */
};

enum { SIGNAL_DIRECTORY_CHANGED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(ChatDaemon, chat_daemon, CHAT_TYPE_REMOTE)

#define MANAGER P2PCHAT_INTERFACE_MANAGER

static const ChatRemoteProperty properties[] = {
        { MANAGER, "Version", "version", 's' },
        { MANAGER, "DefaultAccount", "default-account", 'o' },
        { MANAGER, "OutboxCount", "outbox-count", 'u' },
        { MANAGER, "ListenAddresses", "listen-addresses", 'a' },
        { MANAGER, "ClockOffset", "clock-offset", 'x' },
        { MANAGER, "Invisible", "invisible", 'b' },
        { MANAGER, "Lingering", "lingering", 's' },
        { MANAGER, "StoreState", "store-state", 's' },
        { MANAGER, "StoreReason", "store-reason", 's' },
};

ChatDaemonState chat_daemon_get_state(ChatDaemon *self) {
        return self->state;
}

ChatAccount *chat_daemon_get_account(ChatDaemon *self) {
        return self->account;
}

GListModel *chat_daemon_get_channels(ChatDaemon *self) {
        return G_LIST_MODEL(self->channels);
}

void chat_daemon_start(ChatDaemon *self) {
        chat_bus_start(chat_remote_get_bus(CHAT_REMOTE(self)));
}

static ChatChannel *find_channel(ChatDaemon *self, const char *path, guint *ret_position) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->channels));

        for (guint i = 0; i < n; i++) {
                g_autoptr(ChatRemote) c = g_list_model_get_item(G_LIST_MODEL(self->channels), i);
                if (!g_str_equal(chat_remote_get_path(c), path))
                        continue;
                if (ret_position)
                        *ret_position = i;
                return CHAT_CHANNEL(c);
        }
        return NULL;
}

ChatChannel *chat_daemon_find_channel(ChatDaemon *self, const char *path) {
        return find_channel(self, path, NULL);
}

static void daemon_set_state(ChatDaemon *self, ChatDaemonState state) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->channels));
        gboolean is_away = state != CHAT_DAEMON_RUNNING;
        GHashTableIter i;
        gpointer account;

        if (self->state == state)
                return;
        self->state = state;
        chat_remote_set_away(CHAT_REMOTE(self), is_away);
        g_hash_table_iter_init(&i, self->accounts);
        while (g_hash_table_iter_next(&i, NULL, &account))
                chat_remote_set_away(account, is_away);
        while (n-- > 0) {
                g_autoptr(ChatRemote) c = g_list_model_get_item(G_LIST_MODEL(self->channels), n);
                chat_remote_set_away(c, is_away);
        }
        g_object_notify(G_OBJECT(self), "state");
}

static void choose_account(ChatDaemon *self) {
        const char *path = chat_remote_string(CHAT_REMOTE(self), "DefaultAccount");
        ChatAccount *account = g_hash_table_lookup(self->accounts, path);

        if (g_set_object(&self->account, account))
                g_object_notify(G_OBJECT(self), "account");
}

static void take_object(ChatDaemon *self, const char *path, GVariant *interfaces) {
        g_autoptr(GVariant) account =
                g_variant_lookup_value(interfaces, P2PCHAT_INTERFACE_ACCOUNT, NULL);
        g_autoptr(GVariant) channel =
                g_variant_lookup_value(interfaces, P2PCHAT_INTERFACE_CHANNEL, NULL);
        ChatBus *bus = chat_remote_get_bus(CHAT_REMOTE(self));
        ChatRemote *known = NULL;

        if (account) {
                known = g_hash_table_lookup(self->accounts, path);
                if (!known) {
                        known = CHAT_REMOTE(chat_account_new(bus, path));
                        g_hash_table_insert(self->accounts, g_strdup(path), known);
                }
                chat_remote_take_all(known, interfaces);
        } else if (channel) {
                known = CHAT_REMOTE(find_channel(self, path, NULL));
                if (known) {
                        chat_remote_take_all(known, interfaces);
                        return;
                }
                known = CHAT_REMOTE(chat_channel_new(bus, path));
                chat_remote_take_all(known, interfaces);
                g_list_store_append(self->channels, known);
                g_object_unref(known);
        }
}

/* What of objects is not there any more. */
static void drop_others(ChatDaemon *self, GVariant *objects) {
        guint n = g_list_model_get_n_items(G_LIST_MODEL(self->channels));
        GHashTableIter i;
        gpointer path;

        while (n-- > 0) {
                g_autoptr(ChatRemote) c = g_list_model_get_item(G_LIST_MODEL(self->channels), n);
                g_autoptr(GVariant) still =
                        g_variant_lookup_value(objects, chat_remote_get_path(c), NULL);
                if (!still)
                        g_list_store_remove(self->channels, n);
        }
        g_hash_table_iter_init(&i, self->accounts);
        while (g_hash_table_iter_next(&i, &path, NULL)) {
                g_autoptr(GVariant) still = g_variant_lookup_value(objects, path, NULL);
                if (!still)
                        g_hash_table_iter_remove(&i);
        }
}

static void take_objects(ChatDaemon *self, GVariant *reply) {
        g_autoptr(GVariant) objects = g_variant_get_child_value(reply, 0);
        GVariantIter i;
        GVariant *interfaces;
        const char *path;

        drop_others(self, objects);
        g_variant_iter_init(&i, objects);
        while (g_variant_iter_next(&i, "{&o@a{sa{sv}}}", &path, &interfaces)) {
                take_object(self, path, interfaces);
                g_variant_unref(interfaces);
        }
}

static void tell_focus(ChatDaemon *self) {
        const char *path = self->focus ? chat_remote_get_path(CHAT_REMOTE(self->focus)) : "/";

        chat_remote_call_async(CHAT_REMOTE(self), MANAGER, "SetFocus",
                               g_variant_new("(o@a{sv})", path, chat_no_options()), NULL, NULL,
                               NULL, NULL);
}

static void look_whether_complete(ChatDaemon *self) {
        if (!self->has_properties || !self->has_objects)
                return;
        choose_account(self);
        daemon_set_state(self, CHAT_DAEMON_RUNNING);
        if (self->focus)
                tell_focus(self);
}

/* The bus says when the daemon goes; any other failure of these two leaves nothing to show. */
static void on_objects(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatDaemon) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = chat_bus_call_finish(CHAT_BUS(source), result, &error);

        if (!reply) {
                if (!chat_error_is_cancelled(error))
                        daemon_set_state(self, CHAT_DAEMON_AWAY);
                return;
        }
        take_objects(self, reply);
        self->has_objects = TRUE;
        look_whether_complete(self);
}

static void on_properties(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(ChatDaemon) self = userdata;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) values = NULL;
        g_autoptr(GVariant) reply = chat_bus_call_finish(CHAT_BUS(source), result, &error);

        if (!reply) {
                if (!chat_error_is_cancelled(error))
                        daemon_set_state(self, CHAT_DAEMON_AWAY);
                return;
        }
        values = g_variant_get_child_value(reply, 0);
        chat_remote_take(CHAT_REMOTE(self), MANAGER, values);
        self->has_properties = TRUE;
        look_whether_complete(self);
}

static void forget_asking(ChatDaemon *self) {
        if (self->asking)
                g_cancellable_cancel(self->asking);
        g_clear_object(&self->asking);
        self->has_properties = self->has_objects = FALSE;
}

static void on_owner(ChatBus *bus, ChatDaemon *self) {
        forget_asking(self);
        self->asking = g_cancellable_new();
        daemon_set_state(self, CHAT_DAEMON_STARTING);
        chat_bus_call_async(bus, P2PCHAT_PATH, PROPERTIES, "GetAll", g_variant_new("(s)", MANAGER),
                            G_VARIANT_TYPE("(a{sv})"), CHAT_CALL_TIMEOUT_MS, self->asking,
                            on_properties, g_object_ref(self));
        chat_bus_call_async(bus, P2PCHAT_PATH, OBJECT_MANAGER, "GetManagedObjects", NULL,
                            G_VARIANT_TYPE(OBJECTS), CHAT_CALL_TIMEOUT_MS, self->asking, on_objects,
                            g_object_ref(self));
}

static void on_bus_state(ChatBus *bus, ChatDaemon *self) {
        switch (chat_bus_get_state(bus)) {
        case CHAT_BUS_HERE:
                return;
        case CHAT_BUS_STARTING:
                daemon_set_state(self, CHAT_DAEMON_STARTING);
                return;
        case CHAT_BUS_AWAY:
                forget_asking(self);
                daemon_set_state(self, CHAT_DAEMON_AWAY);
                return;
        }
}

static ChatRemote *find_remote(ChatDaemon *self, const char *path) {
        ChatRemote *account = g_hash_table_lookup(self->accounts, path);

        if (account)
                return account;
        if (g_str_equal(path, P2PCHAT_PATH))
                return CHAT_REMOTE(self);
        return CHAT_REMOTE(find_channel(self, path, NULL));
}

static void on_properties_changed(ChatDaemon *self, ChatRemote *remote, GVariant *parameters) {
        g_autoptr(GVariant) values = NULL;
        const char *interface;

        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
                return;
        g_variant_get(parameters, "(&s@a{sv}@as)", &interface, &values, NULL);
        chat_remote_take(remote, interface, values);
        if (remote == CHAT_REMOTE(self))
                choose_account(self);
}

static void on_interfaces_added(ChatDaemon *self, GVariant *parameters) {
        g_autoptr(GVariant) interfaces = NULL;
        ChatRemote *known;
        GVariantIter i;
        GVariant *values;
        const char *path, *interface;

        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oa{sa{sv}})")))
                return;
        g_variant_get(parameters, "(&o@a{sa{sv}})", &path, &interfaces);
        known = find_remote(self, path);
        if (!known) {
                take_object(self, path, interfaces);
                choose_account(self);
                return;
        }
        g_variant_iter_init(&i, interfaces);
        while (g_variant_iter_next(&i, "{&s@a{sv}}", &interface, &values)) {
                chat_remote_take(known, interface, values);
                g_variant_unref(values);
        }
}

static void on_interfaces_removed(ChatDaemon *self, GVariant *parameters) {
        g_autofree const char **interfaces = NULL;
        ChatRemote *known;
        const char *path;
        guint position;

        if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(oas)")))
                return;
        g_variant_get(parameters, "(&o^a&s)", &path, &interfaces);
        known = find_remote(self, path);
        for (const char **i = interfaces; known && *i; i++)
                if (g_str_equal(*i, P2PCHAT_INTERFACE_CHANNEL) &&
                    find_channel(self, path, &position)) {
                        g_list_store_remove(self->channels, position);
                        return;
                } else if (g_str_equal(*i, P2PCHAT_INTERFACE_ACCOUNT)) {
                        g_hash_table_remove(self->accounts, path);
                        choose_account(self);
                        return;
                } else
                        chat_remote_drop_interface(known, *i);
}

static void on_emitted(ChatBus *bus, const char *path, const char *interface, const char *member,
                       GVariant *parameters, ChatDaemon *self) {
        ChatRemote *remote;

        /* What comes before the objects were told is in them already. */
        if (!self->has_objects && !g_str_equal(path, P2PCHAT_PATH))
                return;
        if (g_str_equal(interface, OBJECT_MANAGER)) {
                if (!self->has_objects)
                        return;
                if (g_str_equal(member, "InterfacesAdded"))
                        on_interfaces_added(self, parameters);
                else if (g_str_equal(member, "InterfacesRemoved"))
                        on_interfaces_removed(self, parameters);
                return;
        }
        remote = find_remote(self, path);
        if (!remote)
                return;
        if (g_str_equal(interface, PROPERTIES) && g_str_equal(member, "PropertiesChanged"))
                on_properties_changed(self, remote, parameters);
        else
                chat_remote_hear(remote, interface, member, parameters);
}

static void chat_daemon_emitted(ChatRemote *remote, const char *interface, const char *member,
                                GVariant *parameters) {
        if (g_str_equal(interface, MANAGER) && g_str_equal(member, "DirectoryChanged"))
                g_signal_emit(remote, signals[SIGNAL_DIRECTORY_CHANGED], 0);
}

gboolean chat_daemon_clock_is_wrong(ChatDaemon *self) {
        gint64 offset;

        g_object_get(self, "clock-offset", &offset, NULL);
        return clock_is_wrong(offset);
}

void chat_daemon_set_focus(ChatDaemon *self, ChatChannel *channel) {
        if (self->focus == channel)
                return;
        g_set_weak_pointer(&self->focus, channel);
        if (self->state == CHAT_DAEMON_RUNNING)
                tell_focus(self);
}

static void chat_daemon_get_more(ChatRemote *remote, const char *name, GValue *value) {
        ChatDaemon *self = CHAT_DAEMON(remote);

        if (g_str_equal(name, "state"))
                g_value_set_uint(value, self->state);
        else if (g_str_equal(name, "account"))
                g_value_set_object(value, self->account);
}

static void chat_daemon_dispose(GObject *object) {
        ChatDaemon *self = CHAT_DAEMON(object);
        ChatBus *bus = chat_remote_get_bus(CHAT_REMOTE(self));

        forget_asking(self);
        if (bus)
                g_signal_handlers_disconnect_by_data(bus, self);
        g_clear_weak_pointer(&self->focus);
        g_clear_object(&self->account);
        G_OBJECT_CLASS(chat_daemon_parent_class)->dispose(object);
}

static void chat_daemon_finalize(GObject *object) {
        ChatDaemon *self = CHAT_DAEMON(object);

        g_hash_table_unref(self->accounts);
        g_object_unref(self->channels);
        G_OBJECT_CLASS(chat_daemon_parent_class)->finalize(object);
}

static void chat_daemon_init(ChatDaemon *self) {
        self->channels = g_list_store_new(CHAT_TYPE_CHANNEL);
        self->accounts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
}

ChatDaemon *chat_daemon_new(ChatBus *bus) {
        ChatDaemon *self = g_object_new(CHAT_TYPE_DAEMON, "bus", bus, "path", P2PCHAT_PATH, NULL);

        chat_remote_set_away(CHAT_REMOTE(self), TRUE);
        g_signal_connect(bus, "owner", G_CALLBACK(on_owner), self);
        g_signal_connect(bus, "state", G_CALLBACK(on_bus_state), self);
        g_signal_connect(bus, "emitted", G_CALLBACK(on_emitted), self);
        if (chat_bus_get_state(bus) == CHAT_BUS_HERE)
                on_owner(bus, self);
        return self;
}

static void chat_daemon_class_init(ChatDaemonClass *class) {
        const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;
        ChatRemoteClass *remote_class = CHAT_REMOTE_CLASS(class);

        G_OBJECT_CLASS(class)->dispose = chat_daemon_dispose;
        G_OBJECT_CLASS(class)->finalize = chat_daemon_finalize;
        remote_class->emitted = chat_daemon_emitted;
        remote_class->get_more = chat_daemon_get_more;
        chat_remote_class_install(remote_class, properties, G_N_ELEMENTS(properties));
        chat_remote_class_add(remote_class, g_param_spec_uint("state", NULL, NULL, 0,
                                                              CHAT_DAEMON_AWAY, 0, flags));
        chat_remote_class_add(remote_class,
                              g_param_spec_object("account", NULL, NULL, CHAT_TYPE_ACCOUNT, flags));
        signals[SIGNAL_DIRECTORY_CHANGED] =
                g_signal_new("directory-changed", CHAT_TYPE_DAEMON, G_SIGNAL_RUN_LAST, 0, NULL,
                             NULL, NULL, G_TYPE_NONE, 0);
}
