/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows the service manager of this process: what it is told, and the sockets that it keeps from
 * one process to the next. Without one nothing is told or kept. */
#pragma once

#include "daemon/manager/manager.h"

typedef struct Service {
        PassedSocket passed[PEER_LISTENERS_MAX];
        size_t n_passed;
        char **names; /* of all that came, up to the NULL */
} Service;

/* What the process before this one has left; more than fits is closed. */
void service_init(Service *s);
void service_done(Service *s);
/* For manager_start(). */
void service_give_sockets(Service *s, ManagerSettings *settings);
/* After it: what it listens on is kept for the next process, and what it did not use
 * is not any more. */
void service_keep_sockets(Service *s, const Manager *m);

void service_tell_ready(void);
void service_tell_status(const char *status);
void service_tell_stopping(void);
