/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one object of the daemon as it was said last: its interfaces and their properties, shown as
 * GObject properties by a table; leaves their meaning to who derives from it. */
#include "gui/model/remote.h"

#include "dbus/names.h"

typedef struct ChatRemotePrivate {
        ChatBus *bus;
        char *path;
        gboolean is_away;
        GHashTable *interfaces; /* name → GHashTable of property → GVariant */
} ChatRemotePrivate;

enum { SIGNAL_REFRESHED, SIGNAL_EMITTED, N_SIGNALS };
static guint signals[N_SIGNALS];

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE(ChatRemote, chat_remote, G_TYPE_OBJECT)

static ChatRemotePrivate *get(ChatRemote *self) {
        return chat_remote_get_instance_private(self);
}

ChatBus *chat_remote_get_bus(ChatRemote *self) {
        return get(self)->bus;
}

const char *chat_remote_get_path(ChatRemote *self) {
        return get(self)->path;
}

gboolean chat_remote_get_away(ChatRemote *self) {
        return get(self)->is_away;
}

gboolean chat_remote_has_interface(ChatRemote *self, const char *interface) {
        return g_hash_table_contains(get(self)->interfaces, interface);
}

static GVariant *lookup(ChatRemote *self, const char *property) {
        GHashTableIter i;
        gpointer values;

        g_hash_table_iter_init(&i, get(self)->interfaces);
        while (g_hash_table_iter_next(&i, NULL, &values)) {
                GVariant *v = g_hash_table_lookup(values, property);
                if (v)
                        return v;
        }
        return NULL;
}

const char *chat_remote_string(ChatRemote *self, const char *property) {
        GVariant *v = lookup(self, property);

        if (!v || (!g_variant_is_of_type(v, G_VARIANT_TYPE_STRING) &&
                   !g_variant_is_of_type(v, G_VARIANT_TYPE_OBJECT_PATH)))
                return "";
        return g_variant_get_string(v, NULL);
}

guint64 chat_remote_number(ChatRemote *self, const char *property) {
        GVariant *v = lookup(self, property);

        if (v && g_variant_is_of_type(v, G_VARIANT_TYPE_UINT32))
                return g_variant_get_uint32(v);
        if (v && g_variant_is_of_type(v, G_VARIANT_TYPE_UINT64))
                return g_variant_get_uint64(v);
        return 0;
}

gboolean chat_remote_boolean(ChatRemote *self, const char *property) {
        GVariant *v = lookup(self, property);

        return v && g_variant_is_of_type(v, G_VARIANT_TYPE_BOOLEAN) && g_variant_get_boolean(v);
}

static void notify_remote(ChatRemote *self, const char *interface, const char *property) {
        ChatRemoteClass *class = CHAT_REMOTE_GET_CLASS(self);

        for (gsize i = 0; i < class->n_properties; i++)
                if (g_str_equal(class->properties[i].remote, property) &&
                    g_str_equal(class->properties[i].interface, interface))
                        g_object_notify(G_OBJECT(self), class->properties[i].name);
}

static void notify_interface(ChatRemote *self, const char *interface) {
        ChatRemoteClass *class = CHAT_REMOTE_GET_CLASS(self);

        for (gsize i = 0; i < class->n_properties; i++)
                if (g_str_equal(class->properties[i].interface, interface))
                        g_object_notify(G_OBJECT(self), class->properties[i].name);
}

static void take(ChatRemote *self, const char *interface, GVariant *properties) {
        GHashTable *values = g_hash_table_lookup(get(self)->interfaces, interface);
        GVariantIter i;
        GVariant *value;
        char *name;

        if (!values) {
                values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                               (GDestroyNotify) g_variant_unref);
                g_hash_table_insert(get(self)->interfaces, g_strdup(interface), values);
                notify_interface(self, interface);
        }
        g_variant_iter_init(&i, properties);
        while (g_variant_iter_next(&i, "{sv}", &name, &value)) {
                GVariant *before = g_hash_table_lookup(values, name);
                if (before && g_variant_equal(before, value)) {
                        g_variant_unref(value);
                        g_free(name);
                        continue;
                }
                g_hash_table_insert(values, g_strdup(name), value);
                notify_remote(self, interface, name);
                g_free(name);
        }
}

void chat_remote_take(ChatRemote *self, const char *interface, GVariant *properties) {
        g_object_freeze_notify(G_OBJECT(self));
        take(self, interface, properties);
        g_object_thaw_notify(G_OBJECT(self));
}

void chat_remote_drop_interface(ChatRemote *self, const char *interface) {
        if (!g_hash_table_remove(get(self)->interfaces, interface))
                return;
        notify_interface(self, interface);
}

void chat_remote_take_all(ChatRemote *self, GVariant *interfaces) {
        g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter had;
        gpointer known;
        GVariantIter i;
        GVariant *properties;
        const char *interface;

        g_object_freeze_notify(G_OBJECT(self));
        g_hash_table_iter_init(&had, get(self)->interfaces);
        while (g_hash_table_iter_next(&had, &known, NULL)) {
                g_autoptr(GVariant) still = g_variant_lookup_value(interfaces, known, NULL);
                if (!still)
                        g_ptr_array_add(gone, g_strdup(known));
        }
        for (guint k = 0; k < gone->len; k++) {
                g_hash_table_remove(get(self)->interfaces, gone->pdata[k]);
                notify_interface(self, gone->pdata[k]);
        }
        g_variant_iter_init(&i, interfaces);
        while (g_variant_iter_next(&i, "{&s@a{sv}}", &interface, &properties)) {
                take(self, interface, properties);
                g_variant_unref(properties);
        }
        g_object_thaw_notify(G_OBJECT(self));
}

void chat_remote_set_away(ChatRemote *self, gboolean is_away) {
        gboolean was_away = get(self)->is_away;

        if (is_away == was_away)
                return;
        get(self)->is_away = is_away;
        g_object_notify(G_OBJECT(self), "away");
        if (was_away)
                g_signal_emit(self, signals[SIGNAL_REFRESHED], 0);
}

void chat_remote_hear(ChatRemote *self, const char *interface, const char *member,
                      GVariant *parameters) {
        if (CHAT_REMOTE_GET_CLASS(self)->emitted)
                CHAT_REMOTE_GET_CLASS(self)->emitted(self, interface, member, parameters);
        g_signal_emit(self, signals[SIGNAL_EMITTED], 0, interface, member, parameters);
}

GVariant *chat_no_options(void) {
        return g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0);
}

static void on_answered(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GTask) task = userdata;
        GError *error = NULL;
        GVariant *reply = chat_bus_call_finish(CHAT_BUS(source), result, &error);

        if (reply)
                g_task_return_pointer(task, reply, (GDestroyNotify) g_variant_unref);
        else
                g_task_return_error(task, error);
}

void chat_remote_call_async(ChatRemote *self, const char *interface, const char *method,
                            GVariant *parameters, const GVariantType *reply,
                            GCancellable *cancellable, GAsyncReadyCallback callback,
                            gpointer userdata) {
        GTask *task = g_task_new(self, cancellable, callback, userdata);

        g_task_set_source_tag(task, chat_remote_call_async);
        chat_bus_call_async(get(self)->bus, get(self)->path, interface, method, parameters, reply,
                            CHAT_CALL_TIMEOUT_MS, cancellable, on_answered, task);
}

GVariant *chat_remote_call_finish(ChatRemote *self, GAsyncResult *result, GError **error) {
        return g_task_propagate_pointer(G_TASK(result), error);
}

gboolean chat_remote_call_finish_void(ChatRemote *self, GAsyncResult *result, GError **error) {
        g_autoptr(GVariant) reply = chat_remote_call_finish(self, result, error);

        return reply != NULL;
}

void chat_remote_set_async(ChatRemote *self, const char *interface, const char *property,
                           GVariant *value, GCancellable *cancellable, GAsyncReadyCallback callback,
                           gpointer userdata) {
        chat_remote_call_async(self, "org.freedesktop.DBus.Properties", "Set",
                               g_variant_new("(ssv)", interface, property, value), NULL,
                               cancellable, callback, userdata);
}

/* ids: those of the table from 1, then these */
enum { ID_BUS, ID_PATH, ID_AWAY };

static void chat_remote_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
        ChatRemote *self = CHAT_REMOTE(object);
        ChatRemoteClass *class = CHAT_REMOTE_GET_CLASS(self);
        const ChatRemoteProperty *p;

        if (id > class->n_properties) {
                switch (id - class->n_properties - 1) {
                case ID_BUS:
                        g_value_set_object(value, get(self)->bus);
                        return;
                case ID_PATH:
                        g_value_set_string(value, get(self)->path);
                        return;
                case ID_AWAY:
                        g_value_set_boolean(value, get(self)->is_away);
                        return;
                }
                class->get_more(self, spec->name, value);
                return;
        }
        p = &class->properties[id - 1];
        switch (p->type) {
        case 's':
        case 'o':
                g_value_set_string(value, chat_remote_string(self, p->remote));
                return;
        case 'b':
                g_value_set_boolean(value, chat_remote_boolean(self, p->remote));
                return;
        case 'i':
                g_value_set_boolean(value, chat_remote_has_interface(self, p->interface));
                return;
        case 'u':
                g_value_set_uint(value, (guint) chat_remote_number(self, p->remote));
                return;
        case 't':
                g_value_set_uint64(value, chat_remote_number(self, p->remote));
                return;
        case 'x': {
                GVariant *v = lookup(self, p->remote);
                g_value_set_int64(value, v && g_variant_is_of_type(v, G_VARIANT_TYPE_INT64)
                                                 ? g_variant_get_int64(v)
                                                 : 0);
                return;
        }
        case 'a': {
                GVariant *v = lookup(self, p->remote);
                if (v && g_variant_is_of_type(v, G_VARIANT_TYPE_STRING_ARRAY))
                        g_value_take_boxed(value, g_variant_dup_strv(v, NULL));
                return;
        }
        }
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static void chat_remote_set_property(GObject *object, guint id, const GValue *value,
                                     GParamSpec *spec) {
        ChatRemotePrivate *private = get(CHAT_REMOTE(object));
        ChatRemoteClass *class = CHAT_REMOTE_GET_CLASS(object);

        switch (id - class->n_properties - 1) {
        case ID_BUS:
                private
                ->bus = g_value_dup_object(value);
                return;
        case ID_PATH:
                private
                ->path = g_value_dup_string(value);
                return;
        }
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

static GParamSpec *spec_new(const ChatRemoteProperty *p) {
        const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS;

        switch (p->type) {
        case 's':
        case 'o':
                return g_param_spec_string(p->name, NULL, NULL, "", flags);
        case 'b':
        case 'i':
                return g_param_spec_boolean(p->name, NULL, NULL, FALSE, flags);
        case 'u':
                return g_param_spec_uint(p->name, NULL, NULL, 0, G_MAXUINT, 0, flags);
        case 't':
                return g_param_spec_uint64(p->name, NULL, NULL, 0, G_MAXUINT64, 0, flags);
        case 'x':
                return g_param_spec_int64(p->name, NULL, NULL, G_MININT64, G_MAXINT64, 0, flags);
        case 'a':
                return g_param_spec_boxed(p->name, NULL, NULL, G_TYPE_STRV, flags);
        }
        g_assert_not_reached();
}

void chat_remote_class_install(ChatRemoteClass *class, const ChatRemoteProperty *properties,
                               gsize n_properties) {
        GObjectClass *object_class = G_OBJECT_CLASS(class);
        guint id = (guint) n_properties + 1;
        const GParamFlags once =
                G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS;

        class->properties = properties;
        class->n_properties = n_properties;
        object_class->get_property = chat_remote_get_property;
        object_class->set_property = chat_remote_set_property;
        for (guint i = 0; i < n_properties; i++)
                g_object_class_install_property(object_class, i + 1, spec_new(&properties[i]));
        g_object_class_install_property(
                object_class, id + ID_BUS,
                g_param_spec_object("bus", NULL, NULL, CHAT_TYPE_BUS, once));
        class->n_ids = id + ID_AWAY + 1;
        g_object_class_install_property(object_class, id + ID_PATH,
                                        g_param_spec_string("path", NULL, NULL, NULL, once));
        g_object_class_install_property(
                object_class, id + ID_AWAY,
                g_param_spec_boolean("away", NULL, NULL, FALSE,
                                     G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
}

void chat_remote_class_add(ChatRemoteClass *class, GParamSpec *spec) {
        g_object_class_install_property(G_OBJECT_CLASS(class), class->n_ids++, spec);
}

static void chat_remote_finalize(GObject *object) {
        ChatRemotePrivate *private = get(CHAT_REMOTE(object));

        g_clear_object(&private->bus);
        g_free(private->path);
        g_hash_table_unref(private->interfaces);
        G_OBJECT_CLASS(chat_remote_parent_class)->finalize(object);
}

static void chat_remote_init(ChatRemote *self) {
        get(self)->interfaces = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                                      (GDestroyNotify) g_hash_table_unref);
}

static void chat_remote_class_init(ChatRemoteClass *class) {
        G_OBJECT_CLASS(class)->finalize = chat_remote_finalize;
        signals[SIGNAL_REFRESHED] = g_signal_new("refreshed", CHAT_TYPE_REMOTE, G_SIGNAL_RUN_LAST,
                                                 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
        signals[SIGNAL_EMITTED] =
                g_signal_new("emitted", CHAT_TYPE_REMOTE, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                             G_TYPE_NONE, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_VARIANT);
}
