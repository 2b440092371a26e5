/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a whole tracker: what it consists of, in which order it comes and goes; leaves all doing to
 * the parts. */
#pragma once

#include "base/runtime.h"
#include "tracker/accounts-operator.h"
#include "tracker/db.h"
#include "tracker/registry.h"
#include "tracker/settings.h"

typedef struct Tracker Tracker;

typedef struct TrackerHandlers {
        /* Once: it serves (r = 0), or it cannot (logged). */
        void (*on_ready)(Tracker *t, int r, void *userdata);
        /* What a person may want to read in one line; only when it changed, at most once a second.
         */
        void (*on_status)(Tracker *t, const char *text, void *userdata);
        /* The disk, or what it holds: tracker_get_counts() says how it is. */
        void (*on_trouble)(Tracker *t, void *userdata);
        /* Nobody has been here and no channel was online for settings->idle_exit_usec, and nothing
         * is under way. Never while that is 0. false: somebody needs it all the same, and it is
         * asked again after as long. */
        bool (*on_idle)(Tracker *t, void *userdata);
        /* Once, after tracker_stop(): everybody has left. */
        void (*on_stopped)(Tracker *t, void *userdata);
} TrackerHandlers;

/* Takes listen_fd (also on failure): a bound, listening stream socket. Serves as soon as the
 * database is read; until then connections wait in the backlog. Any number in one process. Failures
 * are logged. */
int tracker_new(const Runtime *rt /* weak */, const TrackerSettings *settings /* weak */,
                int listen_fd, Tracker **ret);
/* Cuts everybody. */
Tracker *tracker_free(Tracker *t);
DEFINE_CLEANUP(Tracker *, tracker_free);
/* Before the first turn of the loop, so that nothing is missed. */
void tracker_set_handlers(Tracker *t, const TrackerHandlers *handlers, void *userdata /* weak */);

/* The settings that it was given say something else now (tracker_settings_reload()). */
void tracker_settings_changed(Tracker *t);

/* Takes no new connection and no new request, answers what is at the disk already, says GOING_AWAY
 * to all, waits for them; each for a moment only. */
void tracker_stop(Tracker *t);

const char *tracker_get_pin(const Tracker *t);
const char *tracker_get_id(const Tracker *t);
/* -EAGAIN until it serves. */
int tracker_get_address(const Tracker *t, Address *ret);
size_t tracker_get_n_waiting(const Tracker *t); /* clients who asked and have no answer yet */
Db *tracker_get_db(Tracker *t);

/* For the operator's door (bus/door.h). What accounts-operator.h and registry.h offer to operators
 * is asked for only after on_ready; a call that has no answer yet gets `busy` from tracker_free().
 */
Accounts *tracker_get_accounts(Tracker *t);
Registry *tracker_get_registry(Tracker *t);
Authority *tracker_get_authority(Tracker *t);
/* Somebody waits for an answer who is no client: tracker_stop() waits as it does for them. */
void tracker_hold(Tracker *t);
void tracker_release(Tracker *t);

typedef struct TrackerCounts {
        uint64_t uptime_usec;               /* since tracker_new() */
        uint64_t n_connections, n_sessions; /* those that said hello */
        uint64_t n_channels, n_leases;      /* known by name; whose host is there */
        int trouble;                        /* as db_get_trouble() */
} TrackerCounts;
void tracker_get_counts(const Tracker *t, TrackerCounts *ret);
