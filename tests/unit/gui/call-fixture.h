/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a test asks a scripted daemon for one thing and waits for what comes of it; leaves what
 * is asked to the test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dbus/names.h"
#include "gui/model/daemon.h"
#include "gui/model/error.h"
#include "support/scripted-daemon.h"

typedef struct Calls {
        ScriptedDaemon *d;
        ChatBus *bus;
        ChatDaemon *daemon;
} Calls;

/* How one call ended. */
typedef struct Ended {
        ChatRemote *remote;   /* of whom it was; who asks may have let go of it */
        GAsyncResult *result; /* NULL: it did not yet */
        guint n;              /* how often it did */
} Ended;

static inline gboolean calls_is_running(gpointer userdata) {
        Calls *c = userdata;

        return chat_daemon_get_state(c->daemon) == CHAT_DAEMON_RUNNING;
}

static inline void calls_begin(Calls *c) {
        *c = (Calls){ .d = scripted_new() };
        c->bus = chat_bus_new(scripted_get_connection(c->d));
        c->daemon = chat_daemon_new(c->bus);
        scripted_run(calls_is_running, c);
}

static inline void calls_end(Calls *c) {
        g_clear_object(&c->daemon);
        g_object_unref(c->bus);
        scripted_settle(c->d);
        scripted_free(c->d);
}

static inline void on_ended(GObject *source, GAsyncResult *result, gpointer userdata) {
        Ended *e = userdata;

        e->remote = g_object_ref(CHAT_REMOTE(source));
        e->result = g_object_ref(result);
        e->n++;
}

static inline gboolean has_ended(gpointer userdata) {
        Ended *e = userdata;

        return e->n > 0;
}

static inline void ended_clear(Ended *e) {
        assert_int_equal(e->n, 1);
        g_clear_object(&e->remote);
        g_clear_object(&e->result);
        *e = (Ended){};
}

/* It ended, as a call without a finish of its own. */
static inline void assert_void(Ended *e) {
        g_autoptr(GError) error = NULL;

        scripted_run(has_ended, e);
        assert_true(chat_remote_call_finish_void(e->remote, e->result, &error));
        g_assert_no_error(error);
        ended_clear(e);
}

/* domain: CHAT_ERROR or G_IO_ERROR. */
static inline void assert_fails(Ended *e, GQuark domain, int code) {
        g_autoptr(GError) error = NULL;

        scripted_run(has_ended, e);
        assert_null(chat_remote_call_finish(e->remote, e->result, &error));
        assert_true(g_error_matches(error, domain, code));
        ended_clear(e);
}

/* What the n-th call of a method was asked with, as text. */
static inline void assert_asked(Calls *c, const char *method, guint n, const char *expected) {
        g_autofree char *asked = g_variant_print(scripted_call(c->d, method, n), FALSE);

        assert_string_equal(asked, expected);
}
