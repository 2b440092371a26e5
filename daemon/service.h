/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the service manager of this process: what it is told, and the sockets that it keeps from
 * one process to the next. Without one nothing is told or kept. */
#pragma once

#include "daemon/manager/manager.h"

#define STORED_NAME_SIZE (sizeof("listen-") + ADDRESS_STRING_SIZE)

typedef struct Service {
        PassedSocket passed[PEER_LISTENERS_MAX];
        size_t n_passed;
        char **names;                                      /* of all that came, up to the NULL */
        char stored[PEER_LISTENERS_MAX][STORED_NAME_SIZE]; /* with the manager of services */
        size_t n_stored;
} Service;

/* What the process before this one has left; more than fits is closed. */
void service_init(Service *s);
void service_done(Service *s);
/* For manager_start(). */
void service_give_sockets(Service *s, ManagerSettings *settings);
/* After it, and again when that changes: what it listens on is kept for the next process, and what
 * it did not use, or does not any more, is not. */
void service_keep_sockets(Service *s, const Manager *m);

/* What follows, up to service_tell_ready(), is a reload. */
void service_tell_reloading(const Clock *c);
void service_tell_ready(void);
void service_tell_status(const char *status);
void service_tell_stopping(void);
