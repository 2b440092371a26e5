/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows how a test of what the window thinks has a channel of a scripted daemon and looks at rows
 * as a list view does; leaves what is to be seen to the test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dbus/names.h"
#include "gui/model/daemon.h"
#include "gui/model/history.h"
#include "support/scripted-log.h"

/* More than a window shows; a list view binds so many at most. */
#define ROWS 200

typedef struct Fixture {
        ScriptedDaemon *d;
        ScriptedLog *log;
        ChatBus *bus;
        ChatDaemon *daemon;
        ChatChannel *channel;
        ChatHistory *history;
        ChatMessage *rows[ROWS]; /* what a view holds */
        guint first, n_rows;     /* position of the first of them */
        guint n_changes;         /* items-changed */
        guint removed, added;    /* of all of them */
} Fixture;

static inline gboolean fixture_is_running(gpointer userdata) {
        Fixture *f = userdata;

        return chat_daemon_get_state(f->daemon) == CHAT_DAEMON_RUNNING;
}

static inline void fixture_on_items(GListModel *model, guint position, guint removed, guint added,
                                    Fixture *f) {
        f->n_changes++;
        f->removed += removed;
        f->added += added;
}

static inline void fixture_begin(Fixture *f, guint64 n) {
        *f = (Fixture){};
        f->d = scripted_new();
        f->log = scripted_log_new(f->d, "room", n);
        f->bus = chat_bus_new(scripted_get_connection(f->d));
        f->daemon = chat_daemon_new(f->bus);
        scripted_run(fixture_is_running, f);
        f->channel = chat_daemon_find_channel(f->daemon, scripted_log_get_path(f->log));
        assert_non_null(f->channel);
}

static inline void fixture_open(Fixture *f, const char *own) {
        f->history = chat_history_new(f->channel, own);
        g_signal_connect(f->history, "items-changed", G_CALLBACK(fixture_on_items), f);
}

static inline void fixture_forget(Fixture *f) {
        for (guint i = 0; i < f->n_rows; i++)
                g_clear_object(&f->rows[i]);
        f->n_rows = 0;
}

/* The rows from position on, in place of those held before, as a view scrolls: what is in both
 * keeps its object. */
static inline void fixture_look(Fixture *f, guint position, guint n) {
        guint end = (guint) chat_history_get_last_seq(f->history);
        ChatMessage *rows[ROWS];

        n = MIN(n, (guint) ROWS);
        n = MIN(n, end > position ? end - position : 0);
        for (guint i = 0; i < n; i++)
                rows[i] = g_list_model_get_item(G_LIST_MODEL(f->history), position + i);
        fixture_forget(f);
        memcpy(f->rows, rows, n * sizeof(rows[0]));
        f->first = position;
        f->n_rows = n;
}

static inline gboolean fixture_is_filled(gpointer userdata) {
        Fixture *f = userdata;

        for (guint i = 0; i < f->n_rows; i++)
                if (chat_message_get_state(f->rows[i]) != CHAT_MESSAGE_STORED)
                        return FALSE;
        return TRUE;
}

static inline void fixture_see(Fixture *f, guint position, guint n) {
        fixture_look(f, position, n);
        scripted_run(fixture_is_filled, f);
}

static inline void fixture_end(Fixture *f) {
        fixture_forget(f);
        g_clear_object(&f->history);
        g_object_unref(f->daemon);
        g_object_unref(f->bus);
        scripted_settle(f->d);
        scripted_log_free(f->log);
        scripted_free(f->d);
}
