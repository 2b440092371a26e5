/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a daemon of a test's own stands on a bus of the test's own and answers from a table;
 * leaves what is right to the test. The test's one main context runs both sides: nothing happens
 * but in scripted_run(). */
#pragma once

#include <gio/gio.h>

typedef struct ScriptedDaemon ScriptedDaemon;

/* A private dbus-daemon, and on it a daemon without a tracker. */
ScriptedDaemon *scripted_new(void);
void scripted_free(ScriptedDaemon *d);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScriptedDaemon, scripted_free)

/* The client's connection, of whoever asks as long as d is. */
GDBusConnection *scripted_get_connection(ScriptedDaemon *d);

/* Dies: what it was asked and did not answer is never answered. Comes back with the objects that it
 * has by then. */
void scripted_die(ScriptedDaemon *d);
void scripted_come_back(ScriptedDaemon *d);

/* ---- what it has ---- */

/* properties: a{sv}, consumed if floating, of an interface of dbus/; the object is made by its
 * first interface. Said to the bus where it is there. */
void scripted_add(ScriptedDaemon *d, const char *path, const char *interface, GVariant *properties);
void scripted_remove(ScriptedDaemon *d, const char *path, const char *interface);
/* Says PropertiesChanged. */
void scripted_set(ScriptedDaemon *d, const char *path, const char *interface, const char *property,
                  GVariant *value);
/* As scripted_set(), of several at once. */
void scripted_set_all(ScriptedDaemon *d, const char *path, const char *interface,
                      GVariant *properties);
void scripted_emit(ScriptedDaemon *d, const char *path, const char *interface, const char *member,
                   GVariant *parameters);

/* ---- what it answers ---- */

/* A method by its name; one that is not known is refused as UnknownMethod. Of what is answered with
 * the same always: reply is consumed if floating, NULL: (). */
void scripted_answer(ScriptedDaemon *d, const char *method, GVariant *reply);
/* → the answer, floating or owned; NULL with *error where it is refused: scripted_refusal(). */
typedef GVariant *(*scripted_fn)(ScriptedDaemon *d, const char *path, GVariant *parameters,
                                 gpointer userdata, GError **error);
void scripted_answer_by(ScriptedDaemon *d, const char *method, scripted_fn fn, gpointer userdata);
/* Its next n calls fail so, whatever else is in the table. name: "HostOffline". */
void scripted_refuse(ScriptedDaemon *d, const char *method, const char *name, const char *message,
                     guint n);
GError *scripted_refusal(const char *name, const char *message);

/* Calls of it wait, and are worked off as they came. */
void scripted_hold(ScriptedDaemon *d, const char *method);
void scripted_release(ScriptedDaemon *d, const char *method);
void scripted_release_one(ScriptedDaemon *d, const char *method); /* the first that waits */

guint scripted_count(ScriptedDaemon *d, const char *method);  /* calls so far */
guint scripted_n_held(ScriptedDaemon *d, const char *method); /* of those that wait now */
/* The parameters of its n-th call, from 0; the daemon's. Of the last 1,000 calls at all. */
GVariant *scripted_call(ScriptedDaemon *d, const char *method, guint n);

/* ---- time ---- */

typedef gboolean (*scripted_condition)(gpointer userdata);
/* Runs the main context until it holds; the test fails when it does not within a minute. */
void scripted_run(scripted_condition fn, gpointer userdata);
/* Until all that was said on the bus so far was heard, and done what follows from it. */
void scripted_settle(ScriptedDaemon *d);
