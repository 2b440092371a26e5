/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows a whole daemon: a manager and its face on a bus. Any number of them fit into one process;
 * leaves the process itself to main(). */
#pragma once

#include "bus/bus.h"
#include "daemon/manager/manager.h"

typedef struct Daemon Daemon;

typedef struct DaemonHandlers {
        /* State is read, peers are served; r < 0: it could not be. */
        void (*on_started)(Daemon *d, int r, void *userdata);
        /* A line for people: "Hosting 2 channels, 14 members". */
        void (*on_status)(Daemon *d, const char *status, void *userdata);
        /* After daemon_stop(), once: free it now. */
        void (*on_stopped)(Daemon *d, void *userdata);
} DaemonHandlers;

/* bus NULL: none, until daemon_open_bus(). Otherwise this one is used, as bus_adopt() says. What it
 * shows is complete before its name is requested: nothing is there until it has started. */
int daemon_new(const Runtime *rt /* weak */, sd_bus *bus, const ManagerSettings *settings,
               Daemon **ret);
Daemon *daemon_free(Daemon *d);
DEFINE_CLEANUP(Daemon *, daemon_free);
void daemon_set_handlers(Daemon *d, const DaemonHandlers *handlers, void *userdata /* weak */);
Manager *daemon_get_manager(Daemon *d);

/* The user's session bus, for as long as this lives: found again when it is lost. */
void daemon_open_bus(Daemon *d);
/* Members are told when the user is away from this machine (bus/session-watch.h). */
int daemon_watch_sessions(Daemon *d);
/* Added to the status line, until the next: "" nothing. */
void daemon_set_notice(Daemon *d, const char *notice);
/* As notifier_set() (notify/notifier.h). */
void daemon_set_popups(Daemon *d, bool desktop, bool text);
int daemon_start(Daemon *d);
/* As manager_stop(); its status is not told any more. */
int daemon_stop(Daemon *d);
