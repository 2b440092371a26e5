/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how properties are read and when their changes are told; leaves their values to the tables
 * of the objects. */
#pragma once

#include "base/address.h"
#include "bus/pacer.h"
#include "wire/limits.h"

#define PROPERTY_STRING_SIZE 80 /* an address, a pin */

typedef struct PropertyValue {
        const char *s; /* s, o */
        uint64_t u;    /* u, t, b */
        int64_t x;
        char *const *names; /* as, ends with NULL; u says which ones: it differs when they do */
        size_t n_strings;   /* as, where names is NULL */
        char strings[ADDRESSES_MAX][PROPERTY_STRING_SIZE];
        char path[BUS_PATH_SIZE]; /* room for an `o` that s points to */
} PropertyValue;

typedef struct PropertySpec {
        const char *name; /* NULL ends the table */
        const char *type; /* s o b u t x as */
        enum { PROPERTY_PACED, PROPERTY_PROMPT, PROPERTY_SILENT } telling;
        void (*read)(const void *object, PropertyValue *ret); /* *ret is zero */
} PropertySpec;

/* The body of a vtable's getter. */
int property_append(const PropertySpec *table, const char *name, const void *object,
                    sd_bus_message *reply);
/* A setter of sd-bus has answered when it returns. What is answered later is caught ahead of it, by
 * the callback of an object or a filter: 1, and m stands in the variant that holds what the
 * property is to be; 0, and m at its beginning: another call; InvalidArgs for another type. */
int property_set_enter(sd_bus_message *m, const char *interface, const char *name, const char *type,
                       sd_bus_error *error);
/* The setter of such a property in a vtable, which has to be there and is never reached. */
int property_set_elsewhere(sd_bus *bus, const char *path, const char *interface,
                           const char *property, sd_bus_message *value, void *userdata,
                           sd_bus_error *error);
/* As many as fit. */
void property_value_addresses(PropertyValue *ret, const Address *addresses, size_t n);

/* Remembers what was told, and tells what differs: a prompt property at once, the others together,
 * at most once an interval. */
typedef struct PropertyWatch PropertyWatch;
int property_watch_new(const Runtime *rt /* weak */, Bus *bus /* weak */, const char *path,
                       const char *interface, const PropertySpec *table,
                       const void *object /* weak */, uint64_t interval_usec, PropertyWatch **ret);
PropertyWatch *property_watch_free(PropertyWatch *w);
DEFINE_CLEANUP(PropertyWatch *, property_watch_free);
/* Some of them may have changed. */
void property_watch_look(PropertyWatch *w);
