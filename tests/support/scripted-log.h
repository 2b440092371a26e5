/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a scripted daemon has a channel with a log of any length, made as it is read; leaves
 * the rest of the daemon to scripted-daemon.h. */
#pragma once

#include "support/scripted-daemon.h"

/* Entries are a minute apart, the first of this time (2026-11-22 00:00:00 UTC). The sender is
 * changed every three of them: alice, bob, guest-carol. Each is a message "message N", unless
 * scripted_put() says otherwise. */
#define SCRIPTED_TIME G_GINT64_CONSTANT(1795305600000000)
#define SCRIPTED_STEP G_GINT64_CONSTANT(60000000)

typedef struct ScriptedLog ScriptedLog;

/* A channel, live, of n entries, all read; GetMessages of all channels is answered by it. */
ScriptedLog *scripted_log_new(ScriptedDaemon *d, const char *name, guint64 n);
void scripted_log_free(ScriptedLog *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScriptedLog, scripted_log_free)

const char *scripted_log_get_path(ScriptedLog *log);
char *scripted_log_id_of(ScriptedLog *log, guint64 seq); /* to be freed */

/* In place of what entry seq is made of; extra: a{sv}, consumed if floating. */
void scripted_put(ScriptedLog *log, guint64 seq, const char *kind, const char *sender,
                  GVariant *extra);
/* The log has k more, which is said as a daemon says it. */
void scripted_append(ScriptedLog *log, guint64 k);
/* Another log in place of this one, which is not said. */
void scripted_begin_anew(ScriptedLog *log, guint64 n);
/* Only from here on is it held, the rest is the host's; whether that is there. */
void scripted_set_held(ScriptedLog *log, guint64 first, gboolean has_host);
void scripted_set_page_max(ScriptedLog *log, guint n); /* short pages; 0: none is */
void scripted_set_state(ScriptedLog *log, const char *state);
/* As scripted_set(), of the channel. */
void scripted_log_set(ScriptedLog *log, const char *property, GVariant *value);
