/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Knows org.freedesktop.LogControl1, by which the operator turns up the log of a running process:
 * systemctl service-log-level, service-log-target. Leaves the log to base/log.h. */
#pragma once

#include <systemd/sd-bus.h>

#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"

/* identifier (weak): what the journal calls this process. Goes with the connection. Set by who has
 * this process's user id, and by root; sd-bus refuses everybody else. */
int log_control_add_object(sd_bus *connection, const char *identifier);
