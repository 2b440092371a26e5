/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what every program here asks a service in the same way, and tells of its failures; bus
 * names stand in client*.c only. Leaves what is shown to the verbs. */
#pragma once

#include "ctl/ctl.h"
#include "wire/writer.h"

/* Which interface a call goes to: one of the program's service. */
typedef enum Face {
        FACE_MANAGER,
        FACE_ACCOUNT,
        FACE_CHANNEL,
        FACE_MODERATION,
        FACE_HOST,
        FACE_TRACKER,
        FACE_USERS,
        FACE_CHANNELS,
        FACE_LEASES,
        FACE_AUTHORITY,
        FACE_LOG, /* how much the service logs */
} Face;

/* All of these return EXIT_OK, or tell the error (text on stderr, JSON on stdout) and return its
 * exit status. */

/* ctl->bus is there; every call sees to that itself. */
int client_open(Ctl *ctl);
/* A method call in the making: append arguments, then client_call(). path NULL: the
 * service's first, or its log's. */
int client_new_call(Ctl *ctl, Face face, const char *path, const char *method,
                    sd_bus_message **ret);
/* The same for writing a property: append its variant. */
int client_new_set(Ctl *ctl, Face face, const char *path, const char *property,
                   sd_bus_message **ret);
/* The same for reading one, and for reading all (property NULL). */
int client_new_get(Ctl *ctl, Face face, const char *path, const char *property,
                   sd_bus_message **ret);
/* Appends `a{sv}` with these members: "name", "type", value …, NULL. A string that is NULL is left
 * out; members with a NULL name end it. */
int client_append_options(Ctl *ctl, sd_bus_message *m, ...) _sentinel_;
/* timeout_usec 0 = the bus's own (25 s), or what somebody takes to authenticate. *ret_reply may be
 * NULL. */
int client_call(Ctl *ctl, sd_bus_message *m, uint64_t timeout_usec, sd_bus_message **ret_reply);
/* As client_call(), but a failure is handed back instead of told; r as of sd_bus_call(). */
int client_try(Ctl *ctl, sd_bus_message *m, uint64_t timeout_usec, sd_bus_error *ret_error,
               sd_bus_message **ret_reply);
/* All rows of a method that gives them in pages: an array of structs of the type row, and what the
 * option `after` of the next page is. fn reads one; a negative fn ends it, as a failure. Behind
 * userdata come further options, as of client_append_options(). */
typedef int (*client_row_fn)(sd_bus_message *m, void *userdata);
int client_each_row(Ctl *ctl, Face face, const char *path, const char *method, const char *row,
                    client_row_fn fn, void *userdata, ...) _sentinel_;
/* Tells an error. error may be unset: then r (negative errno) is what happened. → its exit status.
 */
int client_fail(Ctl *ctl, const sd_bus_error *error, int r);
/* A failure that ctl finds itself, in the same form; name without the prefix: "NoSuchChannel". */
int client_fail_as(Ctl *ctl, const char *name, int exit_status, const char *format, ...)
        _printf_(4, 5);

/* a{sv}, member by member: fn reads the variant and returns 1, or 0 to have it passed over. */
typedef int (*client_pair_fn)(sd_bus_message *m, const char *key, void *userdata);
int client_read_pairs(sd_bus_message *m, client_pair_fn fn, void *userdata);
/* The end of a verb that has nothing to show: programs get {}. → r */
int client_done(Ctl *ctl, int r);

/* Whatever is next in a message, as JSON; a member of the object that is open, or an element (key
 * NULL). What the service tells beyond what this program knows is shown all the same. */
int client_read_json(Writer *w, const char *key, sd_bus_message *m);
