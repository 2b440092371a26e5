/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how the a{sv} at the end of every method is read; leaves what options mean to each method.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "base/cleanup.h"

typedef enum OptionType {
        OPTION_STRING,   /* s → const char *, borrowed from the message */
        OPTION_BOOL,     /* b → bool */
        OPTION_TRISTATE, /* b → int, 0 or 1: absent is what it was */
        OPTION_UINT,     /* u → uint64_t */
        OPTION_UINT64,   /* t → uint64_t */
        OPTION_OBJECT,   /* o → const char *, borrowed */
        OPTION_STRINGS,  /* as → char **, the caller's (strv_free) */
        OPTION_JSON,     /* a{sv} → char *, JSON text of an object, the caller's */
} OptionType;

typedef struct Option {
        const char *name; /* NULL ends the table */
        OptionType type;
        size_t offset; /* of the target in the caller's struct */
} Option;

/* Targets of absent options are left alone. InvalidArgs for an option that the table does not know
 * (unless it begins "x-"), one of another type, and one given twice. table NULL: none is known. */
int options_read(sd_bus_message *m, const Option *table, void *target, sd_bus_error *error);

/* An array of owned strings that ends with NULL. */
char **strv_free(char **strings);
DEFINE_CLEANUP(char **, strv_free);
