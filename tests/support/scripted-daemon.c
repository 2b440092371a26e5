/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a daemon of a test's own stands on a bus of the test's own and answers from a table;
 * leaves what is right to the test. */
#include "support/scripted-daemon.h"

#include "dbus/names.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"
#define RUN_SECONDS 60
#define CALLS_MAX 1000

/* Of an object: what one interface of it is. */
typedef struct Face {
        char *path, *interface;
        GHashTable *values; /* property → GVariant */
        guint registration; /* 0: the daemon is not there */
} Face;

typedef struct Method {
        GVariant *reply;
        scripted_fn fn;
        gpointer userdata;
        gboolean is_known, is_held;
        GQueue held;      /* of GDBusMethodInvocation */
        GPtrArray *calls; /* their parameters */
        guint n_calls, n_refused;
        char *refused_as, *refused_why;
} Method;

struct ScriptedDaemon {
        GTestDBus *bus;
        GDBusConnection *client, *own; /* own: NULL while it is dead */
        GPtrArray *nodes;              /* of GDBusNodeInfo */
        GPtrArray *faces;
        GHashTable *methods;
        guint managed; /* registration of the object manager */
};

static const char manager_xml[] =
        "<node><interface name='" OBJECT_MANAGER "'>"
        "<method name='GetManagedObjects'>"
        "<arg name='objects' type='a{oa{sa{sv}}}' direction='out'/></method>"
        "<signal name='InterfacesAdded'><arg type='o'/><arg type='a{sa{sv}}'/></signal>"
        "<signal name='InterfacesRemoved'><arg type='o'/><arg type='as'/></signal>"
        "</interface></node>";

static GDBusInterfaceInfo *find_info(ScriptedDaemon *d, const char *interface) {
        for (guint i = 0; i < d->nodes->len; i++) {
                GDBusInterfaceInfo *info =
                        g_dbus_node_info_lookup_interface(d->nodes->pdata[i], interface);
                if (info)
                        return info;
        }
        g_error("%s is in none of the files of dbus/", interface);
}

static Face *find_face(ScriptedDaemon *d, const char *path, const char *interface) {
        for (guint i = 0; i < d->faces->len; i++) {
                Face *face = d->faces->pdata[i];
                if (g_str_equal(face->path, path) && g_str_equal(face->interface, interface))
                        return face;
        }
        return NULL;
}

static void method_free(gpointer data) {
        Method *m = data;

        g_clear_pointer(&m->reply, g_variant_unref);
        g_queue_clear_full(&m->held, g_object_unref);
        g_ptr_array_unref(m->calls);
        g_free(m->refused_as);
        g_free(m->refused_why);
        g_free(m);
}

static Method *find_method(ScriptedDaemon *d, const char *name) {
        Method *m = g_hash_table_lookup(d->methods, name);

        if (m)
                return m;
        m = g_new0(Method, 1);
        m->calls = g_ptr_array_new_with_free_func((GDestroyNotify) g_variant_unref);
        g_hash_table_insert(d->methods, g_strdup(name), m);
        return m;
}

GError *scripted_refusal(const char *name, const char *message) {
        g_autofree char *whole = g_strdup_printf("org.p2pchat.Error.%s", name);

        return g_dbus_error_new_for_dbus_error(whole, message);
}

/* Takes error. */
static void refuse(GDBusMethodInvocation *invocation, GError *error) {
        g_autofree char *name = g_dbus_error_get_remote_error(error);

        g_dbus_error_strip_remote_error(error);
        g_dbus_method_invocation_return_dbus_error(invocation, name ?: "org.p2pchat.Error.Internal",
                                                   error->message);
        g_error_free(error);
}

/* Takes invocation. */
static void answer(ScriptedDaemon *d, Method *m, GDBusMethodInvocation *invocation) {
        const char *path = g_dbus_method_invocation_get_object_path(invocation);
        GVariant *parameters = g_dbus_method_invocation_get_parameters(invocation);
        GError *error = NULL;
        GVariant *reply;

        if (m->n_refused > 0) {
                m->n_refused--;
                refuse(invocation, scripted_refusal(m->refused_as, m->refused_why));
                return;
        }
        if (!m->is_known) {
                refuse(invocation,
                       g_dbus_error_new_for_dbus_error("org.freedesktop.DBus.Error.UnknownMethod",
                                                       "The table of this test has it not."));
                return;
        }
        reply = m->fn ? m->fn(d, path, parameters, m->userdata, &error) : m->reply;
        if (error)
                refuse(invocation, error);
        else
                g_dbus_method_invocation_return_value(invocation, reply);
}

static GVariant *face_values(const Face *face) {
        GVariantBuilder b;
        GHashTableIter i;
        gpointer name, value;

        g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
        g_hash_table_iter_init(&i, face->values);
        while (g_hash_table_iter_next(&i, &name, &value))
                g_variant_builder_add(&b, "{sv}", name, value);
        return g_variant_builder_end(&b);
}

static GVariant *managed_objects(ScriptedDaemon *d) {
        g_autoptr(GHashTable) done = g_hash_table_new(g_str_hash, g_str_equal);
        GVariantBuilder objects;

        g_variant_builder_init(&objects, G_VARIANT_TYPE("a{oa{sa{sv}}}"));
        for (guint i = 0; i < d->faces->len; i++) {
                const char *path = ((Face *) d->faces->pdata[i])->path;

                if (g_str_equal(path, P2PCHAT_PATH) || !g_hash_table_add(done, (gpointer) path))
                        continue;
                g_variant_builder_open(&objects, G_VARIANT_TYPE("{oa{sa{sv}}}"));
                g_variant_builder_add(&objects, "o", path);
                g_variant_builder_open(&objects, G_VARIANT_TYPE("a{sa{sv}}"));
                for (guint k = i; k < d->faces->len; k++) {
                        Face *face = d->faces->pdata[k];
                        if (g_str_equal(face->path, path))
                                g_variant_builder_add(&objects, "{s@a{sv}}", face->interface,
                                                      face_values(face));
                }
                g_variant_builder_close(&objects);
                g_variant_builder_close(&objects);
        }
        return g_variant_new("(a{oa{sa{sv}}})", &objects);
}

static void on_call(GDBusConnection *c, const char *sender, const char *path, const char *interface,
                    const char *name, GVariant *parameters, GDBusMethodInvocation *invocation,
                    gpointer userdata) {
        ScriptedDaemon *d = userdata;
        Method *m = find_method(d, name);

        m->n_calls++;
        if (m->calls->len < CALLS_MAX)
                g_ptr_array_add(m->calls, g_variant_ref(parameters));
        if (m->is_held)
                g_queue_push_tail(&m->held, invocation);
        else
                answer(d, m, invocation);
}

static GVariant *answer_managed(ScriptedDaemon *d, const char *path, GVariant *parameters,
                                gpointer userdata, GError **error) {
        return managed_objects(d);
}

static GVariant *on_get(GDBusConnection *c, const char *sender, const char *path,
                        const char *interface, const char *property, GError **error,
                        gpointer userdata) {
        Face *face = find_face(userdata, path, interface);
        GVariant *value = face ? g_hash_table_lookup(face->values, property) : NULL;

        if (value)
                return g_variant_ref(value);
        /* GetAll leaves it out. */
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "%s is not set", property);
        return NULL;
}

/* Calls of Set count, and are refused, by the property's name: "Set:Notify". */
static gboolean on_set(GDBusConnection *c, const char *sender, const char *path,
                       const char *interface, const char *property, GVariant *value, GError **error,
                       gpointer userdata) {
        g_autofree char *name = g_strdup_printf("Set:%s", property);
        Method *m = find_method(userdata, name);

        m->n_calls++;
        if (m->calls->len < CALLS_MAX)
                g_ptr_array_add(m->calls, g_variant_ref(value));
        if (m->n_refused > 0) {
                m->n_refused--;
                g_propagate_error(error, scripted_refusal(m->refused_as, m->refused_why));
                return FALSE;
        }
        scripted_set(userdata, path, interface, property, value);
        return TRUE;
}

static void face_register(ScriptedDaemon *d, Face *face) {
        static const GDBusInterfaceVTable vtable = { on_call, on_get, on_set, { 0 } };
        g_autoptr(GError) error = NULL;

        if (!d->own)
                return;
        face->registration = g_dbus_connection_register_object(
                d->own, face->path, find_info(d, face->interface), &vtable, d, NULL, &error);
        g_assert_no_error(error);
}

static void face_free(gpointer data) {
        Face *face = data;

        g_hash_table_unref(face->values);
        g_free(face->path);
        g_free(face->interface);
        g_free(face);
}

void scripted_emit(ScriptedDaemon *d, const char *path, const char *interface, const char *member,
                   GVariant *parameters) {
        g_autoptr(GVariant) taken = g_variant_ref_sink(parameters);

        if (d->own)
                g_dbus_connection_emit_signal(d->own, NULL, path, interface, member, taken, NULL);
}

static void take_values(Face *face, GVariant *properties) {
        GVariantIter i;
        GVariant *value;
        char *name;

        g_variant_iter_init(&i, properties);
        while (g_variant_iter_next(&i, "{sv}", &name, &value))
                g_hash_table_insert(face->values, name, value);
}

void scripted_add(ScriptedDaemon *d, const char *path, const char *interface,
                  GVariant *properties) {
        g_autoptr(GVariant) taken = g_variant_ref_sink(properties);
        Face *face = g_new0(Face, 1);

        g_assert_null(find_face(d, path, interface));
        face->path = g_strdup(path);
        face->interface = g_strdup(interface);
        face->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
                                             (GDestroyNotify) g_variant_unref);
        take_values(face, taken);
        g_ptr_array_add(d->faces, face);
        face_register(d, face);
        if (!g_str_equal(path, P2PCHAT_PATH)) {
                GVariantBuilder interfaces;

                g_variant_builder_init(&interfaces, G_VARIANT_TYPE("a{sa{sv}}"));
                g_variant_builder_add(&interfaces, "{s@a{sv}}", interface, taken);
                scripted_emit(d, P2PCHAT_PATH, OBJECT_MANAGER, "InterfacesAdded",
                              g_variant_new("(oa{sa{sv}})", path, &interfaces));
        }
}

void scripted_remove(ScriptedDaemon *d, const char *path, const char *interface) {
        const char *interfaces[] = { interface, NULL };
        Face *face = find_face(d, path, interface);

        g_assert_nonnull(face);
        scripted_emit(d, P2PCHAT_PATH, OBJECT_MANAGER, "InterfacesRemoved",
                      g_variant_new("(o^as)", path, interfaces));
        if (face->registration)
                g_dbus_connection_unregister_object(d->own, face->registration);
        g_ptr_array_remove(d->faces, face);
}

void scripted_set_all(ScriptedDaemon *d, const char *path, const char *interface,
                      GVariant *properties) {
        g_autoptr(GVariant) taken = g_variant_ref_sink(properties);
        Face *face = find_face(d, path, interface);

        g_assert_nonnull(face);
        take_values(face, taken);
        scripted_emit(d, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
                      g_variant_new("(s@a{sv}as)", interface, taken, NULL));
}

void scripted_set(ScriptedDaemon *d, const char *path, const char *interface, const char *property,
                  GVariant *value) {
        GVariantBuilder b;

        g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&b, "{sv}", property, value);
        scripted_set_all(d, path, interface, g_variant_builder_end(&b));
}

void scripted_answer(ScriptedDaemon *d, const char *method, GVariant *reply) {
        Method *m = find_method(d, method);

        g_clear_pointer(&m->reply, g_variant_unref);
        m->reply = reply ? g_variant_ref_sink(reply) : NULL;
        m->fn = NULL;
        m->is_known = TRUE;
}

void scripted_answer_by(ScriptedDaemon *d, const char *method, scripted_fn fn, gpointer userdata) {
        Method *m = find_method(d, method);

        m->fn = fn;
        m->userdata = userdata;
        m->is_known = TRUE;
}

void scripted_refuse(ScriptedDaemon *d, const char *method, const char *name, const char *message,
                     guint n) {
        Method *m = find_method(d, method);

        g_free(m->refused_as);
        g_free(m->refused_why);
        m->refused_as = g_strdup(name);
        m->refused_why = g_strdup(message);
        m->n_refused = n;
}

void scripted_hold(ScriptedDaemon *d, const char *method) {
        find_method(d, method)->is_held = TRUE;
}

void scripted_release_one(ScriptedDaemon *d, const char *method) {
        Method *m = find_method(d, method);

        g_assert_false(g_queue_is_empty(&m->held));
        answer(d, m, g_queue_pop_head(&m->held));
}

void scripted_release(ScriptedDaemon *d, const char *method) {
        Method *m = find_method(d, method);

        m->is_held = FALSE;
        while (!g_queue_is_empty(&m->held))
                scripted_release_one(d, method);
}

guint scripted_count(ScriptedDaemon *d, const char *method) {
        return find_method(d, method)->n_calls;
}

guint scripted_n_held(ScriptedDaemon *d, const char *method) {
        return g_queue_get_length(&find_method(d, method)->held);
}

GVariant *scripted_call(ScriptedDaemon *d, const char *method, guint n) {
        Method *m = find_method(d, method);

        g_assert_cmpuint(n, <, m->calls->len);
        return m->calls->pdata[n];
}

static gboolean on_late(gpointer userdata) {
        gboolean *is_late = userdata;

        *is_late = TRUE;
        return G_SOURCE_REMOVE;
}

void scripted_run(scripted_condition fn, gpointer userdata) {
        /* What has a fault on purpose is not waited for that long. */
        const char *chosen = g_getenv("P2PCHAT_WAIT_SECONDS");
        const guint seconds = chosen ? (guint) g_ascii_strtoull(chosen, NULL, 10) : RUN_SECONDS;
        gboolean is_late = FALSE;
        guint deadline = g_timeout_add_seconds(seconds, on_late, &is_late);

        while (!fn(userdata) && !is_late)
                g_main_context_iteration(NULL, TRUE);
        if (is_late)
                g_error("what was waited for did not come within %u s", seconds);
        g_source_remove(deadline);
}

static void on_pong(GObject *source, GAsyncResult *result, gpointer userdata) {
        g_autoptr(GVariant) reply =
                g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

        g_assert(reply);
        *(gboolean *) userdata = TRUE;
}

static gboolean is_true(gpointer userdata) {
        return *(gboolean *) userdata;
}

/* To the message bus and back: what was said before by c is with whom it is for, what was said to c
 * is here. */
static void round_trip(GDBusConnection *c) {
        gboolean is_back = FALSE;

        g_dbus_connection_call(c, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                               "org.freedesktop.DBus", "GetId", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
                               -1, NULL, on_pong, &is_back);
        scripted_run(is_true, &is_back);
}

void scripted_settle(ScriptedDaemon *d) {
        /* An answer may lead to the next question; what hangs on three of them waits for a
         * condition of its own. */
        for (guint i = 0; i < 3; i++) {
                if (d->own)
                        round_trip(d->own);
                round_trip(d->client);
                while (g_main_context_iteration(NULL, FALSE))
                        continue;
        }
}

static GDBusConnection *connect(ScriptedDaemon *d) {
        g_autoptr(GError) error = NULL;
        GDBusConnection *c = g_dbus_connection_new_for_address_sync(
                g_test_dbus_get_bus_address(d->bus),
                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                NULL, NULL, &error);

        g_assert_no_error(error);
        g_dbus_connection_set_exit_on_close(c, FALSE);
        return c;
}

void scripted_come_back(ScriptedDaemon *d) {
        static const GDBusInterfaceVTable vtable = { on_call, NULL, NULL, { 0 } };
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = NULL;

        g_assert_null(d->own);
        d->own = connect(d);
        d->managed = g_dbus_connection_register_object(
                d->own, P2PCHAT_PATH, find_info(d, OBJECT_MANAGER), &vtable, d, NULL, &error);
        g_assert_no_error(error);
        for (guint i = 0; i < d->faces->len; i++)
                face_register(d, d->faces->pdata[i]);
        reply = g_dbus_connection_call_sync(d->own, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                            "org.freedesktop.DBus", "RequestName",
                                            g_variant_new("(su)", P2PCHAT_BUS_NAME, 4), NULL,
                                            G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_no_error(error);
}

static void forget_held(gpointer name, gpointer method, gpointer userdata) {
        g_queue_clear_full(&((Method *) method)->held, g_object_unref);
}

void scripted_die(ScriptedDaemon *d) {
        g_hash_table_foreach(d->methods, forget_held, NULL);
        for (guint i = 0; i < d->faces->len; i++) {
                Face *face = d->faces->pdata[i];
                g_dbus_connection_unregister_object(d->own, face->registration);
                face->registration = 0;
        }
        g_dbus_connection_unregister_object(d->own, d->managed);
        g_dbus_connection_close_sync(d->own, NULL, NULL);
        g_clear_object(&d->own);
}

GDBusConnection *scripted_get_connection(ScriptedDaemon *d) {
        return d->client;
}

static void read_interfaces(ScriptedDaemon *d) {
        static const char *const names[] = { "Manager", "Account", "Channel", "Host",
                                             "Moderation" };
        g_autoptr(GError) error = NULL;

        g_ptr_array_add(d->nodes, g_dbus_node_info_new_for_xml(manager_xml, &error));
        g_assert_no_error(error);
        for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
                g_autofree char *path =
                        g_strdup_printf("%s/org.p2pchat.Peer1.%s.xml", P2PCHAT_DBUS_DIR, names[i]);
                g_autofree char *xml = NULL;

                g_file_get_contents(path, &xml, NULL, &error);
                g_assert_no_error(error);
                g_ptr_array_add(d->nodes, g_dbus_node_info_new_for_xml(xml, &error));
                g_assert_no_error(error);
        }
}

static GVariant *manager_properties(void) {
        GVariantBuilder b;

        g_variant_builder_init(&b, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&b, "{sv}", "Version", g_variant_new_string("0.1.0"));
        g_variant_builder_add(&b, "{sv}", "DefaultAccount", g_variant_new_object_path("/"));
        g_variant_builder_add(&b, "{sv}", "OutboxCount", g_variant_new_uint32(0));
        g_variant_builder_add(&b, "{sv}", "Invisible", g_variant_new_boolean(FALSE));
        g_variant_builder_add(&b, "{sv}", "ClockOffset", g_variant_new_int64(0));
        g_variant_builder_add(&b, "{sv}", "StoreState", g_variant_new_string("ok"));
        return g_variant_builder_end(&b);
}

ScriptedDaemon *scripted_new(void) {
        ScriptedDaemon *d = g_new0(ScriptedDaemon, 1);

        d->nodes = g_ptr_array_new_with_free_func((GDestroyNotify) g_dbus_node_info_unref);
        d->faces = g_ptr_array_new_with_free_func(face_free);
        d->methods = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, method_free);
        read_interfaces(d);
        d->bus = g_test_dbus_new(G_TEST_DBUS_NONE);
        g_test_dbus_up(d->bus);
        d->client = connect(d);
        scripted_answer_by(d, "GetManagedObjects", answer_managed, NULL);
        scripted_answer(d, "SetFocus", NULL);
        scripted_come_back(d);
        scripted_add(d, P2PCHAT_PATH, P2PCHAT_INTERFACE_MANAGER, manager_properties());
        return d;
}

void scripted_free(ScriptedDaemon *d) {
        if (d->own)
                scripted_die(d);
        g_dbus_connection_close_sync(d->client, NULL, NULL);
        g_clear_object(&d->client);
        g_test_dbus_down(d->bus);
        g_object_unref(d->bus);
        g_hash_table_unref(d->methods);
        g_ptr_array_unref(d->faces);
        g_ptr_array_unref(d->nodes);
        g_free(d);
}
