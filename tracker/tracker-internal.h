/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows what the tracker's own files share; nobody else includes it. */
#pragma once

#include "net/listener.h"
#include "tracker/idle.h"
#include "tracker/session.h"
#include "tracker/tracker.h"

#define LOAD_RETRY_USEC (5 * USEC_PER_SEC)

typedef struct Client Client;

struct Tracker {
        const Runtime *rt; /* weak */
        const TrackerSettings *settings;
        int listen_fd; /* until it serves */
        Authority *authority;
        char *path; /* of the database */
        Db *db;
        Accounts *accounts;
        Registry *registry;
        Revocations *revocations;
        Holders *holders;
        Watch *watch;
        Services services;
        Listener *listener;
        Client *clients;
        size_t n_clients, n_ready;
        size_t n_held;    /* others who wait for an answer */
        uint64_t started; /* boottime */
        uint64_t n_accepted;

        ClockTimer *status_timer, *stop_timer, *load_timer;
        Idle *idle;
        int trouble; /* with the disk, as it was told */
        bool is_loaded;
        char status[160];
        bool has_said_goodbye;
        TrackerHandlers handlers;
        void *userdata; /* weak */
};

/* Something that status line, idleness or the operator's properties tell may have changed. */
void tracker_status_changed(Tracker *t);

/* tracker-database.c */

/* Where it is (the caller's). -ENODATA: it is lost, and was told. */
int tracker_database_find(const TrackerSettings *s, char **ret_path);
/* It could not be read: told, and tried again, or the end. */
void tracker_database_failed(Tracker *t, int r);
/* db_watch()'s. */
void tracker_database_trouble(int trouble, void *userdata);
