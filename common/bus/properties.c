/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how properties are read and when their changes are told; leaves their values to the tables
 * of the objects. */
#include "bus/properties.h"

#include "bus/error.h"

#define PROPERTIES_MAX 32 /* of one table */

struct PropertyWatch {
        Bus *bus; /* weak */
        char path[BUS_PATH_SIZE];
        const char *interface;
        const PropertySpec *table;
        const void *object; /* weak */
        Pacer *pacer;
        uint64_t told[PROPERTIES_MAX]; /* by row of the table */
};

void property_value_addresses(PropertyValue *ret, const Address *addresses, size_t n) {
        ret->n_strings = MIN(n, ELEMENTSOF(ret->strings));
        for (size_t i = 0; i < ret->n_strings; i++)
                address_print(&addresses[i], ret->strings[i]);
}

static int append_value(sd_bus_message *reply, const char *type, const PropertyValue *v) {
        uint32_t u;
        int b, r;

        switch (type[0]) {
        case 's':
        case 'o':
                return sd_bus_message_append_basic(reply, type[0], v->s);
        case 'b':
                b = v->u != 0;
                return sd_bus_message_append_basic(reply, 'b', &b);
        case 'u':
                u = (uint32_t) MIN(v->u, (uint64_t) UINT32_MAX);
                return sd_bus_message_append_basic(reply, 'u', &u);
        case 't':
                return sd_bus_message_append_basic(reply, 't', &v->u);
        case 'x':
                return sd_bus_message_append_basic(reply, 'x', &v->x);
        case 'a':
                r = sd_bus_message_open_container(reply, 'a', "s");
                for (size_t i = 0; r >= 0 && v->names && v->names[i]; i++)
                        r = sd_bus_message_append_basic(reply, 's', v->names[i]);
                for (size_t i = 0; r >= 0 && !v->names && i < v->n_strings; i++)
                        r = sd_bus_message_append_basic(reply, 's', v->strings[i]);
                return r < 0 ? r : sd_bus_message_close_container(reply);
        }
        return -EINVAL;
}

int property_set_enter(sd_bus_message *m, const char *interface, const char *name, const char *type,
                       sd_bus_error *error) {
        const char *asked_interface, *asked_name, *contents;
        int r;

        if (!sd_bus_message_is_method_call(m, "org.freedesktop.DBus.Properties", "Set") ||
            !sd_bus_message_has_signature(m, "ssv"))
                return 0;
        r = sd_bus_message_read(m, "ss", &asked_interface, &asked_name);
        if (r < 0)
                return r;
        if (!streq(asked_interface, interface) || !streq(asked_name, name)) {
                r = sd_bus_message_rewind(m, true);
                return MIN(r, 0);
        }
        r = sd_bus_message_peek_type(m, NULL, &contents);
        if (r < 0)
                return r;
        if (!streq(contents, type))
                return bus_error_arguments(error, "%s is of type %s, not %s.", name, type,
                                           contents);
        r = sd_bus_message_enter_container(m, 'v', type);
        return r < 0 ? r : 1;
}

int property_set_elsewhere(sd_bus *bus, const char *path, const char *interface,
                           const char *property, sd_bus_message *value, void *userdata,
                           sd_bus_error *error) {
        return -EROFS;
}

int property_append(const PropertySpec *table, const char *name, const void *object,
                    sd_bus_message *reply) {
        for (const PropertySpec *p = table; p->name; p++)
                if (streq(p->name, name)) {
                        PropertyValue v = { .s = "" };

                        p->read(object, &v);
                        return append_value(reply, p->type, &v);
                }
        return -ENOENT;
}

static uint64_t hash_bytes(uint64_t h, const void *data, size_t n) {
        const unsigned char *p = data;

        for (size_t i = 0; i < n; i++)
                h = (h ^ p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
        return h;
}

/* What a value was is remembered as 64 bits: only whether it differs matters, and values of
 * strangers win nothing by colliding with their own past. */
static uint64_t fingerprint(const PropertySpec *p, const void *object) {
        uint64_t h = UINT64_C(0xcbf29ce484222325);
        PropertyValue v = { .s = "" };

        p->read(object, &v);
        h = hash_bytes(h, v.s, strlen(v.s) + 1);
        h = hash_bytes(h, &v.u, sizeof(v.u));
        h = hash_bytes(h, &v.x, sizeof(v.x));
        for (size_t i = 0; i < v.n_strings; i++)
                h = hash_bytes(h, v.strings[i], strlen(v.strings[i]) + 1);
        return h;
}

/* Emits what differs among those told this way; afterwards it is told. */
static void tell(PropertyWatch *w, int telling) {
        char *names[PROPERTIES_MAX + 1];
        sd_bus *connection = bus_get_connection(w->bus);
        size_t n = 0;

        for (size_t i = 0; w->table[i].name; i++) {
                uint64_t now;

                if ((int) w->table[i].telling != telling)
                        continue;
                now = fingerprint(&w->table[i], w->object);
                if (now == w->told[i])
                        continue;
                w->told[i] = now;
                names[n++] = (char *) w->table[i].name;
        }
        names[n] = NULL;
        /* Without a bus, or while it is being lost, nobody listens; who comes later reads all. */
        if (n > 0 && connection)
                (void) sd_bus_emit_properties_changed_strv(connection, w->path, w->interface,
                                                           names);
}

static void on_due(void *userdata) {
        PropertyWatch *w = userdata;

        tell(w, PROPERTY_PACED);
}

int property_watch_new(const Runtime *rt, Bus *bus, const char *path, const char *interface,
                       const PropertySpec *table, const void *object, uint64_t interval_usec,
                       PropertyWatch **ret) {
        _cleanup_(property_watch_freep) PropertyWatch *w = NULL;
        int r;

        w = new0(PropertyWatch, 1);
        if (!w)
                return -ENOMEM;
        *w = (PropertyWatch){
                .bus = bus,
                .interface = interface,
                .table = table,
                .object = object,
        };
        (void) snprintf(w->path, sizeof(w->path), "%s", path);
        r = pacer_new(rt, bus, interval_usec, on_due, w, &w->pacer);
        if (r < 0)
                return r;
        for (size_t i = 0; table[i].name; i++) {
                assert(i < PROPERTIES_MAX);
                w->told[i] = fingerprint(&table[i], object);
        }
        *ret = TAKE_PTR(w);
        return 0;
}

PropertyWatch *property_watch_free(PropertyWatch *w) {
        if (!w)
                return NULL;
        pacer_free(w->pacer);
        free(w);
        return NULL;
}

void property_watch_look(PropertyWatch *w) {
        tell(w, PROPERTY_PROMPT);
        for (size_t i = 0; w->table[i].name; i++)
                if (w->table[i].telling == PROPERTY_PACED &&
                    fingerprint(&w->table[i], w->object) != w->told[i]) {
                        pacer_request(w->pacer);
                        return;
                }
}
