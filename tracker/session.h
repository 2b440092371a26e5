/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows one client of the tracker: its connection and who it is; leaves what it asks for to
 * session-commands. */
#pragma once

#include "net/conn.h"
#include "tracker/accounts.h"
#include "tracker/holders.h"
#include "tracker/registry.h"
#include "tracker/revocations.h"
#include "tracker/watch.h"

/* What all sessions of a tracker share; outlives them. */
typedef struct Services {
        const Runtime *rt;        /* weak */
        Accounts *accounts;       /* weak */
        Registry *registry;       /* weak */
        Revocations *revocations; /* weak */
        Holders *holders;         /* weak */
        Watch *watch;             /* weak */
        bool is_stopping;         /* nothing more is begun */
} Services;

typedef struct Session Session;
typedef struct SessionHandlers {
        void (*on_ready)(Session *s, void *userdata);  /* HELLO is exchanged */
        void (*on_closed)(Session *s, void *userdata); /* once; may free it */
        void (*on_idle)(Session *s, void *userdata);   /* all is answered; may not */
} SessionHandlers;

/* Takes conn (also on failure). serial: later connections have greater ones. */
int session_new(const Services *services /* weak */, Conn *conn, uint64_t serial,
                const SessionHandlers *handlers, void *userdata /* weak */, Session **ret);
/* Cuts. Requests under way are answered to nobody. */
Session *session_free(Session *s);
DEFINE_CLEANUP(Session *, session_free);

const Address *session_get_address(const Session *s);
bool session_is_ready(const Session *s);
bool session_is_idle(const Session *s); /* nothing of it waits for an answer */
/* The key of its certificate counts no more. */
bool session_is_revoked(const Session *s);
/* Once HELLO is exchanged: what the tracker's authorities are now. */
void session_tell_authority(Session *s, const char *ca_pem);
void session_go_away(Session *s, const char *reason, uint64_t resume_in_usec);
